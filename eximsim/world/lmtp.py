"""An ordinary LMTP server (RFC 2033), as a command or a Unix domain socket may have one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eximsim.piped import as_octets
from eximsim.ports import Action, Close, Endpoint, Send, TlsSession


class LmtpSession:
    """A ``Session`` that takes everything; ``reply`` is what it says of the message for each recipient."""

    def __init__(self, reply: str = "") -> None:
        self._reply = reply if reply[:1] in ("2", "4", "5") else "250 OK"
        self._buffer = b""
        self._recipients = 0
        self._in_data = False

    def on_connect(self, client: Endpoint, server: Endpoint) -> Iterable[Action]:
        """See ``Session``."""
        return [Send(b"220 LMTP\r\n")]

    def on_data(self, data: bytes) -> Iterable[Action]:
        """See ``Session``."""
        self._buffer += data
        return list(self._advance())

    def _advance(self) -> Iterator[Action]:
        while b"\n" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\n")
            yield from self._answer(line.strip().upper())

    def _answer(self, line: bytes) -> Iterator[Action]:
        if self._in_data:
            if line == b".":
                self._in_data = False
                yield from [Send(as_octets(f"{self._reply}\r\n"))] * self._recipients
        elif line == b"DATA":
            self._in_data = True
            yield Send(b"354 send\r\n")
        else:
            self._recipients += line.startswith(b"RCPT")
            yield Send(b"250 OK\r\n")
            if line == b"QUIT":
                yield Close()

    def on_tls(self, session: TlsSession) -> Iterable[Action]:
        """See ``Session``; there is no TLS."""
        return []

    def on_tls_failure(self, reason: str) -> Iterable[Action]:
        """See ``Session``; there is no TLS."""
        return []

    def on_eof(self, *, cut: bool = False) -> Iterable[Action]:
        """See ``Session``."""
        return [Close()]

    def on_close(self) -> None:
        """See ``Session``."""
