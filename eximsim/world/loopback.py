"""The loopback world: real sockets, real DNS, real TLS handshakes, on 127.0.0.1.

Addresses and ports of the scenario are mapped to ports of 127.0.0.1. What must not depend on the machine's
speed does not: the clock is the memory world's, moved by the same rules; a client goes on only when the
server has come to rest; and the moment at which a server wrote something decides whether the client's time
limit was enough. So the same scenario gives the same logs in both worlds. ``time_scale`` says how much of
each wait really happens. Whoever waits drives the servers meanwhile: there is no other thread, unless other
programs are told where the servers are.
"""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

from eximsim.errors import Unsupported
from eximsim.ports import (
    ConnectError,
    Connection,
    ConnectionLost,
    DnsAnswer,
    Endpoint,
    HandshakeError,
    HandshakeFault,
    ReadTimeout,
    SessionFactory,
    TlsAlert,
    TlsOffer,
    TlsSession,
)
from eximsim.server_sessions import GoingOn
from eximsim.world.accepting import Acceptor, Door
from eximsim.world.clock import START, VirtualClock
from eximsim.world.handshake import check_ciphers
from eximsim.world.host import Accepted, Host, HostedWorld
from eximsim.world.loop import READ, WRITE, Loop
from eximsim.world.nameserver import NameService, Query, one_port
from eximsim.world.reply import Reply, Zones
from eximsim.world.resolver import query
from eximsim.world.serving import Served
from eximsim.world.stub_resolver import REJECTIONS
from eximsim.world.tls import ClientEngine, TlsFault, client_fault

_LOOPBACK = "127.0.0.1"
_CHUNK = 65536
_ARRIVAL_LIMIT = 60.0
"""Seconds of real time for what must come: an answer that the zones promise, an accepted connection."""
_LOST_SECONDS = 0.02
"""Seconds of real time that an answer is waited for, at least, which will not come."""


