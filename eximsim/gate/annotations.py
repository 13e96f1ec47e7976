"""A report as GitHub workflow commands: shown at the lines of a pull request that cause a change."""

from __future__ import annotations

from collections.abc import Collection

from eximsim.gate.report import Group, Report, Severity
from eximsim.gate.words import LOSSES, asked, counted, coverage, occasion, position, sides, title
from eximsim.visible import visible


def workflow_commands(report: Report, failing: Collection[Severity] = LOSSES) -> str:
    """One line for each group, worst first, and one if something was left out; empty if there are neither.

    ``failing`` are the severities shown as errors; what else changes is a notice. GitHub shows ten of each
    for a step. Source: GitHub's pages about workflow commands, and ``actions/toolkit`` for the quoting.
    """
    lines = [_group(group, failing) for group in report.groups]
    if not report.complete:
        text = "\n".join([coverage(report), *map(visible, report.unexplored)])
        lines.append(_command("warning", {"title": "not everything was explored"}, text))
    return "".join(f"{line}\n" for line in lines)


def _group(group: Group, failing: Collection[Severity]) -> str:
    places = [place for cause in group.cause if (place := position(cause))]
    properties = {"file": places[0][0], "line": str(places[0][1])} if places else {}
    properties["title"] = title(group)
    witness = group.witness
    before, after = sides(witness)
    causes = [f"{cause.name} ({cause.where}): {cause.text}" for cause in group.cause]
    shown = [
        *causes,
        f"{counted(group.size)}; the smallest: {occasion(witness)}, {asked(witness)}",
        f"before: {before}",
        f"after: {after}",
    ]
    level = "error" if group.severity in failing else "notice"
    return _command(level, properties, "\n".join(map(visible, shown)))


def _command(level: str, properties: dict[str, str], text: str) -> str:
    named = ",".join(f"{name}={_property(visible(value))}" for name, value in properties.items())
    return f"::{level} {named}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
