"""A page as headless Chromium renders it: its elements after layout, and what a script measures on it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)

needs_chromium = pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine to render pages in")

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio"),
    *("--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1280,1000"),
)
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
_ANSWER = re.compile(r'<output id="measured">(.*?)</output>', re.DOTALL)


@dataclass(frozen=True, slots=True)
class View:
    """A page in a viewport ``width`` pixels wide, and the body of a JavaScript function that measures it."""

    page: str
    script: str
    width: int = 1280


def measure(folder: Path, *views: View, dark: bool = False) -> list[Any]:
    """What the function of each view returns.

    A page stands in a frame of its width, as a window cannot be as narrow as a phone. The copy that is
    measured is the page without its content policy, which would forbid to look into it.
    """
    frames = []
    for number, view in enumerate(views):
        (folder / f"page{number}.html").write_text(_POLICY.sub("", view.page), encoding="utf-8")
        style = f"border:0;width:{view.width}px;height:2000px"
        frames.append(f'<iframe src="page{number}.html" style="{style}"></iframe>')
    functions = ",".join(f"(document, window) => {{ {view.script} }}" for view in views)
    outer = folder / "frames.html"
    outer.write_text(
        f"""<!DOCTYPE html><meta charset="utf-8"><body>{"".join(frames)}
        <script>
        addEventListener("load", () => {{
          const measured = [{functions}].map((measure, number) =>
            measure(frames[number].document, frames[number]));
          const found = document.createElement("output");
          found.id = "measured";
          found.textContent = encodeURIComponent(JSON.stringify(measured));
          document.body.append(found);
        }});
        </script>""",
        encoding="utf-8",
    )
    flags = ["--allow-file-access-from-files", *(["--blink-settings=preferredColorScheme=0"] if dark else [])]
    found = _ANSWER.search(_run(folder, *flags, "--dump-dom", outer.as_uri()))
    assert found is not None, "the script on the page did not run to its end"
    answers = json.loads(unquote(found[1]))
    assert isinstance(answers, list)
    return answers


def screenshot(page: str, folder: Path) -> bytes:
    """The page as it is, as the bytes of a PNG."""
    source, target = folder / "whole.html", folder / "page.png"
    source.write_text(page, encoding="utf-8")
    _run(folder, f"--screenshot={target}", source.as_uri())
    return target.read_bytes()


def _run(folder: Path, *arguments: str) -> str:
    assert PROGRAM is not None
    profile = f"--user-data-dir={folder / 'profile'}"
    done = subprocess.run(
        [PROGRAM, *_FLAGS, profile, *arguments], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout
