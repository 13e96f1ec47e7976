"""Outcomes of runs of the model, and what a change of outcome means."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.gate.explore_policies import survey
from eximsim.gate.outcome import SEVERITY, Standing, fate, lasting, severity, standing
from eximsim.gate.report import Outcome
from eximsim.gate.severity import FAIL_ON, STOPS, Severity
from eximsim.status import RESULTS, TAKEN, Security
from tests.gate.policies import MX, policy

OPPOSITE: dict[Severity, set[Severity]] = {
    Severity.LESS: {Severity.MORE},
    Severity.MORE: {Severity.LESS},
    Severity.BOUNCED: {Severity.RELEASED},
    Severity.HELD: {Severity.RELEASED},
    Severity.RELEASED: {Severity.BOUNCED, Severity.HELD, Severity.DIES},
    Severity.GIVEN_UP: {Severity.PUT_OFF, Severity.DIES},
    Severity.PUT_OFF: {Severity.GIVEN_UP},
    Severity.ELSEWHERE: {Severity.ELSEWHERE},
}


@st.composite
def outcomes(draw: st.DrawFn) -> Outcome:
    return Outcome(
        draw(st.sampled_from(RESULTS)),
        draw(st.sampled_from([None, *Security])),
        draw(st.sampled_from(["", "h1", "h2"])),
        draw(st.sampled_from(["", "why"])),
        draw(st.sampled_from([(), ("a line",)])),
        draw(st.booleans()),
    )


@given(outcomes(), outcomes())
def test_what_is_lost_one_way_is_gained_the_other(one: Outcome, two: Outcome) -> None:
    there, back = severity(one, two), severity(two, one)
    if there in OPPOSITE and "undefined" not in (one.result, two.result):
        assert back in OPPOSITE[there]


@given(outcomes())
def test_nothing_changed_is_no_change(one: Outcome) -> None:
    assert severity(one, one) is None


@given(outcomes(), outcomes())
def test_every_change_has_a_severity(one: Outcome, two: Outcome) -> None:
    assert (severity(one, two) is None) == (one == two)


@given(outcomes(), outcomes())
def test_mail_that_stops_is_never_a_gain(one: Outcome, two: Outcome) -> None:
    if one.result in TAKEN and two.result not in TAKEN:
        assert severity(one, two) in STOPS


@given(outcomes(), outcomes())
def test_all_but_words_and_more_protection_fails_unless_somebody_says_otherwise(
    one: Outcome, two: Outcome
) -> None:
    found = severity(one, two)
    if found not in (None, *FAIL_ON["default"]):
        assert (one.result in TAKEN) == (two.result in TAKEN)
        assert one.security is None or two.security is None or one.result not in TAKEN or (
            one.security <= two.security
        )  # fmt: skip


def test_less_protection_is_less_and_more_is_more() -> None:
    for more, less in itertools.combinations(reversed(Security), 2):
        for result in TAKEN:
            assert severity(Outcome(result, more), Outcome(result, less)) is Severity.LESS
            assert severity(Outcome(result, less), Outcome(result, more)) is Severity.MORE


@pytest.mark.parametrize("unreachable", [True, False])
@pytest.mark.parametrize("result", ["deferred", "failed", "tempfailed", "refused"])
def test_what_was_kept_back_and_goes_out_now_is_released(result: str, unreachable: bool) -> None:
    after = Outcome("delivered", Security.CLEAR)
    assert severity(Outcome(result, unreachable=unreachable), after) is Severity.RELEASED


def test_what_was_held_back_and_now_bounces_is_given_up_and_the_other_way_round_put_off() -> None:
    assert severity(Outcome("deferred"), Outcome("failed")) is Severity.GIVEN_UP
    assert severity(Outcome("failed"), Outcome("deferred", unreachable=True)) is Severity.PUT_OFF


def test_the_same_protection_at_another_host_is_no_matter_of_words() -> None:
    one = Outcome("delivered", Security.DANE, "h1")
    assert severity(one, Outcome("delivered", Security.DANE, "h2")) is Severity.ELSEWHERE
    assert severity(Outcome("deferred", reason="a"), Outcome("deferred", reason="b")) is Severity.WORDS


def test_what_happens_is_told_in_the_words_of_a_delivery_or_of_a_callout() -> None:
    held = Outcome("tempfailed")
    assert (fate(held), fate(held, "callout")) == (
        "held back for want of protection", "put off for want of protection",
    )  # fmt: skip
    assert fate(Outcome("accepted", None), "callout") == "accepted, nobody asked"
    assert fate(Outcome("delivered", Security.TLS)) == "delivered over TLS, not verified"


def test_the_table_is_complete_and_its_diagonal_is_words() -> None:
    assert set(SEVERITY) == set(itertools.product(Standing, Standing))
    assert {SEVERITY[one, one] for one in Standing} == {Severity.WORDS}


# ---- outcomes of real runs -------------------------------------------------------------------------------


def run(kind: str, options: str, release: str = "4.99", **answers: str) -> Outcome:
    """The outcome in the situation in which the host's axes have these values."""
    plan = survey([policy(options, release)], 1)
    view = next(view for view in plan.views if view.kind == kind)
    given = {f"{axis.replace('_', ' ')} of {MX}": value for axis, value in answers.items()}
    return plan.at(plan.policies[0], view, given)


