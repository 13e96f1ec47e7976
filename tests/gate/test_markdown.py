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
        "### ✗ hosts\\_require\\_dane: delivered under DANE → delivered in clear",
        "### ‖ tlsa\\_map: delivered in clear → held back for want of protection",
        "### ▲ dns\\_again\\_means\\_nonexist+hosts\\_try\\_dane: put off for want of protection → accepted, "
        "asked over TLS, not verified",
        "### ✓ tls\\_tempfail\\_tryclear: delivered in clear → delivered under DANE",
        "### ≈ failed\\_address\\_colon\\_spaced: bounced for want of protection",
    ]


def test_a_group_has_its_witness_and_the_rest_folded() -> None:
    text = seen(markdown(example()))
    assert "Smallest witness, delivery to a@one.test.ex:" in text
    assert "TLSA of host 1\nmatch\n" in text
    assert "delivered to h1-a.test.ex (in clear)\ndeferred: DANE error: tlsa lookup DEFER\n" in text
    assert "<details><summary>All 2 classes</summary>" in markdown(example())
    assert "+ M1 == a@one.test.ex R=client T=t defer (-36)" in markdown(example())


def test_the_answers_come_first_and_then_everyday_mail() -> None:
    lines = seen(markdown(example())).splitlines()
    assert lines[1].startswith("Does any mail that went out before stop? Yes. Everyday mail (TLSA SERVFAIL);")
    at = lines.index("TLSA SERVFAIL")
    assert lines[at - 1 : at + 3 : 2] == ["‖", "delivered in clear"]


def test_what_could_not_be_looked_at_stands_near_the_top() -> None:
    text = seen(markdown(example()))
    assert "Not complete: 117 classes" in text
    assert "exim.conf:12: router local: not modelled" in text[: text.index("Everyday mail to")]
    assert "What is left out by choice" in markdown(replace(example(), left_out=("a third host",)))


def test_nothing_changed_is_two_answers_and_everyday_mail() -> None:
    lines = markdown(unchanged()).splitlines()
    assert lines[2::2][:2] == [
        "Does any mail that went out before stop? **No.**",
        "Does any mail go out with less protection? **No.**",
    ]
    assert lines[-1] == (
        "No outcome changes. Complete: 117 classes of situations told apart, all of them run."
    )


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
    assert tables == bool(report.groups) + len(report.groups) + several + with_axes + len(report.everyday)


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
    assert "*And 474 more classes: " in text
    text = markdown(replace(report, groups=(many,) * 20))
    assert len(text) <= LONGEST
    assert text.count("*And 491 more classes: ") == 20
    text = markdown(replace(report, groups=report.groups * 120))
    assert len(text) <= LONGEST
    assert "groups more, no worse than these" in text
