"""A report as JUnit XML: what Jenkins, GitLab and others show as the tests of a run."""

from __future__ import annotations

from collections.abc import Collection
from xml.etree import ElementTree as Tree

from eximsim.gate.report import Change, Group, Report
from eximsim.gate.report_text import (
    amount,
    answers,
    asked,
    counted,
    coverage,
    everyday_table,
    meant,
    occasion,
    sides,
    title,
    together,
)
from eximsim.gate.severity import FAILING, Severity
from eximsim.visible import visible

EXPLORED = "the whole space is explored"
"""The name of the test case that tells whether there was anything that could not be looked at."""


def junit(report: Report, failing: Collection[Severity] = FAILING) -> str:
    """One test case for each group, worst first, and one for what was explored; the answers are properties.

    A group fails if its severity is one of ``failing``; what could not be looked at is an error, a skipped
    test if that was allowed. The form is that of the schema that Jenkins' xUnit plugin publishes
    (``junit-10.xsd``). There are no times in it: the same report gives the same bytes.
    """
    failures = sum(group.severity in failing for group in report.groups)
    name = f"{report.base} against {report.head}"
    allowed = report.incomplete_allowed
    root, suite = begun("gate", name, len(report.groups), failures, bool(report.gaps), allowed=allowed)
    properties = Tree.SubElement(suite, "properties")
    for name, value in _facts(report).items():
        Tree.SubElement(properties, "property", {"name": visible(name), "value": visible(value)})
    _explored(suite, report)
    for group in report.groups:
        one = case(suite, f"gate.{group.severity.key}", title(group))
        if group.severity in failing:
            before, after = sides(group.witness)
            message = f"{meant(group)}: {title(group)}: was {before}, is {after}"
            found = Tree.SubElement(one, "failure", {"message": visible(message)})
            found.set("type", meant(group))
        else:
            found = Tree.SubElement(one, "system-out")
        found.text = _text(report, group)
    return as_text(root)


def begun(
    command: str, name: str, judged: int, failures: int, unlooked: bool, *, allowed: bool
) -> tuple[Tree.Element, Tree.Element]:
    """The root of a document, and its one suite: so many things were ``judged``, and what was explored.

    ``unlooked``: something could not be looked at, which is an error unless it was ``allowed``.
    """
    counts = {
        "tests": str(judged + 1),
        "failures": str(failures),
        "errors": str(int(unlooked and not allowed)),
    }
    root = Tree.Element("testsuites", {"name": f"eximsim {command}", **counts})
    counts = {"name": visible(name), **counts, "skipped": str(int(unlooked and allowed))}
    return root, Tree.SubElement(root, "testsuite", counts)


def case(suite: Tree.Element, kind: str, name: str) -> Tree.Element:
    """One more test case, of a kind such as ``gate.less``."""
    return Tree.SubElement(suite, "testcase", {"classname": kind, "name": visible(name)})


def not_looked(case: Tree.Element, message: str, *, allowed: bool) -> Tree.Element:
    """What a case says if something could not be looked at."""
    kind = "skipped" if allowed else "error"
    return Tree.SubElement(case, kind, {"message": message, "type": "could not look"})


def as_text(root: Tree.Element) -> str:
    """The document as text."""
    Tree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{Tree.tostring(root, encoding="unicode")}\n'


def _explored(suite: Tree.Element, report: Report) -> None:
    explored = case(suite, "gate.coverage", EXPLORED)
    if not report.complete:
        found = not_looked(explored, coverage(report), allowed=report.incomplete_allowed)
    elif report.left_out:
        found = Tree.SubElement(explored, "system-out")
    else:
        return
    found.text = "\n".join(map(visible, report.unexplored))


def _facts(report: Report) -> dict[str, str]:
    everyday = {
        f"{mail.route}: {situation}": f"{before} / {after}"
        for mail in report.everyday
        for _, situation, before, after in everyday_table(mail)
    }
    return {
        **dict(answers(report)),
        "base": report.base,
        "head": report.head,
        "classes": str(report.classes),
        "complete": "yes" if report.complete else "no",
        **everyday,
    }


def _text(report: Report, group: Group) -> str:
    lines = [f"{cause.name} ({cause.where}): {cause.text}" for cause in group.cause]
    lines += [together(group)] if len(group.cause) > 1 else []
    lines.append(amount(report, [group]))
    for change in group.changes[:_LISTED]:
        lines.extend(_lines(change))
    if len(group.changes) > _LISTED:
        lines.append(f"and {counted(len(group.changes) - _LISTED, 'more class', 'more classes')}")
    return "\n".join(map(visible, lines))


_LISTED = 25
"""How many classes of a group are told."""


def _lines(change: Change) -> list[str]:
    return [
        f"{occasion(change)}, {asked(change)}",
        f"  before: {change.before}",
        *(f"    {line}" for line in change.before.log),
        f"  after:  {change.after}",
        *(f"    {line}" for line in change.after.log),
    ]
