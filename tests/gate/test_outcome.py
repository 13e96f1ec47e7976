"""Outcomes of runs of the model, and what a change of outcome means."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.gate.outcome import (
    SEVERITY,
    Standing,
    severity,
    standing,
)
from eximsim.gate.report import RESULTS, Outcome, Severity
from eximsim.gate.survey import survey
from eximsim.status import Security
from tests.gate.policies import MX, policy

OPPOSITE = {
    Severity.SECURITY_LOST: Severity.SECURITY_GAINED,
    Severity.SECURITY_GAINED: Severity.SECURITY_LOST,
    Severity.REACHABILITY_LOST: Severity.REACHABILITY_GAINED,
    Severity.REACHABILITY_GAINED: Severity.REACHABILITY_LOST,
    Severity.WORDING: Severity.WORDING,
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
    assert back is (None if there is None else OPPOSITE[there])


@given(outcomes())
def test_nothing_changed_is_no_change(one: Outcome) -> None:
    assert severity(one, one) is None


@given(outcomes(), outcomes())
def test_every_change_has_a_severity(one: Outcome, two: Outcome) -> None:
    assert (severity(one, two) is None) == (one == two)


def test_less_protection_is_security_lost() -> None:
    for more, less in itertools.combinations(reversed(Security), 2):
        assert severity(Outcome("delivered", more), Outcome("delivered", less)) is Severity.SECURITY_LOST
        assert severity(Outcome("accepted", more), Outcome("accepted", less)) is Severity.SECURITY_LOST


@pytest.mark.parametrize("result", ["deferred", "failed", "tempfailed", "refused"])
def test_what_was_kept_back_and_now_goes_in_clear_is_security_lost(result: str) -> None:
    after = Outcome("delivered", Security.CLEAR)
    assert severity(Outcome(result), after) is Severity.SECURITY_LOST
    assert severity(Outcome(result, unreachable=True), after) is Severity.REACHABILITY_GAINED


def test_what_was_deferred_and_now_bounces_is_reachability_lost() -> None:
    assert severity(Outcome("deferred"), Outcome("failed")) is Severity.REACHABILITY_LOST


def test_another_host_or_other_words_are_wording() -> None:
    one = Outcome("delivered", Security.DANE, "h1")
    assert severity(one, Outcome("delivered", Security.DANE, "h2")) is Severity.WORDING
    assert severity(Outcome("deferred", reason="a"), Outcome("deferred", reason="b")) is Severity.WORDING


def test_the_table_is_complete_and_its_diagonal_is_wording() -> None:
    assert set(SEVERITY) == set(itertools.product(Standing, Standing))
    assert {SEVERITY[one, one] for one in Standing} == {Severity.WORDING}


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
