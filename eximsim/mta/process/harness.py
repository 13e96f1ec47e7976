"""The waits that Exim has only under its own test suite (``testharness_pause_ms()``, src/functions.h)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_AFTER_FORK = 0.1
_DEBUGGED = 0.1
_STORE, _NAME_SERVER = 0.002, 0.01
_AFTER_TRANSPORT = 0.6
_BEGIN = 0.05
"""A program that is loaded and reads its configuration needs less than that pause, but not nothing."""


def pause(process: Process, seconds: float) -> None:
    """Wait, if the program runs under Exim's test suite."""
    if process.machine.test_harness:
        process.world.sleep(seconds)


@contextmanager
def forked(process: Process, *, transport: bool = False) -> Iterator[None]:
    """Around what a child does for which its parent waits: that takes as long as the parent's own pauses."""
    begun = process.world.now()
    yield
    if process.machine.test_harness:
        until = begun + (transport_pause(process) if transport else fork_pause(process))
        process.world.sleep(max(0.0, until - process.world.now()))


def fork_pause(process: Process) -> float:
    """How long a process waits that has forked another, so that this one gets going (``exim_fork()``)."""
    return _AFTER_FORK if process.machine.test_harness and process.profile.fork_waits_when_tested else 0.0


def transport_pause(process: Process) -> float:
    """How long a delivery waits that has begun a transport, before it begins another."""
    return fork_pause(process) + (_AFTER_TRANSPORT if process.machine.test_harness else 0.0)


def started(process: Process) -> None:
    """Let the time pass that it takes a program to begin, where others go on meanwhile.

    With debugging output it waits, so that its caller can finish.
    """
    _work(process, _BEGIN + (_DEBUGGED if process.debugging else 0.0))


def stored(process: Process) -> None:
    """Let the time pass that it takes to put a message on disk, where others go on meanwhile."""
    _work(process, _STORE)


def asked(process: Process) -> None:
    """Let the time pass that the test suite's name server needs to begin, where others go on meanwhile."""
    _work(process, _NAME_SERVER)


def _work(process: Process, seconds: float) -> None:
    if process.machine.test_harness and process.world.side_by_side:
        process.world.sleep(seconds)
