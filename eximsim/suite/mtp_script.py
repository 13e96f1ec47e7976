"""The program ``mtpscript`` of the test suite: an LMTP server on standard input and output.

Source: test/src/mtpscript.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from eximsim.mta.base.string import from_octets, octets
from eximsim.ports import Action, Close, Endpoint, Send, TlsSession, Wait


class MtpScript:
    """A ``Session`` that follows a script; ``log`` is told each line that the program logs.

    A script that ends in a sleep is one that Exim is not to wait for: the program is killed in it.
    """

    def __init__(self, script: str, log: Callable[[str], None]) -> None:
        self._script = [line.rstrip() for line in script.splitlines()]
        self._log = log
        self._buffer = b""
        self._expects = False
        self._unflushed: list[str] = []
        """Lines that are lost if the program is killed."""

    def _flush(self, *lines: str) -> None:
        for line in (*self._unflushed, *lines):
            self._log(line)
        self._unflushed.clear()

    def on_connect(self, client: Endpoint, server: Endpoint) -> Iterable[Action]:
        """See ``Session``."""
        return list(self._advance())

    def on_data(self, data: bytes) -> Iterable[Action]:
        """See ``Session``."""
        self._buffer += data
        return list(self._advance())

    def _advance(self) -> Iterator[Action]:
        while self._script:
            line = self._script[0]
            if line[:1].isdigit():
                self._flush(line)
                yield Send(octets(f"{line}\r\n"))
            elif line.startswith("*sleep "):
                yield Wait(float(line[7:]))
                if len(self._script) == 1:
                    self._unflushed.clear()
            else:
                if not self._expects:
                    self._flush(line)
                    self._expects = True
                received = self._received(whole=line == ".")
                if received is None:
                    return
                self._expects = False
                if not received.startswith(line):
                    self._unflushed.append("Comparison failed - bailing out")
                    break
            del self._script[0]
        self._flush()
        self._script.clear()
        yield Close()

    def _received(self, *, whole: bool) -> str | None:
        """The next line, with ``whole`` all up to a dot; None if that is not here yet."""
        while b"\n" in self._buffer:
            data, _, self._buffer = self._buffer.partition(b"\n")
            line = from_octets(data).rstrip()
            self._unflushed.append(f"<<< {line}")
            if not whole or line == ".":
                return line
        return None

    def on_tls(self, session: TlsSession) -> Iterable[Action]:
        """See ``Session``; there is no TLS."""
        return []

    def on_tls_failure(self, reason: str) -> Iterable[Action]:
        """See ``Session``; there is no TLS."""
        return []

    def on_eof(self, *, cut: bool = False) -> Iterable[Action]:
        """See ``Session``; the program is killed then."""
        return [Close()]

    def on_close(self) -> None:
        """See ``Session``."""
