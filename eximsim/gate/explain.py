"""Why a message goes the way it goes: routing, hosts, decisions, log, and what would change the outcome.

An ``Explanation`` is plain data: ``eximsim explain`` prints it, as text or JSON, and ``gate.html`` draws it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, field, replace
from itertools import product
from typing import TYPE_CHECKING

from eximsim.errors import Gap, Unanswered
from eximsim.gate.named import missing_files
from eximsim.gate.outcome import is_refusal
from eximsim.gate.report import Outcome
from eximsim.gate.views import kinds_of
from eximsim.mta.acl.acl import ACL
from eximsim.mta.base.tables import shown
from eximsim.mta.delivery.deliver_done import ADDRESS_OUTCOME
from eximsim.mta.delivery.system_filter import SYSTEM_FILTERED
from eximsim.mta.delivery.transport_process import TRANSPORT_DIED
from eximsim.mta.lookup.dns import DNS_ANSWER
from eximsim.mta.lookup.host import HOST_BY_NAME, HOST_NAME
from eximsim.mta.lookup.host_bydns import HOST_ADDRESSES, HOSTS_OF_A_DOMAIN
from eximsim.mta.reception.receive import MESSAGE_RECEIVED
from eximsim.mta.reception.receive_headers import RECIPIENT_REWRITTEN
from eximsim.mta.routing.route import ROUTER, ROUTING
from eximsim.mta.routing.route_conditions import ROUTER_CONDITION
from eximsim.mta.routing.routers.rf import SELF_ACTION
from eximsim.mta.transports.dane import TLSA_RESULT
from eximsim.mta.transports.retry import ADDRESS_TIMED_OUT, RETRY
from eximsim.mta.transports.smtp import HOST_RETRY_TIME, HOST_TRIED
from eximsim.mta.transports.tls import CERTIFICATE_VERIFIED
from eximsim.mta.verify.verify import VERIFY
from eximsim.mta.verify.verify_callout import CALLOUT
from eximsim.ports import Told
from eximsim.quick_dataclass import dataclass
from eximsim.status import Security
from eximsim.suite.policy import Case
from eximsim.suite.policy_addresses import recipients_of

if TYPE_CHECKING:
    from eximsim.suite.explain_world import Surroundings
    from eximsim.suite.policy import Policy
    from eximsim.suite.policy_result import Result
    from eximsim.suite.recipients import Recipient
    from eximsim.trace import AnyRule, Decision


@dataclass(frozen=True, slots=True)
class Step:
    """One decision: the stage of the way it belongs to, its rule, what it looked at, to what it came, and
    Exim's source.

    ``decisive`` ones settle what becomes of the message: who takes it, which host is ruled out, what a host
    said. A router that declines is not.
    """

    stage: str
    rule: str
    inputs: Mapping[str, str]
    outcome: str
    source: str
    decisive: bool = False


@dataclass(frozen=True, slots=True)
class HostSeen:
    """A host that the recipient's domain led to.

    ``dnssec`` is ``"yes"``, ``"no"`` or ``"unknown"``: whether its address came from secure lookups. ``tlsa``
    is what the TLSA question came to (empty: not asked). ``tried`` is the outcome for the host, empty if it
    was not tried; ``commands`` what its server saw, call by call.
    """

    name: str
    addresses: tuple[str, ...]
    dnssec: str
    tlsa: str = ""
    tried: str = ""
    commands: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another outcome, and the smallest changes that lead to it: each of ``ways`` alone is enough.

    A way is what has to be otherwise, in words; more than one word in it: all of them together.
    """

    outcome: Outcome
    ways: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """The way of one recipient's message, or of a callout that verifies the recipient.

    ``callout`` is which: the condition and its place; empty for a message. ``unsupported`` is what the way
    would have needed and the model does not have, ``gaps`` all for which the outcome is uncertain.
    """

    recipient: str
    outcome: Outcome
    steps: tuple[Step, ...]
    hosts: tuple[HostSeen, ...]
    questions: tuple[str, ...]
    log: tuple[str, ...]
    alternatives: tuple[Alternative, ...] = ()
    unsupported: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    callout: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What becomes of a message to each of some recipients, or of each callout that asks about one.

    ``kind`` is ``"delivery"`` or ``"callout"``; ``assumed`` says what was not given and therefore taken for
    granted, ``missing`` which files the configuration asked for that are nowhere.
    """

    config: str
    profile: str
    kind: str
    recipients: tuple[Explained, ...]
    assumed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unread: tuple[Gap, ...] = ()
    """What the runs asked for, and nobody has given."""

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What could not be looked at."""
        return tuple(dict.fromkeys((*(gap for one in self.recipients for gap in one.gaps), *self.unread)))

    def as_json(self) -> dict[str, object]:
        """The explanation as ``eximsim explain --json`` prints it."""
        return {
            "config": self.config,
            "profile": self.profile,
            "kind": self.kind,
            "complete": not self.gaps,
            "gaps": [gap.as_json() for gap in self.gaps],
            "assumed": list(self.assumed),
            "missing": list(self.missing),
            "recipients": [_explained(one) for one in self.recipients],
        }


