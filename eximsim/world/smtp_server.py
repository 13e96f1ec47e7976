"""The scripted SMTP test server: a state machine without I/O.

A ``Behaviour`` says what the server does in each phase; an ``SmtpSession`` is one connection that follows
it, and its ``ConnectionLog`` what the server saw. The shells that move the bytes are the memory world and
the loopback world.

What a state makes of its input is in three tables: ``COMMANDS`` (the phase that a verb belongs to),
``_AFTER`` (where an answer leads) and ``_AT_EOF`` (what the end of the client's stream is noted as).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from eximsim.errors import InputError
from eximsim.ports import (
    Action,
    Close,
    Endpoint,
    Send,
    StartTls,
    TlsIdentity,
    TlsPolicy,
    TlsSession,
    Wait,
)
from eximsim.world.host import Accepted
from eximsim.world.smtp_content import Content, Received

MAX_LINE = 8192
"""A longer command line, in octets, gets 500 and the connection is closed."""

MAX_COMMANDS = 100_000
"""After so many commands the connection gets 421 and is closed."""


class Then(Enum):
    """What follows an answer."""

    GO_ON = "go on"
    """Wait for the next command."""
    CLOSE = "close"
    RESET = "reset"
    """Close with a TCP reset."""
    TLS = "tls"
    """Begin a TLS handshake."""
    DATA = "data"
    """Take a message, up to the line with a single dot."""
    GARBAGE = "garbage"
    """Answer whatever comes next with text, and close: no ServerHello."""
    SILENCE = "silence"
    """Read on, and never answer again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One step of a script: wait ``delay`` seconds, send the lines (without line ends), then ``then``.

    ``pauses`` are seconds to wait before a line, by its number from 0. ``behind`` is sent with the last line,
    right behind it, as it is: octets that no command asked for.
    """

    lines: tuple[str, ...] = ()
    then: Then = Then.GO_ON
    delay: float = 0.0
    pauses: tuple[tuple[int, float], ...] = ()
    behind: bytes = b""

    def spoken(self) -> Iterator[Action]:
        """What is sent, and what is waited for in between."""
        start = 0
        for number, seconds in (*self.pauses, (len(self.lines), 0.0)):
            last = number == len(self.lines)
            if (part := self.lines[start:number]) or (last and self.behind):
                said = _spoken(part)
                yield Send(said.data + self.behind) if last and self.behind else said
            if seconds:
                yield Wait(seconds)
            start = number


def reply(*lines: str, then: Then = Then.GO_ON, delay: float = 0.0) -> Answer:
    """An answer with these lines."""
    return Answer(lines, then, delay)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What a scripted server does, phase by phase.

    ``listen`` False: nobody listens, connections are refused. ``ehlo`` None: the greeting made of ``host``
    and ``extensions``, with STARTTLS among them until TLS is up. ``recipients`` has answers for single
    recipients (the address as the client wrote it, without angle brackets), before ``rcpt``.
    ``auth`` has the answer to AUTH and then to each further line of the exchange, while they begin with 334;
    None: AUTH is ``unknown``. ``bdat`` is for chunks but the last, which gets ``end_of_data``. That counts as
    an acceptance if it begins with 2. ``chain`` names the certificate chain,
    ``chains_by_sni`` others for lower-case server names.
    """

    listen: bool = True
    tls_on_connect: bool = False
    host: str = "mx.test.ex"
    banner: Answer | None = None
    extensions: tuple[str, ...] = ("STARTTLS", "HELP")
    ehlo: Answer | None = None
    helo: Answer | None = None
    starttls: Answer = Answer(("220 TLS go ahead",), Then.TLS)
    mail: Answer = Answer(("250 OK",))
    rcpt: Answer = Answer(("250 OK",))
    recipients: tuple[tuple[str, Answer], ...] = ()
    auth: tuple[Answer, ...] | None = None
    data: Answer = Answer(("354 Send it",), Then.DATA)
    bdat: Answer = Answer(("250 OK",))
    end_of_data: Answer = Answer(("250 OK id=X",))
    reset: Answer = Answer(("250 OK",))
    quit: Answer = Answer(("221 bye",), Then.CLOSE)
    unknown: Answer = Answer(("500 unknown command",))
    garbage: str = "This is no ServerHello"
    chain: str = "good"
    chains_by_sni: tuple[tuple[str, str], ...] = ()
    max_version: str = "TLSv1.3"
    request_client_certificate: bool = False

    def __post_init__(self) -> None:
        if self.auth == ():
            raise InputError("auth: expected an answer to AUTH")
        for phase in ("banner", "ehlo", "helo", "mail", "rcpt", "end_of_data", "reset", "quit", "unknown"):
            answer = getattr(self, phase)
            if answer is not None and answer.then in (Then.TLS, Then.DATA):
                raise InputError(f"{phase}: {answer.then.value!r} cannot follow it")

    def greeting(self) -> Answer:
        """The banner."""
        return self.banner or reply(f"220 {self.host} ESMTP")

    def hello(self, *, extended: bool, tls: bool) -> Answer:
        """The answer to EHLO (``extended``) or HELO; ``tls`` tells whether TLS is up."""
        if not extended:
            return self.helo or reply(f"250 {self.host}")
        if self.ehlo is not None:
            return self.ehlo
        offered = [name for name in self.extensions if not (tls and name.upper() == "STARTTLS")]
        texts = [self.host, *offered]
        return Answer((*(f"250-{text}" for text in texts[:-1]), f"250 {texts[-1]}"))

    def does_tls(self) -> bool:
        """Whether a handshake can come about: at once, or because STARTTLS is on offer and answered so."""
        offer = self.hello(extended=True, tls=False).lines
        promised = any(line[4:].upper() == "STARTTLS" for line in offer)
        return self.tls_on_connect or (promised and self.starttls.then is Then.TLS)


