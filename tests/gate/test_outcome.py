"""Outcomes of runs of the model, and what a change of outcome means."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.gate.outcome import (
    SEVERITY,
    Standing,
    callout_outcome,
    delivery_outcome,
    severity,
    standing,
)
from eximsim.gate.report import RESULTS, Outcome, Security, Severity
from eximsim.profiles import profile
from eximsim.suite.recording import Situation, read_situations
from eximsim.suite.replay import Stand

RECORDINGS = Path(__file__).parents[2] / "testsuite" / "recordings"

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


@pytest.fixture(scope="module")
def stand() -> Stand:
    return Stand(RECORDINGS / "certs")


@pytest.fixture(scope="module")
def situations() -> dict[str, Situation]:
    return read_situations(RECORDINGS / "scenarios.jsonl.gz")


def found(situations: dict[str, Situation], **params: object) -> Situation:
    """The first situation of group A or B with these parameters."""
    return next(
        one for one in situations.values() if one.group in "AB" and params.items() <= one.params.items()
    )


def run(stand: Stand, situation: Situation, kind: str, release: str) -> Outcome:
    done = stand.replay(situation, kind, profile(release))
    (recipient,) = situation.recipients
    decisions, seen = done.trace.decisions, done.seen
    if kind == "delivery":
        return delivery_outcome(recipient, decisions, seen.log)
    return callout_outcome(
        recipient, decisions, seen.log, seen.smtp, seen.servers, died="signal" in str(seen.exit)
    )


def test_a_dane_delivery(stand: Stand, situations: dict[str, Situation]) -> None:
    one = found(situations, option="try", tlsa="ee311-good", server="ok")
    outcome = run(stand, one, "delivery", "4.88-jh03")
    assert (outcome.result, outcome.security) == ("delivered", Security.DANE)
    assert standing(outcome) is Standing.DANE
    assert run(stand, one, "callout", "4.88-jh03").security is Security.DANE


def test_a_tlsa_lookup_that_fails_keeps_the_message_back(
    stand: Stand, situations: dict[str, Situation]
) -> None:
    one = found(situations, option="require", tlsa="servfail", server="ok")
    for kind in ("delivery", "callout"):
        assert standing(run(stand, one, kind, "4.99")) is Standing.HELD, kind


def test_a_refusal_of_starttls_keeps_the_message_back_without_tryclear(
    stand: Stand, situations: dict[str, Situation]
) -> None:
    one = found(situations, option="none", tlsa="ee311-good", server="ok")
    one = replace(one, servers=dict.fromkeys(one.servers, "st454"))
    held = replace(one, transport={**one.transport, "tls_tempfail_tryclear": "false"})
    clear = replace(one, transport={**one.transport, "tls_tempfail_tryclear": "true"})
    assert standing(run(stand, held, "delivery", "4.99")) is Standing.HELD
    assert standing(run(stand, clear, "delivery", "4.99")) is Standing.CLEAR


def test_a_refused_recipient_is_lost_whatever_the_policy(
    stand: Stand, situations: dict[str, Situation]
) -> None:
    one = found(situations, option="none", tlsa="ee311-good", server="ok")
    one = replace(one, servers=dict.fromkeys(one.servers, "rcpt550"))
    assert standing(run(stand, one, "delivery", "4.99")) is Standing.LOST
    assert standing(run(stand, one, "callout", "4.99")) is Standing.LOST


def test_nobody_is_told_of_the_recipient_when_the_callout_is_skipped(
    stand: Stand, situations: dict[str, Situation]
) -> None:
    one = found(situations, option="try", tlsa="nxdomain-ad", server="ok")
    outcome = run(stand, one, "callout", "4.88")
    assert (outcome.result, outcome.security) == ("accepted", None)
