"""Server sessions on real sockets: one thread accepts, and one thread drives each session.

A session's thread tells its state, so that a client in the same process can wait until the server has
come to rest: nothing that either of them logs then depends on how the threads were scheduled.
"""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Self

from eximsim.errors import InputError
from eximsim.ports import Action, Close, Endpoint, Send, Session, SessionFactory, StartTls, Wait
from eximsim.world.clock import VirtualClock
from eximsim.world.tls import UNEXPECTED_EOF, ServerEngine, TlsFault

_CHUNK = 65536
_RST_ON_CLOSE = struct.pack("ii", 1, 0)
_REST_LIMIT = 120.0
"""Seconds of real time after which a session that does not come to rest is taken for hung."""


class Phase(Enum):
    """What a session's thread is doing."""

    RUNNING = "running"
    WAITING = "waiting for the client"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Mark:
    """The stream up to offset ``end`` (None: its end) was written at virtual ``time``."""

    end: int | None
    time: float


class Served:
    """One accepted connection and the thread that drives its session.

    ``time_scale`` says how much of a session's waiting really happens: 1 all of it, 0 none.
    """

    def __init__(
        self, connection: socket.socket, session: Session, clock: VirtualClock, time_scale: float
    ) -> None:
        self.session = session
        self.problem: BaseException | None = None
        self.handshakes = 0
        self._socket = connection
        self._clock = clock
        self._time = clock.time
        self._time_scale = time_scale
        self._hurry = threading.Event()
        self._changed = threading.Condition()
        self._phase = Phase.RUNNING
        self._received = 0
        self._sent = 0
        self._marks: deque[Mark] = deque()
        self._engine: ServerEngine | None = None
        self._shaking = False
        self._closed = False
        self._thread = threading.Thread(target=self._main, name="session", daemon=True)

    # ---- what others may call

    def start(self, client: Endpoint, server: Endpoint) -> None:
        """Begin to serve."""
        self._ends = (client, server)
        self._thread.start()

    def rest(self, sent: int | None) -> None:
        """Wait until the session has dealt with the first ``sent`` octets (None: all, and the end).

        Raises what the session raised.
        """

        def at_rest() -> bool:
            heard = sent is not None and self._received >= sent and self._phase is Phase.WAITING
            return heard or self._phase is Phase.DONE

        with self._changed:
            if not self._changed.wait_for(at_rest, _REST_LIMIT):
                raise RuntimeError("a server session hangs")
        self.raise_problem()

    def raise_problem(self) -> None:
        """Raise what the session raised, once."""
        problem, self.problem = self.problem, None
        if problem is not None:
            raise problem

    def is_done(self) -> bool:
        """Whether the connection is over, and nothing is left to be said about it."""
        return self._phase is Phase.DONE and self.problem is None

    def next_mark(self, offset: int) -> Mark | None:
        """When, and up to where, the octets from ``offset`` on were written; None if nothing was yet."""
        with self._changed:
            while self._marks and (end := self._marks[0].end) is not None and end <= offset:
                self._marks.popleft()
            return self._marks[0] if self._marks else None

    def stop(self) -> None:
        """Close the connection and wait for the thread; what waits, waits no longer."""
        self._hurry.set()
        with suppress(OSError):  # it is closed, or the client has closed it
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    # ---- the thread

    def _main(self) -> None:
        try:
            self._run(self.session.on_connect(*self._ends))
            while not self._closed:
                self._receive()
        except BaseException as problem:
            self.problem = problem
        finally:
            self._shut(reset=False)
            try:
                self.session.on_close()
            except BaseException as problem:
                self.problem = self.problem or problem
            self._enter(Phase.DONE)

    def _enter(self, phase: Phase, received: int = 0) -> None:
        with self._changed:
            self._phase = phase
            self._received += received
            self._changed.notify_all()

    def _receive(self) -> None:
        self._enter(Phase.WAITING)
        try:
            data = self._socket.recv(_CHUNK)
        except OSError:
            data = b""
        self._enter(Phase.RUNNING, len(data))
        if not data:
            failed = self.session.on_tls_failure(UNEXPECTED_EOF) if self._shaking else self.session.on_eof()
            self._run(failed)
            self._closed = True
        elif self._engine is None:
            self._run(self.session.on_data(data))
        else:
            self._engine.feed(data)
            self._advance(self._engine)

    def _advance(self, engine: ServerEngine) -> None:
        """Go on with the handshake, or with what lies behind it."""
        try:
            if self._shaking:
                done = engine.handshake()
                self._write(engine.outgoing())
                if not done:
                    return
                self._shaking = False
                self.handshakes += 1
                self._run(self.session.on_tls(engine.session()))
            while not self._closed and (plain := engine.read()) != b"":
                self._run(self.session.on_eof() if plain is None else self.session.on_data(plain))
                self._closed = self._closed or plain is None
        except TlsFault as fault:
            self._write(engine.outgoing())
            self._engine, self._shaking = None, False
            self._run(self.session.on_tls_failure(fault.reason))

    def _run(self, actions: Iterable[Action]) -> None:
        self._time = max(self._time, self._clock.time)
        known = actions if isinstance(actions, Sequence) else ()
        for number, action in enumerate(actions, 1):
            self._time = max(self._time, self._clock.time)
            match action:
                case Send(data):
                    self._send(data, last=list(known[number:]) == [Close()])
                case Wait(seconds):
                    self._hurry.wait(seconds * self._time_scale)
                    self._time += seconds
                case Close(reset):
                    self._shut(reset=reset)
                    return
                case StartTls():
                    self._engine, self._shaking = ServerEngine(action), True
                    if action.early:
                        self._advance(self._engine)

    def _send(self, data: bytes, *, last: bool) -> None:
        """Send something; if it is the ``last`` thing, in plain text, it goes out together with the end.

        Otherwise a client could be quick enough to write in between, and what it wrote would make a reset of
        the end.
        """
        if self._engine is None:
            self._write(data, socket.MSG_MORE if last else 0)
        else:
            self._engine.write(data)
            self._write(self._engine.outgoing())

    def _write(self, wire: bytes, flags: int = 0) -> None:
        if not wire:
            return
        self._sent += len(wire)
        with self._changed:
            self._marks.append(Mark(self._sent, self._time))
        try:
            self._socket.sendall(wire, flags)
        except OSError:
            return  # the client has gone: the next read says so

    def _shut(self, *, reset: bool) -> None:
        if self._socket.fileno() < 0:
            return
        if reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
        elif self._engine is not None and not self._shaking:
            self._engine.shutdown()
            self._write(self._engine.outgoing())
        self._closed = True
        with self._changed:
            self._marks.append(Mark(None, self._time))
        self._socket.close()


