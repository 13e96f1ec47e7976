"""A SOCKS5 proxy (RFC 1928) in front of servers, as a state machine without I/O."""

from __future__ import annotations

import errno
import ipaddress
from collections.abc import Iterable, Mapping

from eximsim.ports import Action, Close, ConnectError, Endpoint, Send, SessionFactory, TlsSession
from eximsim.world.smtp_server import ConnectionLog, Relay, SmtpSession

_NO_AUTH, _BY_NAME = 0, 2
_FAULTS = {errno.ECONNREFUSED: 5, errno.ETIMEDOUT: 6}
"""The code for why the server cannot be reached; another reason is "host unreachable"."""
_UNREACHABLE = 4
_BOUND = bytes((0, 1, 127, 0, 0, 1, 190, 239))
"""What a proxy says of its own end of the connection behind it."""


class ProxySession(Relay):
    """A call to a proxy that takes any name and password; connected, it is one to the server behind it.

    ``behind`` are the servers by address; one that refuses a call raises ``ConnectError``.
    """

    def __init__(self, behind: Mapping[str, SessionFactory]) -> None:
        self._behind = behind
        self._server: SmtpSession | None = None
        self._heard = bytearray()
        self._step = self._methods
        self._client: Endpoint | None = None

    @property
    def log(self) -> ConnectionLog:
        """What the server behind it saw."""
        return ConnectionLog() if self._server is None else self._server.log

    def on_connect(self, client: Endpoint, server: Endpoint) -> Iterable[Action]:
        """See ``Session``."""
        self._client = client
        return ()

    def on_data(self, data: bytes) -> Iterable[Action]:
        """See ``Session``."""
        if self._server is not None:
            return self._server.on_data(data)
        self._heard += data
        return self._step()

    def on_tls(self, session: TlsSession) -> Iterable[Action]:
        """See ``Session``."""
        return () if self._server is None else self._server.on_tls(session)

    def on_tls_failure(self, reason: str) -> Iterable[Action]:
        """See ``Session``."""
        return () if self._server is None else self._server.on_tls_failure(reason)

    def on_eof(self, *, cut: bool = False) -> Iterable[Action]:
        """See ``Session``."""
        return (Close(),) if self._server is None else self._server.on_eof(cut=cut)

    def on_close(self) -> None:
        """See ``Session``."""
        if self._server is not None:
            self._server.on_close()

    # ---- what is agreed on first

    def _methods(self) -> Iterable[Action]:
        if len(self._heard) < 2 or len(self._heard) < 2 + self._heard[1]:
            return ()
        named = _NO_AUTH not in self._taken(2 + self._heard[1])[2:]
        self._step = self._name if named else self._request
        return (Send(bytes((5, _BY_NAME if named else _NO_AUTH))),)

    def _name(self) -> Iterable[Action]:
        lengths = self._heard[1:2]
        end = 3 + lengths[0] if lengths else 3
        if len(self._heard) < end or len(self._heard) < end + self._heard[end - 1]:
            return ()
        self._taken(end + self._heard[end - 1])
        self._step = self._request
        return (Send(bytes((1, 0))),)

    def _request(self) -> Iterable[Action]:
        octets = 16 if self._heard[3:4] == b"\4" else 4
        if len(self._heard) < 4 + octets + 2:
            return ()
        asked = self._taken(4 + octets + 2)
        address = str(ipaddress.ip_address(asked[4:-2]))
        try:
            found = self._behind[address]()
        except (KeyError, ConnectError) as problem:
            code = _FAULTS.get(getattr(problem, "errno", 0), _UNREACHABLE)
            return (Send(bytes((5, code)) + _BOUND), Close())
        assert isinstance(found, SmtpSession)
        assert self._client is not None
        self._server, self._behind = found, {}
        there = Endpoint(address, int.from_bytes(asked[-2:], "big"))
        return (Send(bytes((5, 0)) + _BOUND), *found.on_connect(self._client, there))

    def _taken(self, octets: int) -> bytes:
        taken = bytes(self._heard[:octets])
        del self._heard[:octets]
        return taken