EVIDENCE_BEHAVIOURS: Mapping[str, Behaviour] = {
    "ok": Behaviour(),
    "nostarttls": Behaviour(extensions=("HELP",)),
    "st454": Behaviour(starttls=reply("454 TLS not now")),
    "st554": Behaviour(starttls=reply("554 TLS never")),
    "stclose": Behaviour(starttls=reply("220 TLS go ahead", then=Then.CLOSE)),
    "stgarbage": Behaviour(starttls=reply("220 TLS go ahead", then=Then.GARBAGE)),
    "ehlo502": Behaviour(ehlo=reply("502 not implemented")),
    "banner421": Behaviour(banner=reply("421 mx.test.ex busy", then=Then.CLOSE)),
    "banner554": Behaviour(banner=reply("554 mx.test.ex no service")),
    "rcpt450": Behaviour(rcpt=reply("450 later")),
    "rcpt550": Behaviour(rcpt=reply("550 unknown")),
    "refused": Behaviour(listen=False),
    "cert-wrongname": Behaviour(chain="wrongname"),
    "cert-expired": Behaviour(chain="expired"),
    "cert-selfsigned": Behaviour(chain="selfsigned"),
    "cert-eeonly": Behaviour(chain="eeonly"),
    "smtps": Behaviour(tls_on_connect=True),
}
"""The named servers of the recordings, by name; their chains are those of ``standard_chains``."""


@dataclass(slots=True)
class ConnectionLog:
    """What the server saw of one connection.

    ``events`` in order: the first word of each SMTP command (MAIL and RCPT whole), ``TLS``,
    ``TLS-failed REASON``, ``message accepted``, ``EOF`` (the client closed or reset without QUIT),
    ``BINARY`` (TLS, or other rubbish, where a command was due), ``error REASON`` (the client broke an
    established TLS session off). ``sni`` is what the client asked for, ``tls`` the version agreed on.
    ``authentication`` are the lines of AUTH, whole.
    """

    server: Endpoint | None = None
    client: Endpoint | None = None
    events: list[str] = field(default_factory=list)
    sni: str | None = None
    tls: str | None = None
    messages: list[Received] = field(default_factory=list)
    authentication: list[str] = field(default_factory=list)


