"""What came of promises in the forms that CI systems show: JUnit XML, and GitHub's workflow commands."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as Tree

from eximsim.gate.annotations import at, command
from eximsim.gate.junit import EXPLORED, as_text, begun, case, not_looked
from eximsim.gate.proof_report import Judgement, broken_by, verdict_lines
from eximsim.visible import visible


def junit(judgement: Judgement) -> str:
    """One test case for each promise, and one for what was explored.

    A promise that breaks in a way that no baseline knows is a failure; what could not be looked at is an
    error, a skipped test if that was allowed.
    """
    broken = {id(verdict): judgement.certain(verdict) for verdict in judgement.proof.verdicts}
    name, allowed = f"{judgement.config} ({judgement.release})", judgement.incomplete_is_fine
    failures, gaps = sum(map(bool, broken.values())), judgement.gaps
    root, suite = begun("check", name, len(broken), failures, bool(gaps), allowed=allowed)
    explored = case(suite, "check.coverage", EXPLORED)
    if gaps:
        found = not_looked(explored, f"{len(gaps)} could not be looked at", allowed=allowed)
        found.text = "\n".join(visible(str(gap)) for gap in gaps)
    for verdict in judgement.proof.verdicts:
        one = case(suite, "check.promise", verdict.promise.name)
        if breaches := broken[id(verdict)]:
            found = Tree.SubElement(one, "failure", {"message": broken_by(breaches[0]), "type": "broken"})
        else:
            found = Tree.SubElement(one, "system-out")
        found.text = "\n".join(verdict_lines(judgement, verdict, verbose=False))
    return as_text(root)


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
