"""Processes that run side by side in virtual time: one at a time, each until it waits for something.

There is one hand on the clock, and it moves to the next moment at which somebody has something to do. Nothing
is left to chance: who is due first goes on first, and of two that are due at the same time the one that began
to wait first.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

from greenlet import GreenletExit, getcurrent, greenlet

from eximsim.world.clock import VirtualClock

_DIGITS = 4
"""Moments that are nearer to each other than that are the same: it is how they were reckoned that differs."""


class Task:
    """A process that was begun."""

    __slots__ = ("ended",)

    def __init__(self) -> None:
        self.ended = False


class _Sleeper:
    """Who waits, and for what: a moment, or that something is so."""

    __slots__ = ("until", "woken", "worker")

    def __init__(self, worker: greenlet, until: Callable[[], bool] | None) -> None:
        self.worker, self.until, self.woken = worker, until, False


class Tasks:
    """The processes of a world; whoever makes it is the first of them, and the one that hears of errors."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._first = getcurrent()
        self._hub = greenlet(self._choose)
        self._due: list[tuple[float, int, _Sleeper]] = []
        self._watching: list[_Sleeper] = []
        self._number = count(1)

    def spawn(self, job: Callable[[], None]) -> Task:
        """Begin a process: it works until it waits for something, and then the caller goes on."""
        task = Task()
        begun = _Sleeper(greenlet(lambda: self._work(job, task), self._hub), None)
        heapq.heappush(self._due, (self._clock.time, -next(self._number), begun))
        self._later(self._clock.time, None)
        return task

    def sleep_until(self, moment: float) -> None:
        """Let the others work until then."""
        self._later(max(moment, self._clock.time), None)

    def wait(self, until: Callable[[], bool], deadline: float | None = None) -> bool:
        """Let the others work until something is so, or time is up; whether it is."""
        if until():
            return True
        return self._later(deadline, until)

    def settle(self) -> None:
        """Let all go on that have something to do, until none has."""
        while self._due:
            self._later(max(moment for moment, _, _ in self._due), None)

    def _later(self, moment: float | None, until: Callable[[], bool] | None) -> bool:
        sleeper = _Sleeper(getcurrent(), until)
        if moment is not None:
            heapq.heappush(self._due, (round(moment, _DIGITS), next(self._number), sleeper))
        if until is not None:
            self._watching.append(sleeper)
        try:
            self._hub.switch()
        except BaseException:  # somebody else's error: it is not waited for any more
            self._forget(sleeper)
            raise
        return sleeper.woken

    def _forget(self, sleeper: _Sleeper) -> None:
        if sleeper in self._watching:
            self._watching.remove(sleeper)
        self._due = [entry for entry in self._due if entry[2] is not sleeper]
        heapq.heapify(self._due)

    def _work(self, job: Callable[[], None], task: Task) -> None:
        try:
            job()
        except GreenletExit:
            raise
        except BaseException as problem:
            self._first.throw(problem)
        finally:
            task.ended = True

    def _choose(self) -> None:
        """The hub: find out who goes on, again and again."""
        while True:
            self._next().worker.switch()

    def _next(self) -> _Sleeper:
        for sleeper in self._watching:
            assert sleeper.until is not None
            if sleeper.until():
                self._forget(sleeper)
                sleeper.woken = True
                return sleeper
        moment, _, sleeper = heapq.heappop(self._due)
        self._clock.advance_to(moment)
        if sleeper in self._watching:
            self._watching.remove(sleeper)
        return sleeper
