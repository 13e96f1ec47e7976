"""Every run of a program over a finite space, without running the same thing twice.

The parts of the program's world ask ``Choices`` for the value of an axis at the moment at which the program
asks them. Enumerating depth first over what was asked visits each behaviour once: a host that was never
called multiplies nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.suite.recording import Situation

_T = TypeVar("_T")
_R = TypeVar("_R", covariant=True)


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing that can be one way or another; the first value is the plainest."""

    name: str
    values: tuple[str, ...]


class Plan(Protocol):
    """What ``explore`` has to know of a space."""

    @property
    def axes(self) -> Mapping[str, Axis]:
        """All axes by name."""

    def situation(self, path: Mapping[str, str]) -> Situation:
        """The situation with the values of ``path``, and the plainest ones for the rest."""


class Chooser(Protocol):
    """Who answers the questions of a space."""

    def choose(self, axis: str, values: Sequence[str], /) -> str:
        """The value of ``axis``, one of ``values``; the same whenever it is asked."""


class Choices:
    """The values that the axes have in one run: those of ``given``, the first value for what is new."""

    def __init__(self, given: Sequence[tuple[str, str]] = ()) -> None:
        self._given = dict(given)
        self._alternatives: dict[str, tuple[str, ...]] = {}
        self.path: dict[str, str] = {}

    def choose(self, axis_name: str, values: Sequence[str]) -> str:
        """The value of an axis in this run; asked again, it is the same."""
        value = self.path.get(axis_name)
        if value is None:
            value = self.path[axis_name] = self._given.get(axis_name, values[0])
            self._alternatives[axis_name] = tuple(values)
        return value

    def next_path(self) -> list[tuple[str, str]] | None:
        """What the next run is given: the last axis that has a value left moves on. None after the last."""
        path = list(self.path.items())
        while path:
            name, value = path.pop()
            values = self._alternatives[name]
            place = values.index(value) + 1
            if place < len(values):
                return [*path, (name, values[place])]
        return None


@dataclass(frozen=True, slots=True)
class Leaf(Generic[_R]):
    """One run: the axes that were asked for with their values in order, and what came of it.

    ``size`` is the number of situations of the full product that it stands for.
    """

    path: Mapping[str, str]
    result: _R
    size: int
    plan: Plan

    def situation(self) -> Situation:
        """The plainest of the situations that it stands for."""
        return self.plan.situation(self.path)


def explore(run: Callable[[Choices], _T], plan: Plan) -> Iterator[Leaf[_T]]:
    """Run ``run`` once for every path through the axes of ``plan``, depth first.

    What ``run`` does must depend on its choices alone. The sizes of all leaves add up to ``size(plan)``.
    """
    sizes = {name: len(axis.values) for name, axis in plan.axes.items()}
    whole = prod(sizes.values())
    given: list[tuple[str, str]] | None = []
    while given is not None:
        choices = Choices(given)
        result = run(choices)
        asked = prod(sizes[name] for name in choices.path)
        yield Leaf(choices.path, result, whole // asked, plan)
        given = choices.next_path()


def size(plan: Plan) -> int:
    """The number of situations in the full product of all axes."""
    return prod(len(axis.values) for axis in plan.axes.values())
