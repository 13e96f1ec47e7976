"""The scripted client of the test suite: the ``client`` commands (test/src/client.c).

Lines of the script: ``??? TEXT`` expects a line that begins so, ``???*`` the end of the connection,
``???? TEXT`` takes any number of such lines; ``+++ N`` waits; ``>>> TEXT`` sends without line end, and
anything else sends itself with one. What it prints is its transcript.
"""

from __future__ import annotations

import re
from dataclasses import field

from eximsim.errors import InputError, Unsupported
from eximsim.mta.base.string import from_octets
from eximsim.mta.certs.tls_libraries import GNUTLS, OPENSSL
from eximsim.ports import (
    AlertReceived,
    ConnectError,
    Connection,
    ConnectionLost,
    ReadTimeout,
    World,
)
from eximsim.quick_dataclass import dataclass
from eximsim.server_sessions import Minding
from eximsim.suite.runtest_versions import NEWEST, Era
from eximsim.suite.scripted_tls import TestTls

_ESCAPE = re.compile(r"\\(r|n|x[0-9A-Fa-f]{2})")
_ESCAPES = {"r": "\r", "n": "\n"}
_ERRORS = {111: "Connection refused", 110: "Connection timed out", 113: "No route to host",
           101: "Network is unreachable"}  # fmt: skip


