"""Writes ``docs/family.md``: ``python -m tools.docs.family EXIM_REPOSITORY``.

The tests of DANE and DNSSEC in each release's own tree, run under the profile that ``auto`` picks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import click

from eximsim.commands.suite_runs import run_case
from eximsim.commands.tabular import Grid, as_markdown
from eximsim.suite.golden import Comparison
from eximsim.suite.runner import WORLDS, Setting, TestResult, Verdict
from eximsim.suite.tree import EximTree
from tools.docs.goldens import checked_out

TESTS = (
    "4800", "4801", "4804", "5800", "5801", "5802", "5803", "5820", "5821", "5840", "5841", "5860", "5861",
    "5880", "5881",
)  # fmt: skip
"""DNSSEC, then DANE: expansion, both libraries, and with events."""

TREES: Mapping[str, str] = MappingProxyType(
    {
        "4.85": "exim-4_85",
        "4.86-dev-4cea764f3": "4cea764f3",
        "4.86": "exim-4_86",
        "4.87": "exim-4_87",
        "4.88-jh03": "4b0fe3193",
        "4.88": "exim-4_88",
        "4.89": "exim-4_89",
        "4.90-dev-5d6bdf01a": "5d6bdf01a",
        "4.90": "exim-4_90",
        "4.91": "exim-4_91",
        "4.92": "exim-4.92",
        "4.93": "exim-4.93",
        "4.94.1": "exim-4.94.1",
        "4.95": "exim-4.95",
        "4.96": "exim-4.96",
        "4.97": "exim-4.97",
        "4.97.1": "exim-4.97.1",
        "4.98": "exim-4.98",
        "4.99": "exim-4.99",
        "4.99-dev-13835a3c1": "13835a3c1",
    }
)
"""The releases and development points, and the tag or commit of each in Exim's repository."""

_INTRODUCTION = """# The DANE and DNSSEC tests of every release

Written by `python -m tools.docs.family EXIM_REPOSITORY`, where EXIM_REPOSITORY is a clone of Exim's.

Each column is the unmodified tree of a release, run by `eximsim suite --tree DIR/test --profile auto` in both
worlds. *same*: every output that has a golden (log, stdout, stderr, mail, rejectlog) equals it, in memory and
on loopback. Otherwise the outputs that differ are named, or it says *unsupported*; an empty cell is a test
that the release does not have. Why the others differ:

- 5820 up to 4.90 has no goldens: no Exim with GnuTLS had DANE then.
- 5820, 5880 and 5881 in 4.91 and 4.92 differ in the name of the cipher: their goldens were made with a GnuTLS
  before TLS 1.3. 5821 of 4.91 to 4.94.1 sets tls_require_ciphers to items of that time.
- 5860 up to 4.86 has events as an experiment (Experimental_Event), which is not modelled before 4.87.
- stderr of 5820 in trees since c98d480fd (2025-12-20): see [the test suite](testsuite.md).
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """What one test of one release's tree came to, in a word or two."""

    release: str
    test: str
    result: str


@click.command()
@click.argument("repository", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--docs", type=click.Path(path_type=Path, exists=True, file_okay=False), default=Path("docs"))
def family(repository: Path, docs: Path) -> None:
    """Run the tests in the trees of the Exim REPOSITORY, and write the page into the folder DOCS."""
    found: list[Ran] = []
    for release, commit in TREES.items():
        with checked_out(repository, commit) as tree:
            found += _tree(release, tree / "test")
        same = [ran.test for ran in found if (ran.release, ran.result) == (release, "same")]
        click.echo(f"{release}: {' '.join(same)}", err=True)
    path = docs / "family.md"
    path.write_text(page(found), encoding="utf-8")
    click.echo(path)


def _tree(release: str, root: Path) -> Iterator[Ran]:
    tree = EximTree(root)
    program = tree.own_program()
    for case in tree.tests():
        if case.name in TESTS:
            results = [run_case(root, case, Setting(program, world), either_library=True) for world in WORLDS]
            yield Ran(release, case.name, in_words(results))


def in_words(results: list[TestResult]) -> str:
    """What the runs of one test in several worlds came to."""
    first = next((result for result in results if result.verdict is not Verdict.PASS), None)
    if first is None:
        return "same"
    if first.outputs and first.verdict is Verdict.UNSUPPORTED:  # the tree has no golden for what it wrote
        return ", ".join(
            f"{name} {how.value}" for name, how in first.outputs.items() if how is not Comparison.SAME
        )
    return first.reason.partition(":")[0] if first.verdict is Verdict.FAIL else first.verdict.value


def page(found: list[Ran]) -> str:
    """The page about what was found."""
    cells = {(ran.test, ran.release): ran.result for ran in found}
    rows = [[test, *(cells.get((test, release), "") for release in TREES)] for test in TESTS]
    return f"{_INTRODUCTION}\n{as_markdown(Grid('', '', '', ['test', *TREES], rows))}\n"


if __name__ == "__main__":
    family()
