"""A report as SARIF 2.1.0: what code scanning reads, and shows at the lines that cause a change."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from pathlib import PurePosixPath
from types import MappingProxyType
from urllib.parse import quote

from eximsim import __version__
from eximsim.errors import Gap
from eximsim.gate.report import Cause, Group, Report
from eximsim.gate.report_text import (
    amount,
    answers,
    asked,
    coverage,
    everyday_table,
    meant,
    occasion,
    position,
    sentence,
    sides,
    title,
    together,
)
from eximsim.gate.severity import FAILING, Severity
from eximsim.visible import visible

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_SCORES: Mapping[Severity, str] = MappingProxyType(
    {Severity.LESS: "8.0", Severity.DIES: "7.0", Severity.RELEASED: "6.0", Severity.BOUNCED: "5.0",
     Severity.HELD: "5.0"}
)  # fmt: skip
"""What GitHub sorts by, on the scale of CVSS; other severities have none."""

UNLOOKED: Mapping[str, object] = MappingProxyType(
    {
        "id": "could-not-look",
        "name": "CouldNotLook",
        "shortDescription": {"text": "Could not look"},
        "fullDescription": {
            "text": "Something could not be looked at: what is not reported may have changed."
        },
        "help": {"text": "The result says what would help. --allow-incomplete makes it a warning."},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["email"]},
    }
)
"""The rule of what could not be looked at."""


def sarif(report: Report, failing: Collection[Severity] = FAILING) -> str:
    """One result for each thing that could not be looked at, then one for each group, worst first.

    There is a rule for each severity and one for what could not be looked at, which is an error (a warning if
    it was allowed). Severities in ``failing`` are errors, others notes. A result is at the lines of its
    causes; a cause that is a switch of a release is a logical location. Its fingerprint is of what changes
    and why, not of lines, so it stays the same when a line moves. What is left out by choice is a
    notification of the run.
    """
    properties = {
        "answers": [visible(f"{question} {answer}") for question, answer in answers(report)],
        "coverage": coverage(report),
        "base": report.base,
        "head": report.head,
        "classes": report.classes,
        "everyday": {mail.route: [list(row) for row in everyday_table(mail)] for mail in report.everyday},
    }
    notes = [{"level": "note", "message": {"text": f"Left out: {visible(part)}"}} for part in report.left_out]
    allowed = report.incomplete_allowed
    results = [
        *(gap_result(gap, len(Severity), allowed=allowed) for gap in report.gaps),
        *(_result(report, group, failing) for group in report.groups),
    ]
    invocation = {
        "executionSuccessful": report.complete or allowed, "toolExecutionNotifications": notes,
    }  # fmt: skip
    return document("gate", properties, _rules(failing), invocation, results)


def document(
    command: str,
    properties: Mapping[str, object],
    rules: Sequence[Mapping[str, object]],
    invocation: Mapping[str, object],
    results: Sequence[Mapping[str, object]],
) -> str:
    """A document of one run of a command."""
    run = {
        "properties": properties,
        "tool": {"driver": {"name": "eximsim", "version": __version__, "rules": rules}},
        "automationDetails": {"id": f"eximsim/{command}/"},
        "invocations": [invocation],
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _level(severity: Severity, failing: Collection[Severity]) -> str:
    return "error" if severity in failing else "note"


def _rules(failing: Collection[Severity]) -> list[dict[str, object]]:
    of_severities: list[dict[str, object]] = [
        {
            "id": severity.key,
            "name": severity.name.title().replace("_", ""),
            "shortDescription": {"text": severity.value[:1].upper() + severity.value[1:]},
            "fullDescription": {"text": severity.told.meaning},
            "help": {
                "text": f"{severity.told.meaning} The result names the smallest situation that shows it."
            },
            "defaultConfiguration": {"level": _level(severity, failing)},
            "properties": {"tags": ["email"], **_score(severity)},
        }
        for severity in Severity
    ]
    return [*of_severities, dict(UNLOOKED)]


def _score(severity: Severity) -> dict[str, object]:
    if severity not in _SCORES:
        return {}
    return {"security-severity": _SCORES[severity], "tags": ["email", "security"]}


def gap_result(gap: Gap, rule: int, *, allowed: bool) -> dict[str, object]:
    """What could not be looked at, by the rule of that number (``UNLOOKED``)."""
    place = physical(gap.where)
    return {
        "ruleId": UNLOOKED["id"],
        "ruleIndex": rule,
        "level": "warning" if allowed else "error",
        "message": {"text": visible(f"Could not look: {gap}")},
        "locations": [] if place is None else [{"physicalLocation": place}],
        "partialFingerprints": {"eximsimGap/v1": digest(gap.what)},
    }


def _result(report: Report, group: Group, failing: Collection[Severity]) -> dict[str, object]:
    placed = [place for cause in group.cause if (place := _place(cause)) is not None]
    switches = dict.fromkeys((c.name, c.where) for c in group.cause if position(c.where) is None)
    first: dict[str, object] = dict(placed[0]) if placed else {}
    if switches:
        first["logicalLocations"] = [_named(*switch) for switch in switches]
    return {
        "ruleId": group.severity.key,
        "ruleIndex": group.severity.rank,
        "level": _level(group.severity, failing),
        "message": {"text": _message(report, group)},
        "locations": [first],
        "relatedLocations": [{"id": number, **place} for number, place in enumerate(placed[1:], 1)],
        "partialFingerprints": {"eximsimGroup/v2": fingerprint(group)},
        "properties": {"classes": len(group.changes), "share": report.share(group.size)},
    }


def physical(where: str) -> dict[str, object] | None:
    """A place ``file:line``, None if it is none."""
    found = position(where)
    if found is None:
        return None
    file, line = found
    return {"artifactLocation": {"uri": uri(file)}, "region": {"startLine": line}}


def _place(cause: Cause) -> dict[str, object] | None:
    place = physical(cause.where)
    text = visible(f"{cause.name}: {cause.text}")
    return None if place is None else {"physicalLocation": place, "message": {"text": text}}


def uri(file: str) -> str:
    """A file as SARIF names it."""
    path = PurePosixPath(file)
    if path.is_absolute():
        return f"file://{quote(path.as_posix(), errors='surrogatepass')}"
    return quote(path.as_posix(), errors="surrogatepass")


def _named(name: str, where: str) -> dict[str, object]:
    return {"name": visible(name), "fullyQualifiedName": visible(f"{name} ({where})")}


def _message(report: Report, group: Group) -> str:
    witness = group.witness
    before, after = sides(witness)
    lines = [
        f"{sentence(meant(group))} {title(group)} ({amount(report, [group])}).",
        *(f"{cause.name} ({cause.where}): {cause.text}" for cause in group.cause),
        *filter(None, [together(group)]),
        f"Smallest witness: {occasion(witness)}, {asked(witness)}.",
        f"Before: {before}.",
        f"After: {after}.",
    ]
    return "\n".join(map(visible, lines))


def fingerprint(group: Group) -> str:
    """What a group is known by from one report to the next, whatever lines its causes are at."""
    return digest(f"{group.severity.key}\n{group.witness.kind}\n{title(group)}")


def digest(text: str) -> str:
    """A fingerprint of a text."""
    return sha256(text.encode(errors="surrogatepass")).hexdigest()