class LoopbackWorld(HostedWorld):
    """A ``World`` on real sockets; a context manager that leaves neither threads nor sockets behind."""

    def __init__(
        self, zones: Zones, host: Host | None = None, *, start: float = START, time_scale: float = 0.0
    ) -> None:
        super().__init__(host or Host())
        self.zones = zones
        self.clock = VirtualClock(start)
        self.time_scale = time_scale
        self._doors: dict[tuple[str | None, int], Door] = {}
        self._callers: dict[int, Accepted] = {}
        self._served: dict[int, Served] = {}
        self._all_served: list[Served] = []
        self._open: dict[int, LoopbackConnection] = {}
        self._questions: list[str] = []
        self._closing = False
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.loop = Loop()
            stack.callback(self.loop.close)
            udp, tcp = (stack.enter_context(wire) for wire in one_port(_LOOPBACK, 0))
            service = NameService(
                self.loop, self.zones, udp, tcp, on_query=self._note, time_scale=self.time_scale
            )
            stack.callback(service.close)
            self._name_server: tuple[str, int] = udp.getsockname()
            self._nobody = stack.enter_context(socket.socket())
            self._nobody.bind((_LOOPBACK, 0))  # bound, but not listening: the kernel refuses connections
            stack.callback(self._stop_serving)
            self._acceptor = Acceptor(self.loop, self._welcome)
            stack.callback(self._acceptor.close)
            stack.callback(self.hang_up)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def questions(self) -> tuple[str, ...]:
        """What reached the name server, as ``"TYPE name"``, in order."""
        return tuple(self._questions)

    @property
    def handshakes(self) -> int:
        """How many TLS handshakes the servers have completed."""
        return sum(served.handshakes for served in self._all_served)

    def lookup(self, name: str, type: str, *, timeout: float, tries: int, dnssec: bool) -> DnsAnswer:
        """See ``World``. The zones know whether an answer will come in time; the real limit is generous."""
        reply = self.zones.answer(name, type)
        address, port = self._name_server
        answer = DnsAnswer("TIMEOUT")
        due = reply.delay
        for _ in range(tries):
            in_time = not reply.drop and due < timeout
            limit = _ARRIVAL_LIMIT if in_time else max(timeout * self.time_scale, _LOST_SECONDS)
            found = query(
                address, port, name, type, timeout=limit, tries=1, dnssec=dnssec, ready=self.loop.ready
            )
            self.clock.advance(due if in_time else timeout)
            if not in_time:
                due -= timeout  # the answer to an earlier try will do
                continue
            answer = found
            if answer.rcode not in REJECTIONS:
                break
            due = reply.delay
        return answer

    def connect(self, address: str, port: int, timeout: float, interface: str | None = None) -> Connection:
        """See ``World``. A local address without a listener is mapped to a port where nobody listens."""
        source = self._source(address, interface)
        listener = self._listening(address, port)
        if listener is None:
            number, seconds = self.host.refusal(address, timeout)
            if number != errno.ECONNREFUSED:
                self.clock.advance(seconds)
                raise ConnectError(number)
            with socket.socket() as wire:
                raise ConnectError(wire.connect_ex(self._nobody.getsockname()))
        door = self._doors[listener]
        client, server = Endpoint(source, self._new_port()), Endpoint(address, port)
        wire, served = self._call(door, Accepted(client, server, door.factory()))
        connection = LoopbackConnection(self, wire, served, client)
        self._open[client.port] = connection
        connection.settle()
        return connection

    def now(self) -> float:
        """See ``World``: the virtual clock."""
        return self.clock.time

    def sleep(self, seconds: float) -> None:
        """See ``World``: only the virtual clock moves."""
        self.clock.advance(seconds)

    def listen(self, address: str | None, port: int, factory: SessionFactory) -> None:
        """See ``World``; raises ``OSError`` (EADDRINUSE)."""
        self._add_listener(address, port, factory)
        place = Endpoint(address or _LOOPBACK, port)
        self._doors[address, port] = self._acceptor.open(_LOOPBACK, 0, factory, place)

    def unlisten(self, address: str | None, port: int) -> None:
        """See ``World``."""
        del self._listeners[address, port]
        self._acceptor.shut(self._doors.pop((address, port)))

    def real_address(self, address: str | None, port: int) -> tuple[str, int]:
        """Where a listener of the scenario really listens, for programs other than the model.

        From then on the servers have a thread of their own.
        """
        self.loop.start()
        return self._doors[address, port].real()

    def hang_up(self) -> None:
        """Close what clients have left open, as the kernel does when a process dies."""
        for connection in list(self._open.values()):
            connection.close()

    def forget(self, connection: LoopbackConnection) -> None:
        """``connection`` is closed."""
        self._open.pop(connection.local_port, None)

    def nap(self, seconds: float) -> None:
        """Wait as much real time as ``time_scale`` makes of ``seconds``."""
        if self.time_scale:
            self.loop.until(lambda: self._closing, seconds * self.time_scale)

    def _call(self, door: Door, caller: Accepted) -> tuple[socket.socket, Served]:
        """Connect to a listener, and find the connection that it accepted."""
        wire = socket.socket()
        try:
            wire.bind((_LOOPBACK, 0))
            port = wire.getsockname()[1]
            self._callers[port] = caller
            wire.connect(door.real())
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            wire.close()
            raise ConnectError(error.errno or errno.ECONNREFUSED) from error
        wire.setblocking(False)
        if not self.loop.until(lambda: port in self._served, _ARRIVAL_LIMIT):
            wire.close()
            raise RuntimeError("a connection was never accepted")
        return wire, self._served.pop(port)

    def _welcome(self, connection: socket.socket, door: Door, peer: tuple[str, int]) -> None:
        caller = self._callers.pop(peer[1], None)
        if caller is None:
            caller = Accepted(Endpoint(*peer), door.place, door.factory())
        served = Served(self.loop, connection, caller.session, clock=self.clock, time_scale=self.time_scale)
        self.accepted.append(Accepted(caller.client, caller.server, caller.session))
        self._all_served.append(served)
        self._served[peer[1]] = served
        served.start(caller.client, caller.server)

    def _note(self, asked: Query, reply: Reply) -> None:
        self._questions.append(f"{asked.type} {asked.name}")

    def _stop_serving(self) -> None:
        self._closing = True
        for served in self._all_served:
            served.stop()
        for served in self._all_served:
            served.raise_problem()