class State(Enum):
    """Where an ``SmtpSession`` is."""

    COMMAND = "a command is due"
    HANDSHAKE = "a TLS handshake is under way"
    DATA = "inside a message"
    AUTH = "a line of an authentication is due"
    CHUNK = "inside a chunk of a message"
    GARBAGE = "the next bytes get text for an answer"
    DEAF = "whatever comes is swallowed"
    CLOSED = "done"


# The state that an answer leads to, and the action that ends it.
_AFTER: Mapping[Then, tuple[State, Action | None]] = {
    Then.GO_ON: (State.COMMAND, None),
    Then.CLOSE: (State.CLOSED, Close()),
    Then.RESET: (State.CLOSED, Close(reset=True)),
    Then.TLS: (State.HANDSHAKE, None),
    Then.DATA: (State.DATA, None),
    Then.GARBAGE: (State.GARBAGE, None),
    Then.SILENCE: (State.DEAF, None),
}

# States in which the end of the client's stream is an event: it should have said QUIT.
_AT_EOF = frozenset({State.COMMAND, State.DATA, State.DEAF, State.AUTH, State.CHUNK})

COMMANDS: Mapping[str, str] = {
    "EHLO": "ehlo",
    "HELO": "helo",
    "STARTTLS": "starttls",
    "MAIL": "mail",
    "RCPT": "rcpt",
    "AUTH": "auth",
    "DATA": "data",
    "BDAT": "bdat",
    "RSET": "reset",
    "NOOP": "reset",
    "QUIT": "quit",
}
"""The phase of a ``Behaviour`` that answers each SMTP verb; others get ``unknown``."""

_TOO_BIG = reply("552 message too big", then=Then.CLOSE)
_WHOLE = frozenset({"MAIL", "RCPT"})
_BDAT = re.compile(r"BDAT ([0-9]{1,9})( LAST)?", re.IGNORECASE)


Report = Callable[[ConnectionLog, str], None]
"""Told of each event of a connection as it happens."""


