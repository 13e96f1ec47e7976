"""Markdown for a pull request: worst first, tables that hold, nothing that is taken for markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given, settings
from markdown_it import MarkdownIt
from markdown_it.token import Token

from eximsim.gate.markdown import LONGEST, markdown
from eximsim.gate.report import Report
from tests.gate.reports import example, unchanged
from tests.gate.strategies import reports

PARSER = MarkdownIt("gfm-like", {"linkify": False})


def rows(text: str) -> Iterator[int]:
    """The number of cells of each row of each table, and 0 after each table."""
    cells = 0
    for token in PARSER.parse(text):
        if token.type in ("th_close", "td_close"):
            cells += 1
        elif token.type == "tr_close":
            yield cells
            cells = 0
        elif token.type == "table_close":
            yield 0


def inline(text: str) -> list[Token]:
    return [child for token in PARSER.parse(text) for child in token.children or ()]


def seen(text: str) -> str:
    """What a reader sees of the inline text."""
    return "".join(
        "\n" if token.type in ("paragraph_close", "td_close", "tr_close", "heading_close") else "".join(
            child.content for child in token.children or () if child.type in ("text", "text_special")
        )
        for token in PARSER.parse(text)
    )  # fmt: skip


def test_the_worst_comes_first_and_every_group_is_there() -> None:
    text = markdown(example())
    assert text.splitlines()[0] == "## Mail policy: <code>old.conf</code> → <code>new.conf</code>"
    headings = [line for line in text.splitlines() if line.startswith("### ")]
    assert headings == [
        "### ✗ security lost: hosts\\_require\\_dane",
        "### ▼ reachability lost: tlsa\\_map",
        "### ✓ security gained: tls\\_tempfail\\_tryclear",
        "### ▲ reachability gained: dns\\_again\\_means\\_nonexist+hosts\\_try\\_dane",
        "### ≈ wording only: failed\\_address\\_colon\\_spaced",
    ]


def test_a_group_has_its_witness_and_the_rest_folded() -> None:
    text = seen(markdown(example()))
    assert "Smallest witness, delivery to a@one.test.ex:" in text
    assert "TLSA of host 1\nSERVFAIL\n" in text
    assert "deferred: DANE error: tlsa lookup DEFER\ndelivered to h1-a.test.ex (in clear)\n" in text
    assert "<details><summary>All of it: 100 situations in 2 classes</summary>" in markdown(example())
    assert "- M1 == a@one.test.ex R=client T=t defer (-36)" in markdown(example())


def test_what_was_left_out_is_said() -> None:
    text = markdown(example())
    assert "Not complete: 14,400 situations" in text
    assert "exim.conf:12: router local: not modelled" in seen(text)


def test_nothing_changed_is_two_sentences() -> None:
    assert markdown(unchanged()).splitlines()[2:] == [
        "**No outcome changes.**",
        "",
        "Complete: 14,400 situations, told apart as 117 classes, all of them run.",
    ]


@settings(max_examples=30, deadline=None)
@given(reports)
def test_tables_hold_whatever_is_in_them(report: Report) -> None:
    text = markdown(report)
    widths: set[int] = set()
    tables = 0
    for cells in rows(text):
        if cells:
            widths.add(cells)
            continue
        assert len(widths) == 1
        widths.clear()
        tables += 1
    several = sum(len(group.changes) > 1 for group in report.groups)
    with_axes = sum(bool(group.witness.situation) for group in report.groups)
    assert tables == bool(report.groups) + len(report.groups) + several + with_axes


@settings(max_examples=30, deadline=None)
@given(reports)
def test_nothing_from_outside_becomes_markup_or_a_mention(report: Report) -> None:
    text = markdown(report)
    kinds = {token.type for token in inline(text)}
    assert kinds <= {"text", "text_special", "softbreak", "html_inline", "strong_open", "strong_close",
                     "em_open", "em_close"}  # fmt: skip
    tags = {token.content for token in inline(text) if token.type == "html_inline"}
    assert tags <= {"<code>", "</code>", "<span>", "</span>", "<br>"}
    blocks = [token.content for token in PARSER.parse(text) if token.type == "html_block"]
    assert all(re.fullmatch(r"</details>\n?|<details><summary>[\w ,:]+</summary>\n?", b) for b in blocks)
    assert sum("<details>" in block for block in blocks) == sum("</details>" in block for block in blocks)
    for token in PARSER.parse(text):
        assert not re.search(r"@\w|#\d|\w@", outside_code(token.children or []))


def outside_code(tokens: list[Token]) -> str:
    """The text that a forge looks for mentions in; a tag is a control character, which ends a run of text."""
    pieces = []
    code = False
    for token in tokens:
        if token.type == "html_inline":
            code = (code or token.content == "<code>") and token.content != "</code>"
            pieces.append("\0")
        elif not code:
            pieces.append(token.content)
    return "".join(pieces)


def test_a_large_report_stays_below_what_a_comment_may_have_and_says_so() -> None:
    report = example()
    (group, *_) = report.groups
    many = replace(group, changes=tuple(replace(group.witness, size=n) for n in range(1, 500)))
    text = markdown(replace(report, groups=(many,)))
    assert len(text) <= LONGEST
    assert "*And 474 more classes (" in text
    text = markdown(replace(report, groups=(many,) * 30))
    assert len(text) <= LONGEST
    assert text.count("*And 491 more classes (") == 30
    text = markdown(replace(report, groups=report.groups * 120))
    assert len(text) <= LONGEST
    assert "groups more, no worse than these" in text
