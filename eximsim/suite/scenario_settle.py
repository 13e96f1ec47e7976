"""Looking into a comparison of scenarios: whether the program does the same when it is asked again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from eximsim.suite.compare import LOTS, RESTLESS
from eximsim.suite.scenario_compare import ScenarioComparison, compare_scenario
from eximsim.suite.scenario_records import FIELDS, Done, ScenarioRecord
from eximsim.suite.scenario_replay import ScenarioStand
from eximsim.suite.scenarios import Scenario

_AGAIN = 3
"""How often a program is asked again that does otherwise than the model."""


def settled(
    found: ScenarioComparison, scenario: Scenario, stand: ScenarioStand, ask: Callable[[], ScenarioRecord]
) -> ScenarioComparison:
    """What a comparison comes to when the program may be asked again.

    A difference is explained if one of a few more runs agrees with the model. What is put down to chance is
    a difference if the program is not seen to do otherwise, too.
    """
    if found.result == "differ":
        for _ in range(_AGAIN):
            again = compare_scenario(ask(), scenario, stand)
            if again.result in ("agree", "explained"):
                return replace(again, result="explained", rule=again.rule or RESTLESS)
    elif found.by_chance and not any(not _same(found.record, ask()) for _ in range(LOTS)):
        return compare_scenario(found.record, replace(scenario, seeds=0), stand)
    return found


def _same(one: ScenarioRecord, two: ScenarioRecord) -> bool:
    return list(map(_shown, one.runs)) == list(map(_shown, two.runs))


def _shown(done: Done) -> list[object]:
    return [getattr(done, name) for name in FIELDS]
