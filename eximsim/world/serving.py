"""Server sessions on real sockets: one loop drives all of them.

A session that is served can tell its state, so that a client in the same process can wait until the server
has come to rest: nothing that either of them logs then depends on the machine's speed.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from enum import Enum
from typing import Protocol

from eximsim.errors import Unsupported
from eximsim.ports import Action, Close, Endpoint, EndTls, Send, Session, StartTls, Wait
from eximsim.quick_dataclass import dataclass
from eximsim.world.clock import VirtualClock
from eximsim.world.loop import READ, WRITE, Loop, Timer
from eximsim.world.tls import UNEXPECTED_EOF, ServerEngine, TlsFault

_FIRST, _MOST = 2048, 16384
"""What is read at once, in octets: as much as has come before, so that nobody begins with keeping the others
waiting, and between these. A ClientHello fits into the least: what a server has not read when it closes makes
a reset of the end."""
_CLOSE = Close()
_MORE = socket.MSG_MORE
"""For what is said last, in plain text: it goes out together with the end. Otherwise a client could be quick
enough to write in between, and what it wrote would make a reset of the end."""
_RST_ON_CLOSE = struct.pack("ii", 1, 0)
_REST_LIMIT = 120.0
"""Seconds of real time after which a session that does not come to rest is taken for hung."""


class Phase(Enum):
    """What a session is doing."""

    RUNNING = "running"
    WAITING = "waiting for the client"
    BLOCKED = "waiting for the client to read"
    DONE = "done"


_Needs = Phase | float
"""What a session waits for: its client, or a number of seconds."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The stream up to offset ``end`` (None: its end) was written at virtual ``time``."""

    end: int | None
    time: float


class Watcher(Protocol):
    """Who wants to know what becomes of a connection."""

    def answered(self, served: Served) -> None:
        """The server has said something."""

    def ended(self, served: Served) -> None:
        """The connection is over."""


