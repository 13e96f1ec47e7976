"""What a run came to, so that scenes of which the same becomes are known for such."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace

from eximsim.gate.outcome import essence, outcome_of
from eximsim.gate.report import Outcome
from eximsim.mta.delivery.deliver_done import ADDRESS_OUTCOME
from eximsim.mta.lookup.dns import DNS_ANSWER
from eximsim.mta.lookup.host import HOST_BY_NAME
from eximsim.mta.reception.receive import MESSAGE_RECEIVED
from eximsim.mta.routing.route import ROUTER, ROUTING
from eximsim.mta.routing.route_conditions import ROUTER_CONDITION
from eximsim.suite.policy_result import Result

_ASIDE = (DNS_ANSWER, MESSAGE_RECEIVED, HOST_BY_NAME, ROUTER_CONDITION)
"""Decisions that a name can bring about just by being named somewhere; what they lead to shows elsewhere."""


def signature_of(result: Result | Outcome) -> Hashable:
    """What tells two scenes apart: the way of the message up to its outcome, whatever the names are."""
    if isinstance(result, Outcome):
        return result
    way: list[Hashable] = []
    for one in result.decisions:
        if one.is_of(ROUTING):
            way.append((one.inputs["router"], one.inputs["transport"], one.outcome))
        elif not one.is_of(*_ASIDE):
            way.append((one.rule, one.outcome))
        if one.is_of(ADDRESS_OUTCOME):
            break
    return replace(essence(outcome_of(result)), host=""), tuple(way)


_TAKEN_BY = "taken by "
_NOT_TAKEN = ("DECLINE", "PASS")


def met_of(result: Result) -> Iterator[str]:
    """What a run came to: routers that it asked (``router x``) and that took something (``taken by x``), and
    transports that it used (``transport y``).
    """
    for one in result.decisions:
        if one.is_of(ROUTER, ROUTER_CONDITION):
            yield f"router {one.inputs['router']}"
            if one.is_of(ROUTER) and one.outcome not in _NOT_TAKEN:
                yield f"{_TAKEN_BY}{one.inputs['router']}"
        elif one.is_of(ROUTING) and one.inputs["transport"] is not None:
            yield f"transport {one.inputs['transport']}"


def taken_of(met: Iterable[str]) -> Iterator[str]:
    """The routers that took something in what runs came to."""
    return (one.removeprefix(_TAKEN_BY) for one in met if one.startswith(_TAKEN_BY))
