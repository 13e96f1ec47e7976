"""The walk over all runs: each once, and none that is known from its state on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from eximsim.explore.choices import Chooser
from eximsim.explore.walk import Answers, Explorer, Settled

AXES = {"a": ("0", "1"), "b": ("0", "1", "2"), "c": ("0", "1")}
Line = tuple[str, ...]
Program = Callable[[Chooser, Callable[[str], None]], None]


class Lines(Explorer[Answers[Line, list[Line]], Line, list[Line], list[Line]]):
    """Gathers what each run says, as a list of all that can follow."""

    def __init__(self, program: Program, *, merged: bool) -> None:
        super().__init__()
        self._program, self._merged = program, merged
        self._said: list[str] = []
        self.choices: Answers[Line, list[Line]]

    def answers(self, given: Mapping[str, str]) -> Answers[Line, list[Line]]:
        return Answers(given, self._look, self.find)

    def _look(self, axis: str, values: Sequence[str]) -> tuple[Hashable, Line]:
        state = (axis, *self._said[-1:]) if self._merged else None
        return state, tuple(self._said)

    def end(self, answers: Answers[Line, list[Line]]) -> tuple[list[Line], Line]:
        self._said.clear()
        self._program(answers, self._said.append)
        return [()], tuple(self._said)

    def way(
        self, answers: Answers[Line, list[Line]], since: Line, until: Line, rest: list[Line]
    ) -> list[Line]:
        return [until[len(since) :] + line for line in rest]

    def ask(self, axis: str, values: tuple[str, ...], ways: tuple[list[Line], ...]) -> list[Line]:
        return [line for way in ways for line in way]


def chain(axes: Sequence[str]) -> Program:
    """Says of each axis what was answered; only the last thing said decides whether the next one is asked."""

    def program(choices: Chooser, say: Callable[[str], None]) -> None:
        last = ""
        for axis in axes:
            if last != "2":
                last = choices.choose(axis, AXES[axis])
                say(last)

    return program


def test_every_run_is_made_once() -> None:
    walk = Lines(chain("ab"), merged=False)
    lines, reads = walk.explore({}, ())
    assert sorted(lines) == [(a, b) for a in "01" for b in "012"]
    assert reads == {"a", "b"}
    assert (walk.runs, walk.broken_off) == (6, 0)


def test_a_run_is_broken_off_at_a_state_from_which_all_is_known() -> None:
    def program(choices: Chooser, say: Callable[[str], None]) -> None:
        choices.choose("a", AXES["a"])
        say(choices.choose("b", AXES["b"]))

    walk = Lines(program, merged=True)
    lines, _ = walk.explore({}, ())
    assert lines == [("0",), ("1",), ("2",)] * 2
    assert (walk.runs, walk.broken_off) == (3, 1)


def test_what_is_asked_once_more_keeps_states_apart() -> None:
    def program(choices: Chooser, say: Callable[[str], None]) -> None:
        choices.choose("a", AXES["a"])
        choices.choose("b", AXES["b"])
        say(choices.choose("a", AXES["a"]))

    lines, _ = Lines(program, merged=True).explore({}, ())
    assert lines == [("0",)] * 3 + [("1",)] * 3


def test_what_is_settled_may_be_asked_once_more_and_was_answered_otherwise() -> None:
    """Of ``a`` it only matters whether it is 0; the state tells that, from the second question on."""

    class Settling(Lines):
        def _look(self, axis: str, values: Sequence[str]) -> tuple[Hashable, Line]:
            settled = axis == "c" and self.choices.path["a"] != "0"
            return Settled("not 0", frozenset("a")) if settled else None, tuple(self._said)

        def answers(self, given: Mapping[str, str]) -> Answers[Line, list[Line]]:
            self.choices = super().answers(given)
            return self.choices

    def program(choices: Chooser, say: Callable[[str], None]) -> None:
        choices.choose("a", ("0", "1", "2"))
        say(choices.choose("c", AXES["c"]))
        say("0" if choices.choose("a", ("0", "1", "2")) == "0" else "other")

    walk = Settling(program, merged=True)
    lines, _ = walk.explore({}, ())
    assert lines == [("0", "0"), ("1", "0"), *[("0", "other"), ("1", "other")] * 2]
    assert (walk.runs, walk.broken_off) == (4, 1)


@given(st.permutations("abc").map(chain))
def test_runs_that_share_what_follows_are_those_that_were_made(program: Program) -> None:
    each, merged = (Lines(program, merged=flag) for flag in (False, True))
    assert each.explore({}, ()) == merged.explore({}, ())
    assert merged.runs <= each.runs
