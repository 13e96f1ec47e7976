"""The memory world: a simulated network and a clock that moves only when somebody waits.

A server's session runs at once, in the client's call that gives it something to do. What it sends carries
the moment at which it was sent, so that a delay costs the client time, or makes it time out, only when the
client waits for the answer. Handshakes are simulated: versions and ciphers are what OpenSSL 3 agrees on.
"""

from __future__ import annotations

from collections.abc import Callable

from eximsim.beside import Task
from eximsim.piped import PipedCommand
from eximsim.ports import (
    ConnectError,
    Connection,
    DnsAnswer,
    Endpoint,
    Session,
    SessionFactory,
)
from eximsim.world import stub_resolver
from eximsim.world.clock import START, VirtualClock
from eximsim.world.host import Accepted, Host, HostedWorld
from eximsim.world.memory_connection import MemoryConnection
from eximsim.world.memory_names import ZoneServer, askable, too_long
from eximsim.world.messages import Question
from eximsim.world.network import Network, Server
from eximsim.world.reply import Reply, Zones
from eximsim.world.stub_resolver import REJECTIONS, Settings
from eximsim.world.tasks import Tasks


class MemoryWorld(HostedWorld):
    """A ``World`` without sockets: deterministic, and as fast as the model."""

    def __init__(
        self,
        zones: Zones,
        host: Host | None = None,
        *,
        start: float = START,
        side_by_side: bool = False,
    ) -> None:
        super().__init__(host or Host())
        self.zones = zones
        self.clock = VirtualClock(start)
        self._tasks = Tasks(self.clock) if side_by_side else None
        self._questions: list[str] = []
        self._open: dict[int, MemoryConnection] = {}
        self._network = Network(self.clock, self.name_server(), self._note)
        self.server_time: float | None = None  # how late it is for a server that ends

    @property
    def questions(self) -> tuple[str, ...]:
        """What reached the name server, as ``"TYPE name"``, in order."""
        return tuple(self._questions)

    @property
    def open_connections(self) -> tuple[MemoryConnection, ...]:
        """The connections that clients have open, oldest first."""
        return tuple(self._open.values())

    def lookup(self, name: str, type: str, *, timeout: float, tries: int, dnssec: bool) -> DnsAnswer:
        """See ``World``. The zones decide about AD, which is always asked for."""
        reply = self.zones.answer(name, type)
        if reply.answer.rcode == "FORMERR" and not askable(name):
            return reply.answer  # no question can hold it
        if self._needs_no_network(name, type, reply) and tries > 0:
            self._questions.append(f"{type} {name}")
            return reply.answer
        return self._network.lookup(Question(name, type), Settings(timeout, tries, dnssec))

    def _needs_no_network(self, name: str, type: str, reply: Reply) -> bool:
        """Whether the first datagram settles the question, and at once."""
        if reply.drop or reply.delay or reply.truncate or reply.answer.rcode in REJECTIONS:
            return False
        return stub_resolver.PRACTICE.matches and not too_long(name, type, reply.answer)

    def name_server(self) -> Server:
        """What answers the questions."""
        return ZoneServer(lambda: self.zones)

    def _note(self, question: Question) -> None:
        self._questions.append(f"{question.type} {question.name}")

    def connect(self, address: str, port: int, timeout: float, interface: str | None = None) -> Connection:
        """See ``World``."""
        source = self._source(address, interface)
        listener = self._listening(address, port)
        if listener is None:
            number, seconds = self.host.refusal(address, timeout)
            self.sleep(seconds)
            raise ConnectError(number, (source, self._new_port()))
        client, server = Endpoint(source, self._new_port()), Endpoint(address, port)
        session = self._listeners[listener]()
        self.accepted.append(Accepted(client, server, session))
        return self._connected(session, client, server)

    def converse(self, partner: PipedCommand | str) -> Connection:
        """See ``World``."""
        path = partner if isinstance(partner, str) else partner.words[0]
        return self._connected(self._partner(partner), Endpoint("", self._new_port()), Endpoint(path, 0))

    def _connected(self, session: Session, client: Endpoint, server: Endpoint) -> Connection:
        connection = self._open[client.port] = MemoryConnection(self, session, client, server)
        connection.accept()
        return connection

    def now(self) -> float:
        """See ``World``."""
        return self.clock.time

    def sleep(self, seconds: float) -> None:
        """See ``World``."""
        until = self.clock.time + seconds
        while due := [one for one in self.open_connections if (one.deadline() or until + 1) <= until]:
            first = min(due, key=lambda one: one.deadline() or 0)
            moment = first.deadline() or 0
            self.pass_until(moment)
            if first.deadline() == moment:
                first.expire()
        self.pass_until(until)

    def pass_until(self, moment: float) -> None:
        """Let time pass until then, whatever servers make of it."""
        if self._tasks is None:
            self.clock.advance_to(moment)
        else:
            self._tasks.sleep_until(moment)

    @property
    def side_by_side(self) -> bool:
        """See ``World``."""
        return self._tasks is not None

    def spawn(self, job: Callable[[], None]) -> Task:
        """See ``World``."""
        return super().spawn(job) if self._tasks is None else self._tasks.spawn(job)

    def wait(self, until: Callable[[], bool], deadline: float | None = None) -> bool:
        """See ``World``."""
        return super().wait(until, deadline) if self._tasks is None else self._tasks.wait(until, deadline)

    def settle(self) -> None:
        """Let processes that work beside the caller do all that they have begun."""
        if self._tasks is not None:
            self._tasks.settle()

    def listen(self, address: str | None, port: int, factory: SessionFactory) -> None:
        """See ``World``; raises ``OSError`` (EADDRINUSE)."""
        self._add_listener(address, port, factory)

    def unlisten(self, address: str | None, port: int) -> None:
        """See ``World``; a server that sleeps before it ends leaves its callers in the backlog until then."""
        self._drop_listener(address, port, self.server_time or self.clock.time)

    def hang_up(self) -> None:
        """Close what clients have left open, as the kernel does when a process dies."""
        for connection in list(self._open.values()):
            connection.close()

    def forget(self, connection: MemoryConnection) -> None:
        """``connection`` is closed."""
        self._open.pop(connection.local_port, None)
