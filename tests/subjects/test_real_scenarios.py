"""Scenarios of several commands on a real program."""

from __future__ import annotations

import json
from pathlib import Path

from eximsim.suite.real_runs import own_certificates
from eximsim.suite.real_scenarios import record_scenarios
from eximsim.suite.scenario_compare import compare_scenario
from eximsim.suite.scenario_records import read_scenario_records
from tests.suite.test_scenario_compare import scenario, stand

SILENT: dict[str, object] = {"smtputf8_advertise_hosts": ""}


def test_several_commands_are_recorded_with_all_that_came_of_each(exim: Path, tmp_path: Path) -> None:
    waits = scenario(
        main=SILENT,
        servers={"10.9.1.1": "refused"},
        runs=[
            {"argv": ["-odf", "-f", "s@test.ex", "a@one.test.ex"], "stdin": "Subject: x\n\n"},
            {"argv": ["-M", "$msg1"], "servers": {"10.9.1.1": "nostarttls"}},
        ],
    )
    with own_certificates() as certificates:
        (record,) = record_scenarios(exim, certificates, [waits], 1)
    assert [done.queued for done in record.runs] == [1, 0]
    file = tmp_path / "outcomes.jsonl"
    file.write_text(json.dumps(record.as_json()) + "\n")
    (read,) = read_scenario_records(file)
    assert compare_scenario(read, waits, stand()).result == "agree"
