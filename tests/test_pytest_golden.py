from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_pytest_fixtures import QUICK

pytest_plugins = ["pytester"]

TESTS = """
import pytest

def test_one(golden):
    golden(["first", "second"])
    golden("third\\n")

@pytest.mark.parametrize("release", ["4.92", "4.93"])
def test_each(golden, release):
    golden.check("log", [f"as {release}"])

class TestOfClass:
    def test_two(self, golden):
        golden(["fourth"])
"""
FILES = ["TestOfClass.test_two.txt", "test_each-4.92.log.txt", "test_each-4.93.log.txt", "test_one.2.txt",
         "test_one.txt"]  # fmt: skip


class Project:
    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.goldens = pytester.path / "goldens" / "test_logs"

    def write(self, tests: str) -> None:
        self.pytester.makepyfile(test_logs=tests)

    def run(self, *arguments: str, processes: int = 0) -> pytest.RunResult:
        if processes:
            return self.pytester.runpytest_subprocess(
                "-p", "eximsim.pytest_plugin", "-n", str(processes), *QUICK, *arguments
            )
        return self.pytester.runpytest("-p", "eximsim.pytest_plugin", "-p", "no:xdist", *arguments)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.goldens.iterdir())


@pytest.fixture
def project(whole_program: None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    monkeypatch.delenv("CI", raising=False)
    found = Project(pytester)
    found.write(TESTS)
    return found


@pytest.mark.parametrize("processes", [0, 2])
def test_goldens_are_written_and_then_compared_with(project: Project, processes: int) -> None:
    project.run("--golden-update", processes=processes).assert_outcomes(passed=4)
    assert project.files() == FILES
    assert (project.goldens / "test_one.txt").read_text() == "first\nsecond\n"
    result = project.run()
    result.assert_outcomes(passed=4)
    result.stdout.no_fnmatch_line("* unused golden*")


def test_a_golden_that_is_not_there_fails_and_shows_what_it_would_be(project: Project) -> None:
    result = project.run()
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(
        [
            "E  *there is no golden goldens/test_logs/test_one.txt; pytest --golden-update writes it",
            "E  *+first",
        ]
    )
    assert not project.goldens.exists()


def test_a_difference_is_told_in_words_and_as_a_diff(project: Project) -> None:
    project.run("--golden-update")
    project.write(TESTS.replace('"second"', '"other", "more"'))
    result = project.run()
    result.assert_outcomes(failed=1, passed=3)
    result.stdout.fnmatch_lines(
        [
            "E  *1 line missing, 2 lines new; pytest --golden-update writes it",
            "E  *--- golden goldens/test_logs/test_one.txt",
            "E  *+++ this run",
            "E  * first",
            "E  *-second",
            "E  *+other",
            "E  *+more",
        ]
    )


def test_a_changed_golden_is_written_anew(project: Project) -> None:
    project.run("--golden-update")
    project.write(TESTS.replace('"second"', '"other"'))
    project.run("--golden-update", "-k", "test_one").assert_outcomes(passed=1, deselected=3)
    assert (project.goldens / "test_one.txt").read_text() == "first\nother\n"


def test_goldens_are_not_written_under_ci(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    result = project.run("--golden-update")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --golden-update: goldens are not accepted where CI is set; *"])
    assert not project.goldens.exists()


@pytest.mark.parametrize("processes", [0, 2])
def test_goldens_that_no_test_wants_are_reported(project: Project, processes: int) -> None:
    project.run("--golden-update")
    project.write(TESTS.replace('    golden("third\\n")\n', "").replace('"4.92", ', ""))
    result = project.run(processes=processes)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "*2 unused goldens*",
            "No test compares with these files any more; they can be deleted.",
            "goldens/test_logs/test_each-4.92.log.txt",
            "goldens/test_logs/test_one.2.txt",
        ]
    )


@pytest.mark.parametrize(
    "arguments", [["test_logs.py::test_one"], ["-k", "test_one"]], ids=["by name", "by keyword"]
)
def test_goldens_of_tests_that_did_not_run_are_not_called_unused(
    project: Project, arguments: list[str]
) -> None:
    project.run("--golden-update")
    result = project.run(*arguments)
    result.stdout.no_fnmatch_line("* unused golden*")


def test_goldens_of_a_test_that_failed_are_not_called_unused(project: Project) -> None:
    project.run("--golden-update")
    project.write(TESTS.replace('golden("third\\n")', "assert False"))
    result = project.run()
    result.assert_outcomes(failed=1, passed=3)
    result.stdout.no_fnmatch_line("* unused golden*")


def test_a_name_can_be_used_once(project: Project) -> None:
    project.write("def test_twice(golden):\n    golden.check('a', '')\n    golden.check('a', '')\n")
    result = project.run("--golden-update")
    result.stdout.fnmatch_lines(["E  *golden 'a' is compared twice in one test"])


def test_names_that_look_alike_have_files_of_their_own(project: Project) -> None:
    project.write(
        "import pytest\n@pytest.mark.parametrize('text', ['a/b', 'a:b', 'ä'])\n"
        "def test_it(golden, text):\n    golden(text)\n"
    )
    project.run("--golden-update").assert_outcomes(passed=3)
    assert len(project.files()) == 3
    project.run().assert_outcomes(passed=3)
