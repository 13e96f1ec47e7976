"""Ident queries: who is asked, what is asked, and which answers count."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from eximsim.errors import Unsupported
from eximsim.ports import Action, Close, Endpoint, Send, TlsSession
from tests.mta.front import Front

MAIN = "rfc1413_hosts = *\nrfc1413_query_timeout = 5s\nrfc1413_port = 1224\n"
CLIENT = ("-bh", "127.0.0.1", "-oMa", "127.0.0.1.999", "-oMi", "127.0.0.1.25")


class Answers:
    """A server that gives one answer to whatever is asked, and ends the connection."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.asked = b""

    def on_connect(self, client: Endpoint, server: Endpoint) -> Iterable[Action]:
        return ()

    def on_data(self, data: bytes) -> Iterable[Action]:
        self.asked += data
        return (Send(self.answer), Close())

    def on_tls(self, session: TlsSession) -> Iterable[Action]:
        return ()

    def on_tls_failure(self, reason: str) -> Iterable[Action]:
        return ()

    def on_eof(self, *, cut: bool = False) -> Iterable[Action]:
        return ()

    def on_close(self) -> None:
        pass


def greeted(answer: bytes, *, main: str = MAIN, release: str = "4.99", port: int = 1224) -> tuple[str, bytes]:
    """The reply to HELO, and what the ident server was asked."""
    front, server = Front(main, release=release), Answers(answer)
    front.machine.test_harness = True
    front.world.listen(None, port, lambda: server)
    lines = front.exim(*CLIENT, stdin="HELO a.ex\r\nQUIT\r\n").stdout.splitlines()
    return next(line for line in lines if "Hello" in line), server.asked


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (b"999 , 25 : USERID : UNIX :joe\r\n", "joe at "),
        (b"999,25:USERID:UNIX , US-ASCII:  joe\n", "joe at "),
        (b"999 , 25 : USERID : UNIX :j\rx\r\n", "j\\rx at "),
        (b"999 , 25 : USERID : UNIX :" + b"a" * 200 + b"\r\n", "a" * 127 + " at "),
        (b"999 , 25 : USERID : UNIX :" + b"a" * 2048 + b"\r\n", ""),
        (b"999 , 25 : USERID : UNIX :joe", ""),
        (b"999 , 26 : USERID : UNIX :joe\r\n", ""),
        (b"999 , 25 : ERROR : NO-USER\r\n", ""),
        (b"999 , 25 : USERID : UNIX :j\0e\r\n", ""),
        (b"999 , 25 : USERID : UNIX :\r\n", ""),
    ],
)
def test_only_a_whole_and_fitting_answer_names_a_user(answer: bytes, name: str) -> None:
    assert greeted(answer) == (f"250 here.ex Hello {name}a.ex [127.0.0.1]", b"999 , 25\r\n")


def test_the_port_of_the_test_suite_was_fixed_once() -> None:
    main = MAIN.replace("rfc1413_port = 1224\n", "")
    assert "joe at" in greeted(b"999,25:USERID:UNIX:joe\n", main=main, release="4.97", port=1223)[0]


def test_nobody_is_asked_without_a_time_or_outside_the_list() -> None:
    answer = b"999,25:USERID:UNIX:joe\n"
    assert greeted(answer, main=MAIN.replace("5s", "0s"))[1] == b""
    assert greeted(answer, main=MAIN.replace("hosts = *", "hosts = 192.0.2.9"))[1] == b""


def test_a_host_that_is_not_in_the_scenario_is_not_asked() -> None:
    front = Front("rfc1413_hosts = *\nrfc1413_query_timeout = 5s\nacl_smtp_rcpt = accept\n")
    front.exim("-bd", "-oX", "2526")
    with pytest.raises(Unsupported, match=r"an ident query .* \(/etc/exim.conf:6\)"):
        front.world.connect("127.0.0.1", 2526, 5)
