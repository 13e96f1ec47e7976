"""Tests of an Exim tree on the bench, as results like all others."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from eximsim.errors import Unsupported
from eximsim.suite import golden
from eximsim.suite.bench import Bench, Inside, why_not
from eximsim.suite.golden import Comparison
from eximsim.suite.runner import Setting, TestResult, Verdict, is_compared
from eximsim.suite.source import TestCase
from eximsim.suite.tree import EximTree

__all__ = ["Benched", "why_not"]


class Benched:
    """Runs tests on one bench, which is set up for the first of them and lasts as long as this process.

    The arguments are those of ``Bench``.
    """

    def __init__(
        self, tree: Path, program: Path, helpers: Mapping[str, bytes], *, test_mode: bool = True
    ) -> None:
        self._source = EximTree(tree)
        self._stack = ExitStack()
        self._bench = self._stack.enter_context(Bench(tree, program, helpers, test_mode=test_mode))

    @property
    def place(self) -> Inside:
        """Where the tests run, for a visitor."""
        return self._bench.place

    def close(self) -> None:
        """Take the bench down."""
        self._stack.close()

    def run(self, case: TestCase, setting: Setting, *, ahead: bool = False) -> TestResult:
        """One result; raises ``InputError`` where a file of the test does not say what it should.

        ``ahead``: as ``Bench.run``.
        """
        started = time.perf_counter()
        result = self._run(case, setting, ahead=ahead)
        return replace(result, seconds=time.perf_counter() - started)

    def _run(self, case: TestCase, setting: Setting, *, ahead: bool) -> TestResult:
        if lack := self._bench.lacks(case):
            return TestResult(case.name, setting, Verdict.SKIP, lack)
        parsed = self._source.script(case)
        wanted = {
            name: text
            for name, text in self._source.goldens_here(case, setting.profile).texts.items()
            if is_compared(name, parsed)
        }
        try:
            played = self._bench.run(case, wanted, ahead=ahead)
        except Unsupported as lack:
            return TestResult(case.name, setting, Verdict.UNSUPPORTED, str(lack))
        outputs = golden.compare(played.texts, wanted)
        different = [f"{name} {how.value}" for name, how in outputs.items() if how is not Comparison.SAME]
        told = played.error or ", ".join(different)
        verdict = Verdict.FAIL if told else Verdict.PASS
        return TestResult(
            case.name, setting, verdict, told, 0.0, outputs, played.texts, wanted,
            completed=not played.error, since=played.since,
            spool=self._bench.spool() if told else {},
        )  # fmt: skip
