"""A report as SARIF 2.1.0: what code scanning reads, and shows at the lines that cause a change."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from hashlib import sha256
from pathlib import PurePosixPath
from types import MappingProxyType
from urllib.parse import quote

from eximsim import __version__
from eximsim.gate.report import Cause, Group, Report, Severity
from eximsim.gate.words import (
    LOSSES,
    MEANINGS,
    asked,
    counted,
    coverage,
    occasion,
    position,
    sides,
    title,
)
from eximsim.visible import visible

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_SCORES: Mapping[Severity, str] = MappingProxyType(
    {Severity.SECURITY_LOST: "8.0", Severity.REACHABILITY_LOST: "5.0"}
)
"""What GitHub sorts by, on the scale of CVSS; other severities have none."""


def sarif(report: Report, failing: Collection[Severity] = LOSSES) -> str:
    """One result for each group, worst first; one rule for each severity.

    Severities in ``failing`` are errors, others notes. A result is at the lines of its causes; a cause that
    is a switch of a release is a logical location. Its fingerprint is of severity and causes, not of lines,
    so it stays the same when a line moves. What was left out is a notification of the run.
    """
    run = {
        "tool": {"driver": {"name": "eximsim", "version": __version__, "rules": _rules(failing)}},
        "automationDetails": {"id": "eximsim/gate/"},
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    {"level": "warning", "message": {"text": f"Left out: {visible(part)}"}}
                    for part in report.unexplored
                ],
            }
        ],
        "results": [_result(group, failing) for group in report.groups],
        "properties": {
            "base": report.base,
            "head": report.head,
            "coverage": coverage(report),
            "situations": report.situations,
            "classes": report.classes,
        },
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _level(severity: Severity, failing: Collection[Severity]) -> str:
    return "error" if severity in failing else "note"


def _identity(severity: Severity) -> str:
    return severity.value.replace(" ", "-")


def _rules(failing: Collection[Severity]) -> list[dict[str, object]]:
    return [
        {
            "id": _identity(severity),
            "name": severity.name.title().replace("_", ""),
            "shortDescription": {"text": severity.value.capitalize()},
            "fullDescription": {"text": MEANINGS[severity]},
            "help": {"text": f"{MEANINGS[severity]} The result names the smallest situation that shows it."},
            "defaultConfiguration": {"level": _level(severity, failing)},
            "properties": {"tags": ["email"], **_score(severity)},
        }
        for severity in Severity
    ]


def _score(severity: Severity) -> dict[str, object]:
    if severity not in _SCORES:
        return {}
    return {"security-severity": _SCORES[severity], "tags": ["email", "security"]}


def _result(group: Group, failing: Collection[Severity]) -> dict[str, object]:
    placed = [place for cause in group.cause if (place := _place(cause)) is not None]
    switches = dict.fromkeys((c.name, c.where) for c in group.cause if position(c) is None)
    first: dict[str, object] = dict(placed[0]) if placed else {}
    if switches:
        first["logicalLocations"] = [_named(*switch) for switch in switches]
    return {
        "ruleId": _identity(group.severity),
        "ruleIndex": group.severity.rank,
        "level": _level(group.severity, failing),
        "message": {"text": _message(group)},
        "locations": [first],
        "relatedLocations": [{"id": number, **place} for number, place in enumerate(placed[1:], 1)],
        "partialFingerprints": {"eximsimGroup/v1": _fingerprint(group)},
        "properties": {"situations": group.size, "classes": len(group.changes)},
    }


def _place(cause: Cause) -> dict[str, object] | None:
    found = position(cause)
    if found is None:
        return None
    file, line = found
    return {
        "physicalLocation": {"artifactLocation": {"uri": _uri(file)}, "region": {"startLine": line}},
        "message": {"text": visible(f"{cause.name}: {cause.text}")},
    }


def _uri(file: str) -> str:
    path = PurePosixPath(file)
    if path.is_absolute():
        return f"file://{quote(path.as_posix(), errors='surrogatepass')}"
    return quote(path.as_posix(), errors="surrogatepass")


def _named(name: str, where: str) -> dict[str, object]:
    return {"name": visible(name), "fullyQualifiedName": visible(f"{name} ({where})")}


def _message(group: Group) -> str:
    witness = group.witness
    before, after = sides(witness)
    lines = [
        f"{title(group).capitalize()} ({counted(group.size)}).",
        *(f"{cause.name} ({cause.where}): {cause.text}" for cause in group.cause),
        f"Smallest witness: {occasion(witness)}, {asked(witness)}.",
        f"Before: {before}.",
        f"After: {after}.",
    ]
    return "\n".join(map(visible, lines))


def _fingerprint(group: Group) -> str:
    return sha256(f"{_identity(group.severity)}\n{group.name}".encode(errors="surrogatepass")).hexdigest()
