"""A report of the gate for a terminal: the worst first, each group with its witness."""

from __future__ import annotations

from collections.abc import Iterator

from eximsim.gate.report import Group, Report, Severity
from eximsim.gate.words import SIGNS, counted
from eximsim.visible import visible

_SHOWN_LOG = 3


def terminal(report: Report) -> str:
    """The report as plain text."""
    return "\n".join(visible(line) for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield f"{report.base} -> {report.head}"
    if not report.groups:
        yield "no outcome changes"
    for group in report.groups:
        yield ""
        yield from _group(group)
    yield ""
    changed = [(severity, report.count(severity)) for severity in Severity]
    told = ", ".join(f"{severity.value}: {counted(number)}" for severity, number in changed if number)
    if told:
        yield told
    yield f"{counted(report.situations)} in {counted(report.classes, 'class', 'classes')}; " + (
        "all of them explored" if report.complete else "left out:"
    )
    for item in report.unexplored:
        yield f"  {item}"


def _group(group: Group) -> Iterator[str]:
    yield f"{SIGNS[group.severity]} {group.severity.value.upper()}  {group.name}  ({counted(group.size)})"
    for cause in group.cause:
        yield f"  {cause.where}: {cause.name}: {cause.text}"
    witness = group.witness
    told = ", ".join(f"{axis}: {value}" for axis, value in witness.situation.items())
    yield f"  for example, {witness.route}; {told}"
    for word, outcome in (("before", witness.before), ("after", witness.after)):
        yield f"    {word}: {outcome}"
        new = [
            line
            for line in outcome.log
            if line not in (witness.before.log if word == "after" else witness.after.log)
        ]
        for line in new[:_SHOWN_LOG]:
            yield f"      {line}"
    more = len(group.changes) - 1
    if more:
        yield f"  and {counted(more, 'other class', 'other classes')} of situations"