class _Exit(Exception):
    """The program ends with this code."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


@dataclass(slots=True)
class ScriptedClient:
    """One run of the program; ``said`` is its standard output."""

    world: World
    address: str
    port: int
    interface: str | None = None
    timeout: float = 5.0
    tls: TestTls | None = None
    tls_at_once: bool = False
    said: list[str] = field(default_factory=list)
    _buffer: bytes = b""
    _sent_starttls: bool = False
    _server_waited: bool = False
    """The server took its time over what was sent last, and nothing has been read since."""
    _terminated: bool = False
    """The server has ended TLS by an alert, after which a time-out is no end."""
    _greeted: bool = False
    """Something has been read."""

    def run(self, script: tuple[str, ...]) -> int:
        """Play a script; returns the exit code."""
        self._say(f"Connecting to {self.address} port {self.port} ... ")
        try:
            connection = self.world.connect(self.address, self.port, self.timeout, self.interface)
        except ConnectError as error:
            self._say(f"connect failed: {_ERRORS.get(error.errno, f'errno {error.errno}')}\n")
            return 85
        self._say("connected\n")
        if self.tls is not None:
            self._say(self.tls.shown())
        try:
            if self.tls_at_once:
                self._start_tls(connection)
            for line in script:
                self._play(line, connection)
        except _Exit as ended:
            return ended.code
        except ConnectionLost:
            self._say("Read error: Connection reset by peer\n")
            return 81
        except ReadTimeout:
            self._say("\nClient timed out\n")
            return 99
        finally:
            connection.abandon()
        self._say("End of script\n")
        return 0

    def _say(self, text: str) -> None:
        self.said.append(text)

    def _play(self, line: str, connection: Connection) -> None:
        if line.startswith("????"):
            self._take_all(line[4:], connection)
        elif line.startswith("???*"):
            self._say(f"{line}\n")
            if self._more(connection):
                self._say("Expected EOF not read\n")
                raise _Exit(74)
            self._say("Expected EOF read\n")
        elif line.startswith("??? "):
            self._say(f"{line}\n")
            self._expect(line[4:], connection)
        elif line.startswith("+++ "):
            if self._server_waited:
                raise Unsupported("what a client does while the server waits (a delay in an ACL)")
            self._say(f"{line}\n")
            self.world.sleep(float(re.sub(r"\D.*", "", line[4:]) or 0))
        else:
            self._send(line, connection)

    def _more(self, connection: Connection) -> bool:
        """Have input in the buffer; False at the end of the connection."""
        while b"\n" not in self._buffer:
            try:
                data = connection.receive(self.timeout)
            except AlertReceived as alert:
                assert self.tls is not None
                self._say(self.tls.words(alert.reason))
                self._terminated = True
                continue
            if not data:
                return bool(self._buffer)
            self._server_waited = False
            self._greeted = True
            self._buffer += data
        return True

    def _peek(self, connection: Connection) -> str | None:
        if not self._more(connection):
            return None
        return self._buffer.partition(b"\n")[0].rstrip(b"\r").decode("utf-8", "surrogateescape")

    def _take(self) -> None:
        self._buffer = self._buffer.partition(b"\n")[2]

    def _expect(self, expected: str, connection: Connection) -> None:
        received = self._peek(connection)
        if received is None:
            self._say("Unexpected EOF read\n")
            raise _Exit(80)
        self._take()
        self._say(f"<<< {received}\n")
        if not received.startswith(expected):
            self._say("\n******** Input mismatch ********\n")
            raise _Exit(79)
        if self._sent_starttls:
            self._sent_starttls = False
            if received.startswith("2"):
                self._start_tls(connection)
            else:
                self._say("Abandoning TLS start attempt\n")

    def _take_all(self, expected: str, connection: Connection) -> None:
        self._say(f"????{expected}\n")
        try:
            while (received := self._peek(connection)) is not None and received.startswith(expected):
                self._take()
                if not self._buffer:
                    return
        except ReadTimeout:
            if not self._terminated:
                raise

    def _start_tls(self, connection: Connection) -> None:
        assert self.tls is not None
        self._say("Attempting to start TLS\n")
        self._say(self.tls.start(connection, self.world, self.timeout, at_once=self.tls_at_once))

    def _send(self, line: str, connection: Connection) -> None:
        if line.startswith("<<< ") or line in ("stoptls", "STOPTLS"):
            raise Unsupported(f"line {line!r} of a client script")
        minds = isinstance(getattr(connection, "session", None), Minding)
        if not (self._greeted or self.tls_at_once or minds):
            raise Unsupported("what a client sends before it has read the server's greeting")
        raw = line.startswith(">>> ")
        text = line[4:] if raw else line
        if self._buffer:
            self._say(f"Unconsumed input: {self._buffer.decode('utf-8', 'surrogateescape')}")
            self._say(f"   About to send: {text}\n")
            raise _Exit(78)
        self._sent_starttls = self.tls is not None and text in ("starttls", "STARTTLS")
        if self.tls is not None and text == "starttls_wait":
            text = "starttls"
        self._say(f">>> {text}\n")
        data = _ESCAPE.sub(_unescape, text if raw else f"{text}\r\n")
        began = self.world.now()
        connection.send(data.encode("utf-8", "surrogateescape"))
        self._server_waited |= self.world.now() - began >= 1


def read_client(
    world: World,
    program: str,
    arguments: list[str],
    path: str,
    line: int,
    library: str = OPENSSL[-1],
    era: Era = NEWEST,
) -> ScriptedClient:
    """The client that a command describes; raises ``InputError`` and ``Unsupported``.

    ``client-anytls`` is built with the TLS ``library`` of the program under test. Files are named relative
    to ``/eximsim/test``.
    """
    kinds = {"client-ssl": OPENSSL[-1], "client-gnutls": GNUTLS}
    kinds["client-anytls"] = GNUTLS if library == GNUTLS else OPENSSL[-1]
    tls = TestTls(kinds[program], era) if program in kinds else None
    timeout, at_once = 5.0, False
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if re.fullmatch(r"-t\d{1,5}", option):
            timeout = float(option[2:])
        elif option == "-tls-on-connect" and tls is not None:
            at_once = True
        elif option == "-tls-quiet" and tls is not None:
            tls.quiet = True
        elif option in ("-ocsp", "-p") and tls is not None and rest:
            setattr(tls, {"-ocsp": "ocsp", "-p": "priority"}[option], rest.pop(0))
        else:
            raise Unsupported(f"option {option} of the {program} command", path, line)
    if len(rest) < 2 or not rest[1].isdigit():
        raise InputError(
            f"{program} {' '.join(arguments)}: expected [options] ADDRESS PORT [INTERFACE]", path, line
        )
    address, port, *more = rest
    interface = more.pop(0) if more and (more[0][:1].isdigit() or more[0].startswith(":")) else None
    if more and tls is not None:
        tls.certificate = more[0]
        tls.key = more[1] if len(more) > 1 else None
    elif more:
        raise Unsupported(f"more than an interface after the {program} command", path, line)
    return ScriptedClient(world, address, int(port), interface, timeout, tls, at_once)


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    return _ESCAPES.get(code) or from_octets(bytes([int(code[1:], 16)]))