def outcome_of(recipient: Recipient, log: tuple[str, ...] = ()) -> Outcome:
    """A policy run's recipient as the gate has it."""
    safe = Security.of_cv(recipient.cv) if recipient.asked and recipient.result in _TOLD else None
    return Outcome(recipient.result, safe, recipient.host, " ".join(recipient.reason.split()), log)


_TOLD = ("delivered", "accepted", "refused", "tempfailed")
"""The results to which it belongs how a server was told."""


def explain(
    policy: Policy, world: Surroundings, recipients: Iterable[str], case: Case, *, changes: bool = True
) -> Explanation:
    """Explain the way of a message to each recipient alone; ``case`` says kind, sender and the like.

    Of callouts, each that asks in a way of its own is explained. Without ``changes`` it is not worked out
    what would lead to another outcome.
    """
    explained = []
    asked: list[Gap] = []
    case = replace(case, zone=world.zones, servers=world.servers)
    numbers = [callout for kind, callout in kinds_of([policy]) if kind == case.kind]
    for recipient, number in product(recipients_of(recipients, policy.config.main), numbers):
        one = replace(case, recipients=(recipient,), callout=number)
        result = policy.run(one)
        found = _explain_one(result)
        if case.kind == "callout":
            found = replace(found, callout=str(policy.callouts[number]))
        asked += unanswered(policy, one, result)
        if changes and result.recipients[0].result != "unsupported":
            from eximsim.gate.counterfactuals import alternatives  # many runs: not needed to say what happens

            found = replace(found, alternatives=alternatives(policy, world, one, result))
        explained.append(found)
    return Explanation(
        policy.path,
        policy.profile.name,
        case.kind,
        tuple(explained),
        assumed=world.assumed,
        missing=policy.files.missing,
        unread=tuple(asked),
    )


_MOST_QUESTIONS = 100
"""So many runs are made to find what would be asked next."""


def unanswered(policy: Policy, case: Case, result: Result) -> Iterator[Gap]:
    """All that the case asks for and nobody has given: files, and answers of what is beside the machine.

    One question hides the next: so each is taken to have no answer (a file to be empty), and the case is run
    again, until nothing new is asked.
    """
    given: dict[tuple[str, str], Told] = {}
    for _ in range(_MOST_QUESTIONS):
        yield from (gap for _, gap in missing_files(policy))
        new = {("file", path): Told("") for path in policy.files.missed}
        for problem in result.missed:
            if isinstance(problem, Unanswered):
                new[problem.kind, problem.question] = Told()
            if given:
                yield Gap.of(problem)
        if new.keys() <= given.keys():
            return
        given |= new
        answers = policy.sources.answers.with_more((*key, told) for key, told in new.items())
        policy = replace(policy, sources=replace(policy.sources, answers=answers))
        result = policy.run(case)


def _explain_one(result: Result) -> Explained:
    (recipient,) = result.recipients
    return Explained(
        recipient.address,
        outcome_of(recipient),
        tuple(_steps(result.decisions)),
        _hosts(result),
        result.dns,
        result.raw_log,
        unsupported=result.unsupported,
        gaps=result.gaps,
    )


# ---- steps -----------------------------------------------------------------------------------------------

