"""The loop: who waits drives it, or a thread; who has caused the least work comes first."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from eximsim.world import loop as loops
from eximsim.world.loop import READ, Loop, Ready


def test_who_waits_drives_the_loop_and_what_it_calls_may_wait_in_turn() -> None:
    loop = Loop()
    order: list[str] = []

    def outer() -> None:
        order.append("outer")
        loop.later(0.01, lambda: order.append("inner"))
        assert loop.until(lambda: "inner" in order, 5)
        order.append("outer again")

    loop.later(0, outer)
    assert loop.until(lambda: len(order) == 3, 5)
    assert order == ["outer", "inner", "outer again"]
    loop.close()


def test_waiting_has_a_limit() -> None:
    loop = Loop()
    began = time.monotonic()
    assert not loop.until(lambda: False, 0.05)
    assert 0.05 <= time.monotonic() - began < 2
    loop.close()


def test_with_a_thread_everything_happens_in_it_and_its_mistakes_come_out_at_the_end() -> None:
    loop = Loop()
    loop.start()
    assert loop.call(threading.current_thread) is not threading.current_thread()

    def mistaken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        loop.call(mistaken)
    called = threading.Event()
    loop.call(lambda: loop.later(0, mistaken))
    loop.call(lambda: loop.later(0, called.set))
    assert called.wait(5)
    with pytest.raises(ZeroDivisionError):
        loop.close()


def test_a_cancelled_timer_does_nothing() -> None:
    loop = Loop()
    fired: list[int] = []
    loop.later(0, lambda: fired.append(1)).cancel()
    loop.later(0, lambda: fired.append(2))
    assert loop.until(lambda: bool(fired), 5)
    assert fired == [2]
    loop.close()


class Greedy:
    """Somebody who is always ready, and takes two milliseconds of a clock that the test has."""

    def __init__(self, rank: int, served: list[int]) -> None:
        self.rank = rank
        self._served = served

    def ready(self) -> None:
        self._served.append(self.rank)


def test_in_a_crowd_the_greedy_come_last_and_only_as_far_as_there_is_time() -> None:
    served: list[int] = []
    modest: list[int] = []
    loop = Loop(spent=lambda: 0.002 * len(served))
    pairs = [socket.socketpair() for _ in range(40)]
    for rank, (ours, theirs) in enumerate(pairs):
        loop.watch(ours, READ, Greedy(40 - rank, served))
        theirs.send(b"x")
    ours, theirs = socket.socketpair()
    loop.watch(ours, READ, Ready(lambda: modest.append(len(served))))
    theirs.send(b"x")
    loop.turn(1)
    assert modest == [0]
    assert served == list(range(1, loops._FEW + 1))  # which took longer than a turn may
    loop.turn(1)
    assert served == [*range(1, loops._FEW + 1)] * 2  # the least greedy are ready again, and come first again
    for wire in (ours, theirs, *(wire for pair in pairs for wire in pair)):
        loop.forget(wire)
        wire.close()
    loop.close()


def test_in_a_crowd_that_takes_no_time_everybody_is_served() -> None:
    served: list[int] = []
    loop = Loop(spent=lambda: 0.0)
    pairs = [socket.socketpair() for _ in range(40)]
    for rank, (ours, theirs) in enumerate(pairs):
        loop.watch(ours, READ, Greedy(rank, served))
        theirs.send(b"x")
    loop.turn(1)
    assert served == list(range(40))
    for wire in (wire for pair in pairs for wire in pair):
        loop.forget(wire)
        wire.close()
    loop.close()
