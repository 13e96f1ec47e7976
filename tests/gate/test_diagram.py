"""Decision diagrams: complete, without overlap, and the same with and without merging."""

from __future__ import annotations

from hypothesis import given, settings

from eximsim.explore.choices import Chooser
from eximsim.gate.diagram import Explorer, Forest, ends, outcome_at
from eximsim.gate.report import Outcome
from tests.gate.programs import AXES, SIZE, Given, Run, all_situations, programs


@settings(max_examples=40)
@given(programs())
def test_every_situation_has_its_outcome(run: Run) -> None:
    diagram = Explorer(Forest(), run).diagram()
    for situation in all_situations():
        assert outcome_at(diagram, situation) == run(Given(situation))


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

    def state(self, axis: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
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
