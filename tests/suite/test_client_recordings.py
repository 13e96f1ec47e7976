"""Combinations of what a client does: the model does what seven real programs did.

Retry records over several commands and zones that change, calls that go on to other messages, caches of
callouts, LMTP, chunks, early pipelining, replies of several lines, connections that end early. Left out is
what a program did not do each time, most of it where a second began between two commands.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from eximsim.suite.many_runs import many_runs
from eximsim.suite.scenario_compare import compare_scenario
from eximsim.suite.scenario_records import ScenarioRecord, read_scenario_records
from eximsim.suite.scenario_replay import ScenarioStand
from eximsim.suite.scenarios import Scenario, read_scenarios
from tests.suite.recorded import FOLDER

RECORDED = FOLDER / "client"
PROGRAMS = (
    "4.89 openssl", "4.92 openssl", "4.95 openssl", "4.96-debian12 gnutls", "4.98 openssl",
    "4.99-dev-13835a3c1 gnutls", "4.99-dev-13835a3c1 openssl",
)  # fmt: skip


@cache
def scenarios() -> dict[str, Scenario]:
    return read_scenarios(RECORDED / "scenarios.jsonl.gz")


@cache
def records() -> tuple[ScenarioRecord, ...]:
    return tuple(read_scenario_records(RECORDED / "outcomes.jsonl.gz"))


def program_of(record: ScenarioRecord) -> str:
    return f"{record.release} {record.tls}"


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_model_does_what_the_program_did(program: str) -> None:
    stand = ScenarioStand(FOLDER / "transport" / "certs")
    differing = {}
    with many_runs():
        for record in (record for record in records() if program_of(record) == program):
            found = compare_scenario(record, scenarios()[record.id], stand)
            if found.result != "agree":
                differing[record.id] = (found.result, found.rule, *found.lines[:4])
    assert differing == {}


def test_every_scenario_was_recorded_and_every_program_did_most_of_them() -> None:
    counted = Counter(map(program_of, records()))
    assert counted.keys() == set(PROGRAMS)
    assert {record.id for record in records()} == scenarios().keys()
    assert min(counted.values()) > 50
