"""One run of the model in the form in which laws read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING

from eximsim.fuzz.expected import Expected
from eximsim.mta.base.tables import shown
from eximsim.mta.delivery.deliver_done import ADDRESS_OUTCOME
from eximsim.mta.delivery.transport_process import TRANSPORT_DIED
from eximsim.mta.transports import dane
from eximsim.mta.transports.smtp import HOST_TRIED
from eximsim.mta.transports.smtp_context import RECIPIENT_NAMED
from eximsim.mta.verify.verify import VERIFY
from eximsim.quick_dataclass import dataclass
from eximsim.status import TAKEN, Security
from eximsim.subjects.conversation import Conversation
from eximsim.suite.recipients import Recipient
from eximsim.suite.recording import Seen, Situation
from eximsim.trace import AnyRule, Decision

if TYPE_CHECKING:
    from eximsim.fuzz.expected import Expectations
    from eximsim.profiles import Profile

_NUMBER = itemgetter(0)
_LOST = {
    (dane.HOST_POLICY.name, shown(dane.Policy.FAIL)),
    (dane.TLSA_HOST.name, shown(dane.Verdict.LOST)),
    (dane.TLSA_CALLOUT.name, shown(dane.Verdict.ENDS)),
}
_LOST_BY = (dane.HOST_POLICY, dane.TLSA_HOST, dane.TLSA_CALLOUT)
_NAMED_IN = {"clear": Security.CLEAR, "no": Security.TLS, "yes": Security.VERIFIED, "dane": Security.DANE}
"""How safe a call is, by the outcome of ``RECIPIENT_NAMED``."""


@dataclass(frozen=True, slots=True)
class Named:
    """A recipient that a host was told of: the decision's number, the host, how safe the call was."""

    decision: int
    recipient: str
    host: str
    address: str
    safety: Security


@dataclass(frozen=True)
class Run:
    """What one run did.

    ``decisions`` are in order; ``seen`` what was seen of the first run and of the queue run after it, if
    there was one; ``results`` what became of each recipient; ``expected`` what the situation says of its
    hosts.
    """

    situation: Situation
    kind: str
    profile: Profile
    seed: int
    decisions: tuple[Decision, ...]
    seen: tuple[Seen, ...]
    results: Mapping[str, Recipient]
    expected: Expectations
    called: Mapping[str, str] = field(default_factory=dict)
    """Other names for hosts, where a run is compared with one in which they have each other's."""

    @property
    def is_callout(self) -> bool:
        """Whether recipients were verified, not delivered to."""
        return self.kind == "callout"

    def of(self, *rules: AnyRule) -> Iterator[tuple[int, Decision]]:
        """The decisions of these rules, with their numbers."""
        if len(rules) == 1:
            return iter(self._by_rule.get(rules[0].name, ()))
        found = [one for rule in rules for one in self._by_rule.get(rule.name, ())]
        return iter(sorted(found, key=_NUMBER))

    @cached_property
    def _by_rule(self) -> Mapping[str, list[tuple[int, Decision]]]:
        found: dict[str, list[tuple[int, Decision]]] = {}
        for numbered in enumerate(self.decisions):
            found.setdefault(numbered[1].rule, []).append(numbered)
        return found

    def named(self) -> Iterator[Named]:
        """The recipients that hosts were told of, in order."""
        return iter(self._named)

    @cached_property
    def _named(self) -> tuple[Named, ...]:
        return tuple(
            Named(
                number,
                str(one.inputs["address"]),
                self._name(one.inputs["host"]),
                str(one.inputs["ip"]),
                _NAMED_IN[one.outcome],
            )
            for number, one in self.of(RECIPIENT_NAMED)
        )

    def host(self, name: object) -> Expected | None:
        """What the situation says of a host; None if it does not have it."""
        return self.expected.hosts.get(str(name).lower())

    def last(self, before: int, host: str, *rules: AnyRule) -> int | None:
        """The number of the last decision of these rules about a host before the number ``before``."""
        numbers = [n for n, one in self.of(*rules) if n < before and one.inputs.get("host") == host]
        return numbers[-1] if numbers else None

    def lost(self) -> Iterator[tuple[int, Decision]]:
        """The decisions by which DANE ruled a host out before it was called."""
        return ((number, one) for number, one in self.of(*_LOST_BY) if (one.rule, one.outcome) in _LOST)

    @cached_property
    def considered(self) -> tuple[str, ...]:
        """The hosts whose turn came, in order, each once."""
        return tuple(
            dict.fromkeys(
                [self._name(one.inputs["host"]) for _, one in self.of(dane.HOST_POLICY, HOST_TRIED)]
            )
        )

    @cached_property
    def told(self) -> Mapping[str, frozenset[Security]]:
        """How safe the calls were on which each host was told of a recipient."""
        found: dict[str, frozenset[Security]] = {}
        for one in self.named():
            found[one.host] = found.get(one.host, frozenset()) | {one.safety}
        return found

    def calling(self, names: Mapping[str, str]) -> Run:
        """The same run, with other names for hosts."""
        other = replace(self, called=names)
        other.__dict__["_by_rule"] = self._by_rule
        return other

    def _name(self, host: object) -> str:
        return self.called.get(str(host), str(host))

    def connections(self) -> Iterator[Conversation]:
        """The connections that servers accepted."""
        return (connection for seen in self.seen for connection in seen.servers)

    def outcome(self, recipient: str) -> int | None:
        """The number of the decision about what became of a recipient."""
        about = {ADDRESS_OUTCOME.name: "recipient", VERIFY.name: "address", TRANSPORT_DIED.name: "address"}
        decided = self.of(ADDRESS_OUTCOME, VERIFY, TRANSPORT_DIED)
        found = [n for n, one in decided if one.inputs.get(about[one.rule]) == recipient]
        return found[-1] if found else None

    def safety(self, recipient: str) -> Security | None:
        """How safe the call was on which the recipient was taken; None if nobody took it."""
        result = self.results[recipient]
        return Security.of_cv(result.cv or None) if result.result in TAKEN else None
