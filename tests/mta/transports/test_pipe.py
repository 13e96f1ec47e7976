"""Pipes: which command is run with what, and what becomes of the message by how the command ends."""

from __future__ import annotations

import pytest

from eximsim.errors import Unanswered
from eximsim.world.answers import given_answer
from tests.mta.local import LocalMachine

BACK = (
    "back:\n driver = accept\n local_parts = s\n transport = box\n user = CALLER\n"
    "local:\n driver = accept\n transport = t\n user = CALLER\n"
)
CHILD = "Child process of t transport returned"
BOX = "box:\n driver = appendfile\n file = /mail/s\n message_prefix =\n"


def machine(options: str, *answers: str, release: str = "4.99", routers: str = BACK) -> LocalMachine:
    return LocalMachine(
        f"driver = pipe\n{options}",
        release,
        routers=routers,
        transports=BOX,
        answers=[given_answer(f"pipe:{text}") for text in answers],
    )


def outcome(options: str, *answers: str, release: str = "4.99") -> str:
    """The log line of the delivery."""
    run = machine(options, *answers, release=release)
    run.deliver()
    return run.log[1]


def test_the_command_reads_the_message_between_prefix_and_suffix() -> None:
    run = machine("command = /bin/sh -c 'cat >/mail/a'\nmessage_prefix = <\\n\nmessage_suffix = >\\n")
    run.deliver(text="Subject: s\n\nHello.\n")
    text = run.mailbox()
    assert text.startswith("<\n")
    assert text.endswith("\n\nHello.\n>\n")


def test_it_runs_as_the_user_of_the_delivery() -> None:
    run = machine("command = /bin/sh -c 'cat >/mail/a'\numask = 077")
    run.deliver()
    written = run.world.disk.files["/mail/a"]
    assert (written.uid, written.gid, written.mode) == (1000, 1000, 0o600)


def test_batched_smtp_names_all_recipients() -> None:
    run = machine("command = /bin/sh -c 'cat >/mail/a'\nuse_bsmtp\nbatch_max = 9\nmessage_prefix =")
    run.deliver("a@test.ex", "b@test.ex", text="Subject: s\n\n.x\n")
    text = run.mailbox()
    assert text.startswith("MAIL FROM:<s@test.ex>\nRCPT TO:<a@test.ex>\nRCPT TO:<b@test.ex>\nDATA\n")
    assert text.endswith("\n\n..x\n.\n")


@pytest.mark.parametrize(
    ("word", "value"),
    [("LOCAL_PART", "a"), ("SENDER", "s@test.ex"), ("RECIPIENT", "a@test.ex"), ("A", "1"), ("HOME", "/h")],
)
def test_the_environment_tells_of_the_delivery(word: str, value: str) -> None:
    run = machine(
        f"command = /bin/sh -c 'echo \\${word}'\nlog_output\nenvironment = A=1:HOME=/x\nhome_directory = /h"
    )
    run.deliver()
    assert f"<a@test.ex>: t transport output: {value}" in run.log


@pytest.mark.parametrize(
    ("end", "options", "line"),
    [
        ("ok", "", "=> a <a@test.ex> R=local T=t"),
        (
            "!status 1",
            "",
            f"** a@test.ex R=local T=t : {CHILD} 1 from command: /x",
        ),
        (
            "!status 75",
            "",
            f"== a@test.ex R=local T=t defer (0): {CHILD} 75 (could mean temporary error) from command: /x",
        ),
        (
            "!status 5",
            "temp_errors = *",
            f"== a@test.ex R=local T=t defer (0): {CHILD} 5 from command: /x",
        ),
        ("!status 1", "ignore_status", "=> a <a@test.ex> R=local T=t"),
        (
            "!status 127",
            "freeze_exec_fail",
            '== a@test.ex R=local T=t defer (0): pipe process failed to exec "/x"',
        ),
        (
            "!status -9",
            "",
            '** a@test.ex R=local T=t : Child process of t transport (running command "/x")'
            " was terminated by signal 9 (Killed)",
        ),
        ("!endless", "timeout = 5s", "** a@test.ex R=local T=t : pipe delivery process timed out"),
        (
            "!endless",
            "timeout = 5s\ntimeout_defer",
            "== a@test.ex R=local T=t defer (0): pipe delivery process timed out",
        ),
    ],
)
def test_the_end_of_the_command_decides(end: str, options: str, line: str) -> None:
    assert outcome(f"command = /x\n{options}", f"/x={end}") == line


def test_freezing_keeps_the_message() -> None:
    run = machine("command = /x\nfreeze_exec_fail", "/x=!status 127")
    run.deliver()
    (message,) = run.machine.spool.messages.values()
    assert message.frozen