class SmtpSession:
    """One connection to a scripted server (a ``Session``)."""

    def __init__(
        self,
        behaviour: Behaviour,
        policy: TlsPolicy | None,
        log: ConnectionLog,
        report: Report | None = None,
        *,
        keep: bool = True,
    ) -> None:
        self.behaviour = behaviour
        self.log = log
        self._report = report
        self._keep = keep
        self.state = State.COMMAND
        self._policy = policy
        self._buffer = bytearray()
        self._tls = False
        self._sender = ""
        self._recipients: list[str] = []
        self._content = Content(keep=keep)
        self._commands = 0
        self._exchange: list[Answer] = []
        self._chunk_left = 0
        self._chunk_is_last = False

    # ---- what the shell calls

    def on_connect(self, client: Endpoint, server: Endpoint) -> Iterable[Action]:
        """A connection was accepted."""
        self.log.client, self.log.server = client, server
        if self.behaviour.tls_on_connect:
            return self._answer(Answer(then=Then.TLS))
        return self._answer(self.behaviour.greeting())

    def on_data(self, data: bytes) -> Iterable[Action]:
        """Bytes arrived: complete lines are acted on, the rest is kept."""
        self._buffer += data
        actions: list[Action] = []
        while self._buffer and (step := _STEPS[self.state](self)) is not None:
            actions += step
        return actions

    def on_tls(self, session: TlsSession) -> Iterable[Action]:
        """The handshake is complete: EHLO, or the banner, starts anew."""
        self._tls = True
        self.log.tls = session.version
        self._note("TLS")
        self.state = State.COMMAND
        return self._answer(self.behaviour.greeting()) if self.behaviour.tls_on_connect else ()

    def on_tls_failure(self, reason: str) -> Iterable[Action]:
        """The handshake failed, or an alert ended the session; either way the server hangs up.

        Of a client that speaks plain text the server has read no more than a record's header: the kernel
        resets a connection that is closed with the rest unread.
        """
        word = "TLS-failed" if self.state is State.HANDSHAKE else "error"
        self._note(f"{word} {reason}")
        return self._close(reset=reason == "WRONG_VERSION_NUMBER")

    def on_eof(self) -> Iterable[Action]:
        """The client is gone."""
        if self.state in _AT_EOF:
            self._note("EOF")
        return self._close()

    def on_close(self) -> None:
        """The connection is gone; nothing is left to do."""
        self.state = State.CLOSED

    # ---- one step of each state: actions, or None if more input is needed

    def _command(self) -> list[Action] | None:
        if not 32 <= self._buffer[0] < 127 and self._buffer[0] not in b"\r\n\t":
            self._note("BINARY")
            self.state = State.DEAF
            return []
        line = self._line()
        if line is None and len(self._buffer) < MAX_LINE + 2:
            return None
        if line is None or len(line) > MAX_LINE:
            return self._answer(reply("500 line too long", then=Then.CLOSE))
        self._commands += 1
        if self._commands > MAX_COMMANDS:
            return self._answer(reply("421 too many commands", then=Then.CLOSE))
        text = line.decode("latin-1").strip()
        verb = text.partition(" ")[0].upper()
        if verb:
            self._note(text if verb in _WHOLE else verb)
        if verb == "BDAT" and (chunk := _BDAT.fullmatch(text)):
            self._chunk_left, self._chunk_is_last = int(chunk[1]), chunk[2] is not None
            self.state = State.CHUNK
            return [] if self._chunk_left else self._end_of_chunk()
        return self._answer(self._phase(verb, text))

    def _data(self) -> list[Action] | None:
        over = self._content.take(self._buffer)
        if self._content.too_big:
            return self._answer(_TOO_BIG)
        if not over:
            return None
        return self._end_of_message(self.behaviour.end_of_data)

    def _chunk(self) -> list[Action]:
        part = bytes(self._buffer[: self._chunk_left])
        del self._buffer[: self._chunk_left]
        self._content.add(part)
        self._chunk_left -= len(part)
        if self._content.too_big:
            return self._answer(_TOO_BIG)
        return [] if self._chunk_left else self._end_of_chunk()

    def _end_of_chunk(self) -> list[Action]:
        if not self._recipients:
            return self._end_of_message(reply("503 no valid recipients"))
        if self._chunk_is_last:
            return self._end_of_message(self.behaviour.end_of_data)
        return self._answer(self.behaviour.bdat)

    def _end_of_message(self, answer: Answer) -> list[Action]:
        if answer.lines and answer.lines[-1].startswith("2"):
            if self._keep:
                octets = self._content.octets()
                self.log.messages.append(Received(self._sender, tuple(self._recipients), octets))
            self._note("message accepted")
        self._content, self._recipients = Content(keep=self._keep), []
        return self._answer(answer)

    def _auth(self) -> list[Action] | None:
        line = self._line()
        if line is None:
            return None
        self.log.authentication.append(line.decode("latin-1"))
        if line == b"*":
            self._exchange = []
            return self._answer(reply("501 authentication cancelled"))
        return self._answer(self._exchange.pop(0) if self._exchange else reply("535 there is no more to say"))

    def _garbage(self) -> list[Action]:
        self._buffer.clear()
        return self._answer(reply(self.behaviour.garbage, then=Then.CLOSE))

    def _swallow(self) -> None:
        self._buffer.clear()

    # ---- helpers

    def _note(self, event: str) -> None:
        if self._keep:
            self.log.events.append(event)
        if self._report is not None:
            self._report(self.log, event)

    def _line(self) -> bytes | None:
        """The next line without its end, or None if it is not complete."""
        end = self._buffer.find(b"\n")
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    def _phase(self, verb: str, text: str) -> Answer:
        behaviour, phase = self.behaviour, COMMANDS.get(verb, "unknown")
        match phase:
            case "ehlo" | "helo":
                return behaviour.hello(extended=phase == "ehlo", tls=self._tls)
            case "starttls" if behaviour.starttls.then is Then.TLS and (self._tls or self._policy is None):
                return reply("503 TLS is not on offer")
            case "auth" if behaviour.auth is not None:
                self.log.authentication.append(text)
                first, *self._exchange = behaviour.auth
                return first
            case "auth":
                return behaviour.unknown
            case "bdat":
                return reply("501 expected a size, and LAST or nothing")
            case "mail":
                self._sender, self._recipients = _path(text), []
            case "rcpt":
                recipient = _path(text)
                answer = dict(behaviour.recipients).get(recipient, behaviour.rcpt)
                if self._keep and answer.lines and answer.lines[-1].startswith("2"):
                    self._recipients.append(recipient)
                return answer
        answer = getattr(behaviour, phase)
        assert isinstance(answer, Answer)
        return answer

    def _answer(self, answer: Answer) -> list[Action]:
        actions: list[Action] = [Wait(answer.delay)] if answer.delay else []
        actions += answer.spoken()
        self.state, last = _AFTER[answer.then]
        asks = bool(answer.lines) and answer.lines[-1].startswith("334")
        if asks and self.state is State.COMMAND:
            self.state = State.AUTH
        if self.state is State.HANDSHAKE:
            assert self._policy is not None
            last = StartTls(self._policy, bytes(self._buffer), self._hello)
            self._buffer.clear()
        return [*actions, last] if last is not None else actions

    def _hello(self, sni: str | None) -> None:
        self.log.sni = sni

    def _close(self, *, reset: bool = False) -> list[Action]:
        self.state = State.CLOSED
        return [Close(reset)]


