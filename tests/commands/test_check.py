"""The command: exit codes, the baseline, JSON, and mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.invoking import Done, invoke
from tests.gate.policies import CONF

PLAIN = CONF.replace("begin acl\ncheck_rcpt:\n  accept verify = recipient/callout\n", "").replace(
    "acl_smtp_rcpt = check_rcpt\n", ""
)
STRICT = PLAIN.replace("OPTIONS\n", "  hosts_require_tls = *\n").replace("dane = *", "dane =")
BLIND = STRICT.replace("  driver = dnslookup\n", "  driver = dnslookup\n  condition = ${run{/opt/judge}}\n")
LAX = PLAIN.replace("OPTIONS\n", "")


@pytest.fixture
def lax(tmp_path: Path) -> str:
    path = tmp_path / "exim.conf"
    path.write_text(LAX)
    return str(path)


@pytest.fixture
def strict(tmp_path: Path) -> str:
    path = tmp_path / "strict.conf"
    path.write_text(STRICT)
    return str(path)


def check(*arguments: str) -> Done:
    return invoke("check", "--hosts", "1", *arguments)


def test_a_promise_that_holds_is_exit_0(strict: str) -> None:
    done = check(strict, "--preset", "tls-required")
    assert done.exit_code == 0
    assert "none of 1 promise broken" in done.stdout
    assert "✓ tls-required" in done.stdout


def test_a_promise_that_is_broken_is_exit_1_and_shows_how(lax: str) -> None:
    done = check(lax, "--preset", "tls-required")
    assert done.exit_code == 1
    assert "-> delivered to mx1.destination.example (in clear)" in done.stdout


def test_it_is_told_in_the_forms_of_ci_systems(lax: str, tmp_path: Path) -> None:
    report = tmp_path / "check.xml"
    done = check(lax, "--preset", "tls-required", "--github", "--junit", str(report))
    assert done.exit_code == 1
    assert done.stdout.startswith("::error title=promise broken%3A tls-required::")
    assert 'failures="1"' in report.read_text()
    assert check(lax, "--preset", "tls-required", "--junit", "-").stdout == report.read_text()


def test_it_is_told_in_the_forms_for_reviewers(lax: str, tmp_path: Path) -> None:
    forms = {"sarif": '"level": "error"', "markdown": "## Promises", "html": "<h1>"}
    paths = {form: tmp_path / form for form in forms}
    named = [word for form, path in paths.items() for word in (f"--{form}", str(path))]
    assert "1 of 1 promise broken" in check(lax, "--preset", "tls-required", *named).stdout
    assert all(mark in paths[form].read_text() for form, mark in forms.items())


def test_promises_beside_the_configuration_are_found(lax: str, tmp_path: Path) -> None:
    (tmp_path / "promises.toml").write_text("[[never]]\nname = 'n'\noutcome = 'crash'\n")
    Path(lax).write_text(STRICT)
    done = check(lax, "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["exit"]) == (0, 0)
    assert [one["name"] for one in told["promises"]] == ["n"]
    assert told["promises"][0]["holds"] is True


def test_without_promises_the_command_says_where_they_could_be(lax: str, tmp_path: Path) -> None:
    done = check(lax)
    assert done.exit_code == 2
    assert f"expected --promises, --preset or a file {tmp_path / 'promises.toml'}" in done.stderr


def test_a_mistake_in_the_promises_is_exit_2_with_file_and_line(lax: str, tmp_path: Path) -> None:
    wrong = tmp_path / "p.toml"
    wrong.write_text("[[never]]\nbelow = 'strong'\n")
    done = check(lax, "--promises", str(wrong))
    assert done.exit_code == 2
    assert f"{wrong}:2: below 'strong': expected clear, tls, verified, dane" in done.stderr


def test_what_could_not_be_looked_at_is_exit_3_unless_it_may_be(tmp_path: Path) -> None:
    path = tmp_path / "exim.conf"
    path.write_text(BLIND)
    done = check(str(path), "--preset", "tls-required")
    assert done.exit_code == 3
    assert "could not look: " in done.stdout
    allowed = check(str(path), "--preset", "tls-required", "--allow-incomplete")
    assert allowed.exit_code == 0
    assert "could not look: " in allowed.stdout


def test_a_baseline_lets_known_breaches_through_and_new_ones_stand_out(
    lax: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    known = str(tmp_path / "known.toml")
    accepted = check(lax, "--preset", "tls-required", "--baseline", known, "--accept")
    assert accepted.exit_code == 0
    assert check(lax, "--preset", "tls-required", "--baseline", known).exit_code == 0
    Path(lax).write_text(LAX.replace("hosts_try_dane = *", "hosts_try_dane ="))
    worse = check(lax, "--preset", "tls-required", "--baseline", known)
    assert worse.exit_code == 1
    assert "known breaches did not happen any more" in worse.stdout


def test_a_baseline_is_not_accepted_in_ci(lax: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    known = tmp_path / "known.toml"
    done = check(lax, "--preset", "tls-required", "--baseline", str(known), "--accept")
    assert done.exit_code == 2
    assert not known.exists()


def test_a_baseline_is_never_written_from_what_could_not_be_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    path, known = tmp_path / "exim.conf", tmp_path / "known.toml"
    path.write_text(BLIND)
    done = check(str(path), "--preset", "tls-required", "--baseline", str(known), "--accept")
    assert done.exit_code == 3
    assert not known.exists()
    assert "was not written" in done.stderr


def test_accept_needs_a_baseline(lax: str) -> None:
    done = check(lax, "--preset", "tls-required", "--accept")
    assert (done.exit_code, "--accept needs --baseline" in done.stderr) == (2, True)
