"""Folders of recorded scenarios, each read once, and what the model does otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from eximsim.suite.many_runs import many_runs
from eximsim.suite.scenario_compare import compare_scenario
from eximsim.suite.scenario_records import ScenarioRecord, read_scenario_records
from eximsim.suite.scenario_replay import ScenarioStand
from eximsim.suite.scenarios import Scenario, read_scenarios
from tests.suite.recorded import FOLDER


@cache
def scenarios_of(folder: str) -> dict[str, Scenario]:
    """Every scenario, by id."""
    return read_scenarios(FOLDER / folder / "scenarios.jsonl.gz")


@cache
def records_of(folder: str) -> tuple[ScenarioRecord, ...]:
    """What the programs did, in the recording's order."""
    return tuple(read_scenario_records(FOLDER / folder / "outcomes.jsonl.gz"))


def differing(folder: str, records: Iterable[ScenarioRecord]) -> dict[str, tuple[str, ...]]:
    """The records with which the model does not agree, by id: how, by which rule, and the first lines."""
    stand = ScenarioStand(FOLDER / "transport" / "certs")
    found = {}
    with many_runs():
        for record in records:
            compared = compare_scenario(record, scenarios_of(folder)[record.id], stand)
            if compared.result != "agree":
                found[record.id] = (compared.result, compared.rule, *compared.lines[:4])
    return found
