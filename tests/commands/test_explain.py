"""``eximsim explain``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.invoking import invoke
from tests.gate.test_explain import CONFIG, ZONE


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "exim.conf").write_text(CONFIG)
    (tmp_path / "example.zone").write_text(ZONE)
    return ["--config", str(tmp_path / "exim.conf"), "--zones", str(tmp_path)]


def test_the_way_of_a_message_is_told(files: list[str]) -> None:
    done = invoke("explain", *files, "a@example.com")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[1] == "delivered to mx1.example.com (DANE)"
    for title in ("Hosts", "Decisions: transport", "Log", "What would lead to another outcome"):
        assert title in lines
    assert any("tlsa result: host=mx1.example.com, answer=SUCCEED" in line for line in lines)
    assert any("=> a@example.com R=remote T=smtp" in line for line in lines)


def test_json_has_the_same(files: list[str]) -> None:
    done = invoke("explain", *files, "--json", "a@example.com", "b@example.com")
    told = json.loads(done.stdout)
    assert [one["recipient"] for one in told["recipients"]] == ["a@example.com", "b@example.com"]
    assert told["recipients"][0]["outcome"]["result"] == "delivered"


def test_a_callout_can_be_explained(files: list[str]) -> None:
    assert "accepted (DANE)" in invoke("explain", *files, "--callout", "--brief", "a@example.com").stdout


def test_an_older_release_and_another_library_can_be_asked(files: list[str]) -> None:
    done = invoke("explain", *files, "--profile", "4.96", "--tls", "gnutls", "--brief", "a@example.com")
    assert "Exim 4.96" in done.stdout


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--config", "/nowhere"], "/nowhere: No such file"),
        (["--zones", "/nowhere"], "/nowhere"),
        (["--profile", "1.0"], "unknown profile '1.0'"),
        (["-D", "lower"], "-D lower: expected MACRO"),
    ],
)
def test_bad_input_is_one_line(files: list[str], more: list[str], message: str) -> None:
    done = invoke("explain", *files, *more, "a@example.com")
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_callout_there_is_none_to_explain(files: list[str], tmp_path: Path) -> None:
    (tmp_path / "exim.conf").write_text(CONFIG.replace("/callout", ""))
    done = invoke("explain", *files, "--callout", "a@example.com")
    assert (done.exit_code, "no ACL verifies by callout" in done.stderr) == (2, True)


def test_a_page_can_be_written_as_well(files: list[str], tmp_path: Path) -> None:
    page = tmp_path / "way.html"
    assert invoke("explain", *files, "--brief", "--html", str(page), "a@example.com").exit_code == 0
    text = page.read_text()
    assert "a@example.com" in text
    assert "mx1.example.com" in text
    done = invoke("explain", *files, "--brief", "--html", str(tmp_path / "no" / "way"), "a@example.com")
    assert (done.exit_code, "expected a place to write" in done.stderr) == (2, True)
