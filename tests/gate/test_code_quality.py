"""GitLab's Code Quality: an array of issues with the fields that it reads, worst first."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings

from eximsim.gate.code_quality import code_quality
from eximsim.gate.report import Report
from eximsim.gate.severity import Severity
from tests.gate.reports import example, unchanged
from tests.gate.strategies import reports


def issues(report: Report) -> list[dict[str, Any]]:
    found = json.loads(code_quality(report))
    assert isinstance(found, list)
    return found


def test_the_answers_come_first() -> None:
    assert "Does any mail that went out before stop? No." in code_quality(unchanged()).splitlines()[2]
    assert [one["severity"] for one in issues(unchanged())] == ["info"]


def test_what_could_not_be_looked_at_blocks_unless_it_was_allowed() -> None:
    gap = issues(example())[1]
    assert (gap["severity"], gap["location"]) == ("blocker", {"path": "exim.conf", "lines": {"begin": 12}})
    assert issues(replace(example(), incomplete_allowed=True))[1]["severity"] == "minor"


def test_a_group_is_at_the_line_of_its_cause_and_its_weight_says_whether_it_fails() -> None:
    less, held, released, more, words = issues(example())[2:]
    assert less["location"] == {"path": "exim.conf", "lines": {"begin": 41}}
    assert held["location"] == {"path": "new.conf", "lines": {"begin": 1}}
    weights = [one["severity"] for one in (less, held, released, more, words)]
    assert weights == ["critical", "major", "major", "info", "info"]
    found = json.loads(code_quality(example(), failing=[Severity.WORDS]))
    assert [one["severity"] for one in found[2:]] == ["info"] * 4 + ["minor"]


@settings(max_examples=25, deadline=None)
@given(reports)
def test_every_issue_has_what_gitlab_asks_for(report: Report) -> None:
    found = issues(report)
    assert len(found) == 1 + len(report.gaps) + len(report.groups)
    for one in found:
        assert one["description"].isprintable()
        assert one["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert one["location"]["lines"]["begin"] >= 1
        assert len(one["fingerprint"]) == 64
