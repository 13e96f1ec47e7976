"""A report as GitHub workflow commands: shown at the lines of a pull request that cause a change."""

from __future__ import annotations

from collections.abc import Collection

from eximsim.gate.report import Group, Report
from eximsim.gate.report_text import (
    amount,
    answers,
    asked,
    coverage,
    meant,
    occasion,
    position,
    sides,
    title,
)
from eximsim.gate.severity import FAILING, Severity
from eximsim.visible import visible


def workflow_commands(report: Report, failing: Collection[Severity] = FAILING) -> str:
    """A notice with the answers; an error for each thing that could not be looked at; a line for each group.

    ``failing`` are the severities shown as errors; what else changes is a notice. GitHub shows ten of each
    for a step. Source: GitHub's pages about workflow commands, and ``actions/toolkit`` for the quoting.
    """
    (question, answer), (other, less) = answers(report)
    said = [answer, f"{other} {less}", coverage(report)]
    lines = [command("notice", {"title": question}, "\n".join(map(visible, said)))]
    level = "warning" if report.incomplete_allowed else "error"
    lines += [
        command(level, {**at(gap.where), "title": "could not look"}, visible(str(gap))) for gap in report.gaps
    ]
    lines += [_group(report, group, failing) for group in report.groups]
    return "".join(f"{line}\n" for line in lines)


def _group(report: Report, group: Group, failing: Collection[Severity]) -> str:
    places = [cause.where for cause in group.cause if position(cause.where)]
    witness = group.witness
    before, after = sides(witness)
    causes = [f"{cause.name} ({cause.where}): {cause.text}" for cause in group.cause]
    shown = [
        *causes,
        f"{title(group)} ({amount(report, [group])})",
        f"the smallest: {occasion(witness)}, {asked(witness)}",
        f"before: {before}",
        f"after: {after}",
    ]
    level = "error" if group.severity in failing else "notice"
    properties = {**at(places[0] if places else ""), "title": f"{meant(group)}: {group.name}"}
    return command(level, properties, "\n".join(map(visible, shown)))


def at(where: str) -> dict[str, str]:
    """The place of a command, from ``file:line``; nothing if that is no place in a file."""
    place = position(where)
    return {"file": place[0], "line": str(place[1])} if place else {}


def command(level: str, properties: dict[str, str], text: str) -> str:
    """One workflow command, on one line: ``level`` is ``notice``, ``warning`` or ``error``."""
    named = ",".join(f"{name}={_property(visible(value))}" for name, value in properties.items())
    return f"::{level} {named}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
