"""The scripted server of the test suite: the ``server`` command (test/src/server.c).

One script serves a number of connections, one after the other; the transcript is the program's stdout.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field

from eximsim.errors import InputError, Unsupported
from eximsim.mta.base.string import from_octets, octets
from eximsim.ports import Action, Close, Endpoint, Send, StartTls, TlsIdentity, TlsPolicy, TlsSession, Wait
from eximsim.quick_dataclass import dataclass
from eximsim.world.backlog import UnservedSession

_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_ENDS = {"CR>": "\r", "LF>": "\n"}


_PATIENCE, _STEP = 30.0, 0.1
"""For so many seconds it is seen, in such steps, whether the program has ended."""


@dataclass(slots=True)
class ScriptedServer:
    """One run of the program.

    ``said`` is its standard output so far; ``on_finished`` is called when the last of its connections is done
    and it stops listening.
    """

    port: int
    """0 for a server on the Unix domain socket ``path``."""
    script: tuple[str, ...]
    connections: int = 1
    may_time_out: bool = False
    patience: float = 5.0
    """How long it waits for a client, or for what that says, in seconds."""
    on_finished: Callable[[], None] = lambda: None
    said: list[str] = field(default_factory=list)
    path: str = ""
    debug: bool = False
    tls_files: tuple[str, str] | None = None
    """Where the certificate and the key are that it shows in TLS."""
    read_file: Callable[[str], bytes] = lambda _: b""
    written_at: tuple[str, int] = ("", 0)
    """The file and line of its command."""
    wait_until: Callable[[Callable[[], bool]], object] = lambda until: until()
    """How to let others work until something is so."""
    serving: ScriptedSession | None = None
    """The one connection that it serves now; others wait in the backlog."""
    place: int = 0
    """The next line of the script."""
    served: int = 0
    begun: int = 0
    """How many connections it has taken."""

    @property
    def where(self) -> str:
        """Where it listens."""
        return self.path or f"port {self.port}"

    def start(self) -> None:
        """Begin to listen."""
        if self.debug:
            self.said.append("Creating IPv6 socket\nCreating IPv4 socket\n")
        self.said.append(f"Listening on {self.where} ... ")

    def session(self) -> ScriptedSession | UnservedSession:
        """The server's side of the next connection; one too many is never taken from the kernel."""
        if self.begun >= self.connections:
            return UnservedSession(self._waits())
        self.begun += 1
        return ScriptedSession(self)

    def _waits(self) -> Iterator[float]:
        """The time that passes until the program has ended."""
        for _ in range(int(_PATIENCE / _STEP)):
            if self.finished:
                return
            yield _STEP
        raise Unsupported("a connection that waits for a scripted server to be done with another")

    @property
    def finished(self) -> bool:
        """Whether all connections have been served."""
        return self.served >= self.connections

    def connection_done(self) -> None:
        """One connection is over: listen for the next, or end."""
        self.served += 1
        if not self.finished:
            self.said.append(f"Listening on {self.where} ... ")
            return
        if self.place >= len(self.script):
            self.said.append("End of script\n")
        self.on_finished()

    def identity(self) -> TlsIdentity:
        """The first certificate of its file, and the key."""
        assert self.tls_files is not None
        certificate, key = (self.read_file(name) for name in self.tls_files)
        end = b"-----END CERTIFICATE-----\n"
        return TlsIdentity(certificate.partition(end)[0] + end, key)

    def wait(self) -> int:
        """What the program exits with if nobody connects any more."""
        if self.finished:
            return 0
        self.said.append("\nServer timed out\n")
        self.served = self.connections
        self.on_finished()
        return 0 if self.may_time_out else 99


def read_server(arguments: list[str], body: tuple[str, ...], path: str, line: int) -> ScriptedServer:
    """The server that a ``server`` command describes; raises ``InputError`` and ``Unsupported``."""
    may_time_out, patience, tls_files = False, 5, None
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option == "-t" and rest:
            limit = rest.pop(0)
            may_time_out, patience = limit.startswith("-"), _leading_number(limit.removeprefix("-"))
        elif option == "-tls" and len(rest) > 1:
            tls_files = (rest.pop(0), rest.pop(0))
        elif option not in ("-noipv4", "-noipv6", "-d", "-tfo"):
            raise Unsupported(f"option {option} of the server command", path, line)
    socket = rest[0] if rest and rest[0].startswith("/") else ""
    if not rest or not (socket or rest[0].isdigit()):
        raise InputError(f"server {' '.join(arguments)}: expected [options] PORT [CONNECTIONS]", path, line)
    script = tuple(_ESCAPE.sub(_unescape, text.rstrip()) for text in body)
    unbuffered = any(text.startswith(">>") for text in script)
    if any(text.startswith("*starttls") for text in script) and (tls_files is None or unbuffered):
        raise Unsupported("TLS in a server script that has no -tls, or has lines with >>", path, line)
    debug = "-d" in arguments
    if debug and (socket or not {"-noipv4", "-noipv6", "-tfo"}.isdisjoint(arguments)):
        raise Unsupported(
            "what -d of the server command says of other sockets than both usual ones", path, line
        )
    connections = int(rest[1]) if len(rest) > 1 and rest[1].isdigit() else 1
    port = 0 if socket else int(rest[0])
    return ScriptedServer(
        port,
        script,
        connections,
        may_time_out,
        float(patience),
        path=socket,
        debug=debug,
        tls_files=tls_files,
        written_at=(path, line),
    )


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    return from_octets(bytes.fromhex(code[1:])) if code[0] == "x" and len(code) == 3 else code


