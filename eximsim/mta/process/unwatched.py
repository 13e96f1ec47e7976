"""What processes do that nobody waits for, and that are no tasks of the world (``World.spawn``)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import field

from eximsim.errors import Unsupported
from eximsim.quick_dataclass import dataclass

_TRANSPORT_TIME = 0.6
"""So many seconds the test suite lets pass before it looks at what a remote transport has done."""


@dataclass(slots=True)
class Alarm:
    """What a daemon does every ``interval`` seconds, next at ``due`` (since the epoch)."""

    due: float
    interval: int
    job: Callable[[], None]

    def go_off(self) -> None:
        """Do it, and wind it up again."""
        self.due += self.interval
        self.job()


@dataclass(slots=True)
class Unwatched:
    """``begun`` are deliveries, each with its time, under Exim's test suite, which makes each take its time.

    ``later`` is what is about to be done, with the time when. ``alarms`` go off again and again.
    ``transports`` counts the remote transports that have run.

    Source: do_remote_deliveries() in src/deliver.c, testharness_pause_ms(600).
    """

    begun: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    transports: int = 0

    def run_later(self, *, until: float) -> None:
        """Do what is to be done by ``until``, first things first."""
        while True:
            job = min(self.later, key=_when, default=None)
            alarm = min(self.alarms, key=lambda one: one.due, default=None)
            if alarm is not None and alarm.due <= until and (job is None or alarm.due <= job[0]):
                alarm.go_off()
            elif job is not None and job[0] <= until:
                self.later.remove(job)
                job[1]()
            else:
                return

    def run_all_later(self, *, now: float) -> None:
        """Do all that is about to be done; of what goes off again and again, what is due by ``now``."""
        self.run_later(until=now)
        alarms, self.alarms = self.alarms, []
        self.run_later(until=math.inf)
        self.alarms += alarms

    def run(self) -> None:
        """Let all come to their end."""
        while self.begun:
            self.begun.pop(0)[1]()

    def run_until(self, now: float) -> None:
        """Let come to their end those of which no transport can be at work.

        What begins at this very moment is through, as scripts that go on at once count on it.
        """
        for one in list(self.begun):
            if not one[0] < now < one[0] + _TRANSPORT_TIME:
                self.begun.remove(one)
                one[1]()

    def run_overtaken(self, now: float) -> None:
        """Let those end that began before ``now``, after what has overtaken them.

        Raises ``Unsupported`` for one that had no remote transport, and so has ended before.
        """
        while self.begun and self.begun[0][0] < now:
            before, job = self.transports, self.begun.pop(0)[1]
            job()
            if self.transports == before:
                raise Unsupported("a command that runs while a delivery without a remote transport ends")


def _when(job: tuple[float, object]) -> float:
    return job[0]