@dataclass(frozen=True, slots=True)
class Door:
    """A listening socket: where it really is, what serves it, and what it is called in the scenario."""

    socket: socket.socket
    factory: SessionFactory
    place: Endpoint

    def real(self) -> tuple[str, int]:
        """The address and port that the socket is bound to."""
        name = self.socket.getsockname()
        return name[0], name[1]


class Acceptor:
    """Accepts connections on any number of sockets; a context manager that leaves nothing behind.

    ``welcome`` is called in the accepting thread for each connection, with the door and the client's real
    address; it makes the session and starts it.
    """

    def __init__(self, welcome: Callable[[socket.socket, Door, tuple[str, int]], None]) -> None:
        self._welcome = welcome
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._lock = threading.Lock()
        self._accepting = threading.Lock()
        self._doors: list[Door] = []
        self._stopping = False
        self._thread = threading.Thread(target=self._main, name="acceptor", daemon=True)
        self._thread.start()

    def open(self, address: str, port: int, factory: SessionFactory, place: Endpoint | None = None) -> Door:
        """Listen on a real address (port 0: any); raises ``OSError``. ``place`` is its scenario name."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            listener.listen(64)
        except OSError:
            listener.close()
            raise
        return self.take(listener, factory, place or Endpoint(address, listener.getsockname()[1]))

    def take(self, listener: socket.socket, factory: SessionFactory, place: Endpoint) -> Door:
        """Accept on a socket that listens already."""
        listener.setblocking(False)
        door = Door(listener, factory, place)
        with self._lock:
            self._doors.append(door)
        self._selector.register(listener, selectors.EVENT_READ, door)
        self._wake.send(b"!")
        return door

    def drain(self) -> None:
        """Return when every connection that the kernel has taken has been welcomed."""
        for door in list(self._doors):
            while self._accept(door):
                pass

    def shut(self, door: Door) -> None:
        """Stop listening there; connections go on."""
        self._selector.unregister(door.socket)
        with self._lock:
            self._doors.remove(door)
        door.socket.close()

    def close(self) -> None:
        """Stop listening everywhere and end the thread."""
        self._stopping = True
        self._wake.send(b"!")
        self._thread.join()
        for door in list(self._doors):
            self.shut(door)
        self._selector.close()
        self._wake.close()
        self._woken.close()

    def _main(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    self._woken.recv(64)
                else:
                    self._accept(key.data)

    def _accept(self, door: Door) -> bool:
        with self._accepting:
            try:
                connection, peer = door.socket.accept()
            except OSError:
                return False  # the client was faster to leave, or the door was shut
            connection.setblocking(True)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._welcome(connection, door, (peer[0], peer[1]))
            return True


class SocketServer:
    """Sessions of one factory on one real address, in real time, for clients outside this process.

    A context manager; ``address`` is where it listens once entered. Entering raises ``InputError``.
    """

    def __init__(self, factory: SessionFactory, address: str = "127.0.0.1", port: int = 0) -> None:
        self.address = (address, port)
        self._factory = factory
        self._served: list[Served] = []

    def __enter__(self) -> Self:
        self._acceptor = Acceptor(self._welcome)
        try:
            self.address = self._acceptor.open(*self.address, self._factory).real()
        except OSError as error:
            self._acceptor.close()
            address, port = self.address
            raise InputError(f"cannot listen on {address} port {port}: {error.strerror}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._acceptor.close()
        for served in self._served:
            served.stop()
        for served in self._served:
            served.raise_problem()

    def _welcome(self, connection: socket.socket, door: Door, peer: tuple[str, int]) -> None:
        self._served = [served for served in self._served if not served.is_done()]
        served = Served(connection, door.factory(), VirtualClock(), time_scale=1.0)
        self._served.append(served)
        served.start(Endpoint(*peer), door.place)