@pytest.mark.parametrize("kind", ["delivery", "callout"])
def test_a_conversation_under_dane(kind: str) -> None:
    outcome = run(kind, "")
    assert outcome.result == ("delivered" if kind == "delivery" else "accepted")
    assert outcome.security is Security.DANE


@pytest.mark.parametrize("kind", ["delivery", "callout"])
def test_a_tlsa_lookup_that_fails_keeps_the_message_back(kind: str) -> None:
    assert standing(run(kind, "  hosts_require_dane = *\n", TLSA="SERVFAIL")) is Standing.HELD


def test_a_refusal_of_starttls_keeps_the_message_back_without_tryclear() -> None:
    answers = {"TLSA": "no data", "STARTTLS": "4xx"}
    assert standing(run("delivery", "  tls_tempfail_tryclear = false\n", **answers)) is Standing.HELD
    assert standing(run("delivery", "  tls_tempfail_tryclear = true\n", **answers)) is Standing.CLEAR


@pytest.mark.parametrize("kind", ["delivery", "callout"])
def test_a_refused_recipient_is_lost_whatever_the_policy(kind: str) -> None:
    assert standing(run(kind, "", RCPT="5xx")) is Standing.LOST


def test_nobody_is_told_of_the_recipient_when_the_callout_is_skipped() -> None:
    outcome = run("callout", "", "4.88", TLSA="NXDOMAIN")
    assert (outcome.result, outcome.security) == ("accepted", None)


def test_how_long_something_took_and_from_which_port_is_no_part_of_what_is_logged() -> None:
    line = "M1 => a@b.example R=out T=smtp H=mx.b.test DS [192.0.2.1]:25 I=[127.0.0.1]:40001 PS=e X=TLS QT=5s"
    assert lasting([line]) == (
        "M1 => a@b.example R=out T=smtp H=mx.b.test [192.0.2.1]:25 I=[127.0.0.1] X=TLS",
    )


@pytest.mark.parametrize(
    "stamp", ["", "2027-01-01 00:00:00.000 [10001] ", "2027-01-01 00:00:00 +0100 ", "[1] "]
)
@pytest.mark.parametrize("file", ["", "REJECT: ", "PANIC: "])
def test_log_lines_are_compared_without_their_time_and_process(file: str, stamp: str) -> None:
    assert lasting([f"{file}{stamp}M1 Completed"]) == (f"{file}M1 Completed",)
