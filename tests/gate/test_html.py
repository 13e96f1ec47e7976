"""The page of a report: what is on it, that it stands alone, and that nothing on it is taken for markup."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise, product

import pytest
from hypothesis import given, settings

from eximsim.gate import palette
from eximsim.gate.html import MOST_ROWS, PAGE_GROUPS, PAGE_ROWS, ROWS, listed, matrix, moves, report_page
from eximsim.gate.report import Group, Report
from eximsim.gate.severity import Severity
from tests.gate.reports import CLEAR, DANE, ROUTE, WAITS, change, example, option, unchanged
from tests.gate.strategies import reports

EMPTY = frozenset(["meta"])
"""Elements of the page without an end tag."""


class Page(HTMLParser):
    """The elements of a page: each start tag with its attributes, and the text that is not style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def large() -> Report:
    """A report with a group of many classes over two hosts, several axes and both kinds."""
    answers = product(
        ("match", "mismatch", "SERVFAIL", "NXDOMAIN", "insecure"),
        ("250", "454", "not offered"),
        ("good", "expired", "wrong name"),
        ("match", "none"),
    )
    names = ("TLSA of host 1", "STARTTLS of host 1", "certificate of host 1", "TLSA of host 2")
    changes = [
        change(
            {"MX": "secure", **dict(zip(names, found, strict=True))},
            "delivery",
            DANE if number % 2 else WAITS,
            CLEAR,
            Severity.LESS,
            number,
        )
        for number, found in enumerate(answers, 1)
    ]
    asked = change({"MX": "secure"}, "callout", DANE, WAITS, Severity.HELD, 3)
    group = Group((option("hosts_try_dane", 4, "was * and is unset"),), Severity.LESS, (*changes, asked))
    report = example()
    return replace(report, groups=(group, *report.groups))


def test_a_page_has_what_a_reader_by_ear_needs() -> None:
    page = Page(report_page(example()))
    assert page.open == []
    assert page.all("html") == [{"lang": "en-GB"}]
    assert len(page.all("title")) == len(page.all("h1")) == len(page.all("main")) == 1
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
    assert all(heading["scope"] in ("col", "row", "colgroup") for heading in page.all("th"))
    for attributes in page.all("div"):
        if attributes.get("role") == "region":
            assert attributes.get("aria-label") or attributes.get("aria-labelledby")