def test_a_time_out_takes_its_time() -> None:
    run = machine("command = /bin/sleep 9\ntimeout = 5s")
    begun = run.world.now()
    run.deliver()
    assert run.world.now() - begun == 5


@pytest.mark.parametrize(("option", "returned"), [("return_output", True), ("return_fail_output", False)])
def test_output_goes_back_to_the_sender(option: str, returned: bool) -> None:
    run = machine(f"command = /bin/echo What I say\n{option}")
    run.deliver()
    assert ("/mail/s" in run.world.disk.files) is returned
    if returned:
        assert "** a@test.ex R=local T=t : return message generated" in run.log
        assert "------ a@test.ex ------\n\nWhat I say\n" in run.mailbox("/mail/s")


def test_too_much_output_is_cut() -> None:
    run = machine("command = /bin/cat\nreturn_output\nmax_output = 100")
    run.deliver(text="Subject: s\n\n" + "x" * 60 + "\n" + ("y" * 60 + "\n") * 500)
    assert "\n*** Too much output - remainder discarded ***\n" in run.mailbox("/mail/s")


def test_a_command_whose_output_nobody_reads_to_the_end_is_killed() -> None:
    run = machine("command = /bin/cat\nmax_output = 100\nfreeze_signal")
    run.deliver(text="Subject: s\n\n" + ("y" * 60 + "\n") * 2000)
    assert any("terminated by signal 9 (Killed)" in line for line in run.log), run.log


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("command = /x\nallow_commands = /y", '"/x" command not permitted by t transport'),
        (
            "command = /x\nrestrict_to_path",
            '"/" found in "/x" (command for t transport) - failed for security reasons',
        ),
        ("command = nothing", '"nothing" command not found for t transport'),
    ],
)
def test_what_may_be_run(options: str, line: str) -> None:
    run = LocalMachine(f"driver = pipe\n{options}", routers=BACK, transports=BOX,
                       answers=[given_answer("which:nothing=!none")])  # fmt: skip
    run.deliver()
    assert run.log[1] == f"** a@test.ex R=local T=t : {line}"


@pytest.mark.parametrize(("release", "runs"), [("4.95", True), ("4.96", False)])
def test_words_from_outside_are_refused_since_4_96(release: str, runs: bool) -> None:
    line = outcome("command = /bin/echo $local_part", release=release)
    assert line.startswith("=> a" if runs else "** a@test.ex")
    assert runs or line.endswith("Tainted arg 1 for t transport command: 'a'")


def test_a_command_of_which_nothing_is_known_is_asked_about() -> None:
    with pytest.raises(Unanswered) as missing:
        outcome("command = /opt/deliver -f \"a b\" 'c'")
    assert missing.value.question == "/opt/deliver -f a b c"


def test_no_command_defers() -> None:
    assert outcome("log_output") == "== a@test.ex R=local T=t defer (0): no command specified for t transport"


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("/bin/false", "** a@test.ex R=local T=t : Child process of t transport returned 1"),
        (
            "/bin/cat",
            '== a@test.ex R=local T=t defer (0): Expansion of "${bad" (suffix for t transport) failed',
        ),
    ],
)
def test_what_cannot_be_written_matters_only_to_a_command_that_still_runs(command: str, line: str) -> None:
    assert outcome(f"command = {command}\nmessage_suffix = ${{bad").startswith(line)


def test_a_word_that_does_not_expand_is_a_fault_of_the_configuration() -> None:
    line = outcome("command = /bin/echo ${bad")
    what = 'Expansion of "${bad" from command "/bin/echo ${bad" in t transport failed: '
    assert line.startswith(f"== a@test.ex R=local T=t defer (0): {what}")


@pytest.mark.parametrize(
    ("affix", "word", "refused"),
    [
        ("local_part_prefix = pre-", "$local_part_prefix", False),
        ("local_part_prefix = *-", "$local_part_prefix", True),
        ("local_part_suffix = -x", "$local_part_suffix", False),
        ("local_part_suffix = -*", "$local_part_suffix", True),
    ],
)
def test_an_affix_comes_from_outside_if_a_wildcard_stands_for_part_of_it(
    affix: str, word: str, refused: bool
) -> None:
    routers = f"local:\n driver = accept\n {affix}\n transport = t\n user = CALLER\n"
    said = [given_answer("pipe:/bin/echo *=x")]
    run = LocalMachine(f"driver = pipe\ncommand = /bin/echo {word}", "4.96", routers=routers, answers=said)
    run.deliver("pre-a-x@test.ex")
    assert any("Tainted arg 1" in line for line in run.log) is refused
