"""Laws under schedules: held by the newest release, broken by careless resolvers and by old releases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.fuzz.judge import judge as judge_plainly
from eximsim.fuzz.laws import LAWS
from eximsim.fuzz.schedule import Schedule, schedule
from eximsim.fuzz.schedule_laws import IF_NOTHING_IS_CHANGED, WHATEVER_IS_SAID, judge, laws_under
from eximsim.fuzz.schedules import (
    FAULTS,
    LASTING,
    MISTAKES,
    RECOVERED,
    RECOVERED_BY_TRIES,
    schedules,
    singles,
)
from eximsim.fuzz.worlds import situations
from eximsim.profiles import NEWEST, profile
from eximsim.suite.recording import Situation
from tests.fuzz.scheduled import situation
from tests.suite.recorded import stand

ONE = situation(1)
REQUIRED = situation(1, transport={"hosts_require_dane": "*"})
NETWORK = (*RECOVERED, *RECOVERED_BY_TRIES, *LASTING)


def ids(one: Situation, plan: Schedule, release: str = NEWEST) -> list[str]:
    return sorted({broken.law.id for broken in judge(one, profile(release), plan, stand())})


def breaking(plans: Iterable[Schedule], release: str = NEWEST) -> Iterator[tuple[int, str, list[str]]]:
    """The schedules that break a law: number, name, laws."""
    for number, plan in enumerate(plans, 1):
        if broken := ids(ONE, plan, release):
            yield number, str(plan), broken


def test_the_laws_that_are_held_are_laws() -> None:
    assert LAWS.keys() >= WHATEVER_IS_SAID | IF_NOTHING_IS_CHANGED
    assert laws_under(schedule("mx:never")).keys() == WHATEVER_IS_SAID | IF_NOTHING_IS_CHANGED
    assert laws_under(schedule("mx:now|never,noad")).keys() == WHATEVER_IS_SAID


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
    under = {broken.law.id for broken in judge(one, profile("4.95"), plan, stand())}
    laws = {name: LAWS[name] for name in NEVER}
    plain = {broken.law.id for broken in judge_plainly(one, profile("4.95"), laws, stand())}
    assert under & laws.keys() <= plain
