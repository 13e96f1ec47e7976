"""What came of promises in the forms that CI systems show: JUnit XML, and GitHub's workflow commands."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as Tree

from eximsim.gate.annotations import at, command
from eximsim.gate.junit import EXPLORED
from eximsim.gate.proof_report import Judgement, broken_by, verdict_lines
from eximsim.visible import visible


def junit(judgement: Judgement) -> str:
    """One test case for each promise, and one for what was explored.

    A promise that breaks in a way that no baseline knows is a failure; what could not be looked at is an
    error, a skipped test if that was allowed.
    """
    broken = {id(verdict): judgement.certain(verdict) for verdict in judgement.proof.verdicts}
    unlooked = bool(judgement.gaps)
    allowed = judgement.incomplete_is_fine
    counts = {
        "name": visible(f"{judgement.config} ({judgement.release})"),
        "tests": str(len(broken) + 1),
        "failures": str(sum(map(bool, broken.values()))),
        "errors": str(int(unlooked and not allowed)),
        "skipped": str(int(unlooked and allowed)),
    }
    total = {name: counts[name] for name in ("tests", "failures", "errors")}
    root = Tree.Element("testsuites", {"name": "eximsim check", **total})
    suite = Tree.SubElement(root, "testsuite", counts)
    explored = _case(suite, "coverage", EXPLORED)
    if unlooked:
        message = f"{len(judgement.gaps)} could not be looked at"
        kind = "skipped" if allowed else "error"
        found = Tree.SubElement(explored, kind, {"message": message, "type": "could not look"})
        found.text = "\n".join(visible(str(gap)) for gap in judgement.gaps)
    for verdict in judgement.proof.verdicts:
        case = _case(suite, "promise", verdict.promise.name)
        if breaches := broken[id(verdict)]:
            found = Tree.SubElement(case, "failure", {"message": broken_by(breaches[0]), "type": "broken"})
        else:
            found = Tree.SubElement(case, "system-out")
        found.text = "\n".join(verdict_lines(judgement, verdict, verbose=False))
    Tree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{Tree.tostring(root, encoding="unicode")}\n'


def workflow_commands(judgement: Judgement) -> str:
    """An error for each promise that is broken and each thing that could not be looked at; then a notice."""
    return "".join(f"{line}\n" for line in _commands(judgement))


def _commands(judgement: Judgement) -> Iterator[str]:
    verdicts = judgement.proof.verdicts
    broken = [verdict for verdict in verdicts if judgement.certain(verdict)]
    for verdict in broken:
        title = f"promise broken: {verdict.promise.name}"
        text = "\n".join(verdict_lines(judgement, verdict, verbose=False))
        yield command("error", {**at(verdict.promise.where), "title": title}, text)
    level = "warning" if judgement.incomplete_is_fine else "error"
    for gap in judgement.gaps:
        yield command(level, {**at(gap.where), "title": "could not look"}, visible(str(gap)))
    yield command("notice", {"title": "promises"}, f"{len(broken)} of {len(verdicts)} broken")


def _case(suite: Tree.Element, kind: str, name: str) -> Tree.Element:
    return Tree.SubElement(suite, "testcase", {"classname": f"check.{kind}", "name": visible(name)})
