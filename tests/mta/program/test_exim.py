"""The command line: what each call prints and how it ends."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import InputError, Unsupported
from eximsim.mta.program.bad_options import BadOption, BadUse
from eximsim.mta.program.command_line import Mode
from eximsim.mta.program.exim_argv import parse_argv
from tests.mta.front import Front

LINES = [
    (["-bs"], "mode", Mode.SMTP),
    (["-bd", "-oX", "25"], "ports", "25"),
    (["-bdf"], "foreground", True),
    (["-bh", "192.0.2.1"], "host", "192.0.2.1"),
    (["-bhc", "192.0.2.1"], "callout", True),
    (["-bV"], "mode", Mode.VERSION),
    (["-bt", "a@b"], "mode", Mode.ADDRESS_TEST),
    (["-bv", "a@b"], "mode", Mode.VERIFY),
    (["-bvs", "a@b"], "mode", Mode.VERIFY_SENDER),
    (["-be", "x"], "arguments", ["x"]),
    (["-bpc"], "mode", Mode.COUNT_QUEUE),
    (["-qff"], "mode", Mode.QUEUE_RUN),
    (["-f", "a@b", "c"], "sender", "a@b"),
    (["-fa@b", "c"], "sender", "a@b"),
    (["-F", "A B", "c"], "sender_name", "A B"),
    (["-DX=y", "c"], "defines", {"X": "y"}),
    (["-D X = y", "c"], "defines", {"X": "y"}),
    (["-oi", "c"], "dot_ends", False),
    (["-i", "c"], "dot_ends", False),
    (["-t"], "from_headers", True),
    (["-ti"], "from_headers", True),
    (["-odq", "c"], "queue_only", True),
    (["-odi", "c"], "synchronous", True),
    (["-odf", "c"], "synchronous", True),
    (["-odqs", "c"], "queue_smtp", True),
    (["-N", "c"], "dont_deliver", True),
    (["-oMr", "x", "c"], "given", {"received_protocol": "x"}),
    (["-oMa", "1.2.3.4", "-oMt", "u", "c"], "given", {"sender_host_address": "1.2.3.4", "sender_ident": "u"}),
    (["-C", "/x", "c"], "config", "/x"),
    (["--", "-x"], "arguments", ["-x"]),
]


@pytest.mark.parametrize(("argv", "name", "value"), LINES)
def test_options_are_read_as_exim_reads_them(argv: list[str], name: str, value: object) -> None:
    assert getattr(parse_argv(argv), name) == value


@pytest.mark.parametrize("option", ["-w", "-bz", "-odz", "-oMz", "-f", "-oX", "-bpua"])
@pytest.mark.parametrize(("release", "form"), [("4.98", "exim abandoned: {}\n"), ("4.99", "exim: {}\n\n")])
def test_an_unknown_option_ends_the_program(option: str, release: str, form: str) -> None:
    status = Front(release=release).exim(option)
    said = form.format(f"unknown, malformed, or incomplete option {option}")
    assert (status.code, status.stderr) == (1, said)


BAD_USES = [
    ("-Mrm", "no message ids given after -Mrm option"),
    ("-Mf x", "malformed message id x after -Mf option"),
    ("-Mset x", "malformed message id x after -Mset option"),
    ("-Dx", "macro name set by -D must start with an upper case letter"),
    ("-bf", "file name expected after -bf"),
    ("-bfd", "string expected after -bfd"),
    ("-oA", "string expected after -oA"),
    ("-oMa", "data expected after -oMa"),
    ("-R", "string expected after -R"),
    ("-or", "bad time value -or: abandoned"),
    ("-or 5x", "bad time value 5x: abandoned"),
    ("-os5x", "bad time value -os5x: abandoned"),
    ("-q5x", "bad time value -q5x: abandoned"),
    ("-qq0s", "bad time value -qq0s: abandoned"),
    ("-bd -q", "incompatible command-line options or arguments"),
    ("-q -bd", "incompatible command-line options or arguments"),
    ("-R x -bd", "incompatible command-line options or arguments"),
    ("-odf -R x -N a@test.ex", "incompatible command-line options or arguments"),
    ("-bd a@test.ex", "incompatible command-line options or arguments"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "words"), BAD_USES)
def test_what_does_not_go_with_an_option_is_named(line: str, words: str) -> None:
    status = Front().exim(*line.split())
    assert (status.code, status.stderr) == (1, f"exim: {words}\n")


def test_the_time_of_queue_runs_may_stand_apart_up_to_the_release_that_confuses_it() -> None:
    assert parse_argv(["-q", "5m"]).run.interval == 300
    assert Front(release="4.96").exim("-q", "5x").stderr == "exim: bad time value 5x: abandoned\n"
    assert Front(release="4.97").exim("-q", "5m").stderr.endswith("incomplete option -q\n")


def test_anyone_may_say_who_sends_where_nothing_is_sent() -> None:
    routers = "begin routers\nr:\n  driver = redirect\n  allow_fail\n  data = :fail: from <$sender_address>\n"
    front = Front(routers=routers)
    assert "from <s@b.ex>" in front.exim("-f", "s@b.ex", "-bv", "a@d.ex").stdout
    front.exim("-odi", "-f", "s@b.ex", "a@d.ex")
    assert "from <caller@here.ex>" in "".join(front.log())


@pytest.mark.parametrize(("release", "before"), [("4.99", "exim: "), ("4.98", "")])
def test_a_reference_has_to_be_an_id(release: str, before: str) -> None:
    status = Front(release=release).exim("-oMm", "123456-67890-11", "a@d.ex")
    assert (status.code, status.stderr) == (1, f"{before}-oMm must be a valid message ID\n")


@pytest.mark.parametrize(("allowed", "sender"), [("*@b.ex", "s@b.ex"), ("*@c.ex", "caller@here.ex")])
def test_a_from_line_of_an_untrusted_caller_counts_if_it_may_say_so(allowed: str, sender: str) -> None:
    front = Front(f"untrusted_set_sender = {allowed}")
    front.exim("-odq", "a@d.ex", stdin="From s@b.ex Fri Jan  5 12:35:00 1996\nA: b\n\n")
    assert front.log()[0].split()[2] == sender


def test_the_name_of_a_caller_is_in_the_charset_of_the_configuration() -> None:
    front = Front("headers_charset = utf-8\ngecos_pattern = \ngecos_name = J\u00f6rg")
    front.exim("-odq", "a@d.ex")
    message = front.machine.spool.messages[front.machine.spool.ids()[0]]
    assert "=?utf-8?Q?J=C3=B6rg?=" in "".join(header.text for header in message.headers)


def test_a_message_that_was_too_big_is_named_where_nobody_can_be_told() -> None:
    front = Front("message_size_limit = 10")
    front.exim("-odq", "-f", "<>", "a@d.ex", stdin="A: b\n\nmuch too long\n")
    assert front.log()[-1].endswith("message too big (limit set to 10)")
    assert re.match(r"\S{23} Error while reading message with no usable sender address: ", front.log()[-1])


def test_ids_are_listed_since_the_release_that_has_the_option() -> None:
    front = Front(release="4.97", user="root", uid=0)
    front.exim("-odq", "a@d.ex")
    assert front.exim("-bpri").stdout.splitlines() == front.machine.spool.ids()
    assert Front(release="4.96").exim("-bpri").stderr.endswith("incomplete option -bpri\n")


@pytest.mark.parametrize("words", [("-bmalware", "x"), ("-MCA", "x")])
def test_what_is_not_modelled_says_so(words: tuple[str, ...]) -> None:
    with pytest.raises(Unsupported):
        Front().exim(*words)


@pytest.mark.parametrize(
    ("option", "debugging", "verbose"),
    [
        ("-d", True, True), ("-dd", True, True), ("-d+expand", True, True), ("-d-all", False, False),
        ("-d-all+route", True, False), ("-d-all+route-route", False, False), ("-d-all+all", True, True),
        ("-dropcr", False, False),
    ],
)  # fmt: skip
def test_debugging_output_is_known_to_be_asked_for(option: str, debugging: bool, verbose: bool) -> None:
    line = parse_argv([option])
    assert (line.debugging, line.verbose) == (debugging, verbose)
    assert Front().exim(option, "-bt", "a@b").debugged is debugging


def test_dropcr_is_no_option_of_the_development_head() -> None:
    assert Front(release="4.99").exim("-dropcr", "-be", "x").stdout == "x\n"
    status = Front(release="4.99-dev-13835a3c1").exim("-dropcr", "-be", "x")
    said = 'exim: malformed debug_selector setting: + or - expected but found "ropcr"\n'
    assert (status.code, status.stdout, status.stderr) == (1, "", said)


@pytest.mark.parametrize("option", ["-M", "-Mvh", "-Mrm"])
def test_before_4_97_a_long_message_id_is_none(option: str) -> None:
    name = "10HmaX-000000005vi-0000"
    told = f"exim: malformed message id {name} after {option} option\n"
    assert Front(release="4.96").exim(option, name).stderr == told
    assert Front(release="4.97").exim(option, name).stderr != told


@given(st.lists(st.text(st.sampled_from("-obdqMfXtvi1a"), max_size=4), max_size=4))
def test_any_command_line_is_read_or_refused(argv: list[str]) -> None:
    try:
        parse_argv(argv)
    except (BadOption, BadUse, Unsupported):
        return


def test_a_bad_configuration_is_an_input_error() -> None:
    with pytest.raises(InputError):
        Front("no such option = 1").exim("-bt", "a@b")


def test_a_call_without_recipients_explains_itself() -> None:
    status = Front().exim()
    assert status.code == 1
    assert status.stderr.startswith("Exim is a Mail Transfer Agent.")


# ---- address tests -------------------------------------------------------------------------------------

ROUTERS = """
begin routers
away:
  driver = dnslookup
  domains = d.ex
  transport = out
