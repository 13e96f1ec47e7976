from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from eximsim.status import Rc
from eximsim.trace import Decision, Rule, Trace


def test_decisions_come_back_in_order() -> None:
    trace = Trace()
    for number in range(3):
        trace.record(Rule("rule", "x.c f"), number, number=number)
    assert [decision.outcome for decision in trace] == ["0", "1", "2"]
    assert len(trace) == 3


def test_a_decision_reads_as_one_line() -> None:
    trace = Trace()
    rule = Rule("tlsa result", "host.c tlsa_lookup")
    trace.record(rule, Rc.DEFER.name, host="mx.test.ex", secure=False)
    assert str(next(iter(trace))) == (
        "tlsa result: host=mx.test.ex, secure=False -> DEFER  [host.c tlsa_lookup]"
    )


def test_inputs_may_have_the_names_of_the_parameters() -> None:
    trace = Trace()
    trace.record(Rule("r", "s"), "o", rule="x", outcome="y", source="z")
    assert next(iter(trace)).inputs == {"rule": "x", "outcome": "y", "source": "z"}


def test_a_decision_knows_whose_it_is() -> None:
    decision = Decision("host tried", {}, "OK", "x.c f")
    tried, routed = Rule("host tried", "x.c f"), Rule("routing", "y.c g")
    assert decision.is_of(routed, tried)
    assert not decision.is_of(routed)
    assert not decision.is_of()


def test_a_decision_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Decision("r", {}, "o", "s").outcome = "other"  # type: ignore[misc]
