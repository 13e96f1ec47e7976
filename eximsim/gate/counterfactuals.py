"""What would have to be otherwise for another outcome: facts are turned round, and the run is made again.

Nothing here knows what a change leads to: each is tried. If none alone has the recipient taken, those that
could mend something are tried in pairs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.gate.explain import Alternative, outcome_of
from eximsim.gate.report import Outcome
from eximsim.mta.certs.dane_match import DANE_EE, PUBLIC_KEY, data_of
from eximsim.mta.certs.x509 import parse
from eximsim.mta.routing.route import ROUTING
from eximsim.mta.transports.smtp import HOST_TRIED
from eximsim.ports import DnsAnswer, DnsRecord
from eximsim.quick_dataclass import dataclass
from eximsim.status import RESULTS, TAKEN
from eximsim.suite.explain_world import ZonesWith
from eximsim.world import names
from eximsim.world.reply import Reply
from eximsim.world.smtp_behaviour import Answer, Behaviour, Then, reply

if TYPE_CHECKING:
    from eximsim.mta.config.options import Options
    from eximsim.suite.explain_world import Surroundings
    from eximsim.suite.policy import Case, Policy
    from eximsim.suite.policy_result import Result

_HARMFUL = (
    "fails (SERVFAIL)", "does not take connections", "greets with 421", "does not offer STARTTLS",
    "answers STARTTLS with 454", "breaks off the handshake", "of another certificate", "(usage 1)",
    "for another name", "an expired certificate", "a self-signed certificate", "(450)", "(550)",
)  # fmt: skip
"""How changes read that can only make things worse."""

_MOST_IN_PAIRS = 20
"""So many changes are combined with each other; more would take too long."""

Changed = tuple["Policy", "Case"]


@dataclass(frozen=True, slots=True)
class Flip:
    """One fact turned round: what it changes, how it reads, and how it is put into a policy and a case."""

    changes: str
    text: str
    apply: Callable[[Changed], Changed]


def alternatives(policy: Policy, world: Surroundings, case: Case, result: Result) -> tuple[Alternative, ...]:
    """Outcomes of the only recipient other than ``result``'s, each with the single changes that lead there.

    Other words alone are no other outcome. Most secure first, then by how bad they are.
    """
    base = outcome_of(result.recipients[0])
    found: dict[Outcome, list[tuple[str, ...]]] = {}
    flips = tuple(_flips(policy, world, case, result))
    for flip in flips:
        outcome = outcome_of(_run(policy, case, (flip,)).recipients[0])
        if _differs(base, outcome):
            found.setdefault(outcome, []).append((flip.text,))
    if not any(outcome.result in TAKEN for outcome in (base, *found)):
        mending = [flip for flip in flips if not flip.text.endswith(_HARMFUL)]
        for pair in itertools.combinations(mending[:_MOST_IN_PAIRS], 2):
            if pair[0].changes != pair[1].changes:
                outcome = outcome_of(_run(policy, case, pair).recipients[0])
                if outcome.result in TAKEN:
                    found.setdefault(outcome, []).append(tuple(flip.text for flip in pair))
    ordered = sorted(found, key=_rank)
    return tuple(Alternative(outcome, tuple(found[outcome])) for outcome in ordered)


def _differs(base: Outcome, other: Outcome) -> bool:
    where = base.result == "delivered" and base.host != other.host
    return where or (base.result, base.security) != (other.result, other.security)


def _rank(outcome: Outcome) -> tuple[int, int, str]:
    return RESULTS.index(outcome.result), -(outcome.security or 0), str(outcome)


def _run(policy: Policy, case: Case, flips: Iterable[Flip]) -> Result:
    changed = policy, case
    for flip in flips:
        changed = flip.apply(changed)
    return changed[0].run(changed[1])


def _flips(policy: Policy, world: Surroundings, case: Case, result: Result) -> Iterator[Flip]:
    yield from _dns_flips(world, result)
    yield from _server_flips(world, result)
    yield from _option_flips(policy, case, result)


# ---- DNS -------------------------------------------------------------------------------------------------


def _dns_flips(world: Surroundings, result: Result) -> Iterator[Flip]:
    for question in dict.fromkeys(result.dns):
        type, _, name = question.partition(" ")
        now = world.zones.answer(name, type)
        for what, other in _answers(world, type, name, now):
            yield _dns_flip(type, name, what, other)


def _answers(world: Surroundings, type: str, name: str, now: Reply) -> Iterator[tuple[str, Reply]]:
    answer = now.answer
    has_data = any(record.type == type for record in answer.answers)
    if answer.rcode != "SERVFAIL":
        yield "fails (SERVFAIL)", Reply(DnsAnswer("SERVFAIL"))
    if answer.rcode in ("NOERROR", "NXDOMAIN"):
        word = "is not secure (no AD)" if answer.ad else "is secure (AD)"
        yield word, replace(now, answer=replace(answer, ad=not answer.ad))
    if has_data:
        yield "is that there is none (NXDOMAIN)", Reply(DnsAnswer("NXDOMAIN", ad=answer.ad))
    if type == "TLSA":
        yield from _tlsa(world, name, has_data=has_data)


def _tlsa(world: Surroundings, name: str, *, has_data: bool) -> Iterator[tuple[str, Reply]]:
    right = data_of(parse(world.chains.certificate("good")), PUBLIC_KEY, 1)
    assert right is not None
    wrong = bytes(len(right))
    if not has_data:
        yield "is a secure record of the good certificate", _tlsa_reply(name, DANE_EE, right)
    yield "is a secure record of another certificate", _tlsa_reply(name, DANE_EE, wrong)
    yield "is a secure record that cannot be used (usage 1)", _tlsa_reply(name, 1, right)


def _tlsa_reply(name: str, usage: int, data: bytes) -> Reply:
    record = DnsRecord(name, "TLSA", bytes((usage, PUBLIC_KEY, 1)) + data)
    return Reply(DnsAnswer("NOERROR", ad=True, answers=(record,)))


def _dns_flip(type: str, name: str, what: str, other: Reply) -> Flip:
    def apply(changed: Changed) -> Changed:
        policy, case = changed
        return policy, replace(case, zone=ZonesWith(case.zone, {(names.key(name), type): other}))  # type: ignore[arg-type]  # zones here

    return Flip(f"{type} {name}", f"the answer to {type} {name} {what}", apply)


# ---- servers ---------------------------------------------------------------------------------------------


def _server_flips(world: Surroundings, result: Result) -> Iterator[Flip]:
    tried = dict.fromkeys(connection.address for connection in result.connections)
    refused = (str(decision.inputs["address"]) for decision in result.decisions if decision.is_of(HOST_TRIED))
    for address in tried | dict.fromkeys(refused):
        now = world.servers.get(address, Behaviour(listen=False))
        for what, changes in _behaviours(now):
            yield _server_flip(world, address, what, changes)


def _behaviours(now: Behaviour) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Words for what a server could do otherwise, and the fields of its behaviour that change."""
    if not now.listen:
        yield "takes connections", {"listen": True}
        return
    yield "does not take connections", {"listen": False}
    yield "greets with 421", {"banner": reply("421 busy", then=Then.CLOSE)}
    without = tuple(name for name in now.extensions if name.upper() != "STARTTLS")
    if without == now.extensions:
        yield "offers STARTTLS", {"extensions": (*now.extensions, "STARTTLS")}
    else:
        yield "does not offer STARTTLS", {"extensions": without}
        yield "answers STARTTLS with 454", {"starttls": reply("454 not now")}
        yield "breaks off the handshake", {"starttls": reply("220 go", then=Then.CLOSE)}
        if now.starttls.then is not Then.TLS:
            yield "does TLS", {"starttls": Behaviour().starttls}
    for chain, words in _CHAINS.items():
        if chain != now.chain:
            yield f"shows {words}", {"chain": chain}
    for what, answer in _TO_RCPT.items():
        if now.rcpt != answer:
            yield what, {"rcpt": answer}


