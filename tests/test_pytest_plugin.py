from pathlib import Path

import pytest

from tests.writing import write_files

pytest_plugins = ["pytester"]

SCRIPT = "# t\n#@ profiles 4.87 4.99\ncatwrite test-x\nhello\n****\n"
GOLDEN = "==========\nhello\n==========\n"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project whose folder of tests is not called testsuite."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    pytester.makeini("[pytest]\neximsim_testsuite = mta\neximsim_worlds = memory loopback\n")
    pytester.makeconftest('pytest_plugins = ["eximsim.pytest_plugin"]\n')
    write_files(pytester.path / "mta", {"scripts/0001": SCRIPT, "confs/0001": "", "stdout/0001": GOLDEN})
    return pytester


def test_scripts_are_items_by_profile_and_world(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--collect-only", "-q", "mta/scripts")
    result.stdout.fnmatch_lines([f"mta/scripts/0001::0001[[]{item}]" for item in (
        "4.87-memory", "4.87-loopback", "4.99-memory", "4.99-loopback")])  # fmt: skip


def test_scripts_pass_in_any_order_and_number_of_workers(project: pytest.Pytester) -> None:
    project.runpytest_subprocess("mta/scripts").assert_outcomes(passed=4)
    project.runpytest_subprocess("-n", "2", "mta/scripts").assert_outcomes(passed=4)


def test_one_world_can_be_chosen(project: pytest.Pytester) -> None:
    project.runpytest_subprocess("--eximsim-world", "memory", "mta/scripts").assert_outcomes(passed=2)


def test_a_failure_shows_the_diff_and_no_traceback(project: pytest.Pytester) -> None:
    (project.path / "mta/stdout/0001").write_text(GOLDEN.replace("hello", "other"))
    result = project.runpytest_subprocess("mta/scripts")
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(["stdout differs", "--- golden stdout of 0001", "-other", "+hello"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_only_what_failed_last_is_run_again(project: pytest.Pytester) -> None:
    (project.path / "mta/scripts/0002").write_text(SCRIPT)
    (project.path / "mta/confs/0002").write_text("")
    (project.path / "mta/stdout/0002").write_text(GOLDEN.replace("hello", "other"))
    project.runpytest_subprocess("mta/scripts").assert_outcomes(passed=4, failed=4)
    project.runpytest_subprocess("--lf", "mta/scripts").assert_outcomes(failed=4)


def test_what_is_not_modelled_is_no_pass(project: pytest.Pytester) -> None:
    (project.path / "mta/scripts/0001").write_text("# t\nexiqgrep\n")
    result = project.runpytest_subprocess("mta/scripts")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["not modelled: *exiqgrep*"])


def test_a_requirement_of_another_build_is_skipped(project: pytest.Pytester) -> None:
    (project.path / "mta/scripts/REQUIRES").write_text("support GnuTLS\n")
    project.runpytest_subprocess("mta/scripts").assert_outcomes(skipped=4)
