"""``eximsim suite`` on a small tree of our own in the form of Exim's."""

import json
from pathlib import Path
from unittest import mock

import pytest

from eximsim.commands.suite import _release
from eximsim.profiles import profile
from tests.commands.invoking import Done, invoke

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
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
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