_STEPS = {
    State.COMMAND: SmtpSession._command,
    State.DATA: SmtpSession._data,
    State.AUTH: SmtpSession._auth,
    State.CHUNK: SmtpSession._chunk,
    State.GARBAGE: SmtpSession._garbage,
    State.DEAF: SmtpSession._swallow,
    State.HANDSHAKE: SmtpSession._swallow,
    State.CLOSED: SmtpSession._swallow,
}


@lru_cache(maxsize=1024)
def _spoken(lines: tuple[str, ...]) -> Send:
    return Send("".join(f"{line}\r\n" for line in lines).encode())


def _path(text: str) -> str:
    """The address of ``MAIL FROM:<a@b> SIZE=1`` without the brackets."""
    _, _, path = text.partition(":")
    path = path.strip()
    return path[1:].partition(">")[0] if path.startswith("<") else path.partition(" ")[0]


class SmtpServer:
    """A scripted server: called, it gives a session (it is a ``SessionFactory``).

    ``connections`` are the logs of its connections in order of acceptance; ``report`` is told of each event.
    Without ``keep`` it remembers neither connections nor events nor messages, so that it can go on for ever.
    ``policy`` is what it brings into handshakes, None if it never has one.
    """

    def __init__(
        self,
        behaviour: Behaviour,
        chains: Mapping[str, TlsIdentity],
        report: Report | None = None,
        *,
        keep: bool = True,
    ) -> None:
        self.behaviour = behaviour
        self._report = report
        self._keep = keep
        self.connections: list[ConnectionLog] = []
        self.policy = _policy(behaviour, chains)

    def __call__(self) -> SmtpSession:
        """A session for a new connection."""
        log = ConnectionLog()
        if self._keep:
            self.connections.append(log)
        return SmtpSession(self.behaviour, self.policy, log, self._report, keep=self._keep)


def _policy(behaviour: Behaviour, chains: Mapping[str, TlsIdentity]) -> TlsPolicy | None:
    if not behaviour.does_tls():
        return None
    names = (behaviour.chain, *(name for _, name in behaviour.chains_by_sni))
    for name in names:
        if name not in chains:
            raise InputError(f"certificate chain {name!r}: expected one of {', '.join(sorted(chains))}")
    return TlsPolicy(
        identity=chains[behaviour.chain],
        by_sni=tuple((sni, chains[name]) for sni, name in behaviour.chains_by_sni),
        max_version=behaviour.max_version,
        request_client_certificate=behaviour.request_client_certificate,
    )


def log_of(accepted: Accepted) -> ConnectionLog:
    """What a scripted server noted of a connection that it accepted."""
    assert isinstance(accepted.session, SmtpSession)
    return accepted.session.log
