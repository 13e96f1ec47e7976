"""Each example of the documentation is run: a page's Python with pytest, on the page's configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_docs import ROOT, WRITTEN

pytest_plugins = ["pytester"]

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
KINDS = frozenset({"python", "exim", "text", "sh", "mermaid", "toml", "yaml"})


def blocks(page: Path, kind: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text(encoding="utf-8")) if found == kind]


WITH_PYTHON = [page for page in WRITTEN if blocks(page, "python")]


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.delenv("CI", raising=False)
    return pytester


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.name)
def test_the_policy_tests_of_a_page_pass(project: pytest.Pytester, page: Path) -> None:
    (config, *_) = blocks(page, "exim") or blocks(ROOT / "docs" / "pytest.md", "exim")
    (project.path / "exim.conf").write_text(config)
    examples = blocks(page, "python")
    for number, text in enumerate(examples):
        (project.path / f"test_example_{number}.py").write_text(text)
    count = sum(text.count("def test_") for text in examples)
    assert count
    for option in ("--golden-update", "--strict-markers"):
        result = project.runpytest("-p", "eximsim.pytest_plugin", "-p", "no:xdist", "-W", "error", option)
        result.assert_outcomes(passed=count)


def test_the_blocks_of_all_pages_are_of_known_kinds() -> None:
    found = {kind for page in WRITTEN for kind, _ in BLOCK.findall(page.read_text(encoding="utf-8"))}
    assert found <= KINDS
