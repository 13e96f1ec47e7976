"""How fast the main jobs are, each with the bound that it has to keep: ``python -m pytest benchmarks``.

The quickest round counts: what makes the others slower is the machine's doing.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eximsim.profiles import PROFILES, profile, recorded_profile
from eximsim.suite.compare import compare_one
from eximsim.suite.project import ProjectSuite
from eximsim.suite.recording import Record, Situation, read_records, read_situations
from eximsim.suite.replay import Stand
from eximsim.suite.runner import Setting, Verdict, run_test
from eximsim.suite.source import TestCase

TESTSUITE = Path(__file__).parents[1] / "testsuite"
RECORDINGS = TESTSUITE / "recordings"
EVERY = 20

Bench = Callable[[float, int, Callable[[], object]], None]


@pytest.fixture
def within(benchmark: Any) -> Bench:
    """Run something a number of times; the best time has to be within a bound (seconds)."""

    def run(bound: float, rounds: int, work: Callable[[], object]) -> None:
        benchmark.pedantic(work, rounds=rounds, warmup_rounds=1)
        if benchmark.stats is not None:
            assert benchmark.stats.stats.min <= bound

    return run


@pytest.fixture(scope="module")
def suite() -> ProjectSuite:
    return ProjectSuite(TESTSUITE)


@pytest.fixture(scope="module")
def case(suite: ProjectSuite) -> TestCase:
    return next(case for case in suite.tests() if case.name == "5840")


@pytest.fixture(scope="module")
def situations() -> dict[str, Situation]:
    return read_situations(RECORDINGS / "scenarios.jsonl.gz")


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [record for record in read_records(RECORDINGS / "evidence.jsonl.gz") if record.stable]


@pytest.fixture(scope="module")
def stand() -> Stand:
    return Stand(RECORDINGS / "certs")


@pytest.mark.parametrize(("world", "bound", "rounds"), [("memory", 0.060, 40), ("loopback", 2.0, 10)])
@pytest.mark.parametrize("release", ["4.87", "4.88-jh03"])
def test_replay_5840(
    within: Bench, suite: ProjectSuite, case: TestCase, world: str, bound: float, rounds: int, release: str
) -> None:
    setting = Setting(profile(release), world)
    assert run_test(suite, case, setting).verdict is Verdict.PASS
    within(bound, rounds, lambda: run_test(suite, case, setting))


WITHOUT_KEEP_ENVIRONMENT = ("4.85", "4.86-dev-4cea764f3")
"""Releases that do not know an option of the test's configuration, which later ones need."""


def test_replay_5840_under_every_profile(within: Bench, suite: ProjectSuite, case: TestCase) -> None:
    releases = [release for name, release in PROFILES.items() if name not in WITHOUT_KEEP_ENVIRONMENT]

    def work() -> None:
        for release in releases:
            found = run_test(suite, case, Setting(release))
            assert found.verdict in (Verdict.PASS, Verdict.FAIL), found.reason  # a golden is of two releases
            assert " CV=dane " in found.texts["log"]

    within(1.5, 5, work)


def test_help(within: Bench) -> None:
    command = [sys.executable, "-m", "eximsim.cli", "--help"]
    within(0.25, 20, lambda: subprocess.run(command, check=True, capture_output=True))


@pytest.mark.parametrize("kind", ["delivery", "callout"])
@pytest.mark.parametrize("release", ["4.87", "4.88-jh03"])
def test_one_situation(
    within: Bench, stand: Stand, situations: dict[str, Situation], release: str, kind: str
) -> None:
    """All situations of the groups A, B and C; one has 3 ms."""
    of_release = profile(release)
    wanted = [one for one in situations.values() if one.group in "ABC" and kind in one.kinds]

    def replay() -> None:
        for situation in wanted:
            stand.replay(situation, kind, of_release)

    within(0.003 * len(wanted), 4, replay)


def test_compare_with_the_recording(
    within: Bench, stand: Stand, situations: dict[str, Situation], records: list[Record]
) -> None:
    """A fixed sample of all releases and groups; a record has 4 ms."""
    sample = records[::EVERY]

    def compare() -> None:
        for record in sample:
            compare_one(record, situations[record.id], stand, recorded_profile(record.release, record.tls))

    within(0.004 * len(sample), 3, compare)


def test_read_the_recording(within: Bench) -> None:
    within(1.0, 5, lambda: list(read_records(RECORDINGS / "evidence.jsonl.gz")))
