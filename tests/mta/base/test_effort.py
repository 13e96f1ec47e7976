import pytest

from eximsim.errors import Unsupported
from eximsim.mta.base.effort import LONGEST, Effort


def test_steps_and_lengths_are_bounded() -> None:
    effort = Effort()
    effort.spend(LONGEST)
    with pytest.raises(Unsupported, match="makes more than 4,000,000 characters"):
        effort.spend(LONGEST + 1)
    effort.steps = 100_000
    with pytest.raises(Unsupported, match="more than 100,000 steps in one run"):
        effort.spend()


def test_a_list_that_is_looked_at_within_itself_is_without_end() -> None:
    effort = Effort()
    with effort.in_list("domain", "a", "x") as first, effort.in_list("domain", "a", "y") as other:
        assert (first, other) == (False, False)
        with effort.in_list("domain", "a", "x") as again:
            assert again
    with effort.in_list("domain", "a", "x") as later:
        assert not later


def nest(effort: Effort, depth: int) -> int:
    with effort.in_list("domain", str(depth)):
        return nest(effort, depth + 1)


def test_lists_in_lists_are_bounded() -> None:
    with pytest.raises(Unsupported, match="more than 40 deep"):
        nest(Effort(), 0)
