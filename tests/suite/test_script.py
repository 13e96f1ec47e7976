import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.errors import InputError, Unsupported
from eximsim.suite import script
from eximsim.suite.script import Block, Client, Exim, KillDaemon, Server, Sleep, Status, Write


def commands(*lines: str) -> tuple[script.Command, ...]:
    return script.parse("\n".join(("# title", *lines)) + "\n", "t/5840").commands


def error(*lines: str) -> InputError:
    with pytest.raises(InputError) as caught:
        commands(*lines)
    return caught.value


def test_title_directives_and_settings_belong_to_the_script() -> None:
    parsed = script.parse("# What it is\n#@ profiles 4.87 4.99\nno_msglog_check\nsortlog\n", "p")
    assert (parsed.title, parsed.commands) == ("What it is", ())
    assert parsed.directives == {"no_msglog_check", "sortlog"}
    assert parsed.settings == {"profiles": ("4.87", "4.99")}


def test_a_directive_after_the_last_command_counts_too() -> None:
    parsed = script.parse("# t\nexim -qf\n****\nno_stderr_check\n", "p")
    assert parsed.directives == {"no_stderr_check"}


def test_exim_takes_a_body_up_to_four_stars() -> None:
    (command,) = commands("exim -odq a@b", "one", "", "# no comment here", "****")
    assert command == Exim(line=2, arguments="-odq a@b", body=("one", "", "# no comment here"))


def test_all_that_may_stand_before_exim() -> None:
    (command,) = commands("~3 TZ=UTC", "EXIM_X=1 Y=2 5 sudo -u nobody exim_exim -bV", "****")
    assert command == Exim(
        line=3, arguments="-bV", status=Status(3, negated=True), wait=5, sudo=True, user="nobody",
        suffix="_exim", environment=(("TZ", "UTC"), ("EXIM_X", "1"), ("Y", "2")),
    )  # fmt: skip


def test_a_command_goes_on_after_a_backslash_but_its_body_does_not() -> None:
    (command,) = commands("exim -DA=b \\", "   -qf", "text \\", "more", "****")
    assert isinstance(command, Exim)
    assert (command.arguments, command.body) == ("-DA=b -qf", ("text \\", "more"))


@pytest.mark.parametrize(
    ("status", "code", "met"),
    [
        (Status(), 0, True),
        (Status(), 1, False),
        (Status(1), 1, True),
        (Status(1, True), 1, False),
        (Status(1, True), 0, True),
    ],
)
def test_an_expected_status_is_met_or_not(status: Status, code: int, met: bool) -> None:
    assert status.met_by(code) is met


def test_server_and_clients_keep_their_scripts() -> None:
    server, client = commands(
        "server -t 9 PORT_S 2", "220 hi", "****", "client-ssl 127.0.0.1 PORT_D", "??? 220", "****"
    )
    assert server == Server(line=2, arguments="-t 9 PORT_S 2", body=("220 hi",))
    assert client == Client(line=5, program="client-ssl", arguments="127.0.0.1 PORT_D", body=("??? 220",))


def test_write_with_sizes_has_lines_before_and_after() -> None:
    (command,) = commands("catwrite test-data 3x20=a_b 1x5", "head", "++++", "tail", "****")
    assert command == Write(
        line=2, path="test-data", show=True, before=("head",), after=("tail",),
        blocks=(Block(count=3, length=20, lead="a b"), Block(count=1, length=5)),
    )  # fmt: skip


def test_write_with_sizes_that_ends_before_them_has_none() -> None:
    (command,) = commands("write test-data 3x20", "head", "****")
    assert command == Write(line=2, path="test-data", before=("head",))


def test_sleeps_are_in_seconds() -> None:
    assert commands("sleep 2", "millisleep 250") == (Sleep(line=2, seconds=2.0), Sleep(line=3, seconds=0.25))


def test_notes_are_commands_and_comments_are_not() -> None:
    first, second = commands("# comment", "### shown", "", "killdaemon")
    assert first == script.Note(line=3, text="### shown")
    assert second == KillDaemon(line=5)


def test_a_misspelt_command_names_the_right_one() -> None:
    assert (
        str(error("kildaemon")) == "t/5840:2: unknown script command 'kildaemon'; did you mean 'killdaemon'?"
    )


def test_a_command_that_does_not_exist_lists_those_that_do() -> None:
    assert "expected one of: background, cat, " in error("xyzzy").message


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        (("exim",), 2, "does not have the arguments"),
        (("3",), 2, "expected a command after the expected exit status"),
        (("sleep soon",), 2, "expected a number after 'sleep'"),
        (("write f 3y4",), 2, "expected COUNTxLENGTH"),
        (("write f 1x3=long",), 2, "do not fit"),
        (("#@ profile 4.87",), 2, "expected '#@' with one of: profiles"),
        (("#@ profiles",), 2, "one or more words"),
        (("background",), 2, "expected a command line"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(lines: tuple[str, ...], line: int, words: str) -> None:
    caught = error(*lines)
    assert (caught.path, caught.line) == ("t/5840", line)
    assert words in caught.message


def test_a_script_must_begin_with_its_title() -> None:
    with pytest.raises(InputError, match="t/1:1: expected a title line"):
        script.parse("exim -qf\n", "t/1")


WORDS = st.sampled_from(
    ["#", "###", "#@ profiles", "exim ", "server ", "client ", "write f ", "1x9", "****", "++++", "\\",
     "sleep ", "sudo ", "3", "~2", "A=b ", "dump ", "killdaemon", "background", "catwrite ", "\n", " "]
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(st.one_of(WORDS, st.text(max_size=8)), max_size=25))
def test_any_text_parses_or_is_refused_with_a_line(parts: list[str]) -> None:
    try:
        parsed = script.parse("".join(parts), "p")
    except (InputError, Unsupported) as refused:
        place = (refused.path, refused.line)
    else:
        place = ("p", min((command.line for command in parsed.commands), default=2))
    assert place[0] == "p"
    assert place[1] is not None
    assert place[1] >= 1
