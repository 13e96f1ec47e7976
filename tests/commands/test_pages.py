"""``--html`` of the commands that have it."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest

from eximsim.gate.html import report_page
from tests.commands.invoking import invoke
from tests.gate.reports import example
from tests.gate.test_explain import CONFIG, ZONE
from tests.gate.test_html import Page


def test_explain_writes_the_same_as_a_page(tmp_path: Path) -> None:
    (tmp_path / "exim.conf").write_text(CONFIG)
    (tmp_path / "example.zone").write_text(ZONE)
    page = tmp_path / "page.html"
    done = invoke(
        "explain", "--config", str(tmp_path / "exim.conf"), "--zones", str(tmp_path), "--brief",
        "--html", str(page), "a@example.com",
    )  # fmt: skip
    assert (done.exit_code, done.stderr) == (0, "")
    assert "delivered to mx1.example.com (DANE)" in done.stdout
    text = " ".join("".join(Page(page.read_text("utf-8")).text).split())
    assert "a@example.com delivered ●●● DANE to mx1.example.com" in text


def test_gate_writes_the_same_as_a_page(tmp_path: Path) -> None:
    config, page = tmp_path / "exim.conf", tmp_path / "page.html"
    config.write_text(CONFIG)
    with mock.patch("eximsim.gate.compare.compare", return_value=example()):
        done = invoke("gate", str(config), str(config), "--html", str(page))
    assert (done.exit_code, done.stderr) == (1, "")
    assert page.read_text("utf-8") == report_page(example())


def test_a_page_that_cannot_be_written_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "exim.conf").write_text(CONFIG)
    (tmp_path / "example.zone").write_text(ZONE)
    nowhere = str(tmp_path / "nowhere" / "page.html")
    done = invoke(
        "explain", "--config", str(tmp_path / "exim.conf"), "--zones", str(tmp_path), "--brief",
        "--html", nowhere, "a@example.com",
    )  # fmt: skip
    assert done.exit_code == 2
    assert done.stderr.startswith(f"eximsim: {nowhere}: No such file")


@pytest.mark.parametrize("form", ["html", "markdown", "junit", "sarif"])
@pytest.mark.parametrize("command", ["gate", "check"])
def test_a_report_that_has_no_place_is_told_before_the_work(command: str, form: str) -> None:
    done = invoke(command, "/no/such/configuration", f"--{form}", "/no/such/folder/report")
    assert done.exit_code == 2
    assert done.stderr.startswith("eximsim: /no/such/folder/report: ")
    assert len(done.stderr.splitlines()) == 1
