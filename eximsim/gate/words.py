"""Words and signs that every written form of a report shares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from eximsim.gate.report import Cause, Change, Group, Outcome, Report, Severity
from eximsim.status import Security

SIGNS: Mapping[Severity, str] = MappingProxyType(
    {
        Severity.SECURITY_LOST: "✗",
        Severity.REACHABILITY_LOST: "▼",
        Severity.SECURITY_GAINED: "✓",
        Severity.REACHABILITY_GAINED: "▲",
        Severity.WORDING: "≈",
    }
)
"""One sign for each severity, told apart by its shape alone; none is ever drawn as a coloured picture."""

MEANINGS: Mapping[Severity, str] = MappingProxyType(
    {
        Severity.SECURITY_LOST: "Mail goes out less well protected than before.",
        Severity.REACHABILITY_LOST: "Mail that went through before is held back, refused or returned.",
        Severity.SECURITY_GAINED: "Mail goes out better protected than before, or no longer in clear.",
        Severity.REACHABILITY_GAINED: "Mail that was held back, refused or returned before goes through.",
        Severity.WORDING: "The outcome is the same; what Exim says or logs of it is not.",
    }
)
"""What each severity means, in one sentence."""

PROTECTIONS: Mapping[Security, str] = MappingProxyType(
    {
        Security.CLEAR: "Nothing is encrypted.",
        Security.TLS: "Encrypted, but to whoever answers: its certificate was not verified.",
        Security.VERIFIED: "Encrypted, to a host whose certificate was verified against known authorities.",
        Security.DANE: "Encrypted, to a host whose certificate matches its signed TLSA records.",
    }
)
"""What each level of security means, in one sentence."""

LOSSES = (Severity.SECURITY_LOST, Severity.REACHABILITY_LOST)
"""The severities that are failures, and errors, unless somebody says otherwise."""

_POSITION = re.compile(r"(?P<file>.*[^:]):(?P<line>[1-9][0-9]*)", re.DOTALL)


def position(cause: Cause) -> tuple[str, int] | None:
    """The file and line of a cause; None if it is at no place in a file, as a switch of a release is not."""
    found = _POSITION.fullmatch(cause.where)
    return None if found is None else (found["file"], int(found["line"]))


def counted(number: int, noun: str = "situation", plural: str = "") -> str:
    """``1 situation``, ``14,400 situations``, ``2 classes``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def asked(change: Change) -> str:
    """The situation of a change as one phrase: ``MX: insecure, TLSA of host 1: SERVFAIL``."""
    found = ", ".join(f"{axis}: {value}" for axis, value in change.situation.items())
    return found or "in every situation"


def occasion(change: Change) -> str:
    """``delivery to someone@example.com``; the route may say the kind itself."""
    if change.route.startswith(change.kind):
        return change.route
    return f"{change.kind} to {change.route}" if change.route else change.kind


def sides(change: Change) -> tuple[str, str]:
    """What happened before and after, a phrase each; if only the log differs, with the lines that do."""
    before, after = change.before, change.after
    if str(before) != str(after):
        return str(before), str(after)
    return _told(before, after), _told(after, before)


def _told(one: Outcome, other: Outcome) -> str:
    own = [line for line in one.log if line not in other.log]
    return f"{one}; logged: {' / '.join(own) or 'nothing more'}"


def title(group: Group) -> str:
    """``security lost: hosts_require_dane``."""
    return f"{group.severity.value}: {group.name}"


def at_worst(group: Group) -> int:
    """In how many situations of a group the change is as bad as the group is called."""
    return sum(change.size for change in group.changes if change.severity is group.severity)


def verdict(report: Report) -> str:
    """The whole report in one sentence."""
    counts = [
        f"{severity.value} in {counted(report.count(severity))}"
        for severity in Severity
        if report.count(severity)
    ]
    if not counts:
        return "No outcome changes." if report.complete else "No outcome changes in what was explored."
    return f"{'; '.join(counts).capitalize()}."


def coverage(report: Report) -> str:
    """What was looked at, in one sentence: whether what is not reported has not changed."""
    run = f"{counted(report.situations)}, told apart as {counted(report.classes, 'class', 'classes')}"
    if report.complete:
        return f"Complete: {run}, all of them run."
    return f"Not complete: {run}; {counted(len(report.unexplored), 'part')} left out."
