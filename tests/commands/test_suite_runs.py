"""Running a real program's tests several at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from eximsim.commands import suite_runs
from eximsim.profiles import NEWEST, profile
from eximsim.suite.runner import Setting, TestResult, Verdict
from eximsim.suite.source import TestCase

SETTING = Setting(profile(NEWEST), subject="exim:/bin/true")
SCRIPTS = {
    "0001": "# short\nexim -be\n****\n",
    "0002": "# long\nsleep 9\n",
    "0003": "# broken\nnobody knows\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in SCRIPTS.items():
        (tmp_path / "scripts/0000-Basic").mkdir(parents=True, exist_ok=True)
        (tmp_path / "scripts/0000-Basic" / name).write_text(text)
    for name in ("confs", "log"):
        (tmp_path / name).mkdir()
    (tmp_path / "runtest").write_text("")
    return tmp_path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The tests in the order in which they were run, with a star if ahead of all others.

    0001 passes only at its second run, 0003 never.
    """
    made: list[str] = []

    def run(
        tree: Path, case: TestCase, setting: Setting, either_library: bool, *, ahead: bool = False
    ) -> TestResult:
        made.append(f"{case.name}*" if ahead else case.name)
        failed = case.name == "0003" or (case.name == "0001" and not ahead)
        verdict = Verdict.FAIL if failed else Verdict.PASS
        return TestResult(case.name, setting, verdict, "log differs" if failed else "")

    def pool(processes: int, **_: object) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1)  # so that the order is that of the calls

    monkeypatch.setattr(suite_runs, "run_case", run)
    monkeypatch.setattr(suite_runs, "ProcessPoolExecutor", pool)
    monkeypatch.setattr(suite_runs, "why_not", lambda program: "")
    monkeypatch.setattr(suite_runs, "may_go_ahead", lambda: False)
    with mock.patch.object(suite_runs, "compiled", return_value={}):
        yield made


def _cases(tree: Path) -> list[TestCase]:
    return [TestCase(name, "0000-Basic", tree / "scripts/0000-Basic" / name) for name in SCRIPTS]


def test_the_long_ones_are_begun_first(tree: Path, calls: list[str]) -> None:
    list(suite_runs.run_all(tree, _cases(tree), SETTING, 2, either_library=False))
    assert calls[:2] == ["0002", "0001"]


def test_what_failed_among_many_is_run_once_more_and_its_line_says_so(tree: Path, calls: list[str]) -> None:
    results = list(suite_runs.run_all(tree, _cases(tree), SETTING, 2, either_library=False))
    assert {result.test: (result.verdict, result.reason) for result in results} == {
        "0002": (Verdict.PASS, ""),
        "0001": (Verdict.PASS, "when run again, with fewer others beside it"),
        "0003": (Verdict.FAIL, "log differs"),
    }
    assert sorted(calls) == ["0001", "0001*", "0002", "0003", "0003*"]


def test_what_failed_is_run_again_at_once_where_it_may_run_ahead_of_the_others(
    tree: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite_runs, "may_go_ahead", lambda: True)
    monkeypatch.setattr(suite_runs, "_READY", 0)
    monkeypatch.setattr(suite_runs, "_ON_ONE_BENCHED", 1)
    order = [_cases(tree)[number] for number in (0, 2, 0, 1)]
    with mock.patch.object(suite_runs, "_longest_first", return_value=order):
        results = list(suite_runs.run_all(tree, order, SETTING, 2, either_library=False))
    assert [one.reason for one in results if one.test == "0001"] == [
        "when run again, ahead of the others"
    ] * 2
    assert calls.index("0001*") < calls.index("0002")
    assert calls.index("0003*") < calls.index("0002")


def test_what_fails_in_another_way_each_time_is_run_alone_at_the_end(
    tree: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*given: Any, ahead: bool = False) -> TestResult:
        calls.append(given[1].name)
        times = calls.count("0001")
        good = given[1].name == "0002" or times == 3
        verdict, told = (Verdict.PASS, "") if good else (Verdict.FAIL, "log differs")
        return TestResult(given[1].name, SETTING, verdict, told, texts={"log": str(times)})

    monkeypatch.setattr(suite_runs, "run_case", run)
    results = suite_runs.run_all(tree, _cases(tree)[:2], SETTING, 2, either_library=False)
    assert [one.reason for one in results] == ["", "when run a third time, alone"]
    assert calls.count("0001") == 3


def test_what_parts_is_run_again_and_a_matter_of_time_is_told_from_a_change(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Setting(profile(NEWEST), subject="exim:/bin/false")
    rounds: dict[str, int] = {}

    def run(tree: Path, case: TestCase, setting: Setting, either_library: bool) -> TestResult:
        rounds[case.name] = rounds.get(case.name, 0) + 1
        changed = case.name in ("0001", "0003") or rounds["0002"] <= 2
        ever = rounds[case.name] if case.name == "0003" else 0
        return TestResult(
            case.name, setting, Verdict.PASS, texts={"log": f"{setting.subject} {ever}" if changed else ""}
        )

    monkeypatch.setattr(suite_runs, "run_case", run)
    monkeypatch.setattr(suite_runs, "why_not", lambda program: "not here")
    monkeypatch.setattr(suite_runs, "ProcessPoolExecutor", lambda *_, **__: ThreadPoolExecutor(1))
    found = suite_runs.run_both(tree, _cases(tree), SETTING, other, 1, either_library=False)
    told = {one.subject.test: one.result for one in found}
    assert told == {"0001": "parted", "0002": "same", "0003": "unsteady"}
    assert set(rounds.values()) == {4}
