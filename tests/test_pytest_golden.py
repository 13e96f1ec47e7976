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
def test_goldens_that_no_test_wants_fail_and_go_with_an_update(project: Project, processes: int) -> None:
    project.run("--golden-update")
    project.write(TESTS.replace('    golden("third\\n")\n', "").replace('"4.92", ', ""))
    result = project.run(processes=processes)
    result.assert_outcomes(passed=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "*2 unused goldens*",
            "No test compares with these files any more; --golden-update removes them.",
            "goldens/test_logs/test_each-4.92.log.txt",
            "goldens/test_logs/test_one.2.txt",
        ]
    )
    updated = project.run("--golden-update", processes=processes)
    assert updated.ret == pytest.ExitCode.OK
    updated.stdout.fnmatch_lines(["*2 unused goldens removed*"])
    assert project.files() == ["TestOfClass.test_two.txt", "test_each-4.93.log.txt", "test_one.txt"]
    assert project.run(processes=processes).ret == pytest.ExitCode.OK


def test_goldens_of_a_module_that_is_gone_are_unused(project: Project) -> None:
    project.run("--golden-update")
    project.pytester.makepyfile(test_other="def test_it(golden):\n    golden('x')\n")
    project.run("--golden-update")
    (project.pytester.path / "test_logs.py").unlink()
    (project.goldens.parent / "data").mkdir()
    (project.goldens.parent / "data" / "mine.txt").write_text("not a golden of ours")
    result = project.run()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*5 unused goldens*", "goldens/test_logs/test_one.txt"])
    result.stdout.no_fnmatch_line("*mine.txt*")


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


VALUES = """
from dataclasses import dataclass

@dataclass
class Point:
    x: int

def test_values(golden):
    golden({"b": [1, None], "a": {3, 1, 2}})
    golden.check("number", 42)
    golden.check("object", Point(1))
    golden.check("numbers", [1, 2])
    golden.check("octets", b"ab")
    golden.check("nothing", [])
"""


def test_a_golden_of_any_value_holds_the_value(project: Project) -> None:
    project.write(VALUES)
    project.run("--golden-update").assert_outcomes(passed=1)
    stored = {path.name: path.read_text() for path in project.goldens.iterdir()}
    assert stored == {
        "test_values.txt": "{'a': {1, 2, 3}, 'b': [1, None]}\n",
        "test_values.number.txt": "42\n",
        "test_values.object.txt": "Point(x=1)\n",
        "test_values.numbers.txt": "[1, 2]\n",
        "test_values.octets.txt": "b'ab'\n",
        "test_values.nothing.txt": "",
    }
    project.run().assert_outcomes(passed=1)


def test_a_value_that_is_printed_with_an_address_is_a_mistake(project: Project) -> None:
    project.write("def test_it(golden):\n    golden([object()])\n")
    result = project.run("--golden-update")
    result.stdout.fnmatch_lines(["E  *golden of a value that is printed with an address of memory: at 0x*"])


def test_a_diff_has_colours_on_a_terminal_and_none_in_a_pipe(project: Project) -> None:
    project.run("--golden-update")
    project.write(TESTS.replace('"second"', '"other"'))
    coloured = project.run("--color=yes").stdout.str()
    assert "\x1b[31m-second\x1b[0m" in coloured
    assert "\x1b[32m+other\x1b[0m" in coloured
    assert "\x1b" not in project.run("--color=no").stdout.str()
