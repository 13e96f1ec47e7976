"""Making choices: what turns a sequence of small numbers drawn by Hypothesis into a scenario.

Strategies cost more to build than to draw from, so everything is chosen by ``integers(0, n)``, one strategy
for each ``n``. The first choice of everything is the plainest: what Hypothesis shrinks comes out plain.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Generic, TypeVar

from hypothesis import strategies as st

_T = TypeVar("_T")


class Weighted(Generic[_T]):
    """Choices, each with its weight; the first is the plainest."""

    __slots__ = ("slots",)

    def __init__(self, *choices: tuple[int, _T]) -> None:
        self.slots = tuple(value for weight, value in choices for _ in range(weight))


class Chooser:
    """Chooses by what a composite strategy draws."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def number(self, most: int) -> int:
        """A number from 0 to ``most``; 0 is the plainest."""
        return self._draw(_numbers(most)) if most else 0

    def of(self, choices: Weighted[_T]) -> _T:
        """One of the choices, by weight."""
        return choices.slots[self.number(len(choices.slots) - 1)]

    def one(self, values: Sequence[_T]) -> _T:
        """One of the values, each as often."""
        return values[self.number(len(values) - 1)]

    def rarely(self, percent: int) -> bool:
        """True in so many cases of a hundred; False is the plainest."""
        return self.number(99) >= 100 - percent

    def several(self, values: Sequence[_T], least: int, most: int) -> list[_T]:
        """From ``least`` to ``most`` of the values, each once, in the order of choice."""
        found: list[_T] = []
        for _ in range(least + self.number(min(most, len(values)) - least)):
            rest = [value for value in values if value not in found]
            found.append(self.one(rest))
        return found


@lru_cache(maxsize=256)
def _numbers(most: int) -> st.SearchStrategy[int]:
    return st.integers(0, most)
