"""A report as JSON. Numbers of situations are texts: they are larger than what a JSON number can hold."""

from __future__ import annotations

from eximsim.gate.outcome import fate
from eximsim.gate.report import Change, Everyday, Group, Mail, Outcome, Report
from eximsim.gate.report_text import answers
from eximsim.gate.severity import Severity


def report_json(report: Report) -> dict[str, object]:
    """The report as ``eximsim gate --json`` prints it."""
    return {
        "base": report.base,
        "head": report.head,
        "answers": [{"question": asked, "answer": told} for asked, told in answers(report)],
        "complete": report.complete,
        "agreed": report.agreed,
        "gaps": [gap.as_json() for gap in report.gaps],
        "left_out": list(report.left_out),
        "classes": report.classes,
        "situations": str(report.situations),
        "everyday": [_mail(mail) for mail in report.everyday],
        "changed": {severity.value: _changed(report, severity) for severity in Severity},
        "groups": [_group(group, report) for group in report.groups],
    }


def _changed(report: Report, severity: Severity) -> dict[str, object]:
    count = report.count(severity)
    return {
        "classes": len(report.of(severity)),
        "share": report.share(count),
        "situations": str(count),
    }


def _mail(mail: Mail) -> dict[str, object]:
    return {"route": mail.route, "situations": [_everyday(row) for row in mail.rows]}


def _everyday(row: Everyday) -> dict[str, object]:
    return {
        "situation": row.situation,
        "severity": None if row.severity is None else row.severity.value,
        "before": _outcome(row.before),
        "after": _outcome(row.after),
    }


def _group(group: Group, report: Report) -> dict[str, object]:
    witness = group.witness
    return {
        "name": group.name,
        "severity": group.severity.value,
        "key": group.severity.key,
        "kind": witness.kind,
        "before": fate(witness.before, witness.kind),
        "after": fate(witness.after, witness.kind),
        "cause": [{"name": c.name, "where": c.where, "text": c.text} for c in group.cause],
        "classes": len(group.changes),
        "share": report.share(group.size),
        "situations": str(group.size),
        "changes": [_change(change) for change in group.changes],
    }


def _change(change: Change) -> dict[str, object]:
    return {
        "situation": dict(change.situation),
        "kind": change.kind,
        "route": change.route,
        "severity": change.severity.value,
        "situations": str(change.size),
        "before": _outcome(change.before),
        "after": _outcome(change.after),
    }


def _outcome(outcome: Outcome) -> dict[str, object]:
    return {**outcome.as_json(), "log": list(outcome.log), "unreachable": outcome.unreachable}
