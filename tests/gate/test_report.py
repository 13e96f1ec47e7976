"""The form of a report: order, counts, words and JSON."""

from __future__ import annotations

import json
from dataclasses import replace

from eximsim.gate.report import Outcome, Severity
from eximsim.status import Security
from tests.gate.reports import example, unchanged


def test_the_worst_severity_comes_first() -> None:
    assert [severity.rank for severity in Severity] == [0, 1, 2, 3, 4]
    assert [group.severity for group in example().groups] == list(Severity)


def test_a_report_is_complete_if_it_has_no_gap() -> None:
    assert replace(unchanged(), left_out=("somebody@one.test.ex: a third host",)).complete
    assert unchanged().complete
    assert not example().complete


def test_changes_are_counted_in_situations() -> None:
    assert example().count(Severity.SECURITY_LOST) == 100
    assert example().groups[0].size == 100
    assert unchanged().count(Severity.SECURITY_LOST) == 0


def test_a_group_is_called_by_its_causes() -> None:
    assert example().groups[3].name == "dns_again_means_nonexist+hosts_try_dane"
    assert example().groups[0].witness.situation == {"TLSA of host 1": "SERVFAIL"}


def test_an_outcome_is_one_phrase() -> None:
    assert str(Outcome("delivered", Security.DANE, "h1")) == "delivered to h1 (DANE)"
    assert str(Outcome("deferred", reason="tlsa lookup DEFER")) == "deferred: tlsa lookup DEFER"
    assert str(Outcome("accepted", Security.CLEAR, "h1", "250 OK")) == "accepted (in clear): 250 OK"


def test_json_holds_everything() -> None:
    found = json.loads(json.dumps(example().as_json()))
    assert found["changed"]["security lost"] == 100
    assert found["complete"] is False
    assert found["gaps"] == [{"what": "router local: not modelled", "where": "exim.conf:12", "remedy": ""}]
    first = found["groups"][0]
    assert first["cause"][0]["where"] == "exim.conf:41"
    assert first["changes"][1]["before"] == {
        "result": "delivered",
        "security": "dane",
        "host": "h1-a.test.ex",
        "reason": "",
        "log": list(example().groups[0].changes[1].before.log),
        "unreachable": False,
    }
