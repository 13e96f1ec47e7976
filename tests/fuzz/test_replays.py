"""Every counterexample that was ever printed replays from its line: to the file lines are only added."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eximsim.fuzz.scenario import TAG, scenario_of
from eximsim.fuzz.search import Target

PRINTED = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "testsuite" / "replays.jsonl").read_text("ascii").splitlines()
]


@pytest.mark.parametrize("number", range(len(PRINTED)))
def test_a_line_that_was_printed_breaks_its_law_again(number: int) -> None:
    printed = PRINTED[number]
    scenario = scenario_of(printed["line"])
    target = Target(scenario.profile, (printed["law"],), scenario.mutant)
    assert {one.law.id for one in target.judged(scenario.situation, scenario.seed)} == {printed["law"]}


def test_a_line_is_what_its_scenario_prints() -> None:
    """Compression may differ with the version of zlib; what is in the line does not."""
    for printed in PRINTED:
        scenario = scenario_of(printed["line"])
        assert scenario_of(scenario.line()) == scenario
        assert printed["line"].startswith(TAG)


def test_a_replay_says_the_same_whatever_the_order_of_sets_is() -> None:
    told = set()
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "eximsim.cli", "fuzz", "--json", "--replay", PRINTED[0]["line"]]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 1, ran.stderr
        told.add(ran.stdout)
    assert len(told) == 1
