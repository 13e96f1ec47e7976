import gc

import pytest

from eximsim.suite.many_runs import many_runs


def test_the_collector_is_as_it_was_even_after_a_failure() -> None:
    before = gc.get_threshold()
    with pytest.raises(ZeroDivisionError), many_runs():
        assert gc.get_threshold()[0] > before[0]
        assert gc.get_freeze_count() > 0
        1 / 0  # noqa: B018
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
