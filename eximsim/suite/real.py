"""Running a situation on a real Exim: the counterpart of ``suite.replay.Stand``, in a private namespace.

The program runs unmodified, with the configuration, the certificates and the zones that the model has; the
servers are the model's too, on real sockets and with real TLS. What comes out takes the same way through the
same normalisation into a recording's form.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from eximsim.ports import Endpoint
from eximsim.quick_dataclass import dataclass
from eximsim.subjects.conversation import Conversation
from eximsim.subjects.isolation import Place
from eximsim.subjects.namespace import Namespace, Ran
from eximsim.subjects.program import (
    CONFIGURATION,
    ETC,
    EXIM,
    LOST_PRIVILEGE,
    Program,
    examine,
    plain_accounts,
)
from eximsim.subjects.resolver import Resolver
from eximsim.subjects.resources import check_end, check_words
from eximsim.suite.outcome_from_log import delivery_outcome
from eximsim.suite.recording import Seen, Situation
from eximsim.suite.replay import (
    SENDER,
    Normaliser,
    Replayed,
    callout_outcome,
    configuration,
    rcpt_replies,
)
from eximsim.suite.stand_configuration import SERVER_PORT
from eximsim.trace import Trace
from eximsim.world.accepting import Acceptor, Door
from eximsim.world.certificates import load_chains, pem_files
from eximsim.world.loop import Loop
from eximsim.world.rrsets import rrset_zones
from eximsim.world.serving import Served
from eximsim.world.smtp_behaviour import Behaviour
from eximsim.world.smtp_server import SmtpServer, SmtpSession

NETWORKS = ("10.9.0.0/16",)
"""Where a situation's servers may be."""

RUN_SECONDS = 60.0
"""After which a run is a time-out."""

_SPOOL, _CERTIFICATES = "/spool", "/certs"
_LOGS = (("mainlog", ""), ("rejectlog", "REJECT: "), ("paniclog", "PANIC: "))


