"""A small tree of our own on the reference program, in the surroundings that runtest makes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from eximsim.profiles import NEWEST, profile
from eximsim.suite import bench
from eximsim.suite.bench import why_not
from eximsim.suite.bench_results import Benched
from eximsim.suite.helper_programs import compiled
from eximsim.suite.runner import Setting, TestResult, Verdict
from eximsim.suite.source import TestCase
from eximsim.suite.tree import EximTree
from tests.subjects.small_tree import write_tree


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def benched(tree: Path, exim: Path) -> Iterator[Benched]:
    if lack := why_not(exim):
        pytest.skip(lack)
    made = Benched(tree, exim, compiled(tree))
    yield made
    made.close()


def _run(benched: Benched, tree: Path, name: str) -> TestResult:
    (case,) = (case for case in EximTree(tree).tests() if case.name == name)
    assert isinstance(case, TestCase)
    return benched.run(case, Setting(profile(NEWEST), subject="exim:x"))


def test_a_test_has_the_program_in_test_mode_and_an_ordinary_caller(benched: Benched, tree: Path) -> None:
    result = _run(benched, tree, "0001")
    assert (result.reason, result.verdict) == ("", Verdict.PASS)


def test_an_output_without_golden_is_a_difference_that_is_shown(benched: Benched, tree: Path) -> None:
    result = _run(benched, tree, "0002")
    assert result.verdict is Verdict.FAIL
    assert result.texts["log"].splitlines()[0] == "TIME ID <= CALLER@test.ex U=CALLER P=local"


def test_the_spool_of_a_test_that_failed_is_kept(benched: Benched, tree: Path) -> None:
    assert "log/mainlog" in _run(benched, tree, "0002").spool
    assert _run(benched, tree, "0001").spool == {}


def test_where_an_output_parts_from_its_golden_the_command_is_named(benched: Benched, tree: Path) -> None:
    result = _run(benched, tree, "0006")
    assert (result.reason, result.since) == ("stdout differs", {"stdout": "line 5: exim -be"})
    assert result.differences().startswith("stdout differs after line 5: exim -be\n--- golden stdout of 0006")


def test_a_test_that_hangs_is_ended_and_named_and_the_next_one_runs(
    benched: Benched, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "limit", lambda parsed: 1.0)
    assert _run(benched, tree, "0003").reason == "did not end within 1 seconds"
    monkeypatch.undo()
    assert _run(benched, tree, "0001").verdict is Verdict.PASS


def test_a_command_may_be_expected_to_fail(benched: Benched, tree: Path) -> None:
    assert _run(benched, tree, "0004").reason == ""


def test_what_the_program_lacks_is_named(benched: Benched, tree: Path) -> None:
    result = _run(benched, tree, "0005")
    assert (result.verdict, result.reason) == (Verdict.SKIP, "needs support Cold_Fusion")


@pytest.mark.parametrize(
    ("program", "verdict", "reason"),
    [("no-such-server", Verdict.SKIP, "needs running redis"), ("sh", Verdict.PASS, "")],
)
def test_a_service_that_scripts_start_is_looked_for(
    benched: Benched, tree: Path, monkeypatch: pytest.MonkeyPatch, program: str, verdict: Verdict, reason: str
) -> None:
    monkeypatch.setattr(bench, "_RUNNING", {"redis": program})
    monkeypatch.setattr(benched._bench, "_lacks", {})
    result = _run(benched, tree, "0007")
    assert (result.verdict, result.reason) == (verdict, reason)


def test_what_runs_beside_may_be_the_first_to_write(benched: Benched, tree: Path) -> None:
    assert _run(benched, tree, "0008").reason == ""


def test_what_the_kernel_knows_of_connections_is_the_same_for_each_test(benched: Benched, tree: Path) -> None:
    if shutil.which("ip") is None:
        pytest.skip("no ip (iproute2)")
    assert [_run(benched, tree, "0009").reason for _ in range(2)] == ["", ""]


def test_in_older_trees_the_kernel_has_no_cookie_for_its_own_address(
    tree: Path, exim: Path, tmp_path: Path
) -> None:
    if lack := why_not(exim):
        pytest.skip(lack)
    older = Path(shutil.copytree(tree, tmp_path / "older"))
    rules = older / "runtest"
    rules.write_text(rules.read_text().replace("FASTOPEN", ""))
    made = Benched(older, exim, compiled(older))
    try:
        assert _run(made, older, "0009").texts["stdout"] == "unknown\n"
    finally:
        made.close()


def test_a_tree_is_found_from_where_one_is(tree: Path, exim: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if lack := why_not(exim):
        pytest.skip(lack)
    monkeypatch.chdir(tree.parent)
    (case, *_) = EximTree(Path(tree.name)).tests()
    made = Benched(Path(tree.name), exim, compiled(Path(tree.name)))
    try:
        assert made.run(case, Setting(profile(NEWEST), subject="exim:x")).verdict is Verdict.PASS
    finally:
        made.close()


def test_without_test_mode_the_program_is_as_it_is(tree: Path, exim: Path) -> None:
    if lack := why_not(exim):
        pytest.skip(lack)
    made = Benched(tree, exim, compiled(tree), test_mode=False)
    try:
        result = _run(made, tree, "0001")
    finally:
        made.close()
    assert re.fullmatch(r"> 4\.\d\S* 1000\n> \n", result.texts["stdout"])


def test_without_a_compiler_our_programs_do_it_and_what_cannot_be_ours_is_named(
    tree: Path, exim: Path
) -> None:
    if lack := why_not(exim):
        pytest.skip(lack)
    made = Benched(tree, exim, {})
    try:
        results = [_run(made, tree, name) for name in ("0001", "0008", "0009", "0010", "0011")]
    finally:
        made.close()
    assert [one.reason for one in results] == ["", "", "", "", "needs a C compiler (cc), for bin/loaded"]


def test_nothing_of_the_place_is_seen_on_the_host(benched: Benched) -> None:
    assert not Path(benched.place.folder).exists()


def test_a_folder_that_is_made_leaves_those_above_it_as_they_are(benched: Benched) -> None:
    made = benched._bench
    assert made is not None
    for folder in ("/tmp/not/there", "/usr/not/there"):
        made._make_folder(folder)
        said = made._shell(f"stat -c %a /tmp /usr; test -w {folder}").stdout
        assert said.split()[0] == b"1777"
        assert said.split()[1] == b"755"
