"""Batched SMTP (-bS): what is taken in, and what an error is told of the batch."""

from __future__ import annotations

import pytest

from tests.mta.front import Front

ONE = "MAIL FROM:<s@here.ex>\nRCPT TO:<a@d.ex>\nDATA\nSubject: x\n\nbody\n.\n"


def test_every_message_of_a_batch_is_taken_in_and_nobody_is_answered() -> None:
    stand = Front(uid=0, user="root")
    status = stand.exim("-odq", "-bS", stdin=f"EHLO c.ex\n{ONE}RSET\nNOOP\n{ONE}QUIT\n")
    assert (status.code, status.stdout, status.stderr) == (0, "", "")
    assert len(stand.machine.spool.ids()) == 2
    assert all("<= s@here.ex U=root P=local-bsmtp" in line for line in stand.log())


ERRORS = [
    ("MAIL FROM:<a@b\n", "501 '>' missing at end of address", 0, 1, "MAIL FROM:<a@b", 2),
    (f"{ONE}RCPT TO:<a@d.ex>\n", "503 No sender yet given", 7, 8, "RCPT TO:<a@d.ex>", 1),
    ("MAIL FROM:<s@here.ex>\nDATA\n", "503 RCPT TO:<recipient> must precede DATA", 0, 2, "DATA", 2),
    ("RSET\nBDAT 5 LAST\n", "500 Command unrecognized", 1, 2, "BDAT 5 LAST", 2),
]


@pytest.mark.parametrize(("batch", "message", "began", "line", "command", "code"), ERRORS)
def test_an_error_ends_the_batch_and_is_told_with_its_line(
    batch: str, message: str, began: int, line: int, command: str, code: int
) -> None:
    status = Front().exim("-odq", "-bS", stdin=batch)
    assert status.code == code
    lines = f"Transaction started in line {began}\nError detected in line {line}\n"
    assert status.stdout == f"{message}\n{lines}{command}\n"
    assert f"The error message was:\n\n  {message}\n" in status.stderr
    assert f"The SMTP command at fault was:\n\n   {command}\n" in status.stderr


def test_the_acl_of_messages_without_smtp_is_asked() -> None:
    acls = "no:\n  deny message = not today\nstart:\n  warn logwrite = for $recipients"
    stand = Front("acl_not_smtp = no\nacl_not_smtp_start = start", acls)
    status = stand.exim("-odq", "-bS", stdin=ONE)
    assert status.code == 2
    assert status.stdout.startswith("550 not today\n")
    assert "for a@d.ex" in stand.log()


@pytest.mark.parametrize(
    ("rest", "where"), [("Subj", " (header)"), ("A: b\n", " (after header)"), ("\nx\n", "")]
)
def test_a_batch_that_ends_within_a_message_has_lost_it(rest: str, where: str) -> None:
    stand = Front()
    status = stand.exim("-odq", "-bS", stdin=f"MAIL FROM:<s@here.ex>\nRCPT TO:<a@d.ex>\nDATA\n{rest}")
    assert status.stdout.startswith("421 Lost incoming connection\n")
    (line,) = stand.log()
    assert line.endswith(f"SMTP connection from caller lost while reading message data{where}")
