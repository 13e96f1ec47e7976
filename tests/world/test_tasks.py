"""Processes side by side: who goes on when, and who hears of what goes wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.world.clock import VirtualClock
from eximsim.world.tasks import Tasks


@given(st.lists(st.lists(st.integers(0, 20), max_size=4), max_size=5))
def test_what_was_begun_is_done_in_the_order_of_time(naps: list[list[int]]) -> None:
    clock = VirtualClock(0.0)
    tasks, seen = Tasks(clock), []

    def work(mine: list[int]) -> None:
        for nap in mine:
            tasks.sleep_until(clock.time + nap)
            seen.append(clock.time)

    begun = [tasks.spawn(lambda mine=mine: work(mine)) for mine in naps]  # type: ignore[misc]
    tasks.sleep_until(100.0)
    assert seen == sorted(seen)
    assert sorted(seen) == sorted(float(sum(mine[: at + 1])) for mine in naps for at in range(len(mine)))
    assert all(task.ended for task in begun)
    assert clock.time == 100.0


def test_of_two_at_one_moment_the_one_that_waited_first_goes_on_first() -> None:
    clock = VirtualClock(1_700_000_000.0)
    tasks, seen = Tasks(clock), []

    def work(name: str, naps: tuple[float, ...]) -> None:
        for nap in naps:
            tasks.sleep_until(clock.time + nap)
        seen.append(name)

    tasks.spawn(lambda: work("early", (0.1,)))
    tasks.spawn(lambda: work("late", (0.05, 0.05)))
    tasks.sleep_until(clock.time + 1)
    assert seen == ["early", "late"]


@pytest.mark.parametrize(("after", "met"), [(1.0, True), (3.0, False)])
def test_a_wait_ends_when_it_is_so_or_time_is_up(after: float, met: bool) -> None:
    clock = VirtualClock(0.0)
    tasks, there = Tasks(clock), []

    def bring() -> None:
        tasks.sleep_until(after)
        there.append("it")

    tasks.spawn(bring)
    assert tasks.wait(lambda: bool(there), 2.0) is met
    assert clock.time == min(after, 2.0)


def test_the_first_hears_of_what_another_raises_and_nothing_is_left_of_it() -> None:
    clock = VirtualClock(0.0)
    tasks = Tasks(clock)

    def fail() -> None:
        tasks.sleep_until(1.0)
        raise KeyError("lost")

    tasks.spawn(fail)
    with pytest.raises(KeyError, match="lost"):
        tasks.sleep_until(5.0)
    assert clock.time == 1.0
    tasks.sleep_until(7.0)
    assert clock.time == 7.0
