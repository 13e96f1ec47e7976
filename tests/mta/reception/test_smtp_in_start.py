"""message_size_limit: what a session and a local message are told of one that is no number."""

from __future__ import annotations

import pytest

from tests.mta.front import MAIN, PANIC, Front
from tests.mta.program.test_daemon import said

OVERFLOW = 'absolute value of integer "8796093022208M" is too large (overflow)'
CLOSED = ["421 Temporary local problem - please try later", "221 here.ex closing connection"]


@pytest.mark.parametrize(
    ("limit", "session", "local"),
    [
        (
            "8796093022208M",
            f"invalid message_size_limit: {OVERFLOW}",
            "invalid value for message_size_limit: ",
        ),
        (
            "x",
            'invalid message_size_limit: integer expected but "x" found',
            "invalid value for message_size_limit",
        ),
        (
            "",
            'invalid message_size_limit: integer expected but "" found',
            "invalid value for message_size_limit",
        ),
        ("${nothing:}", "unable to expand message_size_limit: ", "failed to expand message_size_limit: "),
    ],
)
def test_a_limit_that_is_none_closes_sessions_and_refuses_messages(
    limit: str, session: str, local: str
) -> None:
    front = Front(f"message_size_limit = {limit}")
    assert front.exim("-bs", stdin="QUIT\r\n").stdout.split("\r\n")[:-1] == CLOSED
    refused = front.exim("-odq", "a@b.ex", stdin="")
    assert refused.code == 1
    assert front.log(MAIN) == front.log(PANIC)
    assert [line[: len(text)] for line, text in zip(front.log(), (session, local), strict=True)] == [
        session,
        local,
    ]


def test_a_session_that_is_closed_down_answers_rset_as_ever() -> None:
    front = Front("message_size_limit = x")
    said = front.exim("-bs", stdin="EHLO x\r\nRSET\r\nNOOP\r\nQUIT\r\n").stdout.split("\r\n")[:-1]
    assert said == [CLOSED[0], CLOSED[0], "250 Reset OK", *CLOSED]


@pytest.mark.parametrize(("option", "heard"), [("-bd", False), ("-bdf", True)])
def test_only_a_daemon_in_the_foreground_has_a_standard_error(option: str, heard: bool) -> None:
    front = Front("message_size_limit = x")
    front.exim(option, "-oX", "1225")
    client = front.world.connect("127.0.0.1", 1225, 5)
    assert said(client).startswith("421 ")
    (daemon,) = front.machine.daemons
    assert bool(daemon.stderr) is heard


@pytest.mark.parametrize(("limit", "size"), [("1K", " 1024"), ("4G", ""), ("3G", ""), ("  ", ""), ("-0", "")])
def test_a_limit_is_kept_in_32_bits(limit: str, size: str) -> None:
    replies = Front(f'message_size_limit = "{limit}"').smtp("EHLO x", "QUIT")
    assert f"250-SIZE{size}" in replies


@pytest.mark.parametrize(("option", "waiting"), [("-odq", 1), ("-odb", 0)])
def test_a_daemon_takes_its_option_about_delivery_and_counts_its_connections(
    option: str, waiting: int
) -> None:
    routers = "begin routers\ngone:\n  driver = redirect\n  data = :blackhole:\n"
    acl = "count:\n  accept message = $smtp_count_at_connection_start"
    front = Front("acl_smtp_rcpt = count\nhosts_require_helo =", acl, routers=routers)
    front.exim(option, "-bd", "-oX", "1225")
    client = front.world.connect("127.0.0.1", 1225, 5)
    heard = [said(client)]
    for line in ("MAIL FROM:<>", "RCPT TO:<r@d.ex>", "DATA", "A: b\r\n\r\n.", "QUIT"):
        client.send(f"{line}\r\n".encode())
        heard.append(said(client))
    assert heard[2] == "250 1\r\n"
    assert len(front.machine.spool.ids()) == waiting


@pytest.mark.parametrize("release", ["4.94.1", "4.99"])
@pytest.mark.parametrize("command", ["DATA", "BDAT 0 LAST"])
def test_early_pipelining_is_not_offered_after_a_message_was_to_come(release: str, command: str) -> None:
    front = Front(release=release, user="root", uid=0)
    lines = ["EHLO c", command, "EHLO c", "QUIT", ""]
    said = front.exim("-bs", "-oMa", "192.0.2.7", stdin="\r\n".join(lines)).stdout
    word = "PIPE_CONNECT" if release == "4.94.1" else "PIPECONNECT"
    assert said.count("250-PIPELINING") == 2
    assert said.count(f"250-{word}") == 1
    assert said.index(word) < said.index("503 ")
