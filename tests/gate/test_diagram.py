"""Decision diagrams: complete, without overlap, and the same with and without merging."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from math import prod

from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.gate.diagram import Chooser, Explorer, Forest, differences, ends, outcome_at
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
def programs(draw: st.DrawFn) -> Run:
    """A program that asks in an order of its own, and not always everything."""

    def node(left: tuple[str, ...]) -> object:
        if not left or draw(st.integers(0, 3)) == 0:
            return Outcome("failed", reason=draw(st.sampled_from("xyz")))
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
    """Answers from a mapping."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self.answers = answers

    def choose(self, axis: str, values: object) -> str:
        return self.answers[axis]


def all_situations() -> list[dict[str, str]]:
    return [dict(zip(AXES, values, strict=True)) for values in itertools.product(*AXES.values())]


@settings(max_examples=40)
@given(programs())
def test_every_situation_has_its_outcome(run: Run) -> None:
    diagram = Explorer(Forest(), run).diagram()
    for situation in all_situations():
        assert outcome_at(diagram, situation) == run(Given(situation))


@settings(max_examples=40)
@given(programs(), programs())
def test_all_differences_are_found_and_counted_once(one: Run, two: Run) -> None:
    forest = Forest()
    before, after = Explorer(forest, one).diagram(), Explorer(forest, two).diagram()
    found = list(differences(before, after, SIZE))
    changed = {
        tuple(situation.values()): (one(Given(situation)), two(Given(situation)))
        for situation in all_situations()
    }
    for situation, (was, now) in changed.items():
        named = dict(zip(AXES, situation, strict=True))
        classes = [one for one in found if one.answers.items() <= named.items()]
        assert [(one.before, one.after) for one in classes] == ([] if was == now else [(was, now)])
    assert sum(one.size for one in found) == sum(was != now for was, now in changed.values())


@settings(max_examples=40)
@given(programs())
def test_the_ends_cover_the_space(run: Run) -> None:
    found = ends(Explorer(Forest(), run).diagram(), SIZE)
    assert sum(count for _, count in found.values()) == SIZE
    for outcome, (answers, _) in found.items():
        assert run(Given({**dict.fromkeys(AXES, "0"), **answers})) == outcome


def test_equal_programs_have_one_diagram() -> None:
    def run(choices: Chooser) -> Outcome:
        return Outcome("failed", reason=choices.choose("a", AXES["a"]))

    forest = Forest()
    assert Explorer(forest, run).diagram().node is Explorer(forest, run).diagram().node


class Later:
    """A program with a state: it forgets ``a`` unless told to look again, and keeps the rest in mind."""

    def __init__(self, look_again: bool) -> None:
        self.look_again = look_again
        self.mind: list[str] = []

    def __call__(self, choices: Chooser) -> Outcome:
        self.mind = ["start"]
        choices.choose("a", AXES["a"])
        self.mind = []
        self.mind.append(choices.choose("b", AXES["b"]))
        self.mind.append(choices.choose("d", AXES["d"]))
        if self.look_again:
            self.mind.append(choices.choose("a", AXES["a"]))
        return Outcome("failed", reason="".join(self.mind))

    def state(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return tuple(self.mind), ()


def test_what_follows_from_a_state_is_explored_once() -> None:
    program = Later(look_again=False)
    explorer = Explorer(Forest(), program, program.state)
    assert len(ends(explorer.diagram(), SIZE)) == 9
    assert explorer.runs == 9


def test_a_state_is_not_known_if_what_is_read_once_more_differs() -> None:
    program = Later(look_again=True)
    explorer = Explorer(Forest(), program, program.state)
    assert len(ends(explorer.diagram(), SIZE)) == 18
    assert explorer.runs == 18
