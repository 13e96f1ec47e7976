"""Looking into a comparison of scenarios: whether the program does the same when it is asked again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from eximsim.suite.compare import LOTS, RESTLESS
from eximsim.suite.scenario_compare import ScenarioComparison, compare_scenario
from eximsim.suite.scenario_records import FIELDS, Done, ScenarioRecord
from eximsim.suite.scenario_replay import ScenarioStand
from eximsim.suite.scenarios import Scenario

SECOND = "another-second"
"""The rule for what differs because a second was over before the program looked at the time."""

_LATER = (0.2, 0.4, 0.6)
"""So many seconds later than it was called a program may come to what it does."""
_AGAIN = 3
"""How often a program is asked again that does otherwise than the model."""


def settled(
    found: ScenarioComparison, scenario: Scenario, stand: ScenarioStand, ask: Callable[[], ScenarioRecord]
) -> ScenarioComparison:
    """What a comparison comes to when the program may be asked again.

    A difference is explained if the model, called a little later, does the same, or if one of a few more runs
    agrees with the model. What is put down to chance is a difference if the program is not seen to do
    otherwise, too.
    """
    if found.result == "differ":
        for seconds in _LATER:
            later = compare_scenario(_begun_later(found.record, seconds), scenario, stand)
            if later.result in ("agree", "explained"):
                return replace(later, record=found.record, result="explained", rule=later.rule or SECOND)
        for _ in range(_AGAIN):
            again = compare_scenario(ask(), scenario, stand)
            if again.result in ("agree", "explained"):
                return replace(again, result="explained", rule=again.rule or RESTLESS)
    elif found.by_chance and not any(not _same(found.record, ask()) for _ in range(LOTS)):
        return compare_scenario(found.record, replace(scenario, seeds=0), stand)
    return found


def _begun_later(record: ScenarioRecord, seconds: float) -> ScenarioRecord:
    runs = (done if done.began is None else replace(done, began=done.began + seconds) for done in record.runs)
    return replace(record, runs=tuple(runs))


def _same(one: ScenarioRecord, two: ScenarioRecord) -> bool:
    return list(map(_shown, one.runs)) == list(map(_shown, two.runs))


def _shown(done: Done) -> list[object]:
    return [getattr(done, name) for name in FIELDS]
