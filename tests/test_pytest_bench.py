"""Exim's own suite as pytest items, with a small tree of our own on the reference program."""

from __future__ import annotations

from pathlib import Path

import pytest

from eximsim.suite.bench import why_not
from tests.subjects.reference import Missing, reference_exim
from tests.subjects.small_tree import write_tree

pytest_plugins = ["pytester"]


@pytest.fixture
def place(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    pytester.makepyfile(test_other="def test_other():\n    pass\n")
    (pytester.path / "tree").mkdir()
    write_tree(pytester.path / "tree")
    return pytester


def _run(place: pytest.Pytester, *words: str, program: str = "/bin/true") -> pytest.RunResult:
    plugin = ("-p", "eximsim.pytest_plugin")
    return place.runpytest_subprocess(*plugin, "--exim-tree=tree", f"--exim-program={program}", *words)


@pytest.fixture(scope="session")
def program() -> str:
    """The reference program, found before pytester gives each test a home of its own."""
    try:
        exim = reference_exim()
    except Missing as reason:
        pytest.skip(str(reason))
    if lack := why_not(exim):
        pytest.skip(lack)
    return str(exim)


def test_every_test_of_the_tree_is_an_item_and_nothing_else_is(place: pytest.Pytester, program: str) -> None:
    result = _run(place, "--collect-only", "-q", program=program)
    result.stdout.fnmatch_lines(
        [
            "tree/scripts/0000-Basic/0001::0001-who-and-what",
            "tree/scripts/0000-Basic/0002::0002-a-delivery",
            "tree/scripts/0005_any_name/0005::0005-lacks",
            "tree/scripts/9000-special/9001::9001-by-its-number-only",
        ]
    )
    result.stdout.no_fnmatch_line("*test_other*")


def test_items_are_chosen_by_group_number_and_title(place: pytest.Pytester, program: str) -> None:
    result = _run(place, "--collect-only", "-q", "-k", "any_name or 0001 or delivery", program=program)
    result.stdout.fnmatch_lines(["3/* tests collected*"])


def test_what_fails_shows_the_diff_the_command_and_the_way_there(
    place: pytest.Pytester, program: str
) -> None:
    result = _run(place, "-k", "0001 or 0005 or 0006", "--junit-xml", "j.xml", program=program)
    result.assert_outcomes(passed=1, skipped=1, failed=1, deselected=9)
    result.stdout.fnmatch_lines(
        [
            "stdout differs after line 5: exim -be",
            "--- golden stdout of 0006",
            "-> other",
            "+> two",
            "to go there: eximsim suite --tree *tree 0006 --subject exim:* --shell",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    assert "needs support Cold_Fusion" in (place.path / "j.xml").read_text()


def test_the_last_failed_are_run_again_and_the_first_failure_ends_it(
    place: pytest.Pytester, program: str
) -> None:
    _run(place, "-k", "0001 or 0006", program=program).assert_outcomes(passed=1, failed=1, deselected=10)
    (place.path / "tree/stdout/0006").write_text("> first\n> \n> two\n> \n> three\n> \n")
    _run(place, "--lf", "-x", program=program).assert_outcomes(passed=1)


def test_each_worker_has_a_bench_of_its_own(place: pytest.Pytester, program: str) -> None:
    result = _run(place, "-n", "2", "-k", "0001 or 0004 or 0006", program=program)
    result.assert_outcomes(passed=2, failed=1)


def test_a_special_test_runs_only_if_it_is_named(place: pytest.Pytester, program: str) -> None:
    _run(place, "-k", "9001", program=program).assert_outcomes(skipped=1, deselected=11)
    _run(place, "tree/scripts/9000-special/9001", program=program).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--exim-tree", "tree"], "*--exim-tree DIR and --exim-program PATH are for each other*"),
        (["--exim-tree", ".", "--exim-program", "/bin/true"], "*no folder scripts/ here*"),
        (["--exim-tree", "tree", "--exim-program", "nothing"], "*expected an Exim program here*"),
        (["--exim-tree", "tree", "--exim-program", "/bin/true"], "*cannot be run here: *"),
    ],
)
def test_what_cannot_be_run_is_one_line(place: pytest.Pytester, words: list[str], told: str) -> None:
    result = place.runpytest_subprocess("-p", "eximsim.pytest_plugin", *words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([told])