_STAGES = (
    ("arrival", (MESSAGE_RECEIVED, RECIPIENT_REWRITTEN)),
    ("routing", (SYSTEM_FILTERED, ROUTER_CONDITION, ROUTER, ROUTING, SELF_ACTION)),
    ("hosts", (DNS_ANSWER, HOST_ADDRESSES, HOSTS_OF_A_DOMAIN, HOST_BY_NAME, HOST_NAME)),
    (
        "outcome",
        (
            *(HOST_TRIED, HOST_RETRY_TIME, RETRY, ADDRESS_OUTCOME, ADDRESS_TIMED_OUT),
            *(CALLOUT, VERIFY, ACL),
        ),
    ),
)


def _steps(decisions: Iterable[Decision]) -> Iterator[Step]:
    stages = {rule.name: stage for stage, rules in _STAGES for rule in rules}
    for decision in decisions:
        stage = stages.get(decision.rule, "transport")
        if decision.is_of(DNS_ANSWER) and decision.inputs.get("type") == "TLSA":
            stage = "transport"
        inputs = {name: _text(value) for name, value in decision.inputs.items() if value not in (None, "")}
        yield Step(stage, decision.rule, inputs, decision.outcome, decision.source, _settles(decision))


_SETTLING: tuple[AnyRule, ...] = (
    *(RECIPIENT_REWRITTEN, ROUTING, SELF_ACTION, TLSA_RESULT, CERTIFICATE_VERIFIED),
    *(HOST_TRIED, TRANSPORT_DIED, ADDRESS_OUTCOME, ADDRESS_TIMED_OUT, VERIFY),
)
"""Rules that settle something whatever they come to."""

_SETTLED_BY = {
    ROUTER.name: frozenset(("OK", "FAIL", "DEFER", "DISCARD", "REROUTED")),
    SYSTEM_FILTERED.name: frozenset(("IGNORED", "FILTERED", "DEFERRED", "ERROR")),
    ACL.name: frozenset(("FAIL", "FAIL_DROP", "DEFER", "DISCARD", "ERROR")),
    HOST_RETRY_TIME.name: frozenset(("not reached",)),
}
"""Outcomes of others that do."""


def _settles(decision: Decision) -> bool:
    settled = decision.outcome in _SETTLED_BY.get(decision.rule, ())
    return decision.is_of(*_SETTLING) or settled or is_refusal(decision)


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return shown(value)


# ---- hosts -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Host:
    name: str
    addresses: list[str]
    dnssec: str
    tlsa: str = ""
    tried: list[str] = field(default_factory=list)


def _hosts(result: Result) -> tuple[HostSeen, ...]:
    """The hosts in the order in which they were found, each once."""
    found: dict[str, _Host] = {}
    for decision in result.decisions:
        inputs, name = decision.inputs, str(decision.inputs.get("host") or "")
        if decision.is_of(HOST_ADDRESSES, HOST_BY_NAME) and decision.outcome.startswith("FOUND"):
            addresses = str(inputs.get("addresses") or "").split()
            found.setdefault(name, _Host(name, addresses, str(inputs.get("dnssec", "unknown"))))
        elif name in found and decision.is_of(TLSA_RESULT):
            secure = "secure" if inputs["secure"] is True else "insecure"
            found[name].tlsa = f"{shown(inputs['answer'])}, {secure}"
        elif name in found and decision.is_of(HOST_TRIED):
            found[name].tried.append(decision.outcome)
    calls: dict[str, list[tuple[str, ...]]] = {}
    for connection in result.connections:
        calls.setdefault(connection.address, []).append(connection.events)
    return tuple(
        HostSeen(
            host.name,
            tuple(host.addresses),
            host.dnssec,
            host.tlsa,
            ", ".join(host.tried),
            tuple(call for address in host.addresses for call in calls.get(address, ())),
        )
        for host in found.values()
    )


# ---- JSON ------------------------------------------------------------------------------------------------


def _explained(one: Explained) -> dict[str, object]:
    return {
        "recipient": one.recipient,
        **({"callout": one.callout} if one.callout else {}),
        "outcome": one.outcome.as_json(),
        "hosts": [asdict(host) for host in one.hosts],
        "steps": [asdict(step) for step in one.steps],
        "questions": list(one.questions),
        "log": list(one.log),
        "alternatives": [
            {"outcome": other.outcome.as_json(), "ways": [list(way) for way in other.ways]}
            for other in one.alternatives
        ],
        "unsupported": list(one.unsupported),
    }
