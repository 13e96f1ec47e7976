"""A report as JUnit XML: what Jenkins, GitLab and others show as the tests of a run."""

from __future__ import annotations

from collections.abc import Collection
from xml.etree import ElementTree as Tree

from eximsim.gate.report import Change, Group, Report, Severity
from eximsim.gate.words import LOSSES, asked, counted, coverage, occasion, sides, title
from eximsim.visible import visible

EXPLORED = "the whole space is explored"
"""The name of the test case that tells whether anything was left out."""


def junit(report: Report, failing: Collection[Severity] = LOSSES) -> str:
    """One test case for each group, worst first, and one for what was explored.

    A group fails if its severity is one of ``failing``; what was left out is a skipped test. The form is that
    of the schema that Jenkins' xUnit plugin publishes (``junit-10.xsd``). There are no times in it: the same
    report gives the same bytes.
    """
    failures = sum(group.severity in failing for group in report.groups)
    counts = {
        "name": visible(f"{report.base} against {report.head}"),
        "tests": str(len(report.groups) + 1),
        "failures": str(failures),
        "errors": "0",
        "skipped": str(int(not report.complete)),
    }
    root = Tree.Element("testsuites", {"name": "eximsim gate", **_without(counts, "name", "skipped")})
    suite = Tree.SubElement(root, "testsuite", counts)
    properties = Tree.SubElement(suite, "properties")
    for name, value in _facts(report).items():
        Tree.SubElement(properties, "property", {"name": name, "value": visible(value)})
    for group in report.groups:
        case = _case(suite, group.severity.value, group.name)
        if group.severity in failing:
            before, after = sides(group.witness)
            message = f"{title(group)}: was {before}, is {after}"
            found = Tree.SubElement(case, "failure", {"message": visible(message)})
            found.set("type", group.severity.value)
        else:
            found = Tree.SubElement(case, "system-out")
        found.text = _text(group)
    explored = _case(suite, "coverage", EXPLORED)
    if not report.complete:
        skipped = Tree.SubElement(explored, "skipped", {"message": coverage(report), "type": "left out"})
        skipped.text = "\n".join(map(visible, report.unexplored))
    Tree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{Tree.tostring(root, encoding="unicode")}\n'


def _case(suite: Tree.Element, kind: str, name: str) -> Tree.Element:
    classname = f"gate.{kind.replace(' ', '_')}"
    return Tree.SubElement(suite, "testcase", {"classname": classname, "name": visible(name)})


def _without(counts: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in counts.items() if name not in names}


def _facts(report: Report) -> dict[str, str]:
    return {
        "base": report.base,
        "head": report.head,
        "situations": str(report.situations),
        "classes": str(report.classes),
        "complete": "yes" if report.complete else "no",
    }


def _text(group: Group) -> str:
    lines = [f"{cause.name} ({cause.where}): {cause.text}" for cause in group.cause]
    lines.append(f"{counted(group.size)} changed")
    for change in group.changes:
        lines.extend(_lines(change))
    return "\n".join(map(visible, lines))


def _lines(change: Change) -> list[str]:
    return [
        f"{change.severity.value}: {occasion(change)}, {asked(change)} ({counted(change.size)})",
        f"  before: {change.before}",
        *(f"    {line}" for line in change.before.log),
        f"  after:  {change.after}",
        *(f"    {line}" for line in change.after.log),
    ]
