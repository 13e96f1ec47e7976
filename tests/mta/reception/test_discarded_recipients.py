"""That the RCPT ACL discarded a recipient outlives the transaction."""

from __future__ import annotations

import pytest

from tests.suite.test_scenario_compare import NEWEST, done, scenario

PROGRAMS = ["4.89", "4.92", "4.95", "4.96", "4.98", "4.99", NEWEST]


def ran(program: str, reset: str, after: str) -> tuple[list[str], object, list[str]]:
    """Replies from the one to the reset on, how the process ended, and the main log."""
    transaction = "MAIL FROM:<s@x>\r\nRCPT TO:<a@one.test.ex>\r\n"
    stdin = f"EHLO c\r\n{transaction}{reset}\r\n{after}DATA\r\n\r\nhi\r\n.\r\nQUIT\r\n"
    acl = "check_rcpt:\n  discard\n"
    (one,) = done(scenario(acl=acl, runs=[{"argv": ["-bs", "-odq"], "stdin": stdin}]), program)
    heard = [line for line in one.stdout if line[:3] in ("354", "503")]
    return heard, one.exit, [line for line in one.log if not line.startswith(("REJECT", "PANIC"))]


@pytest.mark.parametrize("reset", ["RSET", "HELO d", "EHLO d"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_data_without_another_mail_kills_the_process(program: str, reset: str) -> None:
    heard, ended, _ = ran(program, reset, "")
    assert ended == "signal 11"
    assert bool(heard) is program.startswith("4.99")  # before, what is not sent yet is lost


@pytest.mark.parametrize("program", PROGRAMS)
def test_another_message_goes_to_nobody(program: str) -> None:
    heard, ended, log = ran(program, "RSET", "MAIL FROM:<t@x>\r\n")
    assert (heard[0][:3], ended) == ("354", 0)
    assert log[-2:] == ["M1 => blackhole (RCPT ACL discarded recipients)", "M1 Completed"]


def test_a_message_that_came_in_a_chunk_ends_it() -> None:
    stdin = (
        "EHLO c\r\nMAIL FROM:<s@x>\r\nRCPT TO:<a@one.test.ex>\r\nBDAT 5 LAST\r\n\r\nhi\n"
        "RCPT TO:<b@one.test.ex>\r\nDATA\r\nQUIT\r\n"
    )
    acl = "check_rcpt:\n  discard\n"
    (one,) = done(scenario(acl=acl, runs=[{"argv": ["-bs", "-odq"], "stdin": stdin}]), "4.96")
    assert one.stdout[-5:-1] == (
        "503 sender not yet given",
        "503-All RCPT commands were rejected with this error:",
        "503-503 sender not yet given",
        "503 valid RCPT command must precede DATA",
    )