class Served:
    """One accepted connection, and its session.

    With a virtual ``clock`` it is known when each octet was written, and ``time_scale`` says how much of the
    session's waiting really happens: 1 all of it, 0 none. Without one, time is real.
    """

    def __init__(
        self,
        loop: Loop,
        connection: socket.socket,
        session: Session,
        *,
        clock: VirtualClock | None = None,
        time_scale: float = 1.0,
        watcher: Watcher | None = None,
    ) -> None:
        connection.setblocking(False)
        self.session = session
        self.problem: BaseException | None = None
        self.handshakes = 0
        self.phase = Phase.RUNNING
        self._loop = loop
        self._socket = connection
        self._clock = clock
        self._time = clock.time if clock is not None else 0.0
        self._time_scale = time_scale
        self._watcher = watcher
        self._watched = 0
        self._timer: Timer | None = None
        self._busy = False
        self._hurry = False
        self._received = 0
        self._at_once = _FIRST
        self._sent = 0
        self._marks: deque[Mark] = deque()
        self._engine: ServerEngine | None = None
        self._shaking = False
        self._closed = False

    # ---- what others may call

    def start(self, client: Endpoint, server: Endpoint) -> None:
        """Begin to serve; to be called in the loop."""
        self.client = client
        self._program = self._main(client, server)
        self._step()

    def rest(self, sent: int | None) -> None:
        """Wait until the session has dealt with the first ``sent`` octets (None: all, and the end).

        Raises what the session raised.
        """

        def at_rest() -> bool:
            if self.phase is Phase.WAITING:
                return sent is not None and self._received >= sent
            return self.phase is Phase.DONE or (self.phase is Phase.BLOCKED and sent is not None)

        if not self._loop.until(at_rest, _REST_LIMIT):
            raise RuntimeError("a server session hangs")
        self.raise_problem()

    def raise_problem(self) -> None:
        """Raise what the session raised, once."""
        problem, self.problem = self.problem, None
        if problem is not None:
            raise problem

    def next_mark(self, offset: int) -> Mark | None:
        """When, and up to where, the octets from ``offset`` on were written; None if nothing was yet."""
        while self._marks and (end := self._marks[0].end) is not None and end <= offset:
            self._marks.popleft()
        return self._marks[0] if self._marks else None

    def stop(self) -> None:
        """Close the connection, as if the client had; what waits, waits no longer."""
        self._loop.call(self._end)

    def drop(self) -> None:
        """Close the connection, and tell the session no more than that; to be called in the loop."""
        self._program.close()
        self._over()

    # ---- in the loop

    def _end(self) -> None:
        self._hurry = True
        with suppress(OSError):  # it is closed, or the client has closed it
            self._socket.shutdown(socket.SHUT_RDWR)
        while self.phase is not Phase.DONE and not self._busy:
            self._step()

    @property
    def rank(self) -> int:
        """See ``loop.Watcher``: the octets that have come."""
        return self._received

    def ready(self) -> None:
        """See ``loop.Watcher``."""
        if self._busy:  # it waits for others, inside of its own work
            self._attend(0)
        else:
            self._step()

    def _step(self) -> None:
        """Go on until something has to be waited for."""
        if self.phase is Phase.DONE:
            return
        self._busy = True
        self.phase = Phase.RUNNING
        try:
            needs = next(self._program)
        except StopIteration:
            self._over()
            return
        finally:
            self._busy = False
        if isinstance(needs, Phase):
            self.phase = needs
            self._attend(READ if needs is Phase.WAITING else WRITE)
        else:
            self._attend(0)
            self._timer = self._loop.later(needs, self._step)

    def _attend(self, events: int) -> None:
        if events == self._watched:
            return
        if events:
            self._loop.watch(self._socket, events, self)
        else:
            self._loop.forget(self._socket)
        self._watched = events

    def _over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.phase = Phase.DONE
        if self._watcher is not None:
            self._watcher.ended(self)

    # ---- the session, as a generator that tells what it waits for

    def _main(self, client: Endpoint, server: Endpoint) -> Generator[_Needs, None, None]:
        try:
            yield from self._run(self.session.on_connect(client, server))
            while not self._closed:
                yield Phase.WAITING
                data = self._read()
                if data is None:
                    continue
                if not data:
                    yield from self._run(self._at_end())
                    self._closed = True
                elif self._engine is None:
                    yield from self._run(self.session.on_data(data))
                else:
                    self._engine.feed(data)
                    yield from self._advance(self._engine)
        except GeneratorExit:
            raise
        except BaseException as problem:
            self.problem = problem
        finally:
            self._shut(reset=False)
            try:
                self.session.on_close()
            except BaseException as problem:
                self.problem = self.problem or problem

    def _read(self) -> bytes | None:
        """What has come, nothing at the end; None if it was a false alarm."""
        try:
            data = self._socket.recv(self._at_once)
        except BlockingIOError:
            return b"" if self._hurry else None
        except OSError:
            return b""
        self._received += len(data)
        if self._received > self._at_once:
            self._at_once = min(self._received, _MOST)
        return data

    def _at_end(self) -> Iterable[Action]:
        if self._shaking:
            return self.session.on_tls_failure(UNEXPECTED_EOF)
        return self.session.on_eof(cut=self._engine is not None)

    def _advance(self, engine: ServerEngine) -> Iterator[_Needs]:
        """Go on with the handshake, or with what lies behind it."""
        try:
            if self._shaking:
                done = engine.handshake()
                yield from self._write(engine.outgoing())
                if not done:
                    return
                self._shaking = False
                self.handshakes += 1
                yield from self._run(self.session.on_tls(engine.session()))
            while not self._closed and (plain := engine.read()) != b"":
                yield from self._run(self.session.on_eof() if plain is None else self.session.on_data(plain))
                self._closed = self._closed or plain is None
        except TlsFault as fault:
            yield from self._write(engine.outgoing())
            self._engine, self._shaking = None, False
            yield from self._run(self.session.on_tls_failure(fault.reason))

    def _run(self, actions: Iterable[Action]) -> Iterator[_Needs]:
        self._keep_time()
        known = actions if isinstance(actions, (list, tuple)) else ()
        for number, action in enumerate(actions, 1):
            self._keep_time()
            match action:
                case Send(data):
                    if self._engine is not None:
                        self._engine.write(data)
                        yield from self._write(self._engine.outgoing())
                    elif number + 1 == len(known) and known[number] == _CLOSE:
                        yield from self._write(data, _MORE)
                    else:
                        yield from self._write(data)
                    if self._watcher is not None:
                        self._watcher.answered(self)
                case Wait(seconds):
                    if not self._hurry and (real := seconds * self._time_scale) > 0:
                        yield real
                    self._time += seconds
                case Close(reset):
                    self._shut(reset=reset)
                    return
                case EndTls(alert):
                    raise Unsupported(f"a server that ends TLS with the alert {alert.value!r}, on sockets")
                case StartTls():
                    self._engine, self._shaking = ServerEngine(action), True
                    if action.early:
                        yield from self._advance(self._engine)

    def _keep_time(self) -> None:
        if self._clock is not None:
            self._time = max(self._time, self._clock.time)

    def _write(self, wire: bytes, flags: int = 0) -> Iterator[_Needs]:
        if not wire:
            return
        self._mark(len(wire))
        while wire:
            try:
                wire = wire[self._socket.send(wire, flags) :]
            except BlockingIOError:
                yield Phase.BLOCKED
            except OSError:
                return  # the client has gone: the next read says so

    def _mark(self, count: int | None) -> None:
        """Note when what is written now was written, for a client that has the same clock."""
        if self._clock is not None:
            self._sent += count or 0
            self._marks.append(Mark(self._sent if count else None, self._time))

    def _shut(self, *, reset: bool) -> None:
        if self._socket.fileno() < 0:
            return
        if reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
        elif self._engine is not None and not self._shaking:
            self._engine.shutdown()
            if goodbye := self._engine.outgoing():
                self._mark(len(goodbye))
                with suppress(OSError):
                    self._socket.send(goodbye)
        self._closed = True
        self._mark(None)
        self._attend(0)
        self._socket.close()
