"""Many examples of a strategy, the same for the same seed, and the smallest one that has a property.

Hypothesis makes the examples in batches. A batch depends on the seed and on its number alone, so that an
example can be met again, and shrunk from there, without repeating what came before its batch.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from hypothesis import Phase, find, settings
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy

from eximsim.quick_dataclass import dataclass

_T = TypeVar("_T")

BATCH = 10
"""How many examples Hypothesis makes at a time. After ten it would make most by varying earlier ones."""


@dataclass(frozen=True, slots=True)
class Found(Generic[_T]):
    """An example and the batch that it is from."""

    value: _T
    batch: int


def examples(strategy: SearchStrategy[_T], count: int, seed: int) -> Iterator[Found[_T]]:
    """``count`` different examples; same strategy, seed and version of Hypothesis: same examples."""
    seen: set[str] = set()
    batch = 0
    while len(seen) < count:
        for value in batch_of(strategy, seed, batch):
            if (key := repr(value)) not in seen and len(seen) < count:
                seen.add(key)
                yield Found(value, batch)
        batch += 1


def smallest(
    strategy: SearchStrategy[_T], seed: int, start: Found[_T], holds: Callable[[_T], bool], most: int
) -> _T:
    """The smallest example with a property that ``start`` has, found by shrinking ``start``.

    ``holds`` must be a function of the example; it is asked at most ``most`` times.
    """
    known = {repr(start.value): True}
    met = False

    def condition(value: _T) -> bool:
        nonlocal met
        key = repr(value)
        met = met or known.get(key, False)
        if not met:
            return False  # Hypothesis is still on its way to the start
        if key not in known:
            known[key] = len(known) <= most and holds(value)
        return known[key]

    return find(strategy, condition, settings=_SHRINKING, random=_source(seed, start.batch))


def batch_of(strategy: SearchStrategy[_T], seed: int, number: int) -> list[_T]:
    """The examples of one batch, at most ``BATCH``; they depend on the seed and the number alone."""
    values: list[_T] = []

    def note(value: _T) -> bool:
        values.append(value)
        return False

    try:
        find(strategy, note, settings=_MAKING, random=_source(seed, number))
    except NoSuchExample:
        return values
    raise AssertionError("an example was found that nobody looked for")


def _source(seed: int, batch: int) -> random.Random:
    return random.Random(f"{seed}/{batch}")


_MAKING = settings(max_examples=BATCH, phases=[Phase.generate], database=None, deadline=None)
_SHRINKING = settings(_MAKING, phases=[Phase.generate, Phase.shrink])
