"""The documentation as a site: ``sphinx-build -W docs OUT`` (``pip install '.[docs]'``).

The pages are plain Markdown and read as they are. The table of contents is made from the tables of
``README.md``, so that a page which is listed there is in the site.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers.special import TextLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "eximsim"
extensions = ["myst_parser", "sphinxcontrib.mermaid"]
html_theme = "furo"
html_title = "eximsim"
html_copy_source = False
exclude_patterns = ["README.md", "examples"]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 3
nitpicky = True

_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_PAGE = re.compile(r"^\| \[[^]]+\]\(([\w-]+)\.md\)", re.MULTILINE)


def contents(index: str) -> str:
    """The tables of contents: one for each section of ``README.md`` that lists pages."""
    parts = _SECTION.split(index)
    found: list[str] = []
    seen: set[str] = set()
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        pages = [page for page in dict.fromkeys(_PAGE.findall(text)) if page not in seen]
        seen.update(pages)
        if pages:
            found.append("\n".join(["```{toctree}", ":hidden:", f":caption: {title}", "", *pages, "```"]))
    return "\n\n".join(found)


def _add_contents(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == "index":
        listed = Path(app.srcdir) / "README.md"
        app.env.note_dependency(listed, docname=docname)
        index = listed.read_text(encoding="utf-8")
        source[0] = f"{index}\n\n{contents(index)}\n"


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    for kind in ("exim", "zone"):
        app.add_lexer(kind, TextLexer)
    app.connect("source-read", _add_contents)
