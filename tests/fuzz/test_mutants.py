"""Every known mistake is found by its law, and is gone when the mistake is taken out."""

from __future__ import annotations

from pathlib import Path

import pytest

from eximsim.fuzz.laws import LAWS
from eximsim.fuzz.mutants import MUTANTS
from eximsim.fuzz.scenario import scenario_of
from eximsim.fuzz.schedules import MISTAKES, plan_of
from eximsim.fuzz.search import Target, search
from tools.docs import mutants

ROOT = Path(__file__).parents[2]
FOUND = mutants.read(ROOT / "testsuite" / "mutants.jsonl")

ALL = (
    *(f"X{number}" for number in range(1, 16)),
    *(f"M{number}" for number in range(1, 16)),
    *(f"N{number}" for number in range(1, 11)),
)


@pytest.mark.parametrize("id", ALL)
def test_every_mistake_of_the_list_is_there_and_was_found(id: str) -> None:
    assert id in MUTANTS
    assert id in FOUND
    assert FOUND[id].scenarios <= mutants.MOST


@pytest.mark.parametrize("id", MISTAKES)
def test_the_resolvers_mistakes_are_found_by_schedules(id: str) -> None:
    assert "schedule" in FOUND[id].where
    assert plan_of(scenario_of(FOUND[id].line).situation).rules


@pytest.mark.parametrize("id", MUTANTS)
def test_the_law_that_must_break_is_one(id: str) -> None:
    assert MUTANTS[id].law in LAWS


@pytest.mark.parametrize("id", FOUND)
def test_the_scenario_breaks_the_law_with_the_mistake_and_keeps_it_without(id: str) -> None:
    entry = FOUND[id]
    scenario = scenario_of(entry.line)
    assert (scenario.mutant, scenario.laws) == (id, (entry.law,))
    wrong = Target(scenario.profile, scenario.laws, id)
    assert entry.explanation in [one.explanation for one in wrong.judged(scenario.situation)]
    mended = Target(scenario.profile, scenario.laws, id, mended=True)
    assert mended.judged(scenario.situation) == []


@pytest.mark.parametrize("id", ["X3", "X9", "X14", "X15", "N3"])
def test_the_search_finds_it_once_more(id: str) -> None:
    mutant = MUTANTS[id]
    target = Target(mutant.program.profile, (mutant.law,), id, contrast=True)
    finds = [find for part in search(target, FOUND[id].scenarios, mutants.SEED) for find in part.finds]
    assert [(find.law, find.number) for find in finds] == [(mutant.law, FOUND[id].scenarios)]


@pytest.mark.parametrize("id", ["X2", "X14", "X15", "N3"])
def test_the_same_search_finds_nothing_without_it(id: str) -> None:
    mutant = MUTANTS[id]
    target = Target(mutant.program.profile, (mutant.law,), id, mended=True)
    searched = list(search(target, 40, mutants.SEED))
    assert sum(part.scenarios for part in searched) == 40
    assert not [find for part in searched for find in part.finds]


def test_the_page_shows_what_was_found() -> None:
    assert (ROOT / "docs" / "mutants.md").read_text(encoding="utf-8") == mutants.page(FOUND)
