"""How long the server waits for a client."""

from __future__ import annotations

import pytest

from eximsim.ports import Connection
from tests.mta.front import Front

LETTER = b"EHLO c.ex\r\nMAIL FROM:<s@here.ex>\r\nRCPT TO:<r@d.ex>\r\nDATA\r\n"


def connected(front: Front) -> Connection:
    front.exim("-bd", "-oX", "2500")
    connection = front.world.connect("127.0.0.1", 2500, 5)
    assert connection.receive(5).startswith(b"220 ")
    return connection


def test_a_client_that_says_nothing_is_given_up() -> None:
    front = Front("smtp_receive_timeout = 10s")
    connection = connected(front)
    front.world.sleep(9)
    connection.send(b"NOOP\r\n")
    assert connection.receive(5) == b"250 OK\r\n"
    front.world.sleep(10)
    assert connection.receive(5) == b"421 here.ex: SMTP command timeout - closing connection\r\n"
    assert connection.receive(5) == b""
    assert front.log()[-1].endswith("SMTP command timeout on connection from [127.0.0.1] D=19s")


def test_one_who_waits_for_an_answer_sees_the_server_give_up() -> None:
    connection = connected(Front("smtp_receive_timeout = 10s"))
    assert connection.receive(30).startswith(b"421 here.ex: SMTP command timeout")


BEGUN = [(b"", False), (b"A: b\r\n", False), (b"A: b\r\n\r\n", True), (b"text\r\nmore", True)]


@pytest.mark.parametrize(("begun", "id_shown"), BEGUN)
def test_a_message_that_does_not_come_is_abandoned(begun: bytes, id_shown: bool) -> None:
    main = "acl_smtp_rcpt = accept\nsmtp_enforce_sync = no\nsmtp_receive_timeout = ${if eq{1}{1}{7s}}"
    front = Front(main)
    connection = connected(front)
    connection.send(LETTER + begun)
    connection.receive(1)
    front.world.sleep(60)
    line = front.log()[-1]
    client = "(c.ex) [127.0.0.1] F=<s@here.ex> D=7s"
    assert line.endswith(f"SMTP data timeout (message abandoned) on connection from {client}")
    assert ("-0000 SMTP" in line) is id_shown


def test_the_end_of_standard_input_may_come_too_late() -> None:
    front = Front("smtp_receive_timeout = 2s")
    front.machine.input_pause = 3
    status = front.exim("-bs")
    assert status.code == 1
    assert status.stdout.endswith("421 here.ex: SMTP command timeout - closing connection\r\n")
    front.machine.input_pause = 1
    assert front.exim("-bs").stdout.endswith("421 here.ex lost input connection\r\n")


@pytest.mark.parametrize("argv", [("-bs", "-os", "2s"), ("-odq", "-or", "2s", "r@d.ex")])
def test_the_command_line_says_how_long_to_wait(argv: tuple[str, ...]) -> None:
    front = Front()
    front.machine.input_pause = 3
    assert front.exim(*argv).code == 1
    assert "time" in front.log()[-1]


def said(front: Front, *commands: str) -> list[str]:
    head = ["EHLO c.ex", "MAIL FROM:<s@here.ex>", "RCPT TO:<r@d.ex>", "BDAT 6", "A: b"]
    return [reply for reply in front.smtp(*head, *commands) if reply[3:4] == " "][3:]


@pytest.mark.parametrize(
    ("commands", "replies"),
    [
        (("NOOP", "BDAT 4 LAST", "", ""), ["250 6 byte chunk received", "250 OK"]),
        (
            ("DATA", "BDAT 0 LAST", "RSET"),
            [
                "250 6 byte chunk received",
                "503 only BDAT permissible after non-LAST BDAT",
                "503 only RSET accepted now",
                "250 Reset OK",
            ],
        ),
        (("BDAT 0", "RSET"), ["250 6 byte chunk received", "504 zero size for BDAT command", "250 Reset OK"]),
        (
            ("QUIT",),
            ["250 6 byte chunk received", "221 here.ex closing connection", "421 Lost incoming connection"],
        ),
    ],
)
def test_between_chunks_little_may_be_said(commands: tuple[str, ...], replies: list[str]) -> None:
    found = said(Front("acl_smtp_rcpt = accept\nsmtp_max_synprot_errors = 9"), *commands)
    assert found[: len(replies)] == replies
