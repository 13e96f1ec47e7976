"""What servers are told: commands with what stands in them, which no outcome and no log line shows.

How Exim calls itself, what a message's size is said to be, whom it names as sender. Where that changes and
nothing else does, a report says so. It is looked at in a few typical situations only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eximsim.explore.vocabulary import MX
from eximsim.gate.explore_policies import Survey
from eximsim.gate.outcome import lasting, outcome_of
from eximsim.gate.report import Outcome
from eximsim.gate.scenes import TYPICAL, Given
from eximsim.gate.views import View
from eximsim.suite.policy import Policy
from eximsim.suite.policy_result import Result

TOLD = "told "
"""What lines begin with that say what a server was told."""
_SITUATIONS = 3
"""So many typical situations are looked at: what is said over verified TLS, in clear, over other TLS."""


def outcome_and_told(plan: Survey, policy: Policy, view: View, answers: Mapping[str, str]) -> Outcome:
    """The outcome in one situation; what servers are told stands behind its log."""
    result = plan.result(policy, view, Given(answers))
    if not isinstance(result, Result):
        return result
    found = outcome_of(result)
    lines = (*lasting(found.log), *_told(result))
    return Outcome(found.result, found.security, found.host, found.reason, lines, found.unreachable)


def _told(result: Result) -> Iterator[str]:
    for call in result.connections:
        sni = f" for {call.sni}" if call.sni else ""
        for event in call.events:
            yield f"{TOLD}{call.address}: {event}{sni if event == 'TLS' else ''}"


def without_told(outcome: Outcome) -> tuple[object, ...]:
    """All of an outcome but what servers are told."""
    log = tuple(line for line in outcome.log if not line.startswith(TOLD))
    return outcome.result, outcome.security, outcome.host, outcome.reason, outcome.unreachable, log


def told_otherwise(
    plan: Survey, base: Policy, head: Policy, view: View
) -> Iterator[tuple[dict[str, str], Outcome, Outcome]]:
    """The situations in which nothing but what servers are told changes; each kind of change once."""
    known: set[tuple[frozenset[str], frozenset[str]]] = set()
    for typical in TYPICAL[:_SITUATIONS]:
        hosts = (*view.scene.addresses,)
        answers = {
            f"{name} of {subject}": value
            for name, value in typical.items()
            for subject in ((view.scene.domain,) if name == MX.name else hosts)
        }
        one, two = (outcome_and_told(plan, policy, view, answers) for policy in (base, head))
        if one.log == two.log or without_told(one) != without_told(two):
            continue
        only = frozenset(one.log).difference(two.log), frozenset(two.log).difference(one.log)
        if only not in known:
            known.add(only)
            yield answers, one, two