alias:
  driver = redirect
  local_parts = all
  data = one@d.ex, nobody
none:
  driver = redirect
  allow_fail
  allow_defer
  local_parts = nobody : hole : later
  data = ${extract{$local_part}{hole=":blackhole:" later=":defer: wait" nobody=":fail: no such person"}}
begin transports
out:
  driver = smtp
"""
ZONE = (
    {"name": "d.ex", "type": "MX", "data": [[10, "mx1.d.ex"], [20, "mx2.d.ex"]]},
    {"name": "mx1.d.ex", "type": "A", "data": ["192.0.2.11"]},
    {"name": "mx2.d.ex", "type": "A", "data": ["192.0.2.122"]},
)
TESTED = [
    (
        "r@d.ex",
        0,
        "r@d.ex\n  router = away, transport = out\n"
        "  host mx1.d.ex [192.0.2.11]  MX=10\n  host mx2.d.ex [192.0.2.122] MX=20\n",
    ),
    ("nobody@here.ex", 2, "nobody@here.ex is undeliverable: no such person\n"),
    ("nobody", 2, "nobody@here.ex is undeliverable: no such person\n"),
    ("later", 1, "later@here.ex cannot be resolved at this time: wait\n"),
    ("hole", 0, "mail to hole@here.ex is discarded\n"),
    ("other", 2, "other@here.ex is undeliverable: Unrouteable address\n"),
    ("a@", 2, "syntax error: domain missing or malformed\n"),
]


@pytest.mark.parametrize(("address", "code", "text"), TESTED)
def test_an_address_test_prints_the_way(address: str, code: int, text: str) -> None:
    front = Front(routers=ROUTERS, zone=ZONE)
    status = front.exim("-bt", address)
    assert (status.code, status.stdout) == (code, text)
    assert front.exim("-bt", stdin=f"{address}\n").stdout == f"> {text}> \n"


def test_an_address_test_shows_ancestors() -> None:
    status = Front(routers=ROUTERS, zone=ZONE).exim("-bt", "all")
    assert status.code == 2
    assert status.stdout.startswith("nobody@here.ex is undeliverable: no such person\n    <-- all@here.ex\n")
    assert "one@d.ex\n    <-- all@here.ex\n  router = away" in status.stdout


def test_an_address_that_is_given_in_another_form_is_no_duplicate() -> None:
    front = Front(routers=ROUTERS, zone=ZONE)
    tested = front.exim("-bt", "r@d.ex", "r@D.ex", "r@d.ex").stdout
    assert [line for line in tested.splitlines() if "@" in line] == [
        "r@d.ex", "r@D.ex", "r@d.ex   [duplicate, would not be delivered]",
    ]  # fmt: skip


def test_what_a_router_had_made_of_an_address_before_it_failed_is_tested_too() -> None:
    routers = "r:\n  driver = redirect\n  data = one@d.ex\n  local_parts = all\n  unseen = $acl_m_x\n"
    status = Front(
        routers=ROUTERS.replace("begin routers\n", f"begin routers\n{routers}", 1), zone=ZONE
    ).exim("-bt", "all")
    first, *others = status.stdout.splitlines()
    assert first.startswith('all@here.ex cannot be resolved at this time: "" is not a valid value for the')
    assert others[:2] == ["one@d.ex", "    <-- all@here.ex"]


@pytest.mark.parametrize(
    ("address", "code", "text"),
    [
        ("r@d.ex", 0, "r@d.ex verified\n"),
        ("nobody", 2, "nobody@here.ex failed to verify: no such person\n"),
        ("later", 1, "later@here.ex cannot be resolved at this time: wait\n"),
    ],
)
def test_verification_says_only_whether(address: str, code: int, text: str) -> None:
    status = Front(routers=ROUTERS, zone=ZONE).exim("-bv", address)
    assert (status.code, status.stdout) == (code, text)


@pytest.mark.parametrize(
    ("text", "printed"),
    [("${uc:x}", "X\n"), ("$primary_hostname", "here.ex\n"), ("${if", "Failed: ")],
)
def test_expansions_can_be_tried(text: str, printed: str) -> None:
    assert Front().exim("-be", text).stdout.startswith(printed)
    assert printed in Front().exim("-be", stdin=f"{text}\n").stdout


def test_macros_come_from_the_command_line() -> None:
    assert (
        Front("WHO = a\nqualify_domain = WHO.ex").exim("-DWHO=b", "-be", "$qualify_domain").stdout == "b.ex\n"
    )


def test_delivery_waits_or_not() -> None:
    for option, tried in (("-odq", 0), ("-odi", 1), ("-odf", 1), ("-odb", 1)):
        front = Front()
        front.exim(option, "r@d.ex", stdin="\n")
        assert len([line for line in front.log() if " == r@d.ex" in line]) == tried


def test_a_line_can_be_put_into_the_log() -> None:
    front = Front(user="root", uid=0)
    front.exim("-z", "hello there")
    assert front.log() == ["hello there"]


def test_expansion_tests_with_debugging_tell_the_macros() -> None:
    main = "NAME = here\nqualify_recipient = NAME.ex\nqualify_domain = NAME.NAME"
    told = "macro 'NAME' -> 'here'\n"
    new = Front(main, release="4.99-dev-13835a3c1")
    assert new.exim("-d", "-be", "x").stdout == told * 3 + "x\n"
    assert new.exim("-be", "x").stdout == "x\n"
    assert Front(main, release="4.99").exim("-d", "-be", "x").stdout == "x\n"


@pytest.mark.parametrize(
    ("release", "shown"),
    [("4.97", "2001:0db8:0000:0000:0000:0000:0000:0001"), ("4.98", "2001:db8::1")],
)
def test_the_address_of_a_tested_client_is_written_in_one_way(release: str, shown: str) -> None:
    said = Front(release=release).exim("-bh", "2001:db8:0::1", stdin="").stdout
    assert f"as if from host {shown}\n" in said


@pytest.mark.parametrize("words", [("-bf", "/f"), ("-bs",), ("-bv", "a@b"), ("-bt", "a@b"), ("a@b",)])
def test_a_sender_that_is_no_address_ends_the_program_whatever_it_was_to_do(words: tuple[str, ...]) -> None:
    status = Front(files={"/f": b"# Exim filter\n"}).exim("-f", "a@b@c", *words)
    assert status.code == 1
    assert status.stderr.startswith('exim: bad -f address "a@b@c"')


def test_a_bad_sender_is_seen_before_a_fault_below_the_main_section() -> None:
    front = Front(routers="begin routers\nr:\n  driver = nosuch\n", uid=0, user="root")
    status = front.exim("-f", "a@[192.0.2.7]", "r@d.ex")
    assert (status.code, status.stderr) == (
        1,
        'exim: bad -f address "a@[192.0.2.7]": domain literals not allowed\n',
    )
    with pytest.raises(InputError, match="nosuch"):
        front.exim("-f", "a@b.ex", "r@d.ex")


def test_the_version_is_told_by_programs_that_were_asked_and_a_bad_configuration_by_all() -> None:
    said = Front(release="4.96-debian12").exim("--version").stdout.splitlines()
    assert said[0].startswith("Exim version 4.96 #")
    assert said[4].startswith("Support for: crypteq iconv() IPv6 GnuTLS TLS_resume move_frozen_messages")
    assert said[-1] == "Configuration file is /etc/exim.conf"
    assert "Authenticators (built-in):  cram_md5" in Front(release="4.99-dev-13835a3c1").exim("-bV").stdout
    with pytest.raises(Unsupported, match="the configuration can be read"):
        Front(release="4.91").exim("-bV")
    with pytest.raises(InputError, match="unknown"):
        Front("bad_option = x").exim("-bV")


@pytest.mark.parametrize(
    ("release", "recipient", "taken"),
    [
        ("4.92", "a@[192.0.2.9]", False),
        ("4.92", "<a@[192.0.2.9]>", False),
        ("4.99", "a@[192.0.2.9]", True),
        ("4.99", "<a@[192.0.2.9]>", False),
    ],
)
def test_recipients_with_domain_literals_are_taken_as_addresses_elsewhere(
    release: str, recipient: str, taken: bool
) -> None:
    front = Front(release=release)
    front.exim("-odq", recipient, stdin="Subject: x\n\n")
    assert ("<= caller@here.ex U=caller" in front.log()[0]) is taken


OPTIONS_WITH_WORDS = (
    *("-Ac", "-Am", "-B 8BITMIME", "-B8BITMIME", "-h 3", "-h3", "-O a=b", "-Oa=b", "-X file", "-Xfile"),
    *("-L name", "-Lname", "-nx", "-px", "-p x:y", "-Ux", "-G", "-Gx", "-oB", "-oB 5", "-oB5", "-oP file"),
    *("-oY", "-ov", "-pd"),
)
"""What Exim takes, and, but for -G, -L and -p, heeds no further."""


@pytest.mark.parametrize("options", OPTIONS_WITH_WORDS)
def test_an_option_takes_as_many_words_as_exim_lets_it(options: str) -> None:
    status = Front("trusted_users = caller\n").exim(*options.split(), "-be", "$primary_hostname")
    assert (status.code, status.stdout, status.stderr) == (0, "here.ex\n", "")


@pytest.mark.parametrize(
    "option",
    [
        *("-A", "-Ax", "-h", "-hx", "-xx", "-oX25", "-od", "-ob", "-oPY", "-bPx", "-bVx", "-bSx", "-bpcx"),
        *("-tme", "-time", "-Mx", "-Mvx", "-", "-Q", "-bI"),
    ],
)
def test_what_exim_does_not_take_is_an_unknown_option(option: str) -> None:
    status = Front().exim(option, *(["x"] if option == "-h" else []), "-be", "x")
    what = f"exim: unknown, malformed, or incomplete option {option}\n\n"
    assert (status.code, status.stdout, status.stderr) == (1, "", what)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ("-oBx", "number expected after -oB"),
        (f"-L {'n' * 33}", f'the -L syslog name is too long: "{"n" * 33}"'),
        ("-O", "string expected after -O"),
        ("-X", "string expected after -X"),
        ("-px -px", "received_protocol is set already"),
        ("-bwx", "bad time value -bwx: abandoned"),
        ("-bw5x", "bad time value -bw5x: abandoned"),
        ("-dx", 'malformed debug_selector setting: + or - expected but found "x"'),
        ("-d=x", "malformed numeric debug_selector setting: =x"),
    ],
)
def test_what_an_option_needs_is_said(options: str, what: str) -> None:
    status = Front().exim("-be", *options.split())
    assert (status.code, status.stderr) == (1, f"exim: {what}\n")


@pytest.mark.parametrize(
    "options",
    [
        *(
            "-bw -be x",
            "-bi -be x",
            "-bs -f a@b",
            "-bs -bt",
            "-bt -bv a@b",
            "-q -be x",
            "-qG -be x",
            "-R x -be y",
        ),
        *("-bd -q", "-bd -be", "-q5m -bp", "-bP -bt", "-t -bt", "-bd -M 1aaaaa-000001-AA", "-t -brt a@b"),
        *("-R x -be y", "-bf f a@b", "-bd a@b", "-bd -f a@b"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: str) -> None:
    status = Front().exim(*options.split())
    told = "exim: incompatible command-line options or arguments\n"
    assert (status.code, status.stderr) == (1, told)


def test_help_is_what_a_call_without_arguments_prints() -> None:
    assert Front().exim("--help").stderr.startswith("Exim is a Mail Transfer Agent.")


def test_a_daemon_without_its_socket_for_others_is_known_since_4_95() -> None:
    assert Front(release="4.95").exim("-oY", "-be", "x").code == 0
    assert "option -oY" in Front(release="4.94.1").exim("-oY", "-be", "x").stderr


def test_what_the_program_knows_is_listed_and_what_can_be_asked_is_told() -> None:
    assert Front().exim("-bI:sieve").stdout.splitlines()[-1] == "vacation"
    assert Front().exim("-bI:DSCP").stdout.startswith("af11\naf12\n")
    head = Front(release="4.99-dev-13835a3c1")
    assert head.exim("-bI:modules").stdout == "Loadable-module support is not available\n"
    told = head.exim("-bI:dscp")
    assert (told.code, told.stdout) == (1, "")
    assert "-bI:modules list of loadable modules" in told.stderr
    assert Front().exim("-bI:help").stdout.count("exim -bI:dscp") == 1


@pytest.mark.parametrize(
    ("options", "since", "before", "old"),
    [
        (("-odd",), "4.94.1", "4.93", "incomplete option -odd"),
        (("-dt=1",), "4.96", "4.95", '+ or - expected but found "t=1"'),
        (("-dp", "100"), "4.96", "4.95", '+ or - expected but found "p"'),
        (("-dS",), "4.99", "4.98", '+ or - expected but found "S"'),
    ],
)
def test_options_of_newer_releases_are_bad_ones_before(
    options: tuple[str, ...], since: str, before: str, old: str
) -> None:
    assert Front(release=since).exim(*options, "-be", "x").stdout == "x\n"
    assert old in Front(release=before).exim(*options, "-be", "x").stderr


def test_a_macro_is_set_once_by_the_command_line() -> None:
    assert Front().exim("-DA=1", "-DA=2", "-be", "A").stderr == "exim: duplicated -D in command line\n"


def test_only_root_removes_the_file_of_a_daemon() -> None:
    assert Front(uid=0).exim("-oPX").code == 0
    assert "incomplete option -oPX" in Front(release="4.93").exim("-oPX").stderr
    with pytest.raises(Unsupported, match="-oPX"):
        Front().exim("-oPX")


@pytest.mark.parametrize("option", ["-E", "-bmalware", "-MCA"])
def test_what_is_exims_own_or_about_its_build_is_not_modelled(option: str) -> None:
    with pytest.raises(Unsupported, match="the option"):
        Front().exim(option, "x")


def test_only_trusted_users_may_have_header_lines_left_as_they_are() -> None:
    told = "exim: permission denied (-G requires a trusted user)\n"
    assert Front().exim("-G", "-be", "x").stderr == told
    front = Front("trusted_users = caller\n")
    for options in (("-odq",), ("-odq", "-G")):
        front.exim(*options, "a@b.ex", stdin=b"Subject: s\n\nx\n")
    plain, gateway = front.machine.spool.messages.values()
    names = [{header.text.partition(":")[0] for header in one.headers} for one in (plain, gateway)]
    assert names[0] - names[1] == {"From", "Message-Id", "Date"}


def test_a_name_for_syslog_sends_all_logs_there() -> None:
    front = Front()
    front.exim("-L", "mail", "-odq", "a@b.ex", stdin=b"x\n")
    assert front.machine.files == {}


def test_a_client_on_standard_input_may_be_slow_to_begin() -> None:
    front = Front("smtp_receive_timeout = 5m\n")
    before = front.world.now()
    front.machine.input_delay = 10
    assert "221 " in front.exim("-bs", stdin=b"QUIT\r\n").stdout
    assert front.world.now() - before == 10
    front.machine.input_delay = 301
    assert "421 " in front.exim("-bs", stdin=b"QUIT\r\n").stdout