class RealStand:
    """A place to run situations on one real program; a context manager, for one thread.

    ``certificates`` is a folder of chains with their keys. Entering raises ``NoNamespace`` where the machine
    does not allow one, and ``InputError`` for a program that cannot be compared.
    """

    program: Program

    def __init__(self, exim: Path, certificates: Path) -> None:
        self._exim = exim.absolute()
        self._chains = load_chains(certificates)
        self._pem = pem_files(certificates, _CERTIFICATES)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            place = Place("myhost.test.ex", (), NETWORKS, ETC, {EXIM: str(self._exim)})
            self._inside = stack.enter_context(Namespace(place))
            self.program = examine(self._inside, self._exim, plain_accounts(self._inside))
            self._inside.write(self._pem)
            self._loop = Loop()
            stack.callback(self._loop.close)
            self._resolver = Resolver(self._loop, self._inside)
            stack.callback(self._resolver.close)
            self._acceptor = Acceptor(self._loop, self._welcome)
            stack.callback(self._acceptor.close)
            self._loop.start()
            self._served: list[_Connection] = []
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def replay(self, situation: Situation, kind: str) -> Replayed:
        """Run one situation as a ``"delivery"`` or a ``"callout"``; the trace of a real program is empty."""
        self._inside.fresh(_SPOOL, self.program.uid, {"certs": _CERTIFICATES})
        lines = f"exim_path = {EXIM}\nlog_file_path = {_SPOOL}/log/%slog\n{configuration(situation)}"
        self._inside.write({CONFIGURATION: lines.encode()})
        self._resolver.zones = rrset_zones(situation.zone, certificate=self._chains.certificate)
        doors = self._open(situation)
        try:
            return self._replay(situation, kind)
        finally:
            for door in doors:
                self._acceptor.shut(door)

    def _replay(self, situation: Situation, kind: str) -> Replayed:
        normalise = Normaliser()
        if kind == "callout":
            dialogue = ["EHLO myhost.test.ex", f"MAIL FROM:<{SENDER}>"]
            dialogue += [f"RCPT TO:<{recipient}>" for recipient in situation.recipients]
            spoken = "".join(f"{line}\r\n" for line in (*dialogue, "QUIT")).encode()
            seen = self._run(situation, ["-bs"], spoken, normalise)
            return Replayed(seen, callout_outcome(situation, seen), None, Trace())
        seen = self._run(situation, ["-odf", "-f", SENDER, *situation.recipients], None, normalise)
        second = self._run(situation, [situation.queuerun], None, normalise) if situation.queuerun else None
        return Replayed(seen, delivery_outcome(situation, seen.log), second, Trace())

    def _run(
        self, situation: Situation, arguments: list[str], dialogue: bytes | None, normalise: Normaliser
    ) -> Seen:
        self._served.clear()
        self._resolver.questions.clear()
        argv = [EXIM, "-C", CONFIGURATION, *arguments]
        ran = self._inside.run(argv, dialogue or b"", seconds=RUN_SECONDS)
        files = self._inside.read(_SPOOL)
        check_end(ran.exit)
        check_words(*self._complaints(ran, files))
        self._acceptor.drain()
        replies = ran.stdout.decode("utf-8", "surrogateescape").splitlines()
        return Seen(
            log=self._log(files, normalise),
            smtp=rcpt_replies(replies) if dialogue else (),
            servers=tuple(self._conversations(situation)),
            dns=tuple(self._resolver.questions),
            queued=None if dialogue else sum(path.endswith("-H") for path in files),
            exit=exit_of(ran),
        )

    @staticmethod
    def _complaints(ran: Ran, files: dict[str, bytes]) -> tuple[str, str]:
        """What it wrote to stderr and to its panic log, and what to its main log."""
        main, panic = (files.get(f"{_SPOOL}/log/{name}", b"") for name in ("mainlog", "paniclog"))
        return (ran.stderr + panic).decode("utf-8", "replace"), main.decode("utf-8", "replace")

    def _log(self, files: dict[str, bytes], normalise: Normaliser) -> tuple[str, ...]:
        lines = []
        for name, mark in _LOGS:
            text = files.get(f"{_SPOOL}/log/{name}", b"").decode("utf-8", "surrogateescape")
            shown = (normalise(line) for line in text.splitlines() if line and LOST_PRIVILEGE not in line)
            lines += [f"{mark}{line}" for line in shown]
        for name, _ in _LOGS:
            self._inside.remove(f"*/{name}", f"{_SPOOL}/log")
        return tuple(lines)

    # ---- servers

    def _open(self, situation: Situation) -> list[Door]:
        doors = []
        for address in situation.servers:
            behaviour = situation.behaviour(address)
            if behaviour.listen:
                doors.append(self._door((address, SERVER_PORT), behaviour))
        return doors

    def _door(self, place: tuple[str, int], behaviour: Behaviour) -> Door:
        """Let a server listen."""
        listener = self._inside.socket(socket.SOCK_STREAM, *place)
        return self._acceptor.take(listener, SmtpServer(behaviour, self._chains.chains), Endpoint(*place))

    def _welcome(self, wire: socket.socket, door: Door, peer: tuple[str, int]) -> None:
        session = door.factory()
        assert isinstance(session, SmtpSession)
        served = Served(self._loop, wire, session)
        self._served.append(_Connection(door.place.address, session, served))
        served.start(Endpoint(*peer), door.place)

    def _conversations(self, situation: Situation) -> Iterator[Conversation]:
        """What the servers saw; their clients are gone by now, so that they come to their ends."""
        for connection in self._served:
            connection.served.rest(None)
            log, name = connection.session.log, situation.server_name(connection.address)
            yield Conversation(connection.address, tuple(log.events), log.sni, log.tls, name)


@dataclass(frozen=True, slots=True)
class _Connection:
    address: str
    session: SmtpSession
    served: Served


def exit_of(ran: Ran) -> object:
    """How a run ended, as recordings say it."""
    if ran.exit is None:
        return "timeout"
    return ran.exit if ran.exit >= 0 else f"signal {-ran.exit}"
