"""The documentation as a site: built anew, warnings are errors, and every page is in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_docs import DOCS, ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for name in ("furo", "myst_parser", "sphinxcontrib.mermaid"):
        pytest.importorskip(name, exc_type=ImportError)
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-E", "-b", "html", "-d"]
    done = subprocess.run(
        [*command, str(out / "doctrees"), str(DOCS), str(out / "html")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return out / "html"


def test_every_page_is_in_the_contents(site: Path) -> None:
    front = (site / "index.html").read_text(encoding="utf-8")
    pages = {page.stem for page in DOCS.glob("*.md")} - {"README", "index"}
    assert {page for page in pages if f'href="{page}.html"' not in front} == set()


def test_diagrams_are_drawn(site: Path) -> None:
    assert 'class="mermaid' in (site / "diagrams.html").read_text(encoding="utf-8")
