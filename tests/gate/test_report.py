"""The form of a report: order, counts, words and JSON."""

from __future__ import annotations

import json
from dataclasses import replace

from eximsim.gate.report import Outcome
from eximsim.gate.report_json import report_json
from eximsim.gate.severity import Severity
from eximsim.status import Security
from tests.gate.reports import example, unchanged


def test_the_worst_severity_comes_first() -> None:
    assert [severity.rank for severity in Severity] == list(range(len(Severity)))
    ranks = [group.severity.rank for group in example().groups]
    assert ranks == sorted(ranks)


def test_a_report_is_complete_if_it_has_no_gap() -> None:
    assert replace(unchanged(), left_out=("somebody@one.test.ex: a third host",)).complete
    assert unchanged().complete
    assert not example().complete


def test_changes_are_counted_in_situations() -> None:
    assert example().count(Severity.LESS) == 100
    assert example().groups[0].size == 100
    assert unchanged().count(Severity.LESS) == 0


def test_a_group_is_called_by_its_causes() -> None:
    assert example().groups[2].name == "dns_again_means_nonexist+hosts_try_dane"
    assert example().groups[0].witness.situation == {"TLSA of host 1": "match", "STARTTLS of host 1": "454"}


def test_an_outcome_is_one_phrase() -> None:
    assert str(Outcome("delivered", Security.DANE, "h1")) == "delivered to h1 (DANE)"
    assert str(Outcome("deferred", reason="tlsa lookup DEFER")) == "deferred: tlsa lookup DEFER"
    assert str(Outcome("accepted", Security.CLEAR, "h1", "250 OK")) == "accepted (in clear): 250 OK"


def test_json_holds_everything() -> None:
    found = json.loads(json.dumps(report_json(example())))
    assert found["changed"]["delivered with less protection"] == {
        "classes": 2, "share": 100 / 14_400, "situations": "100",
    }  # fmt: skip
    assert found["answers"][0]["question"] == "Does any mail that went out before stop?"
    assert found["everyday"][0]["situations"][1]["severity"] == "delivered before, now held back"
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


def test_no_number_of_json_is_larger_than_what_json_can_hold() -> None:
    large = replace(example(), situations=193_625_419_870_459_806)
    assert report_json(large)["situations"] == "193625419870459806"


def test_everyday_mail_counts_among_what_changes() -> None:
    assert replace(example(), groups=()).severities == {Severity.HELD, Severity.WORDS}
