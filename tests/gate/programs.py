"""Small programs that ask questions, as random trees."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from math import prod

from hypothesis import strategies as st

from eximsim.explore.choices import Chooser
from eximsim.gate.report import Outcome

AXES: Mapping[str, tuple[str, ...]] = {
    "a": ("0", "1"),
    "b": ("0", "1", "2"),
    "c": ("0", "1"),
    "d": ("0", "1", "2"),
}
SIZE = prod(map(len, AXES.values()))

Run = Callable[[Chooser], Outcome]


@st.composite
def programs(draw: st.DrawFn, logs: tuple[tuple[str, ...], ...] = ((),)) -> Run:
    """A program that asks in an order of its own, and not always everything."""

    def node(left: tuple[str, ...]) -> object:
        if not left or draw(st.integers(0, 3)) == 0:
            return Outcome("failed", reason=draw(st.sampled_from("xyz")), log=draw(st.sampled_from(logs)))
        axis = draw(st.sampled_from(left))
        rest = tuple(one for one in left if one != axis)
        return axis, {value: node(rest) for value in AXES[axis]}

    tree = node(tuple(AXES))

    def run(choices: Chooser) -> Outcome:
        here = tree
        while not isinstance(here, Outcome):
            assert isinstance(here, tuple)
            axis, following = here
            here = following[choices.choose(axis, AXES[axis])]
        return here

    return run


class Given:
    """Answers from a mapping, else the plainest."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self.answers = answers

    def choose(self, axis: str, values: object) -> str:
        return self.answers.get(axis, AXES[axis][0])


def all_situations() -> list[dict[str, str]]:
    """Every combination of answers."""
    return [dict(zip(AXES, values, strict=True)) for values in itertools.product(*AXES.values())]
