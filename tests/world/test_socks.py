"""A SOCKS proxy in front of scripted servers."""

from __future__ import annotations

import errno
from functools import partial

import pytest

from eximsim.ports import Action, Close, ConnectError, Endpoint, Send, TlsIdentity
from eximsim.world.smtp_behaviour import Behaviour
from eximsim.world.smtp_server import SmtpServer, SmtpSession
from eximsim.world.socks import ProxySession

CLIENT = Endpoint("10.0.0.1", 40000)
ASKED = {
    "10.9.1.1": b"\x05\x01\x00\x01\x0a\x09\x01\x01\x00\x19",
    "2001:db8::1": b"\x05\x01\x00\x04" + bytes.fromhex("20010db8000000000000000000000001") + b"\x00\x19",
}
ERRORS = {"10.9.1.2": errno.ECONNREFUSED, "10.9.1.3": errno.ETIMEDOUT}
SERVER = SmtpServer(Behaviour(), {"good": TlsIdentity(b"", b"")})


def fails(error: int) -> SmtpSession:
    raise ConnectError(error)


def proxy() -> ProxySession:
    failing = {name: partial(fails, error) for name, error in ERRORS.items()}
    made = ProxySession({**dict.fromkeys(ASKED, SERVER), **failing})
    assert not made.on_connect(CLIENT, Endpoint("10.9.1.99", 1080))
    return made


def said(actions: object) -> bytes:
    assert isinstance(actions, tuple | list)
    found: list[Action] = list(actions)
    return b"".join(one.data for one in found if isinstance(one, Send))


@pytest.mark.parametrize("address", ASKED)
def test_a_call_goes_on_to_the_server_that_is_asked_for(address: str) -> None:
    session = proxy()
    assert said(session.on_data(b"\x05")) == b""
    assert said(session.on_data(b"\x01\x00")) == b"\x05\x00"
    assert said(session.on_data(ASKED[address][:6])) == b""
    assert said(session.on_data(ASKED[address][6:])).endswith(b"220 mx.test.ex ESMTP\r\n")
    assert b"STARTTLS" in said(session.on_data(b"EHLO c\r\n"))
    assert said(session.on_data(b"QUIT\r\n")) == b"221 bye\r\n"
    assert (session.log.events, session.log.server) == (["EHLO", "QUIT"], Endpoint(address, 25))


def test_a_name_and_a_password_are_taken() -> None:
    session = proxy()
    assert said(session.on_data(b"\x05\x01\x02")) == b"\x05\x02"
    assert said(session.on_data(b"\x01\x02me")) == b""
    assert said(session.on_data(b"\x03abc")) == b"\x01\x00"
    assert said(session.on_data(ASKED["10.9.1.1"])).startswith(b"\x05\x00")


@pytest.mark.parametrize(("last", "code"), [(2, 5), (3, 6), (4, 4)])
def test_why_a_server_cannot_be_reached_is_told_by_a_code(last: int, code: int) -> None:
    session = proxy()
    session.on_data(b"\x05\x01\x00")
    actions = list(session.on_data(ASKED["10.9.1.1"][:7] + bytes((last, 0, 25))))
    assert said(actions)[:2] == bytes((5, code))
    assert actions[-1] == Close()
    assert session.log.events == []
