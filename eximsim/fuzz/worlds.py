"""The strategy for whole situations: one or two recipients, what the DNS says, servers, and a policy.

``situations()`` is the one generator of random scenarios: of ``eximsim compare --random`` and of the fuzzer.
A situation that it makes is a delivery (often with a queue run after it) or a callout, never both, and its
certificates are named (``3 1 1 @cert:good``), so that it means the same with any chains of these names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from eximsim.fuzz import policies
from eximsim.fuzz.answers import RRset, addresses, answer, negative, rrset, tlsa
from eximsim.fuzz.servers import Server, chain_of, server
from eximsim.fuzz.weighted_draw import Chooser, Weighted
from eximsim.quick_dataclass import dataclass
from eximsim.suite.recording import Situation

_RECIPIENTS = Weighted(
    (65, ("a@one.test.ex",)),
    (15, ("a@one.test.ex", "b@one.test.ex")),
    (15, ("a@one.test.ex", "b@two.test.ex")),
    (5, ("b@two.test.ex", "a@one.test.ex")),
)
_KINDS: Weighted[tuple[str, str | None]] = Weighted(
    (32, ("delivery", None)), (34, ("callout", None)), (26, ("delivery", "-qf")), (8, ("delivery", "-q"))
)
_MOST_HOSTS = 3
_THERE = Weighted((45, False), (55, True))
"""Whether there is another host; each is asked about apart, so that any of them can be left out."""

_ROUTE = Weighted((86, "mx"), (4, "alias"), (4, "address"), (4, "nothing"), (2, "null"))

_NAME = Weighted((96, "hN-a.test.ex"), (4, "hN-a.deep.test.ex"))
"""A host's name; the second is not covered by the certificates' wildcard."""


@dataclass(frozen=True, slots=True)
class _Host:
    """An MX host: name, addresses, the server at each, what the DNS says. ``N`` stands for its number."""

    name: str
    addresses: tuple[str, ...]
    servers: Mapping[str, Server]
    records: tuple[RRset, ...]
    elsewhere: bool
    """Its addresses are those of the first host."""

    @property
    def first_server(self) -> Server:
        """The server at its first address."""
        return self.servers[self.addresses[0]]

    def numbered(self, number: int) -> _Host:
        """The host with its number put in."""
        return _Host(
            _put(self.name, number),
            tuple(_put(address, number) for address in self.addresses),
            {_put(address, number): server for address, server in self.servers.items()},
            tuple(_put_rrset(entry, number) for entry in self.records),
            self.elsewhere,
        )


def _put(text: str, number: int) -> str:
    return text.replace("hN-", f"h{number}-").replace("10.9.N.", f"10.9.{number}.")


def _put_rrset(entry: RRset, number: int) -> RRset:
    data = [_put(one, number) for one in entry["data"]]
    return {**entry, "name": _put(entry["name"], number), "data": data}


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """A situation; its id is empty."""
    choose = Chooser(draw)
    kind, queuerun = choose.of(_KINDS)
    recipients = choose.of(_RECIPIENTS)
    domains = tuple(dict.fromkeys(recipient.partition("@")[2] for recipient in recipients))
    smtps = choose.rarely(6)
    made = [choose.part(_host, recipients, smtps) for _ in range(_MOST_HOSTS) if choose.of(_THERE)]
    made = made or [choose.part(_host, recipients, smtps)]
    hosts = [host.numbered(place) for place, host in enumerate(made, 1)]
    servers = {address: server for host in hosts for address, server in host.servers.items()}
    names = [host.name for host in hosts]
    zone: list[RRset] = []
    for domain in domains:
        zone += choose.part(
            _domain, domain, tuple(names), hosts[0].addresses, chain_of(hosts[0].first_server)
        )
    for host in hosts:
        zone += _elsewhere(host, hosts[0]) if host.elsewhere else host.records
    transport = policies.transport(choose, names, list(servers))
    return Situation(
        id="",
        group="random",
        params={},
        recipients=recipients,
        zone=tuple(zone),
        main=policies.main(choose, domains, queuerun),
        router=policies.router(choose),
        transport={"protocol": "smtps", **transport} if smtps else transport,
        servers=servers,
        kinds=(kind,),
        queuerun=queuerun,
    )


def _host(choose: Chooser, recipients: tuple[str, ...], smtps: bool) -> _Host:
    name = choose.of(_NAME)
    where = ("10.9.N.1", "10.9.N.2") if choose.rarely(6) else ("10.9.N.1",)
    servers = {address: choose.part(server, recipients, smtps) for address in where}
    records = _records(choose, name, where, chain_of(servers[where[0]]))
    return _Host(name, where, servers, tuple(records), elsewhere=choose.rarely(2))


def _records(choose: Chooser, name: str, where: Sequence[str], chain: str) -> list[RRset]:
    """What the DNS says of a host; an alias may have TLSA records at either name, or at both."""
    if not choose.rarely(8):
        return [*addresses(choose, name, where), *tlsa(choose, name, chain)]
    target = name.replace("-a.", "-alias.")
    found = [rrset(name, "CNAME", [target], ad=not choose.rarely(35))]
    found += addresses(choose, target, where)
    found += tlsa(choose, target, chain)
    return found + tlsa(choose, name, chain) if choose.rarely(50) else found


def _elsewhere(host: _Host, first: _Host) -> list[RRset]:
    """The records of a host with its addresses exchanged for another host's."""
    exchanged = {"A": list(first.addresses)}
    return [
        {**entry, "data": exchanged.get(entry["type"], entry["data"]) if entry["data"] else []}
        for entry in host.records
    ]


def _domain(
    choose: Chooser, domain: str, hosts: tuple[str, ...], where: tuple[str, ...], chain: str
) -> list[RRset]:
    """What makes mail for a domain go to the hosts; ``where`` and ``chain`` are the first one's."""
    match choose.of(_ROUTE):
        case "alias":
            target = f"real-{domain}"
            return [
                rrset(domain, "CNAME", [target], ad=not choose.rarely(30)),
                _mx(choose, target, hosts),
            ]
        case "address":
            return addresses(choose, domain, where) + tlsa(choose, domain, chain)
        case "nothing":
            return [negative(choose, domain, "MX")]
        case "null":
            return [rrset(domain, "MX", [[0, "."]], ad=not choose.rarely(40))]
    return [_mx(choose, domain, hosts)]


def _mx(choose: Chooser, name: str, hosts: Sequence[str]) -> RRset:
    equal = choose.rarely(12)
    data: list[object] = [[10 if equal else 10 * place, host] for place, host in enumerate(hosts, 1)]
    if choose.rarely(3):
        data.append([40, "missing.test.ex"])
    return answer(choose, name, "MX", data, faulty=5)
