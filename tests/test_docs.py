"""The documentation: generated pages are current, links lead somewhere, and what it names exists."""

from __future__ import annotations

import re
import shutil
from dataclasses import fields
from pathlib import Path

import pytest

from eximsim.cli import COMMANDS
from eximsim.profiles import PROFILES, Profile
from eximsim.suite.script import DIRECTIVES, SETTINGS
from tools.docs.__main__ import PAGES, agreement_page, spans

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
WRITTEN = sorted([*DOCS.glob("*.md"), ROOT / "README.md"])


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_current(name: str) -> None:
    current = (DOCS / name).read_text(encoding="utf-8")
    assert current == PAGES[name](), "run: python -m tools.docs"


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_every_page_is_listed() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert [
        page.name for page in DOCS.glob("*.md") if page.name != "README.md" and page.name not in index
    ] == []


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_every_command_that_a_page_shows_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    used = set(re.findall(r"(?:^ {4}|`)eximsim ([a-z]+)", text, re.M))
    assert used <= set(COMMANDS)


def test_the_faults_name_switches_that_exist() -> None:
    text = (DOCS / "known-faults.md").read_text(encoding="utf-8")
    cells = [
        line.rsplit("|", 2)[1] for line in text.splitlines() if line.startswith("| ") and line.endswith("|")
    ]
    named = {name for cell in cells for name in re.findall(r"`([a-z_0-9]+)`", cell)}
    assert len(named) > 10
    assert named <= {field.name for field in fields(Profile)}


def test_the_test_suites_page_has_every_directive() -> None:
    text = (DOCS / "testsuite.md").read_text(encoding="utf-8")
    assert [word for word in (*DIRECTIVES, *(f"#@ {name}" for name in SETTINGS)) if word not in text] == []


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["4.87"], "4.87"),
        (["4.87", "4.88-jh03"], "4.87, 4.88-jh03"),
        (["4.88", "4.87", "4.88-jh03"], "4.87 to 4.88"),
        (["4.86", "4.91", "4.92", "4.93"], "4.86, 4.91 to 4.93"),
        (list(PROFILES), "4.85 to 4.99-dev-13835a3c1"),
    ],
)
def test_neighbours_are_joined(names: list[str], shown: str) -> None:
    assert spans(names) == shown


def test_agreement_is_counted_by_release_and_group(tmp_path: Path) -> None:
    recordings = ROOT / "testsuite" / "recordings"
    shutil.copytree(recordings / "certs", tmp_path / "certs")
    shutil.copy(recordings / "scenarios.jsonl.gz", tmp_path)
    few = tmp_path / "few.jsonl"
    few.write_text("".join(record_lines(recordings / "evidence.jsonl.gz", {"A001", "A002", "B001"})))
    page = agreement_page(few)
    assert "| release | A | B |" in page
    assert "| 4.88-jh03 | 2 | 1 |" in page


def record_lines(path: Path, ids: set[str]) -> list[str]:
    import gzip
    import json

    with gzip.open(path, "rt", encoding="utf-8") as lines:
        found = [line for line in lines if json.loads(line).get("id") in ids]
    return [line for line in found if json.loads(line)["release"] == "4.88-jh03"]
