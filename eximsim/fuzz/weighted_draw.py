"""Making choices: what turns a sequence of small numbers drawn by Hypothesis into a scenario.

Strategies cost more to build than to draw from, so everything is chosen by ``integers(0, n)``, one strategy
for each ``n``. The first choice of everything is the plainest, and each choice has a small number that stands
for it, however seldom it is. What belongs together is made as a part: Hypothesis leaves out parts as wholes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from hypothesis import strategies as st

_T = TypeVar("_T")
_P = ParamSpec("_P")


class Weighted(Generic[_T]):
    """Choices, each with its weight; the first is the plainest."""

    __slots__ = ("slots",)

    def __init__(self, *choices: tuple[int, _T]) -> None:
        rest = (value for weight, value in choices for _ in range(weight - 1))
        self.slots = (*(value for _, value in choices), *rest)


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
        return 0 < self.number(99) <= percent

    def part(self, make: Callable[Concatenate[Chooser, _P], _T], *args: _P.args, **_: _P.kwargs) -> _T:
        """What ``make`` makes by choices of its own; its arguments have to be hashable."""
        made: _T = self._draw(_part(make, args))
        return made

    def parts(
        self,
        least: int,
        most: int,
        make: Callable[Concatenate[Chooser, _P], _T],
        *args: _P.args,
        **_: _P.kwargs,
    ) -> list[_T]:
        """From ``least`` to ``most`` parts; the fewest are the plainest."""
        made: list[_T] = self._draw(_parts(least, most, make, args))
        return made


@lru_cache(maxsize=256)
def _numbers(most: int) -> st.SearchStrategy[int]:
    return st.integers(0, most)


@lru_cache(maxsize=4096)
def _part(make: Callable[..., Any], args: tuple[Hashable, ...]) -> st.SearchStrategy[Any]:
    return _made(make, args)


@lru_cache(maxsize=4096)
def _parts(
    least: int, most: int, make: Callable[..., Any], args: tuple[Hashable, ...]
) -> st.SearchStrategy[list[Any]]:
    return st.lists(_made(make, args), min_size=least, max_size=most)


@st.composite
def _made(draw: st.DrawFn, make: Callable[..., Any], args: tuple[Hashable, ...]) -> Any:
    return make(Chooser(draw), *args)
