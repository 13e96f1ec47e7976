"""Promises held against a configuration in every situation; what breaks them is the smallest that does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.explore.vocabulary import MX, OF_A_HOST, axis_of
from eximsim.fuzz.promise import Promise
from eximsim.gate.promises import preset, promise
from eximsim.gate.proof import Proof, Prover, _Search
from eximsim.gate.proof_report import Judgement, as_json, lines
from eximsim.suite.policy import Policy
from tests.gate import policies
from tests.gate.policies import DOMAIN
from tests.gate.policies import MX as HOST

SMALL = policies.CONF.replace("begin acl\ncheck_rcpt:\n  accept verify = recipient/callout\n", "").replace(
    "acl_smtp_rcpt = check_rcpt\n", ""
)


def policy(options: str = "", release: str = "4.99", conf: str = SMALL) -> Policy:
    return policies.policy(options, release, conf=conf)


def proof(one: Policy, *promises: Promise) -> Proof:
    return Prover(one, 1).prove(promises)


def test_tls_that_is_required_is_a_promise_kept() -> None:
    (verdict,) = proof(policy("  hosts_require_tls = *\n"), *preset("tls-required")).verdicts
    assert verdict.views == 1
    assert [one for one in verdict.breaches if not one.is_open] == []


def test_a_promise_that_does_not_hold_is_told_with_the_least_that_breaks_it() -> None:
    plain = policy().text.replace("  hosts_try_dane = *\n", "  hosts_try_dane =\n")
    (verdict,) = proof(policy(conf=plain), *preset("tls-required")).verdicts
    ways = [dict(one.situation) for one in verdict.breaches]
    assert {axis_of(OF_A_HOST[5], HOST): "no STARTTLS"} in ways
    assert all(len(one) == 1 for one in ways)
    assert str(verdict.breaches[0].outcome) == f"delivered to {HOST} (in clear)"


def test_every_breach_happens_when_its_situation_is_run() -> None:
    found = Prover(policy(), 1)
    for breach in found.prove(preset("tls-required")).breaches:
        again = found._plan.at(found._plan.policies[0], breach.view, breach.situation)
        assert again == breach.outcome


@pytest.mark.parametrize(("release", "holds"), [("4.87", False), ("4.99", True)])
def test_a_lookup_that_fails_downgrades_under_4_87_and_not_under_4_99(release: str, holds: bool) -> None:
    lookup = preset("no-downgrade")[0]
    (verdict,) = proof(policy(release=release), lookup).verdicts
    assert (verdict.breaches == ()) is holds
    assert all(f"TLSA of {HOST}" in one.situation for one in verdict.breaches)


def test_what_a_policy_never_asks_does_not_make_a_condition_true_or_false() -> None:
    without = policy().text.replace("  hosts_try_dane = *\n", "  hosts_try_dane =\n")
    never, _ = proof(policy(conf=without), *preset("dane-where-published")).verdicts
    assert never.breaches
    assert all(one.outcome.result == "delivered" for one in never.breaches)


def test_always_with_everything_well_holds_for_mail_that_simply_goes_out() -> None:
    well = promise("always", outcome="delivered", protection="dane", when={"everything else": "well"})
    assert proof(policy(), well).breaches == ()
    busy = promise("always", outcome="delivered", when={"RCPT": "4xx", "everything else": "well"})
    (breach,) = proof(policy(), busy).breaches
    assert breach.outcome.result == "deferred"


def test_a_promise_with_many_conditions_is_walked_only_where_they_hold() -> None:
    well = promise("never", outcome="deferred", when={"everything else": "well"})
    (view,) = _PROVER._plan.views
    search = _Search(well, view.scene)
    assert search.breaches(_PROVER._diagrams[view.name]) == []
    assert len(search._known) < 4 * len(OF_A_HOST)


def test_a_recipient_whom_the_configuration_does_not_name_is_looked_at_all_the_same() -> None:
    one = promise("never", recipient="*@elsewhere.example", protection="tls")
    (verdict,) = proof(policy(), one).verdicts
    assert {breach.view.scene.recipient for breach in verdict.breaches} == {"someone@elsewhere.example"}


def test_a_recipient_who_is_refused_by_a_router_keeps_a_promise_never_to_deliver() -> None:
    blocked = SMALL.replace(
        "begin routers\n",
        "begin routers\nblocked:\n  driver = redirect\n  domains = blocked.example\n"
        "  allow_fail\n  data = :fail: not there\n",
    )
    never = promise("never", recipient="*@blocked.example")
    assert proof(policy(conf=blocked), never).breaches == ()
    assert proof(policy(), never).breaches


def test_a_promise_about_callouts_that_a_configuration_does_not_make_is_a_gap() -> None:
    found = proof(policy(), promise("never", outcome="accepted"))
    assert [gap.what for gap in found.gaps if "callout" in gap.what]


def test_what_exim_leaves_open_is_neither_kept_nor_broken_and_a_baseline_can_hold_it() -> None:
    found = proof(policy(), preset("no-downgrade")[2])
    judgement = Judgement("exim.conf", "4.99", found)
    assert [one.is_open for one in found.breaches] == [True]
    assert judgement.exit_code == 3
    known = Judgement("exim.conf", "4.99", found, frozenset(one.entry for one in found.breaches))
    assert known.exit_code == 0


def test_a_report_shows_the_simplest_breach_whole_and_the_others_in_a_line() -> None:
    judgement = Judgement("exim.conf", "4.99", proof(policy(), *preset("tls-required")))
    told = list(lines(judgement))
    assert told[0] == "exim.conf (4.99): 1 of 1 promise broken"
    assert sum("broken by" in line for line in told) == 1
    assert any("other ways (--verbose shows all)" in line for line in told)
    every = list(lines(judgement, verbose=True))
    assert sum(line.startswith(("  and by", "  broken by")) for line in every) == len(
        judgement.proof.breaches
    )


def test_json_tells_every_breach_and_whether_it_is_known() -> None:
    found = proof(policy(), *preset("tls-required"))
    first = found.breaches[0]
    told: Any = as_json(Judgement("exim.conf", "4.99", found, frozenset({first.entry})))
    (told,) = told["promises"]
    assert told["holds"] is False
    assert [one["known"] for one in told["breaches"]].count(True) == 1
    assert told["breaches"][0]["recipient"] == f"someone@{DOMAIN}"


_PROMISES: Sequence[Promise] = (
    *preset("no-downgrade"),
    *preset("dane-where-published"),
    promise("never", protection="tls"),
    promise("always", outcome=["delivered", "deferred"], when={"connection": "accepted"}),
)
_PROVER = Prover(policy(), 1)
_PROOF = _PROVER.prove(_PROMISES)
_AXES = {axis_of(MX, DOMAIN): MX.values, **{axis_of(axis, HOST): axis.values for axis in OF_A_HOST}}


@given(st.fixed_dictionaries({axis: st.sampled_from(values) for axis, values in _AXES.items()}))
def test_a_situation_breaks_a_promise_only_if_the_proof_says_that_it_can(situation: dict[str, str]) -> None:
    (view,) = (one for one in _PROVER._plan.views if one.scene.addresses)
    outcome = _PROVER._plan.at(_PROVER._plan.policies[0], view, situation)
    for verdict in _PROOF.verdicts:
        asked = {one: f"{one.axis} of {DOMAIN if one.axis == 'MX' else HOST}" for one in verdict.promise.when}
        applies = all(situation[name] in one.values for one, name in asked.items() if name in situation)
        broken = outcome.result == "undefined" or verdict.promise.is_broken_by(
            outcome.result, outcome.security
        )
        if applies and broken:
            same = (outcome.result, outcome.security)
            assert same in [(one.outcome.result, one.outcome.security) for one in verdict.breaches]
