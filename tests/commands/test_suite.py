"""``eximsim suite`` on a small tree of our own in the form of Exim's."""

import json
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree

import pytest

from eximsim.commands.suite import _release
from eximsim.profiles import profile
from tests.commands.invoking import Done, invoke
from tests.writing import write_files

FILES = {
    "runtest": "print; new_value($1, '10Hm%s-000000005vi-0000')\n",
    "scripts/2100-OpenSSL/REQUIRES": "support OpenSSL\n",
    "scripts/2100-OpenSSL/2150": "# one library\nexim -be\n${uc:openssl}\n****\n",
    "scripts/2000-GnuTLS/REQUIRES": "support GnuTLS\n",
    "scripts/2000-GnuTLS/2050": "# the other\nexim -be\n${uc:gnutls}\n****\n",
    "confs/2150": "primary_hostname = myhost.test.ex\n",
    "confs/2050": "primary_hostname = myhost.test.ex\n",
    "dnszones-src/db.test.ex": "a A 127.0.0.1\n",
    "stdout/2150": "> OPENSSL\n> \n",
    "stdout/2050": "> GNUTLS\n> \n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_files(tmp_path, FILES)
    (tmp_path / "log").mkdir()
    return tmp_path


def suite(tree: Path, *arguments: str) -> Done:
    return invoke("suite", "--tree", str(tree), *arguments)


def results(done: Done) -> dict[str, str]:
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    return {found["test"]: found["result"] for found in objects}


def test_a_test_about_one_library_runs_on_the_release_built_with_it(tree: Path) -> None:
    done = suite(tree, "--json")
    assert (done.exit_code, results(done)) == (0, {"2050": "pass", "2150": "pass"})


def test_the_library_that_was_asked_for_is_the_one_for_all(tree: Path) -> None:
    done = suite(tree, "--json", "--tls", "gnutls")
    assert (done.exit_code, results(done)) == (0, {"2050": "pass", "2150": "skip"})


def test_when_every_test_was_skipped_nothing_was_looked_at(tree: Path) -> None:
    done = suite(tree, "2150", "--json", "--tls", "gnutls")
    assert (done.exit_code, results(done)) == (3, {"2150": "skip"})


def test_several_processes_give_the_results_in_the_tests_order(tree: Path) -> None:
    done = suite(tree, "--json", "--jobs", "2")
    assert list(results(done).items()) == [("2050", "pass"), ("2150", "pass")]


def test_an_output_that_differs_is_shown_and_kept(tree: Path, tmp_path: Path) -> None:
    (tree / "stdout/2150").write_text("> OpenSSL\n> \n")
    done = suite(tree, "2150", "--keep", str(tmp_path / "kept"))
    assert done.exit_code == 1
    assert "-> OpenSSL\n+> OPENSSL\n" in done.stdout
    assert (tmp_path / "kept/2150/stdout").read_text() == "> OPENSSL\n> \n"


def test_a_broken_script_is_a_failure_of_its_own_test(tree: Path) -> None:
    (tree / "scripts/2100-OpenSSL/2150").write_text("# broken\nexam -be\n****\n")
    done = suite(tree, "--json")
    assert (done.exit_code, results(done)["2050"]) == (1, "pass")
    assert "exam" in done.stdout


def test_a_real_programs_own_tls_library_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tree, gnutls = mock.Mock(own_program=lambda: profile("4.96")), profile("4.96-debian12")
    monkeypatch.setattr("eximsim.commands.suite.subject_profile", lambda subject: gnutls)
    assert _release(tree, "auto", None, "exim:/x").tls_library == "gnutls"
    assert _release(tree, "auto", "openssl", "exim:/x").tls_library.startswith("openssl")
    assert _release(tree, None, None, "exim:/x") is gnutls


def test_results_are_summed_up_by_group(tree: Path) -> None:
    (tree / "stdout/2150").write_text("> OpenSSL\n> \n")
    lines = suite(tree).stdout.splitlines()
    assert lines[-3:-1] == ["2000-GnuTLS   1 pass", "2100-OpenSSL  1 fail"]


def test_what_was_no_better_before_is_no_failure_with_a_baseline(tree: Path, tmp_path: Path) -> None:
    (tree / "stdout/2150").write_text("> OpenSSL\n> \n")
    before = tmp_path / "before.json"
    before.write_text(suite(tree, "--json").stdout)
    done = suite(tree, "--baseline", str(before))
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (
        0, "since the baseline: 0 worse, 0 better, 1 as before"
    )  # fmt: skip
    (tree / "stdout/2050").write_text("> GnuTLS\n> \n")
    (tree / "stdout/2150").write_text("> OPENSSL\n> \n")
    done = suite(tree, "--baseline", str(before))
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-2:] == [
        "2050: fail, was pass: stdout differs", "since the baseline: 1 worse, 1 better, 0 as before"
    ]  # fmt: skip


def test_a_baseline_that_is_none_is_bad_input(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "before.json").write_text('{"test": "2150"}\n')
    done = suite(tree, "--baseline", str(tmp_path / "before.json"))
    assert done.exit_code == 2
    assert "before.json:1: no test and result here" in done.stderr


def test_a_failure_is_in_the_summaries_that_runtest_leaves_and_in_junit_with_its_diff(
    tree: Path, tmp_path: Path
) -> None:
    (tree / "stdout/2150").write_text("> OpenSSL\n> \n")
    suite(tree, "--summary", str(tmp_path / "left"), "--junit", str(tmp_path / "junit.xml"))
    assert (tmp_path / "left/failed-summary.log").read_text() == "Test 2150 stdout/2150 failed\n"
    assert (tmp_path / "left/run-summary.log").read_text() == "2050 P\n2150 F\n"
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert [(one.get("name"), one.get("failures")) for one in root] == [
        ("2000-GnuTLS", "0"),
        ("2100-OpenSSL", "1"),
    ]
    (failure,) = root.iter("failure")
    assert failure.get("message") == "stdout differs"
    assert "-> OpenSSL\n+> OPENSSL" in str(failure.text)


def test_a_report_without_a_place_is_told_before_anything_runs(tree: Path, tmp_path: Path) -> None:
    done = suite(tree, "--junit", str(tmp_path / "not-there/junit.xml"))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "junit.xml: No such file or directory; expected a place to write to" in done.stderr


def test_only_a_real_program_has_a_test_mode(tree: Path) -> None:
    done = suite(tree, "--no-test-mode")
    assert (done.exit_code, done.stderr) == (2, "eximsim: --no-test-mode: expected --subject exim:PATH\n")


def test_two_subjects_are_shown_where_they_part(tree: Path) -> None:
    done = suite(tree, "--against", "model", "--json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.exit_code, [(one["test"], one["result"]) for one in told]) == (
        0, [("2050", "same"), ("2150", "same")]
    )  # fmt: skip


def test_a_shell_is_for_one_test_of_a_real_program(tree: Path) -> None:
    done = suite(tree, "2150", "--shell")
    assert done.exit_code == 2
    assert "--shell: expected one test and --subject exim:PATH" in done.stderr