def test_a_page_loads_nothing_and_runs_nothing() -> None:
    text = report_page(large())
    page = Page(text)
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "link", "img", "iframe", "object", "base"})
    assert [a["href"] for a in page.all("a")] == ["#groups"]
    assert not re.search(r"url\(|@import|https?:", text)
    policy = {a.get("http-equiv"): a["content"] for a in page.all("meta") if "content" in a}
    assert policy["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_every_group_is_on_the_page_worst_first_and_the_first_ones_unfolded() -> None:
    folds = [a for a in Page(report_page(example())).all("details") if "group" in (a["class"] or "").split()]
    assert [a["id"] for a in folds] == [f"group-{number}" for number in range(1, 6)]
    assert ["open" in a for a in folds] == [True, True, True, False, False]
    assert [(a["class"] or "").split()[-1] for a in folds] == [
        f"is-{group.severity.key}" for group in example().groups
    ]


def test_a_severity_is_a_sign_and_a_word_wherever_it_is_a_colour() -> None:
    text = report_page(large())
    badges = re.findall(
        r'<span class="badge tone ([\w-]+)"[^>]*>((?:<span[^>]*>[^<]*</span>|[^<])*)</span>', text
    )
    assert badges
    for tone, inside in badges:
        shown = re.sub(r"<[^>]*>", " ", inside)
        severity = next(one for one in Severity if f"is-{one.key}" == tone)
        if inside.startswith("<"):
            assert any(words in shown for words in (severity.value, severity.told.callout))
            assert severity.told.sign in shown


def test_the_matrix_of_moves_counts_classes_by_outcome() -> None:
    found = moves(example())
    assert found.before == (
        "delivered under DANE", "delivered in clear", "bounced for want of protection",
        "put off for want of protection",
    )  # fmt: skip
    assert found.after == (
        "delivered under DANE", "delivered in clear", "held back for want of protection",
        "bounced for want of protection", "accepted, asked over TLS, not verified",
    )  # fmt: skip
    assert found.cells[0] == ((), ((Severity.LESS, 2),), (), (), ())
    assert found.cells[1] == (((Severity.MORE, 1),), (), ((Severity.HELD, 1),), (), ())
    total = sum(number for row in found.cells for cell in row for _, number in cell)
    assert total == sum(len(group.changes) for group in example().groups)


def test_what_is_asked_of_one_host_is_one_column_and_what_is_common_is_said_once() -> None:
    table = matrix(large().groups[0])
    assert table.common == (("MX", "secure"),)
    assert table.columns == ("", "host 1", "host 2")
    assert table.rows[0][1] == (
        (("case", f"delivery to {ROUTE}"),),
        (("TLSA", "match"), ("STARTTLS", "250"), ("certificate", "good")),
        (("TLSA", "match"),),
    )
    assert table.rows[-1][1] == ((("case", f"callout to {ROUTE}"),), (), ())


def test_a_large_group_is_folded_after_some_rows_and_says_what_is_not_there() -> None:
    report = large()
    text = report_page(report)
    assert f"<summary>{MOST_ROWS - ROWS} more classes</summary>" in text
    rows = [a for a in Page(text).all("tr") if "tone" in (a.get("class") or "").split()]
    shown = sum(number for number in listed(report.groups) if number > 1)
    assert len(rows) == shown + 2
    assert f"And {len(report.groups[0].changes) - MOST_ROWS} classes that are not on this page" in text


def test_a_page_of_many_groups_stays_small_enough_to_be_sent_and_names_them_all() -> None:
    report = large()
    many = replace(report, groups=report.groups[:1] * 200)
    text = report_page(many)
    assert sum(listed(many.groups)) == PAGE_ROWS
    assert len(text) < 500_000
    assert text.count('<details class="group') == PAGE_GROUPS
    assert text.count("hosts_try_dane: ") >= 200


def test_log_lines_that_only_one_side_has_stand_out() -> None:
    report = example()
    group = report.groups[0]
    before, after = replace(WAITS, log=("M1 <= x", "M1 == y")), replace(CLEAR, log=("M1 <= x", "M1 => y"))
    shown = replace(group, changes=(replace(group.witness, before=before, after=after),))
    text = report_page(replace(report, groups=(shown,)))
    assert [line for line in text.splitlines() if line.startswith("<li>") and "M1" in line] == [
        "<li>M1 &lt;= x</li>",
        "<li><strong>M1 == y</strong></li>",
        "<li>M1 &lt;= x</li>",
        "<li><strong>M1 =&gt; y</strong></li>",
    ]


def body(report: Report) -> str:
    """The text below the heading of the page."""
    text = "".join(Page(report_page(report)).text)
    return text[text.index("What changes in the policy") :]


def test_what_could_not_be_looked_at_stands_above_everything_else() -> None:
    text = body(example())
    assert "Not everything could be looked at." in text[: text.index("Everyday mail\n")]
    assert "exim.conf:12 router local: not modelled" in text
    left = replace(unchanged(), left_out=("a third host",))
    assert "a third host" in report_page(left)


def test_the_answers_come_first_in_the_title_and_below_the_heading() -> None:
    page = report_page(example())
    assert "<title>Does any mail that went out before stop? Yes. " in page
    text = body(example())
    assert text.index("Does any mail go out with less protection?") < text.index("Everyday mail\n")


def test_everyday_mail_is_a_table_before_everything_else() -> None:
    text = "".join(Page(report_page(example())).text)
    assert text.index("TLSA SERVFAIL") < text.index("All situations")


def test_nothing_changed_is_said_with_everyday_mail_alone() -> None:
    page = Page(report_page(unchanged()))
    assert "No." in page.text
    assert any("No outcome changes." in text for text in page.text)
    assert len(page.all("table")) == 1


@cache
def elements_of_a_page() -> set[str]:
    return {tag for tag, _ in Page(report_page(large())).elements}


@settings(max_examples=20, deadline=None)
@given(reports)
def test_text_from_outside_is_only_text(report: Report) -> None:
    page = Page(report_page(report))
    assert page.open == []
    assert {tag for tag, _ in page.elements} <= elements_of_a_page()
    for attributes in (attributes for _, attributes in page.elements):
        assert not [name for name in attributes if name.startswith("on")]
    assert all(char.isprintable() or char == "\n" for char in "".join(page.text))


def luminance(colour: str) -> float:
    """Of ``#rrggbb``, by the Web Content Accessibility Guidelines."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [palette.LIGHT, palette.DARK], ids=["light", "dark"])
def test_text_stands_out_from_what_it_stands_on(colours: dict[str, str]) -> None:
    for severity in Severity:
        tone = severity.key
        assert contrast(colours[tone], colours[f"{tone}-back"]) >= 7
        assert contrast(colours[tone], colours["sunk"]) >= 7
    for text, least in (("text", 7), ("muted", 4.5), ("link", 4.5)):
        for surface in palette.SURFACES:
            assert contrast(colours[text], colours[surface]) >= least
    assert palette.LIGHT.keys() == palette.DARK.keys()
