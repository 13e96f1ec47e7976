"""The words and signs that the written forms share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eximsim.gate.report import Cause, Severity
from eximsim.gate.words import MEANINGS, SIGNS, asked, counted, coverage, position, sides, verdict
from tests.gate.reports import example, unchanged


def test_each_severity_has_a_sign_and_a_meaning_of_its_own() -> None:
    assert list(SIGNS) == list(MEANINGS) == list(Severity)
    assert len(set(SIGNS.values())) == len(set(MEANINGS.values())) == len(Severity)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("exim.conf:41", ("exim.conf", 41)),
        ("/etc/exim4/conf d/a.conf:7", ("/etc/exim4/conf d/a.conf", 7)),
        ("C:/exim.conf:7", ("C:/exim.conf", 7)),
        ("4b0fe3193 (4.88 JH/03)", None),
        ("exim.conf", None),
        ("exim.conf:0", None),
        (":3", None),
    ],
)
def test_a_cause_at_a_line_of_a_file_has_a_position(where: str, found: tuple[str, int] | None) -> None:
    assert position(Cause("x", where, "")) == found


def test_numbers_are_said_in_words_that_fit() -> None:
    assert counted(1) == "1 situation"
    assert counted(14_400) == "14,400 situations"
    assert counted(0, "class", "classes") == "0 classes"


def test_the_verdict_is_one_sentence_worst_first() -> None:
    assert verdict(example()) == (
        "Security lost in 100 situations; reachability lost in 12 situations; "
        "security gained in 8 situations; reachability gained in 2 situations; wording only in 30 situations."
    )
    assert verdict(unchanged()) == "No outcome changes."


def test_the_coverage_says_whether_the_space_was_exhausted() -> None:
    assert coverage(unchanged()) == "Complete: 14,400 situations, told apart as 117 classes, all of them run."
    assert coverage(example()).startswith("Not complete: ")
    assert coverage(example()).endswith("; 1 part left out.")


def test_where_only_the_log_differs_its_lines_tell() -> None:
    change = example().groups[4].witness
    old, new = (
        replace(change.before, log=("M1 <= x", "M1 ** y: no")),
        replace(change.after, log=("M1 <= x",)),
    )
    assert sides(replace(change, before=old, after=new)) == (
        "failed: DANE error: tlsa lookup FAIL; logged: M1 ** y: no",
        "failed: DANE error: tlsa lookup FAIL; logged: nothing more",
    )
    first = example().groups[0].witness
    assert sides(first) == (str(first.before), str(first.after))


def test_a_situation_is_one_phrase() -> None:
    first, second = example().groups[0].changes
    assert asked(first) == "TLSA of host 1: SERVFAIL"
    assert asked(second) == "TLSA of host 1: match, STARTTLS of host 1: 454"
