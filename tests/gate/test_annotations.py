"""GitHub workflow commands: one line each, quoted as the runner reads them."""

from __future__ import annotations

import re

from hypothesis import given, settings

from eximsim.gate.annotations import workflow_commands
from eximsim.gate.report import Report, Severity
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


def test_a_loss_is_an_error_at_the_line_of_its_cause() -> None:
    level, properties, text = read(workflow_commands(example()).splitlines()[0])
    assert level == "error"
    assert properties == {"file": "exim.conf", "line": "41", "title": "security lost: hosts_require_dane"}
    assert text.splitlines() == [
        'hosts_require_dane (exim.conf:41): transport "t": was * and is !h1-a.test.ex : *',
        "100 situations; the smallest: delivery to a@one.test.ex, TLSA of host 1: SERVFAIL",
        "before: deferred: DANE error: tlsa lookup DEFER",
        "after: delivered to h1-a.test.ex (in clear)",
    ]


def test_a_switch_of_a_release_has_no_file() -> None:
    level, properties, _ = read(workflow_commands(example()).splitlines()[1])
    assert level == "error"
    assert properties == {"title": "reachability lost: tlsa_map"}


def test_what_is_no_failure_is_a_notice_and_what_was_left_out_a_warning() -> None:
    levels = [read(line)[0] for line in workflow_commands(example()).splitlines()]
    assert levels == ["error", "error", "notice", "notice", "notice", "warning"]
    some = workflow_commands(example(), failing={Severity.WORDING})
    assert [read(line)[0] for line in some.splitlines()] == [*["notice"] * 4, "error", "warning"]


def test_nothing_changed_is_nothing_said() -> None:
    assert workflow_commands(unchanged()) == ""


@settings(max_examples=40, deadline=None)
@given(reports)
def test_each_group_is_one_line_whatever_is_in_it(report: Report) -> None:
    text = workflow_commands(report)
    lines = text.splitlines()
    assert len(lines) == len(report.groups) + (not report.complete)
    assert text.count("\n") == len(lines)
    for line in lines:
        assert line.isprintable()
        assert read(line)[1].keys() <= {"file", "line", "title"}