class LoopbackConnection:
    """The client's end of a real connection."""

    def __init__(self, world: LoopbackWorld, wire: socket.socket, served: Served, client: Endpoint) -> None:
        self.local_address = client.address
        self.local_port = client.port
        self._world = world
        self._wire = wire
        self._served = served
        self._sent = 0
        self._received = 0
        self._engine: ClientEngine | None = None
        self._client_open = True

    def settle(self) -> None:
        """Wait until the server has dealt with all that was sent."""
        self._served.rest(self._sent)

    def send(self, data: bytes) -> None:
        """See ``Connection``."""
        if not self._client_open:
            raise ConnectionLost(errno.EPIPE)
        if self._engine is None:
            self._write(data)
        else:
            self._engine.write(data)
            self._write(self._engine.outgoing())

    def receive(self, timeout: float) -> bytes:
        """See ``Connection``."""
        if not self._client_open:
            return b""
        limit = self._world.now() + timeout
        if self._engine is None:
            return self._read(limit)
        try:
            while (plain := self._engine.read()) == b"":
                wire = self._read(limit)
                if not wire:
                    return b""
                self._engine.feed(wire)
        except TlsFault as fault:
            raise ConnectionLost(errno.ECONNRESET) from fault
        return plain or b""

    def close(self) -> None:
        """See ``Connection``."""
        if not self._client_open:
            return
        if self._engine is not None:
            self._engine.shutdown()
            with suppress(ConnectionLost):
                self._write(self._engine.outgoing())
        self._client_open = False
        self._world.forget(self)
        self._wire.close()
        self._served.rest(None)

    def abandon(self, alert: TlsAlert | None = None) -> None:
        """See ``Connection``."""
        if alert is not None:
            raise Unsupported(f"a client that ends TLS with the alert {alert.value!r}, on sockets")
        if self._client_open:
            self._client_open = False
            self._world.forget(self)
            self._wire.close()
            self._served.rest(None)

    check_ciphers = staticmethod(check_ciphers)

    def start_tls(self, offer: TlsOffer, timeout: float) -> TlsSession:
        """See ``Connection``."""
        limit = self._world.now() + timeout
        engine = ClientEngine(offer)
        try:
            self._shake_hands(engine, limit)
        except HandshakeError:
            self._drain()
            raise
        self._engine = engine
        return engine.session()

    def end_tls(self) -> bool:
        """See ``Connection``; servers that go on are in memory only."""
        if isinstance(self._served.session, GoingOn):
            raise Unsupported("a call that goes on in clear after its TLS session, on sockets")
        self.close()
        return False

    def forget_tls(self) -> None:
        """See ``Connection``."""
        self._engine = None

    def _shake_hands(self, engine: ClientEngine, limit: float) -> None:
        """Do a handshake; raises ``HandshakeError``."""
        try:
            while not engine.handshake():
                self._write_blindly(engine.outgoing())
                engine.feed(self._read_hello(limit))
        except TlsFault as fault:
            self._write_blindly(engine.outgoing())
            raise client_fault(engine, fault) from fault
        self._write_blindly(engine.outgoing())
        record = engine.late_refusal()
        if record:
            self._write_blindly(record)
            detail = engine.refusal.value if engine.refusal else ""
            raise HandshakeError(HandshakeFault.REFUSED, detail, engine.session())

    def _read_hello(self, limit: float) -> bytes:
        """The next bytes of a handshake; raises ``HandshakeError``."""
        try:
            wire = self._read(limit)
        except ReadTimeout as error:
            raise HandshakeError(HandshakeFault.TIMEOUT) from error
        except ConnectionLost as error:
            raise HandshakeError(HandshakeFault.RESET) from error
        if not wire:
            raise HandshakeError(HandshakeFault.CLOSED)
        return wire

    def _drain(self) -> None:
        """Throw away what the server has written: it belongs to a session that has failed."""
        while (mark := self._served.next_mark(self._received)) is not None and mark.end is not None:
            try:
                wire = self._take(mark.end - self._received)
            except OSError:
                return
            if not wire:  # the connection ended first
                return
            self._received += len(wire)

    def _write_blindly(self, wire: bytes) -> None:
        """Write a part of a handshake: if the server is gone, the next read tells."""
        with suppress(ConnectionLost):
            self._write(wire)

    def _write(self, wire: bytes) -> None:
        self._sent += len(wire)
        while wire:
            try:
                wire = wire[self._wire.send(wire) :]
            except BlockingIOError:
                self._wait(WRITE)
            except OSError as error:
                raise ConnectionLost(error.errno or errno.EPIPE) from error
        self.settle()

    def _take(self, size: int) -> bytes:
        """Octets that have been written; raises ``OSError``."""
        while True:
            try:
                return self._wire.recv(size)
            except BlockingIOError:
                self._wait(READ)

    def _wait(self, events: int) -> None:
        if not self._world.loop.ready(self._wire, events, _ARRIVAL_LIMIT):
            raise RuntimeError("a connection hangs")

    def _read(self, limit: float) -> bytes:
        """What the server wrote in one piece, if that was before ``limit`` on the virtual clock."""
        clock = self._world.clock
        mark = self._served.next_mark(self._received)
        if mark is None or mark.time > limit:
            self._world.nap(max(0.0, limit - clock.time))
            clock.advance_to(limit)
            raise ReadTimeout
        clock.advance_to(mark.time)
        size = _CHUNK if mark.end is None else mark.end - self._received
        try:
            wire = self._take(size)
        except OSError as error:
            raise ConnectionLost(error.errno or errno.ECONNRESET) from error
        self._received += len(wire)
        return wire
