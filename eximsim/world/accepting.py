"""Who gets in: listening sockets, and how much a server that strangers can reach gives to each of them."""

from __future__ import annotations

import errno
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from operator import attrgetter
from types import TracebackType
from typing import Self

from eximsim.errors import InputError
from eximsim.ports import Endpoint, SessionFactory
from eximsim.quick_dataclass import dataclass
from eximsim.world.loop import READ, Loop, Ready
from eximsim.world.serving import Phase, Served

_BACKLOG = 1024
_AT_ONCE = 64
"""How many connections are accepted in a crowd before those that are there get their turn; otherwise one."""
_REST_SECONDS = 0.2
_SHORT_OF = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_SWEEP_SECONDS = 1.0
_CLOSE_SECONDS = 1.0

Welcome = Callable[[socket.socket, "Door", tuple[str, int]], None]


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
    """Accepts connections on any number of sockets.

    ``welcome`` is called in the loop for each connection, with the door and the client's real address; it
    makes the session and starts it. At the limit of descriptors ``make_room`` is asked to close a connection,
    and tells whether it did; if there is none to close, the doors rest for a moment.
    """

    def __init__(self, loop: Loop, welcome: Welcome, make_room: Callable[[], bool] = lambda: False) -> None:
        self._loop = loop
        self._welcome = welcome
        self._make_room = make_room
        self._doors: list[Door] = []

    def open(self, address: str, port: int, factory: SessionFactory, place: Endpoint | None = None) -> Door:
        """Listen on a real address (port 0: any); raises ``OSError``. ``place`` is its scenario name."""
        listener = listening_socket(address, port)
        return self.take(listener, factory, place or Endpoint(address, listener.getsockname()[1]))

    def take(self, listener: socket.socket, factory: SessionFactory, place: Endpoint) -> Door:
        """Accept on a socket that listens already."""
        listener.setblocking(False)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # of what is accepted, too
        door = Door(listener, factory, place)
        self._doors.append(door)
        self._loop.call(lambda: self._watch(door))
        return door

    def drain(self) -> None:
        """Return when every connection that the kernel has taken has been welcomed."""
        self._loop.call(self._drain)

    def shut(self, door: Door) -> None:
        """Stop listening there; connections go on."""
        self._loop.call(lambda: self._shut(door))

    def close(self) -> None:
        """Stop listening everywhere."""
        for door in list(self._doors):
            self.shut(door)

    # ---- in the loop

    def _watch(self, door: Door) -> None:
        if door in self._doors:
            self._loop.watch(door.socket, READ, Ready(lambda: self._accept_some(door)))

    def _shut(self, door: Door) -> None:
        self._loop.forget(door.socket)
        self._doors.remove(door)
        door.socket.close()

    def _drain(self) -> None:
        for door in list(self._doors):
            while self._accept(door):
                pass

    def _accept_some(self, door: Door) -> None:
        for _ in range(_AT_ONCE if self._loop.crowded else 1):
            if not self._accept(door):
                return

    def _accept(self, door: Door) -> bool:
        try:
            connection, peer = door.socket.accept()
        except OSError as error:
            if error.errno not in _SHORT_OF:
                return False  # the client was faster to leave, or nobody is left
            if self._make_room():
                return True
            self._loop.forget(door.socket)
            self._loop.later(_REST_SECONDS, lambda: self._watch(door))
            return False
        self._welcome(connection, door, (peer[0], peer[1]))
        return True


def listening_socket(address: str, port: int) -> socket.socket:
    """A TCP socket that listens on a real address (port 0: any); raises ``OSError``."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What clients of a server may take: connections at once, and seconds.

    ``step`` is for what leads from one answer of the server to the next (a command, a message), ``total`` for
    the whole connection. The server's own waiting is not counted. Who comes when there are too many makes the
    one that has gone without an answer for longest leave.
    """

    connections: int = 1000
    step: float = 900.0
    total: float = 3600.0


Dropped = Callable[[Endpoint, str], None]
"""Told of the client of a connection that was closed because of a limit, and why."""


