"""The scripted SMTP test server: a state machine without I/O.

A ``Behaviour`` (``smtp_behaviour``) says what the server does in each phase; an ``SmtpSession`` is one
connection that follows it, and its ``ConnectionLog`` what the server saw. The shells that move the bytes are
the memory world and the loopback world.

What a state makes of its input is in three tables: ``COMMANDS`` (the phase that a verb belongs to),
``_AFTER`` (where an answer leads) and ``_AT_EOF`` (what the end of the client's stream is noted as).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from enum import Enum

from eximsim.errors import InputError
from eximsim.ports import (
    Action,
    Close,
    Endpoint,
    StartTls,
    TlsIdentity,
    TlsPolicy,
    TlsSession,
    Wait,
)
from eximsim.quick_dataclass import dataclass
from eximsim.resumption import LastingTickets
from eximsim.world.host import Accepted
from eximsim.world.smtp_behaviour import Answer, Behaviour, Then, reply
from eximsim.world.smtp_content import Content, Received

MAX_LINE = 8192
"""A longer command line, in octets, gets 500 and the connection is closed."""

MAX_COMMANDS = 100_000
"""After so many commands the connection gets 421 and is closed."""


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

    __hash__ = object.__hash__  # quicker than by name: it is asked for with each command


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
    "LHLO": "lhlo",
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

_EACH, _TAKEN = reply("353 an answer for each"), reply("250 OK")
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
        self._tls = self._lmtp = self._each = False
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

    def on_eof(self, *, cut: bool = False) -> Iterable[Action]:
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
            return self._end_of_message(self.behaviour.last_chunk)
        return self._answer(self.behaviour.bdat)

    def _end_of_message(self, answer: Answer) -> list[Action]:
        if answer.lines and answer.lines[-1].startswith("2"):
            if self._keep:
                octets = self._content.octets()
                self.log.messages.append(Received(self._sender, tuple(self._recipients), octets))
            self._note("message accepted")
        recipients = len(self._recipients)
        answers = [answer] * (max(1, recipients) if self._lmtp else 1)
        if self._each and recipients > 1:
            answers = [_EACH, *[_TAKEN] * (recipients - 1), answer, _TAKEN]
        self._content, self._recipients = Content(keep=self._keep), []
        return [action for one in answers for action in self._answer(one)]

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
            case "lhlo" if behaviour.lmtp:
                self._lmtp = True
                return behaviour.hello(extended=True, tls=self._tls)
            case "lhlo":
                return behaviour.unknown
            case "starttls" if behaviour.starttls.then is Then.TLS and (self._tls or self._policy is None):
                return reply("503 TLS is not on offer")
            case "auth" if (exchange := behaviour.authentication(text)) is not None:
                self.log.authentication.append(text)
                first, *self._exchange = exchange
                return first
            case "auth":
                return behaviour.unknown
            case "bdat":
                return reply("501 expected a size, and LAST or nothing")
            case "mail":
                self._sender, self._recipients = _path(text), []
                self._each = behaviour.prdr and "PRDR" in text.upper().split()
            case "rcpt":
                recipient = _path(text)
                answer = dict(behaviour.recipients).get(recipient, behaviour.rcpt)
                if (
                    (self._keep or self._lmtp or self._each)
                    and answer.lines
                    and answer.lines[-1].startswith("2")
                ):
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
        tickets=LastingTickets((behaviour.chain, behaviour.max_version)) if behaviour.tickets else None,
    )


class Relay(ABC):
    """A session that hands a call on to a scripted server."""

    @property
    @abstractmethod
    def log(self) -> ConnectionLog:
        """What that server noted; nothing if it does not come to it."""


def log_of(accepted: Accepted) -> ConnectionLog:
    """What a scripted server noted of a connection that it accepted."""
    assert isinstance(accepted.session, SmtpSession | Relay)
    return accepted.session.log
