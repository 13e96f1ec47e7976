"""Proxies in front of the server: the PROXY protocol and XCLIENT."""

from __future__ import annotations

import pytest

from eximsim.ports import Connection
from tests.mta.front import Front

_COMMON = "log_selector = +proxy +incoming_port\nacl_smtp_rcpt = accept\nqueue_only"
PROXIED = f"hosts_proxy = 127.0.0.1\n{_COMMON}"
XCLIENT = f"hosts_xclient = 127.0.0.1\n{_COMMON}"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ADDRESSES = b"\x7f\0\0\x02\x7f\x2a\x2a\x2a\xc2\x95\x04\x01"
LINE = b"PROXY TCP4 127.0.0.2 127.42.42.42 64000 25\r\n"


def connected(main: str, release: str = "4.99") -> tuple[Front, Connection]:
    front = Front(main, release=release)
    front.exim("-bd", "-oX", "2500")
    return front, front.world.connect("127.0.0.1", 2500, 5)


def replies(connection: Connection, *commands: str) -> list[str]:
    """What each command is answered with, the last line of it."""
    said = []
    for command in commands:
        connection.send(f"{command}\r\n".encode())
        said.append(connection.receive(5).decode().splitlines()[-1])
    return said


MESSAGE = ("EHLO c.ex", "MAIL FROM:<s@d.ex>", "RCPT TO:<r@d.ex>", "DATA", "A: b\r\n\r\nx\r\n.")


@pytest.mark.parametrize(
    ("header", "client"),
    [
        (LINE, "[127.0.0.2]:64000"),
        (SIGNATURE + b"\x21\x11\x00\x0c" + ADDRESSES, "[127.0.0.2]:49813"),
    ],
)
def test_a_client_is_who_the_proxy_says(header: bytes, client: str) -> None:
    front, connection = connected(PROXIED)
    connection.send(header[:20])
    connection.send(header[20:])
    assert connection.receive(5).startswith(b"220 ")
    assert replies(connection, *MESSAGE)[-1].startswith("250 OK id=")
    line = front.log()[-1]
    assert f" H=(c.ex) {client} " in line
    assert " PRX=127.0.0.1 " in line


def test_a_proxy_that_speaks_for_nobody_is_the_client() -> None:
    front, connection = connected(PROXIED.replace("+proxy ", ""))
    connection.send(SIGNATURE + b"\x20\0\0\0")
    assert connection.receive(5).startswith(b"220 ")
    replies(connection, *MESSAGE)
    assert " H=(c.ex) [127.0.0.1]:" in front.log()[-1]


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"EHLO c.ex\r\n",
        b"PROXY TCP4 127.0.0.2 nowhere 64000 25\r\n",
        b"PROXY TCP4 127.0.0.2 127.0.0.3 0 25\r\n",
        SIGNATURE + b"\x11\x11\0\0",
        SIGNATURE + b"\x21\x31\x00\x0c" + ADDRESSES,
    ],
)
def test_without_a_good_header_nothing_but_quit_is_taken(header: bytes) -> None:
    front, connection = connected(PROXIED + "\nsmtp_enforce_sync = no")
    if header:
        connection.send(header)
    else:
        front.world.sleep(4)
    assert connection.receive(5).startswith(b"220 ")
    refused = "503 Command refused, required Proxy negotiation failed"
    assert replies(connection, "NOOP", "QUIT") == [refused, "221 here.ex closing connection"]


def test_who_does_not_wait_for_the_greeting_behind_a_header_is_sent_away() -> None:
    front, connection = connected(f"{PROXIED}\npipelining_connect_advertise_hosts =")
    connection.send(LINE + b"EHLO c.ex\r\n")
    assert connection.receive(5) == b"554 SMTP synchronization error\r\n"
    assert 'H=[127.0.0.2]:64000 input="EHLO c.ex\\r\\n"' in front.log()[-1]


def test_xclient_tells_who_the_client_is() -> None:
    front, connection = connected(XCLIENT)
    connection.receive(5)
    connection.send(b"EHLO proxy.ex\r\n")
    assert b"250-XCLIENT ADDR NAME PORT LOGIN DESTADDR DESTPORT\r\n" in connection.receive(5)
    told = "XCLIENT NAME=a.ex ADDR=127.0.0.2 PORT=4242 LOGIN=fred"
    assert replies(connection, told, "MAIL FROM:<s@d.ex>") == [
        "220 XCLIENT success",
        "503 HELO or EHLO required",
    ]
    replies(connection, *MESSAGE)
    line = front.log()[-1]
    assert " H=a.ex (c.ex) [127.0.0.2]:4242 P=esmtpa A=xclient:fred PRX=127.0.0.1 " in line


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("XCLIENT", "XCLIENT must have at least one operand"),
        ("XCLIENT A=b", "XCLIENT: unrecognised parameter 'A'"),
        ("XCLIENT NAME", "XCLIENT: missing value for parameter 'NAME'"),
        ("XCLIENT NAME=", "XCLIENT: zero-length value for param"),
        ("XCLIENT NAME=a.ex", "missing ADDR for XCLIENT"),
        ("XCLIENT ADDR=127.0.0.2", "missing PORT for XCLIENT"),
        ("XCLIENT NAME=+x", "failed xtext decode for XCLIENT: ''"),
    ],
)
def test_a_wrong_xclient_is_refused(command: str, why: str) -> None:
    _, connection = connected(XCLIENT)
    connection.receive(5)
    assert replies(connection, "EHLO c.ex", command)[1] == f"501 {why}"


def test_xclient_has_no_place_in_a_transaction() -> None:
    front, connection = connected(XCLIENT)
    connection.receive(5)
    said = replies(connection, "EHLO c.ex", "MAIL FROM:<s@d.ex>", "XCLIENT NAME=a.ex")
    assert said[-1] == "503 mail transaction in progress"
    assert ": mail transaction in progress" in front.log()[-1]


def test_programs_without_xclient_do_not_know_it() -> None:
    assert Front().smtp("EHLO c.ex", "XCLIENT NAME=a.ex")[-2] == "500 unrecognized command"


@pytest.mark.parametrize(("release", "code"), [("4.99", 550), ("4.99-dev-13835a3c1", 501)])
def test_who_may_not_use_xclient_is_told_so(release: str, code: int) -> None:
    _, connection = connected(XCLIENT.replace("127.0.0.1", "127.0.0.9"), release)
    connection.receive(5)
    why = "XCLIENT command used when not advertised"
    assert replies(connection, "EHLO c.ex", "XCLIENT NAME=a.ex")[-1] == f"{code} {why}"
