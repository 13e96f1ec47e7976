"""What a run of a tree's tests leaves for people: an HTML page with the diffs, and GitHub's annotations."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from eximsim.errors import InputError
from eximsim.gate.annotations import command
from eximsim.gate.html import templates
from eximsim.quick_dataclass import dataclass
from eximsim.suite.runner import TestResult, Verdict
from eximsim.suite.source import TestCase
from eximsim.suite.tree import EximTree
from eximsim.visible import visible_lines

UNFOLDED = 3
"""How many failures are unfolded when the page is opened."""

MOST_LINES = 400
"""How many lines of a diff the page shows; debugging output may differ in thousands."""

_TONES = {
    Verdict.PASS: "is-more", Verdict.PASS_BUT_STDERR: "is-more", Verdict.FAIL: "is-less",
    Verdict.UNSUPPORTED: "is-held", Verdict.SKIP: "is-words",
}  # fmt: skip
_KINDS = {"+": "got", "-": "wanted", "@": "place"}


@dataclass(frozen=True, slots=True)
class Diff:
    """One output that is not as its golden: lines with what they are (``got``, ``wanted``, ``place``)."""

    name: str
    since: str
    lines: tuple[tuple[str, str], ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Failure:
    """One test that failed; ``command`` leads to the place where it did, where there is one."""

    test: str
    title: str
    group: str
    reason: str
    seconds: float
    diffs: tuple[Diff, ...]
    command: str


@dataclass(frozen=True, slots=True)
class Page:
    """What the page shows, from top to bottom."""

    subject: str
    tree: str
    answer: str
    counts: tuple[tuple[str, int, str], ...]
    failures: tuple[Failure, ...]
    again: tuple[str, ...]
    not_run: tuple[tuple[str, tuple[str, ...]], ...]
    groups: tuple[tuple[str, tuple[int, ...]], ...]
    unfolded: int = UNFOLDED


def page(tree: Path, cases: Sequence[TestCase], results: Sequence[TestResult]) -> str:
    """The results of a run as one HTML page: failures with their diffs first, then what was not run, then
    the groups. Nothing is loaded from anywhere, nothing runs in it."""
    return templates().get_template("suite.html.j2").render(page=_page(tree, cases, results))


def _page(tree: Path, cases: Sequence[TestCase], results: Sequence[TestResult]) -> Page:
    by_name = {case.name: case for case in cases}
    ordered = sorted(results, key=lambda result: result.test)
    verdicts = Counter(result.verdict for result in ordered)
    shown = [verdict for verdict in Verdict if verdicts[verdict] or verdict in (Verdict.PASS, Verdict.FAIL)]
    groups: dict[str, Counter[Verdict]] = {}
    reasons: dict[str, list[str]] = {}
    for result in ordered:
        groups.setdefault(by_name[result.test].group, Counter())[result.verdict] += 1
        if result.verdict in (Verdict.SKIP, Verdict.UNSUPPORTED):
            reasons.setdefault(result.reason, []).append(result.test)
    return Page(
        results[0].setting.subject if results else "nothing",
        str(tree),
        answer(results),
        tuple((verdict.value, verdicts[verdict], _TONES[verdict]) for verdict in shown),
        tuple(_failures(tree, by_name, ordered)),
        tuple(one.test for one in ordered if one.verdict is Verdict.PASS and one.reason),
        tuple((reason, tuple(tests)) for reason, tests in sorted(reasons.items(), key=_most_first)),
        tuple((name, tuple(count[one] for one in shown)) for name, count in sorted(groups.items())),
    )


def answer(results: Sequence[TestResult]) -> str:
    """The one sentence that stands first."""
    ran = [one for one in results if one.verdict not in (Verdict.SKIP, Verdict.UNSUPPORTED)]
    failed = sum(one.verdict is Verdict.FAIL for one in ran)
    if not ran:
        return "No test was run"
    if failed:
        return f"{failed:,} of {len(ran):,} tests failed"
    return f"All {len(ran):,} tests passed" if len(ran) > 1 else "The test passed"


def _most_first(found: tuple[str, list[str]]) -> tuple[int, str]:
    return -len(found[1]), found[0]


def _failures(
    tree: Path, by_name: Mapping[str, TestCase], results: Sequence[TestResult]
) -> Iterator[Failure]:
    source = EximTree(tree)
    for result in results:
        if result.verdict is Verdict.FAIL:
            case = by_name[result.test]
            diffs = tuple(_diff(name, text, result.since.get(name, "")) for name, text in result.different())
            yield Failure(
                result.test, _title(source, case), case.group, result.reason, result.seconds, diffs,
                way_there(tree, result),
            )  # fmt: skip


def _title(source: EximTree, case: TestCase) -> str:
    try:
        return source.script(case).title
    except InputError:  # the reason of the failure says so
        return ""


def way_there(tree: Path, result: TestResult) -> str:
    """The command that leads to the place where a real program's test failed; empty for the model."""
    if not result.setting.subject.startswith("exim:"):
        return ""
    words = ["eximsim", "suite", "--tree", str(tree), result.test,
             "--subject", result.setting.subject, "--shell"]  # fmt: skip
    return shlex.join(words)


def _diff(name: str, text: str, since: str) -> Diff:
    lines = text.split("\n")
    body = next((at for at, line in enumerate(lines) if line.startswith("--- ")), 0)
    found = [*(("place", line) for line in lines[:body]), *map(_kind, lines[body:])]
    found = [one for one in found if not (since and one[1].endswith(f" differs after {since}"))]
    return Diff(name, since, tuple(found[:MOST_LINES]), max(0, len(found) - MOST_LINES))


def _kind(line: str) -> tuple[str, str]:
    return _KINDS.get(line[:1], "same"), line.expandtabs()


# ---- GitHub ---------------------------------------------------------------------------------------------


def workflow_commands(cases: Sequence[TestCase], results: Sequence[TestResult]) -> str:
    """A notice with the sum, and an error for each failure, at the line of the script after which an output
    parts from its golden, where that is known. GitHub shows ten of each kind for a step."""
    by_name = {case.name: case for case in cases}
    lines = [command("notice", {"title": answer(results)}, _sum(results))]
    for result in sorted(results, key=lambda one: one.test):
        if result.verdict is Verdict.FAIL:
            case = by_name[result.test]
            at = {"file": str(case.path), "line": _first_line(result)}
            title = f"{result.test} ({case.group}): {result.reason}"
            lines.append(command("error", {**at, "title": title}, visible_lines(_beginning(result))))
    return "".join(f"{line}\n" for line in lines)


def _sum(results: Sequence[TestResult]) -> str:
    verdicts = Counter(result.verdict for result in results)
    return ", ".join(f"{verdicts[verdict]} {verdict.value}" for verdict in Verdict if verdicts[verdict])


def _first_line(result: TestResult) -> str:
    numbers = [int(since.split(":")[0].removeprefix("line ")) for since in result.since.values()]
    return str(min(numbers, default=1))


def _beginning(result: TestResult, lines: int = 12) -> str:
    """The first lines of the diffs: an annotation is small."""
    told = result.differences().split("\n")
    more = [f"... {len(told) - lines} more lines"] if len(told) > lines else []
    return "\n".join([*told[:lines], *more]) or result.reason