class ScriptedSession:
    """A ``Session`` that goes on with the server's script."""

    def __init__(self, server: ScriptedServer) -> None:
        self._server = server
        self._buffer = b""
        self._over = False
        self._discarded = 0

    def on_connect(self, client: Endpoint, server: Endpoint) -> Iterable[Action]:
        """See ``Session``."""
        self._server.wait_until(lambda: self._server.serving is None)
        if self._server.finished:
            self._over = True
            return [Close(reset=True)]
        self._server.serving = self
        self._say(f"\nConnection request{f' from [{client.address}]' if client.address else ''}\n")
        return list(self._advance())

    def on_data(self, data: bytes) -> Iterable[Action]:
        """See ``Session``."""
        self._buffer += data
        return [] if self._over else list(self._advance())

    def on_tls(self, session: TlsSession) -> Iterable[Action]:
        """See ``Session``."""
        if self._server.debug:
            self._say(f"SSL connection using {session.cipher}\n")
        return list(self._advance())

    def on_tls_failure(self, reason: str) -> Iterable[Action]:
        """See ``Session``; what the program prints then is not known."""
        raise Unsupported(f"TLS of the server command that fails: {reason}", *self._server.written_at)

    def on_eof(self, *, cut: bool = False) -> Iterable[Action]:
        """See ``Session``."""
        if self._over:
            return []
        expected = self._line().startswith("*eof")
        self._say(f"{'E' if expected else 'Une'}xpected EOF read from client\n")
        self._server.place += 1
        return [self._close()]

    def on_close(self) -> None:
        """See ``Session``."""
        self._over = True
        if self._server.serving is self:
            self._server.serving = None
            self._server.connection_done()

    def _say(self, text: str) -> None:
        self._server.said.append(text)

    def _line(self) -> str:
        script = self._server.script
        return script[self._server.place] if self._server.place < len(script) else ""

    def _close(self) -> Close:
        self._over = True
        return Close()

    def _advance(self) -> Iterator[Action]:
        """Go on with the script until it needs input that has not arrived."""
        while self._server.place < len(self._server.script):
            line = self._line()
            if line.startswith(">"):
                self._say(_printable(line) + "\n")
                if line.startswith(">*eof"):
                    self._server.place += 1
                    yield self._close()
                    return
                yield Send(_outgoing(line[1:]))
            elif line[:1].isdigit():
                self._say(line + "\n")
                yield Send(octets(f"{line}\r\n"))
            elif line.startswith("*sleep "):
                self._say(line + "\n")
                yield Wait(float(_leading_number(line[7:])))
            elif line.startswith("*starttls"):
                self._server.place += 1
                yield StartTls(TlsPolicy(self._server.identity()))
                return
            elif line.startswith("*data "):
                if not self._discard(_leading_number(line[6:])):
                    return
            else:
                outcome = self._expect(line)
                if outcome is None:
                    return
                if not outcome:
                    yield self._close()
                    return
            self._server.place += 1
        yield self._close()

    def _discard(self, octets_wanted: int) -> bool:
        """Read so many octets, of which nothing is shown; whether they are all here."""
        taken = min(octets_wanted - self._discarded, len(self._buffer))
        self._buffer = self._buffer[taken:]
        self._discarded += taken
        if self._discarded < octets_wanted:
            return False
        self._discarded = 0
        return True

    @property
    def _unbuffered(self) -> bool:
        """With ``>>`` in its script the program reads no more of a line than it has to compare."""
        return any(line.startswith(">>") for line in self._server.script)

    def _expect(self, line: str) -> bool | None:
        """Whether the next line of input (or all up to a dot) is as expected; None: it is not here yet."""
        mark = "<<" if line.startswith("<<") else "<" if line.startswith("<") else ""
        if self._unbuffered:
            return self._expect_octets(line, mark)
        while (end := self._buffer.find(b"\n")) >= 0:
            received = mark + self._buffer[: end + 1].decode("utf-8", "surrogateescape").rstrip()
            self._buffer = self._buffer[end + 1 :]
            self._say(received + "\n")
            if line != "." or received == ".":
                break
        else:
            return None
        if received.startswith(line):
            return True
        self._say(f"Comparison failed - bailing out\nExpected: {line}\n")
        return False

    def _expect_octets(self, line: str, mark: str) -> bool | None:
        """As ``_expect``, with no more of the input than has to be compared, in one read.

        Unless the line is marked with ``<<``, the rest of the input's line is skipped. Of data, what is shown
        and compared is the first octet.
        """
        first = self._buffer[: len(octets(line)) - len(mark)]
        rest = self._buffer[len(first) :]
        if not first:
            return None
        if mark != "<<":
            _, found, rest = rest.partition(b"\n")
            if not found:
                return None
        is_data = line == "."
        while is_data:
            ended = rest.startswith(b".")
            _, found, rest = rest.partition(b"\n")
            if not found:
                return None
            is_data = not ended
        self._buffer = rest
        received = octets(mark) + first
        self._say(_printable(from_octets(received)) + "\n")
        expected = octets(line)[: len(received)]
        if line == "." or received == expected:
            return True
        self._say(f"Comparison failed - bailing out\nExpected: {_printable(from_octets(expected))}\n")
        return False


def _outgoing(text: str) -> bytes:
    """What is sent for a line of output; after another ``>`` no end of line follows."""
    if text.startswith(">"):
        return octets(text[1:])
    if (end := _ENDS.get(text[:3])) is not None:
        return octets(text[3:] + end)
    return octets(text + "\r\n")


def _leading_number(text: str) -> int:
    match = re.match(r"\s*(\d{1,6})", text)
    return int(match[1]) if match else 0


def _printable(text: str) -> str:
    return "".join(_shown(octet) for octet in octets(text))


def _shown(octet: int) -> str:
    if octet == 0x5C:
        return "\\\\"
    return chr(octet) if 0x20 <= octet <= 0x7E else f"\\x{octet:02x}"
