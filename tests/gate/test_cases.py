"""Changes of a policy as they are made; what every form of the report says of them: place, cause, answer."""

from __future__ import annotations

import html
import re
from functools import cache

import pytest

from eximsim.gate.annotations import workflow_commands
from eximsim.gate.code_quality import code_quality
from eximsim.gate.compare import compare
from eximsim.gate.html import report_page
from eximsim.gate.junit import junit
from eximsim.gate.markdown import markdown
from eximsim.gate.report import Report
from eximsim.gate.report_text import verdict
from eximsim.gate.sarif import sarif
from eximsim.gate.severity import FAILING, STOPS, Severity
from eximsim.gate.terminal import terminal
from eximsim.status import TAKEN
from tests.gate.policies import policy

CONF = """\
primary_hostname = relay.example.org
hostlist strict = mx1.partner.example : mx2.partner.example
begin routers
partner:
  driver = manualroute
  domains = partner.example
  route_list = * mx1.partner.example
  transport = remote
out:
  driver = dnslookup
  domains = ! relay.example.org
  transport = remote
begin transports
remote:
  driver = smtp
  hosts_try_dane =
  hosts_require_tls = +strict
begin retry
* * F,2d,15m
"""
DANE_OFF, DANE_ON = "  hosts_try_dane =\n", "  hosts_try_dane = *\n"

CASES: dict[str, tuple[str, str, str, str, set[Severity]]] = {
    "TLS is required where servers have none": (
        "hosts_require_tls = +strict", "hosts_require_tls = *", "hosts_require_tls", "new.conf:17",
        {Severity.HELD},
    ),
    "TLS is required no more": (
        "  hosts_require_tls = +strict\n", "", "hosts_require_tls", "old.conf:17", {Severity.RELEASED},
    ),
    "DANE is switched on": (
        DANE_OFF, DANE_ON, "hosts_try_dane", "new.conf:16", {Severity.HELD, Severity.MORE},
    ),
    "a host is misspelt in a named list": (
        "= mx1.partner", "= mx1.partnr", "hostlist strict", "new.conf:2", {Severity.RELEASED},
    ),
    "the way out is gone": (
        "out:\n  driver = dnslookup\n  domains = ! relay.example.org\n  transport = remote\n", "",
        "router out", "old.conf:9", {Severity.BOUNCED},
    ),
}  # fmt: skip


@cache
def report(case: str) -> Report:
    was, now, *_ = CASES[case]
    assert was in CONF
    new = CONF.replace(was, now)
    return compare(policy(conf=CONF, path="old.conf"), policy(conf=new, path="new.conf"))


def forms(found: Report) -> dict[str, str]:
    """The report in every form, as a reader sees it: without its quoting."""
    return {
        "terminal": terminal(found),
        "Markdown": html.unescape(re.sub(r"</?(?:span|code)>|\\(?=\W|_)", "", markdown(found))),
        "JUnit": html.unescape(junit(found)),
        "SARIF": sarif(found).replace('",\n', ""),
        "HTML": html.unescape(re.sub(r"<[^>]*>", "", report_page(found))),
        "annotations": workflow_commands(found).replace("%3A", ":").replace("%2C", ","),
        "Code Quality": code_quality(found),
    }


@pytest.mark.parametrize("case", CASES)
def test_the_cause_and_its_line_are_in_every_form(case: str) -> None:
    _, _, name, where, severities = CASES[case]
    found = report(case)
    for group in found.groups:
        assert [(cause.name, cause.where) for cause in group.cause] == [(name, where)]
    assert severities <= found.severities
    file, _, line = where.partition(":")
    for form, text in forms(found).items():
        assert name in text, form
        assert file in text, form
        assert re.search(rf'{re.escape(where)}|"startLine": {line}\b|"begin": {line}\b', text), form


@pytest.mark.parametrize("case", CASES)
def test_whether_mail_stops_is_answered_in_the_first_ten_lines(case: str) -> None:
    found = report(case)
    stops = any(severity in found.severities for severity in STOPS)
    for form, text in forms(found).items():
        first = text.splitlines()[:10]
        if form == "HTML":  # what a browser shows: the title, and the text below the styles
            first = [line for line in text.split("What changes in the policy")[1].splitlines() if line][:10]
        (line,) = (number for number, line in enumerate(first) if "that went out before stop?" in line)
        answer = " ".join(first[line : line + 2]).split("stop?", 1)[1]
        assert ("Yes. " in answer[:40]) is stops, (form, answer)


@pytest.mark.parametrize("case", CASES)
def test_mail_that_stops_is_no_gain_and_what_does_not_go_out_is_no_delivery(case: str) -> None:
    for group in report(case).groups:
        for change in group.changes:
            assert change.severity is group.severity
            if change.before.result in TAKEN and change.after.result not in TAKEN:
                assert change.severity in STOPS
            if change.severity is Severity.RELEASED:
                assert change.after.result in TAKEN
    assert not report(case).severities.isdisjoint(FAILING)


def test_a_named_list_is_told_with_what_it_was_and_what_it_is() -> None:
    text = terminal(report("a host is misspelt in a named list"))
    assert "was 'mx1.partner.example : mx2.partner.example' and is 'mx1.partnr.example : " in text


@pytest.mark.parametrize("case", CASES)
def test_counts_are_a_groups_own_and_short_enough_to_be_read(case: str) -> None:
    found = report(case)
    for group in found.groups:
        assert f"{len(group.changes):,} class" in terminal(found)
    told = re.findall(r"(.*?): ([\d,]+) class", verdict(found).replace("; ", "\n"))
    assert sum(int(number.replace(",", "")) for _, number in told) == sum(
        len(group.changes) for group in found.groups
    )
    for form, text in forms(found).items():
        if form not in ("SARIF", "Code Quality"):  # these have fingerprints
            assert not re.search(r"\d{3},\d{3},\d{3}", text), form
