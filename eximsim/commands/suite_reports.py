"""What a run of a tree's tests leaves for others: JUnit, runtest's summaries, comparison with a baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Tree

from eximsim.errors import InputError
from eximsim.files import read_named_text
from eximsim.formats import parse_json
from eximsim.storage import store_below
from eximsim.suite.golden import Comparison
from eximsim.suite.runner import TestResult, Verdict
from eximsim.suite.source import as_bytes
from eximsim.visible import visible, visible_lines

_EXPECTED = "a line of what eximsim suite --json prints"
_SAME = (Comparison.SAME, Comparison.NOT_COMPARED)


def baseline(path: Path) -> Mapping[str, str]:
    """The result of each test in an earlier run's ``--json``; raises ``InputError``."""
    found: dict[str, str] = {}
    for number, line in enumerate(
        read_named_text(path, "the output of eximsim suite --json").splitlines(), 1
    ):
        row: Any = parse_json(line, str(path), _EXPECTED, number)
        if not isinstance(row, dict) or not {"test", "result"} <= row.keys():
            raise InputError(f"no test and result here; expected {_EXPECTED}", str(path), number)
        found[str(row["test"])] = str(row["result"])
    return found


def known(result: TestResult, before: Mapping[str, str]) -> bool:
    """Whether a test that is not as it should be was no better before."""
    return before.get(result.test) in (Verdict.FAIL.value, result.verdict.value)


def by_group(results: Sequence[TestResult], groups: Mapping[str, str]) -> Iterator[str]:
    """One line for each group of tests: how many came to what."""
    counts: dict[str, Counter[Verdict]] = {}
    for result in results:
        counts.setdefault(groups[result.test], Counter())[result.verdict] += 1
    width = max(map(len, counts), default=0)
    for group, verdicts in sorted(counts.items()):
        told = ", ".join(f"{verdicts[verdict]} {verdict.value}" for verdict in Verdict if verdicts[verdict])
        yield f"{group:{width}}  {told}"


def junit(results: Sequence[TestResult], groups: Mapping[str, str]) -> str:
    """One test suite for each group, one case for each test; a failure has its diffs."""
    root = Tree.Element("testsuites", {"name": "eximsim suite"})
    for group in sorted({groups[result.test] for result in results}):
        mine = [result for result in results if groups[result.test] == group]
        verdicts = Counter(result.verdict for result in mine)
        counts = {
            "name": visible(group), "tests": str(len(mine)),
            "failures": str(verdicts[Verdict.FAIL]), "errors": "0",
            "skipped": str(verdicts[Verdict.SKIP] + verdicts[Verdict.UNSUPPORTED]),
        }  # fmt: skip
        suite = Tree.SubElement(root, "testsuite", counts)
        for result in mine:
            _case(suite, group, result)
    Tree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{Tree.tostring(root, encoding="unicode")}\n'


def _case(suite: Tree.Element, group: str, result: TestResult) -> None:
    about = {"classname": visible(group), "name": visible(result.test)}
    about["time"] = f"{result.seconds:.3f}"
    case = Tree.SubElement(suite, "testcase", about)
    if result.verdict is Verdict.FAIL:
        failure = Tree.SubElement(case, "failure", {"message": visible(result.reason), "type": "difference"})
        failure.text = visible_lines(result.differences())
    elif result.verdict in (Verdict.SKIP, Verdict.UNSUPPORTED):
        message = f"{result.verdict.value}: {result.reason}"
        Tree.SubElement(case, "skipped", {"message": visible(message)})


def write_summaries(folder: Path, results: Sequence[TestResult]) -> None:
    """The two files that runtest leaves: what failed and in what, and one letter for each test."""
    ordered = sorted(results, key=lambda result: result.test)
    failed = [line for result in ordered for line in _failures(result)]
    letters = [f"{result.test} {_letter(result)}\n" for result in ordered]
    store_below(folder, "failed-summary.log", as_bytes("".join(f"{line}\n" for line in failed)))
    store_below(folder, "run-summary.log", as_bytes("".join(letters)))


def _letter(result: TestResult) -> str:
    letters = {Verdict.PASS: "P", Verdict.PASS_BUT_STDERR: "P", Verdict.FAIL: "F"}
    return letters.get(result.verdict, ".")


def _failures(result: TestResult) -> Iterator[str]:
    if result.verdict is not Verdict.FAIL:
        return
    if not result.completed:
        yield f"Test {result.test} exit code unexpected failed"
        return
    for name, how in result.outputs.items():
        if how not in _SAME:
            kind, _, rest = name.partition("/")
            yield f"Test {result.test} {kind}/{result.test}{f'.{rest}' if rest else ''} failed"
