"""GitHub workflow commands: one line each, quoted as the runner reads them."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given, settings

from eximsim.gate.annotations import workflow_commands
from eximsim.gate.report import Report
from eximsim.gate.severity import Severity
from tests.gate.reports import example, unchanged
from tests.gate.strategies import reports

COMMAND = re.compile(r"::(?P<level>error|warning|notice) (?P<properties>[^:]*)::(?P<text>.*)")


def read(line: str) -> tuple[str, dict[str, str], str]:
    """A command as the runner reads it."""
    found = COMMAND.fullmatch(line)
    assert found is not None
    properties = dict(part.split("=", 1) for part in found["properties"].split(","))
    return found["level"], {name: plain(value) for name, value in properties.items()}, plain(found["text"])


def plain(text: str) -> str:
    for code, char in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(code, char)
    return text


def test_the_answers_come_first_as_a_notice() -> None:
    level, properties, text = read(workflow_commands(unchanged()).rstrip())
    assert (level, properties) == ("notice", {"title": "Does any mail that went out before stop?"})
    assert text.splitlines()[:2] == ["No.", "Does any mail go out with less protection? No."]


def test_a_loss_is_an_error_at_the_line_of_its_cause() -> None:
    level, properties, text = read(workflow_commands(example()).splitlines()[2])
    assert level == "error"
    assert properties == {
        "file": "exim.conf", "line": "41", "title": "delivered with less protection: hosts_require_dane",
    }  # fmt: skip
    assert text.splitlines() == [
        'hosts_require_dane (exim.conf:41): transport "t": was * and is !h1-a.test.ex : *',
        "hosts_require_dane: delivered under DANE → delivered in clear (2 classes, 0.7 % of all situations)",
        "the smallest: delivery to a@one.test.ex, TLSA of host 1: match, STARTTLS of host 1: 454",
        "before: delivered to h1-a.test.ex (DANE)",
        "after: delivered to h1-a.test.ex (in clear)",
    ]


def test_a_switch_of_a_release_has_no_file() -> None:
    level, properties, _ = read(workflow_commands(example()).splitlines()[3])
    assert level == "error"
    assert properties == {"title": "delivered before, now held back: tlsa_map"}


def test_what_could_not_be_looked_at_is_an_error_and_a_warning_if_it_was_allowed() -> None:
    level, properties, text = read(workflow_commands(example()).splitlines()[1])
    assert (level, properties) == ("error", {"file": "exim.conf", "line": "12", "title": "could not look"})
    assert text == "exim.conf:12: router local: not modelled"
    allowed = workflow_commands(replace(example(), incomplete_allowed=True))
    assert read(allowed.splitlines()[1])[0] == "warning"


def test_what_is_no_failure_is_a_notice() -> None:
    levels = [read(line)[0] for line in workflow_commands(example()).splitlines()]
    assert levels == ["notice", *["error"] * 4, "notice", "notice"]
    some = workflow_commands(replace(example(), gaps=()), failing={Severity.WORDS})
    assert [read(line)[0] for line in some.splitlines()] == [*["notice"] * 5, "error"]


@settings(max_examples=40, deadline=None)
@given(reports)
def test_each_group_is_one_line_whatever_is_in_it(report: Report) -> None:
    text = workflow_commands(report)
    lines = text.splitlines()
    assert len(lines) == 1 + len(report.groups) + len(report.gaps)
    assert text.count("\n") == len(lines)
    for line in lines:
        assert line.isprintable()
        assert read(line)[1].keys() <= {"file", "line", "title"}
