"""The page of a report, rendered: the matrix is there, nothing overflows, nothing is an error."""

from __future__ import annotations

from pathlib import Path

from eximsim.gate.html import report_page
from tests.gate.chromium import View, measure, needs_chromium, screenshot
from tests.gate.reports import example
from tests.gate.test_html import large

pytestmark = needs_chromium

OVERFLOW = """
  for (const fold of document.querySelectorAll("details")) fold.open = true;
  const root = document.documentElement;
  const inScroller = (e) => e.closest(".scroll") || e.closest(".aloud") || e.closest(".skip");
  const wide = [...document.body.querySelectorAll("*")]
    .filter((e) => e.getBoundingClientRect().right > root.clientWidth + 1 && !inScroller(e));
  return {
    width: root.clientWidth, scrolls: root.scrollWidth, wide: wide.map((e) => e.outerHTML.slice(0, 80)),
    stacked: getComputedStyle(document.querySelector(".classes td[data-name]")).display,
  };
"""

CELLS = """
  const table = document.querySelector("table.moves");
  table.closest("details").open = true;
  const text = (e) => e.innerText.replace(/\\s+/g, " ").trim();
  return {
    mode: document.compatMode,
    title: document.title,
    rows: [...table.rows].map((row) => [...row.cells].map(text)),
    colours: [...table.querySelectorAll(".badge")].map((e) => getComputedStyle(e).backgroundColor),
    page: getComputedStyle(document.body).backgroundColor,
    open: [...document.querySelectorAll("details.group")].map((e) => e.open),
    seen: [...document.querySelectorAll("details.group .side.after")].map((e) => e.checkVisibility()),
    requests: window.performance.getEntriesByType("resource").map((e) => e.name),
  };
"""


def test_the_page_fits_and_its_matrix_is_shown(tmp_path: Path) -> None:
    page = report_page(large())
    narrow, wide, found = measure(
        tmp_path, View(page, OVERFLOW, 400), View(page, OVERFLOW, 1280), View(report_page(example()), CELLS)
    )
    assert narrow == {"width": 400, "scrolls": 400, "wide": [], "stacked": "grid"}
    assert wide == {"width": 1280, "scrolls": 1280, "wide": [], "stacked": "table-cell"}
    assert found["mode"] == "CSS1Compat"
    assert found["title"].startswith("Does any mail that went out before stop? Yes.")
    assert found["rows"][0] == [
        "before ↓ after →", "delivered under DANE", "delivered in clear", "held back for want of protection",
        "bounced for want of protection", "accepted, asked over TLS, not verified",
    ]  # fmt: skip
    assert found["rows"][1] == [
        "delivered under DANE", "", "✗ 2 delivered with less protection", "", "", "",
    ]  # fmt: skip
    assert len(set(found["colours"])) == 5
    assert found["open"] == found["seen"] == [True, True, True, False, False]
    assert found["requests"] == []


def test_a_reader_who_wants_it_dark_gets_it_dark(tmp_path: Path) -> None:
    (found,) = measure(tmp_path, View(report_page(example()), CELLS), dark=True)
    assert found["page"] == "rgb(18, 20, 24)"


def test_the_page_as_it_is_can_be_drawn(tmp_path: Path) -> None:
    drawn = screenshot(report_page(example()), tmp_path)
    assert drawn.startswith(b"\x89PNG")
    assert len(drawn) > 20_000
