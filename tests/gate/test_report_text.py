"""The words and signs that the written forms share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eximsim.errors import Gap
from eximsim.gate.report import Report
from eximsim.gate.report_text import (
    LESS_ASKED,
    STOPS_ASKED,
    amount,
    answers,
    asked,
    counted,
    coverage,
    everyday_table,
    meant,
    move,
    position,
    sides,
    together,
    verdict,
)
from eximsim.gate.severity import FAIL_ON, TOLD, Severity
from tests.gate.reports import example, unchanged


def test_each_severity_has_a_sign_and_a_meaning_of_its_own() -> None:
    assert list(TOLD) == list(Severity)
    for part in ("key", "mail", "callout", "sign", "meaning"):
        assert len({getattr(told, part) for told in TOLD.values()}) == len(Severity)
    assert not {told.key for told in TOLD.values()} & {"default", "any", "none", "security", "stops"}


def test_every_severity_can_be_asked_for_by_its_key() -> None:
    assert all(FAIL_ON[severity.key] == (severity,) for severity in Severity)


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
    assert position(where) == found


def test_numbers_are_said_in_words_that_fit() -> None:
    assert counted(1) == "1 situation"
    assert counted(14_400) == "14,400 situations"
    assert counted(0, "class", "classes") == "0 classes"


def test_the_verdict_is_one_sentence_worst_first_with_counts_of_its_own() -> None:
    assert verdict(example()) == (
        "Delivered with less protection: 2 classes; delivered before, now held back: 1 class; "
        "held back or bounced before, now delivered: 2 classes; delivered with more protection: 1 class; "
        "words only: 1 class."
    )
    assert verdict(unchanged()) == "No outcome changes."


def test_the_coverage_says_whether_everything_was_looked_at() -> None:
    assert coverage(unchanged()) == "Complete: 117 classes of situations told apart, all of them run."
    assert coverage(example()).startswith("Not complete: ")
    assert coverage(example()).endswith("; 1 thing could not be looked at.")
    assert coverage(replace(example(), incomplete_allowed=True)).startswith("Not complete (allowed): ")


def told(report: Report) -> tuple[str, str]:
    (stops, one), (less, two) = answers(report)
    assert (stops, less) == (STOPS_ASKED, LESS_ASKED)
    return one, two


def test_what_everybody_asks_first_is_answered_in_a_line() -> None:
    assert told(unchanged()) == ("No.", "No.")
    known = replace(example(), gaps=())
    assert told(known) == (
        "Yes. Everyday mail (TLSA SERVFAIL); deliveries: 1 class.",
        "Yes. Deliveries: 2 classes, 0.7 % of all situations; for example TLSA of host 1: match, "
        "STARTTLS of host 1: 454. Mail that was kept back goes out now: 2 classes.",
    )


def test_mail_that_stops_only_in_a_callout_stops_all_the_same() -> None:
    (_, held, *_) = example().groups
    callout = replace(held, changes=tuple(replace(one, kind="callout") for one in held.changes))
    report = replace(unchanged(), groups=(callout,))
    assert told(report)[0] == "Yes. Callouts: 1 class; for example TLSA of host 1: NXDOMAIN."


def test_no_is_not_said_where_something_could_not_be_looked_at() -> None:
    report = replace(unchanged(), gaps=(Gap("x"), Gap("y")))
    assert told(report)[0] == "Not known: 2 things could not be looked at; in what was looked at, no."
    assert told(example())[0].endswith(" And 1 thing could not be looked at.")


def test_no_is_not_said_where_nothing_was_explored() -> None:
    report = replace(unchanged(), gaps=(Gap("x"), Gap("nothing was explored: no mail goes out")))
    assert told(report)[0] == "Not known: nothing was explored."
    assert verdict(report) == "Nothing was explored."


def test_everyday_mail_alone_answers_too() -> None:
    assert told(replace(example(), groups=(), gaps=()))[0] == "Yes. Everyday mail (TLSA SERVFAIL)."


def test_a_line_of_everyday_mail_is_a_sign_a_situation_before_and_after() -> None:
    (mail,) = example().everyday
    assert list(everyday_table(mail)) == [
        ("=", "no DNSSEC", "delivered in clear", "the same"),
        ("‖", "TLSA SERVFAIL", "delivered in clear", "held back for want of protection"),
        ("≈", "host | down", "bounced for want of protection", "the same, in other words"),
    ]


def test_a_group_is_told_by_what_became_of_what() -> None:
    less, held, released, _, words = example().groups
    assert move(less) == "delivered under DANE → delivered in clear"
    assert move(released) == "put off for want of protection → accepted, asked over TLS, not verified"
    assert move(words) == "bounced for want of protection"
    assert [meant(group) for group in (held, released)] == [
        "delivered before, now held back",
        "put off or refused before, now accepted",
    ]


def test_causes_that_act_only_together_are_said_to() -> None:
    assert [bool(together(group)) for group in example().groups] == [False, False, True, False, False]


def test_a_share_that_is_next_to_nothing_is_not_told() -> None:
    report = example()
    assert amount(report, report.groups[:1]) == "2 classes, 0.7 % of all situations"
    assert amount(replace(report, situations=10**18), report.groups[:1]) == "2 classes"


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
    assert asked(first) == "TLSA of host 1: match, STARTTLS of host 1: 454"
    assert asked(second) == "MX: insecure, EHLO: HELP"
