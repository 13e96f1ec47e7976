"""Situations for tests of schedules: DANE at one host or two, answers that can be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from eximsim.fuzz.answers import RRset, rrset
from eximsim.suite.recording import Situation
from eximsim.suite.replay import Replayed

_ZEROES = "00" * 32
TRIES = {"dns_retry": "3"}
"""With three tries, of a second each, the resolver overcomes all of ``schedules.RECOVERED_BY_TRIES``."""


def situation(
    hosts: int = 2,
    tlsa: Sequence[str] = ("3 1 1 @cert:good", "030101" + _ZEROES),
    transport: Mapping[str, str] | None = None,
    queuerun: str | None = "-qf",
    main: Mapping[str, str] | None = None,
) -> Situation:
    """A domain with so many MX hosts, secure, each with these TLSA records; one message."""
    names = {f"h{n}-a.test.ex": f"10.9.{n}.1" for n in range(1, hosts + 1)}
    zone: list[RRset] = [
        rrset("one.test.ex", "MX", [[10 * place, name] for place, name in enumerate(names, 1)])
    ]
    for name, address in names.items():
        zone += [rrset(name, "A", [address]), rrset(name, "AAAA")]
        zone.append(rrset(f"_1225._tcp.{name}", "TLSA", tlsa))
    return Situation(
        id="",
        group="schedules",
        params={},
        recipients=("a@one.test.ex",),
        zone=tuple(zone),
        main=TRIES if main is None else main,
        router={"dnssec_request_domains": "*"},
        transport={"hosts_try_dane": "*"} if transport is None else transport,
        servers=dict.fromkeys(names.values(), "ok"),
        kinds=("delivery",) if queuerun else ("delivery", "callout"),
        queuerun=queuerun,
    )


PROTECTION = {"CLEAR": 0, "": 0, "no": 1, "yes": 2, "dane": 3}


def protections(replayed: Replayed) -> dict[str, int]:
    """How well the message was protected on its way to each host that got it."""
    found: dict[str, int] = {}
    for decision in replayed.trace:
        if decision.rule == "address outcome" and decision.outcome == "OK":
            level = PROTECTION[str(decision.inputs["cv"] or "CLEAR")]
            host = str(decision.inputs["host"])
            found[host] = min(level, found.get(host, level))
    return found


def weakened(plain: Replayed, under: Replayed) -> bool:
    """The law that network faults must not break: no host is used with less protection than without them."""
    before, after = protections(plain), protections(under)
    return any(after[host] < before[host] for host in after.keys() & before.keys())


def without_questions(replayed: Replayed) -> Replayed:
    """What a run did, but for what the name server was asked."""
    again = replayed.queuerun and replace(replayed.queuerun, dns=())
    return replace(replayed, seen=replace(replayed.seen, dns=()), queuerun=again)
