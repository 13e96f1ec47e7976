"""Scenarios in which the model and a real program once differed; it does what they did."""

from functools import cache

import pytest

from eximsim.suite.scenario_compare import compare_scenario
from eximsim.suite.scenario_records import ScenarioRecord, read_scenario_records
from eximsim.suite.scenario_replay import ScenarioStand
from eximsim.suite.scenarios import Scenario, read_scenarios
from tests.suite.recorded import FOLDER

FOUND = FOLDER / "found"
RECORDS = tuple(read_scenario_records(FOUND / "outcomes.jsonl"))


@cache
def scenarios() -> dict[str, Scenario]:
    return read_scenarios(FOUND / "scenarios.jsonl")


@cache
def stand() -> ScenarioStand:
    return ScenarioStand(FOLDER / "transport" / "certs")


def test_every_scenario_has_a_record() -> None:
    assert {record.id for record in RECORDS} == scenarios().keys()


@pytest.mark.parametrize("record", RECORDS, ids=[f"{record.id}-{record.release}" for record in RECORDS])
def test_the_model_does_what_the_program_did(record: ScenarioRecord) -> None:
    found = compare_scenario(record, scenarios()[record.id], stand())
    assert found.result == "agree", found.lines
