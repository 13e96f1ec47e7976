"""A real program and the model in sequences made at random."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands.invoking import invoke


def test_a_program_is_compared_and_what_differs_can_be_compared_again(exim: Path, tmp_path: Path) -> None:
    done = invoke(
        "compare", "--exim", str(exim), "--sequences", "2", "--seed", "5", "--keep", str(tmp_path), "--json"
    )
    assert done.exit_code in (0, 1)
    assert done.stderr.startswith("seed 5\n")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["id"] for one in told] == ["s5-0000", "s5-0001"]
    assert (done.exit_code == 1) is any(one["result"] == "differ" for one in told)


def test_scenarios_of_several_commands_are_run_with_all_their_commands(exim: Path) -> None:
    scenarios = Path(__file__).parents[2] / "testsuite/recordings/transport/scenarios.jsonl.gz"
    done = invoke(
        "compare",
        "--exim",
        str(exim),
        "--scenarios",
        str(scenarios),
        "--json",
        "a-record-0000",
        "delay-warning",
    )
    assert done.exit_code == 0
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["id"] for one in told] == ["a-record-0000", "delay-warning"]
    assert all(one["result"] == "agree" and one["fields"]["messages"] for one in told)


def test_kinds_and_jobs_are_not_for_scenarios(exim: Path) -> None:
    scenarios = Path(__file__).parents[2] / "testsuite/recordings/transport/scenarios.jsonl.gz"
    done = invoke("compare", "--exim", str(exim), "--scenarios", str(scenarios), "--kind", "callout")
    assert done.exit_code == 2
    assert "--kind and --jobs are not for scenarios of several commands" in done.stderr