_CHAINS: Mapping[str, str] = {
    "good": "a good certificate",
    "wrongname": "a certificate for another name",
    "expired": "an expired certificate",
    "selfsigned": "a self-signed certificate",
}
_TO_RCPT: Mapping[str, Answer] = {
    "takes the recipient": Behaviour().rcpt,
    "puts the recipient off (450)": reply("450 not now"),
    "refuses the recipient (550)": reply("550 no such user"),
}


def _server_flip(world: Surroundings, address: str, what: str, changes: Mapping[str, object]) -> Flip:
    def apply(changed: Changed) -> Changed:
        policy, case = changed
        now = case.servers.get(address, Behaviour(listen=False))
        assert isinstance(now, Behaviour)
        other = replace(now, **changes)  # type: ignore[arg-type]  # by name
        return policy, replace(case, servers={**case.servers, address: other})

    host = world.hosts.get(address, "the host")
    return Flip(f"{address} {'+'.join(changes)}", f"{host} [{address}] {what}", apply)


# ---- options ---------------------------------------------------------------------------------------------

_ROUTER = ("dnssec_request_domains", "dnssec_require_domains")
_TRANSPORT = (
    "hosts_try_dane", "hosts_require_dane", "hosts_require_tls", "hosts_avoid_tls", "tls_verify_hosts",
    "tls_try_verify_hosts", "tls_verify_cert_hostnames", "dnssec_request_domains",
)  # fmt: skip


def _option_flips(policy: Policy, case: Case, result: Result) -> Iterator[Flip]:
    config = policy.config
    routed = [decision.inputs for decision in result.decisions if decision.is_of(ROUTING)]
    for inputs in routed[-1:]:
        router = next((one for one in config.routers if one.name == inputs["router"]), None)
        if router is not None:
            yield from _list_flips(f"router.{router.name}", router.options, _ROUTER)
        transport = config.transports.get(str(inputs["transport"]))
        if transport is None or transport.driver != "smtp":
            continue
        place = f"transport.{transport.name}"
        yield from _list_flips(place, transport.options, _TRANSPORT)
        if case.kind == "callout":
            yield from _list_flips(place, transport.options, ("hosts_verify_avoid_tls",))
        now = transport.options.flag("tls_tempfail_tryclear")
        yield _option_flip(place, "tls_tempfail_tryclear", not now)


def _list_flips(place: str, options: Options, wanted: Iterable[str]) -> Iterator[Flip]:
    for name in wanted:
        if options.exists(name):
            yield _option_flip(place, name, "" if options.text(name) else "*")


def _option_flip(place: str, name: str, value: str | bool) -> Flip:
    def apply(changed: Changed) -> Changed:
        policy, case = changed
        return policy.with_option(place, name, value), case

    kind, _, driver = place.partition(".")
    setting = f"{name} = {value}".rstrip() if isinstance(value, str) else f"{'' if value else 'no_'}{name}"
    return Flip(f"{place}.{name}", f"{kind} {driver} has {setting}", apply)
