"""What a run came to, so that scenes of which the same becomes are known for such."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from eximsim.gate.outcome import essence, outcome_of
from eximsim.gate.report import Outcome
from eximsim.suite.policy_result import Result

_ASIDE = frozenset(("dns answer", "message received", "host by name", "router condition"))
"""Decisions that a name can bring about just by being named somewhere; what they lead to shows elsewhere."""


def signature_of(result: Result | Outcome) -> Hashable:
    """What tells two scenes apart: the way of the message up to its outcome, whatever the names are."""
    if isinstance(result, Outcome):
        return result
    way: list[Hashable] = []
    for one in result.decisions:
        if one.rule == "routing":
            way.append((one.inputs["router"], one.inputs["transport"], one.outcome))
        elif one.rule not in _ASIDE:
            way.append((one.rule, one.outcome))
        if one.rule == "address outcome":
            break
    return replace(essence(outcome_of(result)), host=""), tuple(way)
