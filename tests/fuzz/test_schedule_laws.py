"""Laws under schedules: held by the newest release, broken by careless resolvers and by old releases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.fuzz.hold_laws import judge
from eximsim.fuzz.laws import LAWS
from eximsim.fuzz.scenario import Scenario, scenario_of
from eximsim.fuzz.schedule import Schedule, schedule
from eximsim.fuzz.schedule_laws import IF_NOTHING_IS_CHANGED, WHATEVER_IS_SAID, laws_under
from eximsim.fuzz.schedules import (
    FAULTS,
    LASTING,
    MISTAKES,
    RECOVERED,
    RECOVERED_BY_TRIES,
    plan_of,
    scheduled,
    scheduled_situations,
    schedules,
    singles,
)
from eximsim.fuzz.search import Target
from eximsim.fuzz.story import story
from eximsim.fuzz.worlds import situations
from eximsim.profiles import NEWEST, profile
from eximsim.suite.recording import Situation
from tests.fuzz.scheduled import situation
from tests.suite.recorded import stand

ONE = situation(1)
REQUIRED = situation(1, transport={"hosts_require_dane": "*"})
NETWORK = (*RECOVERED, *RECOVERED_BY_TRIES, *LASTING)


def ids(one: Situation, plan: Schedule, release: str = NEWEST) -> list[str]:
    return sorted({broken.law.id for broken in judge(scheduled(one, plan), profile(release), stand=stand())})


def breaking(plans: Iterable[Schedule], release: str = NEWEST) -> Iterator[tuple[int, str, list[str]]]:
    """The schedules that break a law: number, name, laws."""
    for number, plan in enumerate(plans, 1):
        if broken := ids(ONE, plan, release):
            yield number, str(plan), broken


def test_the_laws_that_are_held_are_laws() -> None:
    assert LAWS.keys() >= WHATEVER_IS_SAID | IF_NOTHING_IS_CHANGED
    assert laws_under(schedule("mx:never"), LAWS).keys() == WHATEVER_IS_SAID | IF_NOTHING_IS_CHANGED
    assert laws_under(schedule("mx:now|never,noad"), LAWS).keys() == WHATEVER_IS_SAID


@pytest.mark.parametrize("one", [ONE, REQUIRED], ids=["requested", "required"])
def test_the_newest_release_breaks_no_law_under_any_single_fault(one: Situation) -> None:
    assert [(str(plan), ids(one, plan)) for plan in singles(one, FAULTS) if ids(one, plan)] == []


@pytest.mark.parametrize(("mistake", "first"), [("M14", "tlsa@h1-a:id+now"), ("M15", "tlsa@h1-a:tc")])
def test_a_careless_resolver_breaks_a_law(mistake: str, first: str) -> None:
    plans = [plan for plan in singles(ONE, NETWORK) if plan.rules[0].type == "tlsa"]
    with MISTAKES[mistake].applied():
        _, name, broken = next(breaking(plans))
    assert (name, broken) == (first, ["no-downgrade"])
    assert ids(ONE, schedule(first)) == []


def test_an_old_release_breaks_a_law_when_the_answer_is_lost() -> None:
    found = breaking(singles(ONE, NETWORK), "4.87")
    assert next(name for _, name, broken in found if "no-downgrade" in broken) == "tlsa@h1-a:never*"


NEVER = ("no-stronger-claim", "dane-means-match", "callout-ran", "nothing-lost")


@settings(max_examples=60)
@given(st.data())
def test_a_random_schedule_breaks_only_what_the_situation_breaks_anyway(data: st.DataObject) -> None:
    one = data.draw(situations())
    plan = data.draw(schedules(one))
    under = {broken.law.id for broken in judge(scheduled(one, plan), profile("4.95"), stand=stand())}
    laws = {name: LAWS[name] for name in NEVER}
    plain = {broken.law.id for broken in judge(one, profile("4.95"), laws, stand())}
    assert under & laws.keys() <= plain


@settings(max_examples=40)
@given(scheduled_situations())
def test_a_schedule_is_printed_and_read_with_its_situation(one: Situation) -> None:
    read = scenario_of(Scenario(one, one.kinds[0]).line())
    assert plan_of(read.situation) == plan_of(one)
    assert scheduled(read.situation, Schedule()).params == {}


def test_a_counterexample_keeps_the_rules_that_it_needs() -> None:
    plan = schedule("aaaa@h1-a:twice tlsa@h1-a:id+now mx:late0.5")
    target = Target(profile(NEWEST), ("no-downgrade",))
    with MISTAKES["M14"].applied():
        smallest = target.smallest("no-downgrade", scheduled(ONE, plan))
        told = story(target.scenario(smallest, "no-downgrade"), target.judged(smallest))
    assert str(plan_of(smallest)) == "tlsa@h1-a:id+now"
    assert "    tlsa@h1-a:id+now" in told
