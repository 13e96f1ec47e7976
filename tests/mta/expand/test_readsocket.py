"""``${readsocket`` with a server that is there; the texts are those of test 0373 of Exim's suite."""

from __future__ import annotations

import pytest

from eximsim.suite.scripted_server import read_server
from tests.mta.front import Front

SOCKET = "/run/s"


def expanded(text: str, *script: str, connections: int = 1, release: str = "4.99") -> str:
    """What -be makes of a text while a scripted server listens on the socket and on port 2525."""
    front = Front(release=release)
    front.machine.test_harness = True
    server = read_server([SOCKET, str(connections)], script, "t", 1)
    front.world.serve(SOCKET, lambda _: server.session())
    front.world.listen(None, 2525, server.session)
    return front.exim("-be", text).stdout.removesuffix("\n")


@pytest.mark.parametrize(
    ("item", "script", "text"),
    [
        ("{/run/s}{ASK\\n}", ("ASK", ">LF>ANSWER", ">*eof"), "ANSWER\n"),
        ("{/run/s}{ASK\\n}", ("ASK", ">>ANSWER", ">*eof"), "ANSWER"),
        ("{/run/s}{ASK\\n}{2s}{*EOL*}", ("ASK", ">LF>ANSWER", ">*eof"), "ANSWER*EOL*"),
        ("{/run/s}{}", (">>ANSWER", ">*eof"), "ANSWER"),
        ("{/run/s}{ASK\\n}", ("*sleep 1", ">*eof"), ""),
        ("{/run/s}{ASK\\n}{1s}{}{sock error}", (">*eof",), "sock error"),
        ("{/run/s}{ASK\\n}{1s}", ("ASK", "*sleep 2"), "Failed: socket read timed out"),
        ("{inet:127.0.0.1:2525}{ASK\\n}{1s}{}{sock error}", (">*eof",), ""),
        ("{inet:127.0.0.1:2525}{ASK\\n}", ("ASK", ">>ANSWER\\x0d\\x0a", ">*eof"), "ANSWER\r\n"),
    ],
)
def test_what_a_server_answers(item: str, script: tuple[str, ...], text: str) -> None:
    assert expanded(f"${{readsocket{item}}}", *script) == text


@pytest.mark.parametrize(
    ("release", "text"), [("4.93", "ANSWER"), ("4.94.1", ""), ("4.95", ""), ("4.96", "ANSWER")]
)
def test_without_a_shutdown_some_releases_read_nothing(release: str, text: str) -> None:
    item = "${readsocket{/run/s}{ASK\\n}{2s:shutdown=no}}"
    assert expanded(item, "ASK", ">>ANSWER", ">*eof", release=release) == text


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ("/run/none", "failed to connect to socket /run/none: No such file or directory"),
        ("inet:127.0.0.1:9", "failed to connect to any address for 127.0.0.1: Connection refused"),
        ("inet:127.0.0.1", "missing port for readsocket inet:127.0.0.1"),
        ("inet:127.0.0.1:9x", "invalid port number 9x"),
    ],
)
def test_who_cannot_be_asked(item: str, why: str) -> None:
    assert expanded(f"${{readsocket{{{item}}}{{ASK}}}}") == f"Failed: {why}"


def test_an_answer_may_be_kept() -> None:
    item = "${readsocket{/run/s}{ASK\\n}{5s:cache=yes}}"
    assert expanded(item * 2, "ASK", ">>ANSWER", ">*eof") == "ANSWERANSWER"
