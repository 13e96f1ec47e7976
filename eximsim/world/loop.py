"""One thread for any number of sockets, with Linux's epoll.

A loop is driven in one of two ways. Where server and client are the same process and take turns (the
loopback world), whoever waits for something drives it: there is no thread, nothing is left to chance, and
what a server does may wait for other servers in turn. ``start()`` gives it a thread of its own, for clients
elsewhere.
"""

from __future__ import annotations

import heapq
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import count
from operator import attrgetter
from typing import Protocol, TypeVar

from eximsim.errors import CouldNotLook

READ, WRITE = select.EPOLLIN, select.EPOLLOUT
_LONG = 86400.0
"""Seconds that stand for no limit: what waits longer looks again."""
_FEW = 16
"""So many sockets that are ready are no crowd."""
_TURN_SECONDS = 0.02
"""Of a crowd, as many are served in a turn as this allows. It is our own
time: that the machine is busy with others is no reason to serve fewer."""

_T = TypeVar("_T")


class Timer:
    """Something to be done later, unless it is cancelled."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Do it never."""
        self.action = None


class Watcher(Protocol):
    """Who is told that a socket is ready."""

    @property
    def rank(self) -> int:
        """How much work it has caused."""

    def ready(self) -> None:
        """The socket is ready."""


class Ready:
    """A ``Watcher`` that is a function, and is told before all others."""

    __slots__ = ("ready",)
    rank = -1

    def __init__(self, ready: Callable[[], None]) -> None:
        self.ready = ready


class Loop:
    """Calls back when sockets are ready and times have come; all callbacks run in one thread.

    In a crowd, those that have caused the least work come first, and the others when there is time: who
    speaks without end does not keep those waiting who have a word to say.

    Only ``call``, ``until``, ``ready``, ``start`` and ``close`` may be called from other threads than the
    one that drives the loop. ``spent`` tells how many seconds it has worked. ``crowded`` says whether many
    sockets were ready at once.
    """

    def __init__(self, spent: Callable[[], float] = time.thread_time) -> None:
        self._spent = spent
        self._epoll = select.epoll()
        self._watched: dict[int, Watcher] = {}
        self.crowded = False
        self._timers: list[tuple[float, int, Timer]] = []
        self._count = count()
        self._thread: threading.Thread | None = None
        self._asked: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._waiting = 0
        self._stopping = False
        self._problem: BaseException | None = None

    # ---- for callbacks

    def watch(self, wire: socket.socket, events: int, watcher: Watcher) -> None:
        """Tell the watcher whenever one of the events is there; this replaces what was watched before."""
        number = wire.fileno()
        if number in self._watched:
            self._epoll.modify(number, events)
        else:
            self._epoll.register(number, events)
        self._watched[number] = watcher

    def forget(self, wire: socket.socket) -> None:
        """Watch a socket no longer, if it was."""
        if self._watched.pop(wire.fileno(), None) is not None:
            self._epoll.unregister(wire)

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Do something after a time."""
        timer = Timer(action)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._count), timer))
        return timer

    # ---- for those who wait

    def until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is done, but no longer than that; whether it is."""
        if not self._is_driver():
            with self._changed:
                self._waiting += 1
                try:
                    return self._changed.wait_for(done, seconds)
                finally:
                    self._waiting -= 1
        end = time.monotonic() + seconds
        while not done():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.turn(left)
        return True

    def ready(self, wire: socket.socket, events: int, seconds: float) -> bool:
        """Wait until a socket that is not the loop's own can be used, but no longer than that."""
        if not self._is_driver():
            return ready(wire, events, seconds)
        found: list[bool] = []

        def note() -> None:
            self.forget(wire)
            found.append(True)

        self.watch(wire, events, Ready(note))
        try:
            return self.until(lambda: bool(found), seconds)
        finally:
            self.forget(wire)

    def call(self, work: Callable[[], _T]) -> _T:
        """Have something done in the thread that drives the loop: its result, or what it raised."""
        if self._is_driver():
            return work()
        results: list[_T] = []
        problems: list[BaseException] = []

        def run() -> None:
            try:
                results.append(work())
            except BaseException as problem:
                problems.append(problem)

        self._asked.append(run)
        self._wake.send(b"!")
        self.until(lambda: bool(results or problems), _LONG)
        if problems:
            raise problems[0]
        return results[0]

    def turn(self, limit: float) -> None:
        """Wait for the next events, at most ``limit`` seconds, and do what they call for."""
        if self._timers:
            limit = min(limit, max(0.0, self._timers[0][0] - time.monotonic()))
        ready = self._epoll.poll(limit)
        self.crowded = len(ready) > _FEW
        if self.crowded:
            self._serve_crowd([self._watched[number] for number, _ in ready])
        else:
            for number, _ in ready:
                if (watcher := self._watched.get(number)) is not None:  # nobody has forgotten it meanwhile
                    watcher.ready()
        while self._timers and self._timers[0][0] <= time.monotonic():
            action = heapq.heappop(self._timers)[2].action
            if action is not None:
                action()

    def _serve_crowd(self, watchers: list[Watcher]) -> None:
        watchers.sort(key=attrgetter("rank"))
        end = self._spent() + _TURN_SECONDS
        for number, watcher in enumerate(watchers):
            if number > _FEW and self._spent() > end:
                return  # who is left is still ready in the next turn
            watcher.ready()

    # ---- a thread of its own

    def start(self) -> None:
        """Drive the loop in a thread of its own from now on."""
        if self._thread is not None:
            return
        self._wake, self._woken = socket.socketpair()
        self.watch(self._woken, READ, Ready(self._on_wake))
        self._thread = threading.Thread(target=self._main, name="loop", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # at the limit of processes
            self._thread = None
            raise CouldNotLook(f"no thread for the servers: {error}") from None

    def close(self) -> None:
        """End the thread, and raise what a callback raised in it."""
        if self._thread is not None:
            self._stopping = True
            self._wake.send(b"!")
            self._thread.join()
            self._thread = None
            self._wake.close()
            self._woken.close()
        self._epoll.close()
        problem, self._problem = self._problem, None
        if problem is not None:
            raise problem

    def _is_driver(self) -> bool:
        return self._thread is None or threading.current_thread() is self._thread

    def _on_wake(self) -> None:
        self._woken.recv(4096)
        while self._asked:
            self._asked.popleft()()

    def _main(self) -> None:
        while not self._stopping:
            try:
                self.turn(_LONG)
            except BaseException as problem:  # one mistake does not stop the service for everybody else
                self._problem = self._problem or problem
            if self._waiting:
                with self._changed:
                    self._changed.notify_all()


def ready(wire: socket.socket, events: int, seconds: float) -> bool:
    """Wait until a socket can be used, but no longer than that; nobody drives a loop meanwhile."""
    with select.epoll() as epoll:
        epoll.register(wire, events)
        return bool(epoll.poll(max(0.0, seconds)))
