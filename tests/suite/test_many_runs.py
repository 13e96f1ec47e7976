import gc

import pytest

from eximsim.suite.many_runs import many_runs


class Stopped(Exception):
    pass


def stop_in_the_middle(seen: list[int]) -> None:
    with many_runs():
        seen += [gc.get_threshold()[0], gc.get_freeze_count()]
        raise Stopped


def test_the_collector_is_as_it_was_even_after_a_failure() -> None:
    before = gc.get_threshold()
    seen: list[int] = []
    with pytest.raises(Stopped):
        stop_in_the_middle(seen)
    assert seen[0] > before[0]
    assert seen[1] > 0
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
