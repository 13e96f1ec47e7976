"""Differences of two diagrams: all of them, each once, in classes that can be told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import replace

from hypothesis import given, settings

from eximsim.gate.diagram import Ask, End, Explorer, Forest, Way
from eximsim.gate.differences import differences
from eximsim.gate.report import Outcome
from tests.gate.programs import SIZE, Given, Run, all_situations, programs

LOGS = ((), ("one",), ("one", "two"), ("PANIC: three",))


def kind(outcome: Outcome) -> str:
    """Of the three outcomes of a program two are the same but for words."""
    return "y" if outcome.reason == "z" else outcome.reason


def class_of(was: Outcome, now: Outcome) -> Hashable:
    bare = replace(was, log=()), replace(now, log=())
    only = (
        tuple(line for line in was.log if line not in now.log),
        tuple(line for line in now.log if line not in was.log),
    )
    return (bare, only) if kind(was) == kind(now) else bare


@settings(max_examples=60)
@given(programs(LOGS), programs(LOGS))
def test_all_differences_are_found_and_counted_once(one: Run, two: Run) -> None:
    forest = Forest()
    before, after = Explorer(forest, one).diagram(), Explorer(forest, two).diagram()
    pairs = [(one(Given(each)), two(Given(each))) for each in all_situations()]
    expected = Counter(class_of(was, now) for was, now in pairs if was != now)
    found = differences(before, after, SIZE, kind)
    assert {class_of(each.before, each.after): each.size for each in found} == expected
    for each in found:
        assert (one(Given(each.answers)), two(Given(each.answers))) == (each.before, each.after)


@settings(max_examples=20)
@given(programs(), programs())
def test_the_simplest_situation_tells_a_class(one: Run, two: Run) -> None:
    forest = Forest()
    before, after = Explorer(forest, one).diagram(), Explorer(forest, two).diagram()
    for each in differences(before, after, SIZE):
        unusual = sum(value != "0" for value in each.answers.values())
        for situation in all_situations():
            if (one(Given(situation)), two(Given(situation))) == (each.before, each.after):
                assert unusual <= sum(value != "0" for value in situation.values())


def test_what_is_logged_before_a_common_part_is_one_class() -> None:
    end = End(Outcome("delivered"))
    other = End(Outcome("failed"))
    common = Ask("a", ("0", "1"), (Way((), end), Way(("more",), other)))
    (found,) = differences(Way(("before",), common), Way((), common), 2)
    assert (found.answers, found.size) == ({}, 2)
    assert (found.before.log, found.after.log) == (("before",), ())