class Crowd:
    """The connections that one server has at a time, kept within limits; all in the loop.

    ``time_scale`` says how much of a session's waiting really happens.
    """

    def __init__(
        self, loop: Loop, limits: Limits, on_drop: Dropped | None = None, *, time_scale: float = 1.0
    ) -> None:
        self.limits = limits
        self._time_scale = time_scale
        self.problem: BaseException | None = None
        self._loop = loop
        self._on_drop = on_drop
        self._answered: OrderedDict[Served, float] = OrderedDict()
        """When each has been answered last, longest ago first."""
        self._came: dict[Served, float] = {}
        self._sweeping = False

    def __len__(self) -> int:
        return len(self._came)

    def welcome(self, connection: socket.socket, door: Door, peer: tuple[str, int]) -> None:
        """Serve a connection (a ``Welcome``)."""
        while len(self._came) >= self.limits.connections:
            self.make_room()
        served = Served(self._loop, connection, door.factory(), time_scale=self._time_scale, watcher=self)
        self._came[served] = self._answered[served] = time.monotonic()
        if not self._sweeping:
            self._sweeping = True
            self._loop.later(_SWEEP_SECONDS, self._sweep)
        served.start(Endpoint(*peer), door.place)

    def make_room(self) -> bool:
        """Close the connection that has gone without an answer for longest; False if there is none."""
        oldest = next(iter(self._answered), None)
        if oldest is None:
            return False
        self._drop(oldest, "others wait for its place")
        return True

    def close(self) -> None:
        """Close all connections; raises what a session has raised.

        What clients have sent is heard before, for a second: those that have sent least come first.
        """
        end = time.monotonic() + _CLOSE_SECONDS
        for served in sorted(self._came, key=attrgetter("rank")):
            if time.monotonic() < end:
                served.stop()
            else:
                served.drop()
        problem, self.problem = self.problem, None
        if problem is not None:
            raise problem

    def answered(self, served: Served) -> None:
        """See ``Watcher``."""
        if served in self._answered:
            self._answered[served] = time.monotonic()
            self._answered.move_to_end(served)

    def ended(self, served: Served) -> None:
        """See ``Watcher``."""
        self._came.pop(served, None)
        self._answered.pop(served, None)
        self.problem = self.problem or served.problem

    def _drop(self, served: Served, why: str) -> None:
        if self._on_drop is not None:
            self._on_drop(served.client, why)
        served.drop()

    def _sweep(self) -> None:
        """Close what has taken too long."""
        now, step, total = time.monotonic(), self.limits.step, self.limits.total
        waiting = [served for served in self._came if served.phase in (Phase.WAITING, Phase.BLOCKED)]
        for served in waiting:
            if now - self._answered[served] > step:
                self._drop(served, f"nothing to answer for {step:g} s")
            elif now - self._came[served] > total:
                self._drop(served, f"connected for {total:g} s")
        self._sweeping = bool(self._came)
        if self._sweeping:
            self._loop.later(_SWEEP_SECONDS, self._sweep)


class SocketServer:
    """Sessions of one factory on one real address, in real time, for clients outside this process.

    A context manager; ``address`` is where it listens once entered. Entering raises ``InputError``.
    """

    def __init__(
        self,
        factory: SessionFactory,
        address: str = "127.0.0.1",
        port: int = 0,
        *,
        limits: Limits | None = None,
        on_drop: Dropped | None = None,
    ) -> None:
        self.address = (address, port)
        self._factory = factory
        self._loop = Loop()
        self._crowd = Crowd(self._loop, limits or Limits(), on_drop)

    def __enter__(self) -> Self:
        self._acceptor = Acceptor(self._loop, self._crowd.welcome, self._crowd.make_room)
        try:
            self.address = self._acceptor.open(*self.address, self._factory).real()
        except OSError as error:
            self._loop.close()
            address, port = self.address
            raise InputError(f"cannot listen on {address} port {port}: {error.strerror}") from error
        self._loop.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._acceptor.close()
            self._loop.call(self._crowd.close)
        finally:
            self._loop.close()
