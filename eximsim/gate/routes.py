"""Where a configuration sends mail to: recipients, and the hosts that the lattice has to bring to life."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from eximsim.gate.lattice import Scene
from eximsim.mta.base.string import string_is_ip_address
from eximsim.mta.config.drivers import DriverInstance
from eximsim.mta.config.readconf import Config
from eximsim.ports import DnsAnswer, DnsRecord
from eximsim.suite.policy import Case, Policy
from eximsim.world.reply import Reply, Zones

ANY_DOMAIN = "destination.example"
"""Stands for every domain that the configuration does not name."""

_DOMAIN = re.compile(r"(?<![\w.@/-])(?:\*\.)?(?:[a-z0-9_-]+\.)+[a-z][a-z0-9-]+(?![\w/-])", re.IGNORECASE)
_HOST_LIST = re.compile(r"hosts_\w+|tls_\w*hosts|serialize_hosts|fallback_hosts")
_NAME = re.compile(r"!?\s*((?:\*\.)?(?:[a-z0-9_-]+\.)+[a-z0-9-]+)", re.IGNORECASE)
_ADDRESS = re.compile(r"!?\s*([0-9a-f:.]+)(?:/\d+)?", re.IGNORECASE)
_PLAIN = re.compile(r"!?\s*(?:\*|@\[?\]?|)\s*")
_FIRST_ADDRESS, _OTHER_ADDRESS = "192.0.2.", "198.51.100."


@dataclass(frozen=True, slots=True)
class Route:
    """One way out: what is sent to ``recipient`` reaches ``hosts``, by MX or as the router says."""

    recipient: str
    by_mx: bool
    hosts: tuple[str, ...]
    routers: tuple[str, ...]
    transport: str


class _Probe(Zones):
    """Says yes to everything, and notes what was asked: the hosts of a route become known so."""

    def __init__(self, domain: str) -> None:
        super().__init__()
        self._domain = domain
        self.by_mx = False

    def owners(self) -> Iterable[str]:
        """None is known beforehand."""
        return ()

    def _decide(self, name: str, type: str) -> Reply:
        if type == "MX" and name == self._domain:
            self.by_mx = True
            return _found(name, type, (10, f"mx1.{self._domain}"))
        if type == "A" and (not self.by_mx or name != self._domain):
            return _found(name, type, f"{_FIRST_ADDRESS}1")
        return Reply(DnsAnswer("SERVFAIL" if type == "TLSA" else "NOERROR", ad=type != "TLSA"))


def _found(name: str, type: str, data: str | tuple[int, str]) -> Reply:
    return Reply(DnsAnswer("NOERROR", ad=True, answers=(DnsRecord(name, type, data, 3600),)))


def route_of(policy: Policy, domain: str) -> Route | None:
    """How mail for ``domain`` leaves, None if it does not leave by SMTP."""
    recipient = f"someone@{domain}"
    zones = _Probe(domain)
    decisions = policy.run(Case((recipient,), zones, {})).decisions
    hosts = [
        (str(decision.inputs["host"]), str(decision.inputs["address"]))
        for decision in decisions
        if decision.rule == "host tried"
    ]
    if not hosts:
        return None
    routers = [
        str(decision.inputs["router"])
        for decision in decisions
        if decision.rule == "router" and decision.outcome == "OK"
    ]
    transport = next(str(one.inputs["transport"]) for one in decisions if one.rule == "routing")
    names = tuple(dict.fromkeys(name for name, _ in hosts))
    return Route(recipient, zones.by_mx, names, tuple(routers), transport)


def begins_with_tls(policy: Policy, recipient: str) -> bool:
    """Whether what is sent to ``recipient`` goes out by smtps, so that its servers begin with TLS."""
    smtps = {
        one.name
        for one in smtp_transports(policy.config)
        if (one.options.text("protocol") or "").lower() in _SMTPS
    }
    route = route_of(policy, recipient.rpartition("@")[2]) if smtps else None
    return route is not None and route.transport in smtps


_SMTPS = ("smtps", "submissions")


def routes(policies: Sequence[Policy]) -> list[Route]:
    """A route for each way on which one of the policies sends mail out, that for any domain first."""
    found: dict[tuple[object, ...], Route] = {}
    for domain in _domains(policies):
        routed = [route_of(policy, domain) for policy in policies]
        known = next((route for route in routed if route is not None), None)
        if known is not None:
            ways = [
                (route.by_mx, route.routers, () if route.by_mx else route.hosts) if route else None
                for route in routed
            ]
            found.setdefault(tuple(ways), known)
    return list(found.values())


def _domains(policies: Iterable[Policy]) -> dict[str, None]:
    texts = [
        text
        for policy in policies
        for text in (
            *policy.config.named_lists.get("domain", {}).values(),
            *(
                router.options.text(name) or ""
                for router in policy.config.routers
                for name, _ in router.options.settings()
                if name in ("domains", "route_list", "route_data")
            ),
        )
    ]
    named = (word.lower() for text in texts for word in _DOMAIN.findall(text))
    return dict.fromkeys((ANY_DOMAIN, *(word.replace("*.", "any.") for word in named)))


@dataclass(slots=True)
class Named:
    """The hosts and addresses that host lists name; ``obscure`` are other items, and where they stand."""

    hosts: dict[str, None]
    addresses: dict[str, None]
    obscure: dict[str, str]


def named_hosts(policies: Iterable[Policy]) -> Named:
    """What the host lists of all smtp transports say."""
    named = Named({}, {}, {})
    for policy in policies:
        for transport in smtp_transports(policy.config):
            for option, (path, line) in transport.options.settings():
                text = transport.options.text(option)
                if _HOST_LIST.fullmatch(option) and text:
                    _read(named, text, policy.config, option, f"{path}:{line}")
    return named


def _read(named: Named, text: str, config: Config, option: str, where: str) -> None:
    for item in re.split(r"(?<!:):(?!:)", text.removeprefix("<;")):
        word = item.strip()
        bare = word.lstrip("! ")
        if bare.startswith("+") and bare[1:] in config.named_lists.get("host", {}):
            _read(named, config.named_lists["host"][bare[1:]], config, option, where)
        elif (address := _ADDRESS.fullmatch(word)) and string_is_ip_address(address[1])[0]:
            named.addresses[address[1]] = None
        elif name := _NAME.fullmatch(word):
            named.hosts[name[1].lower().replace("*.", "any.")] = None
        elif not _PLAIN.fullmatch(word):
            named.obscure[f"{option}: {word}"] = where


def smtp_transports(config: Config) -> Iterator[DriverInstance]:
    """The transports that send mail out."""
    return (transport for transport in config.transports.values() if transport.driver == "smtp")


def scenes(route: Route, named: Named, hosts: int) -> list[Scene]:
    """The scenes to explore for a route: with each host that a list names, and with one that none does."""
    domain = route.recipient.partition("@")[2]
    if not route.by_mx:
        return [_scene(route, (), _addresses(route.hosts[:hosts], named), named)]
    others = [f"mx{number}.{domain}" for number in range(1, hosts + 1)]
    found = [
        tuple(others),
        *((*others[:place], name, *others[place + 1 :]) for name in named.hosts for place in range(hosts)),
    ]
    plain = _addresses(others, named)
    return [
        *(_scene(route, names, _addresses(names, named), named) for names in found),
        *(_scene(route, tuple(others), {**plain, others[0]: one}, named) for one in named.addresses),
    ]


def _scene(route: Route, mx: tuple[str, ...], addresses: Mapping[str, str], named: Named) -> Scene:
    """A scene in which every host that a list names has an address of its own."""
    others = [host for host in named.hosts if host not in addresses]
    known = {name: f"{_OTHER_ADDRESS}{number}" for number, name in enumerate(others, 1)}
    return Scene(route.recipient, mx, addresses, known)


def _addresses(names: Sequence[str], named: Named) -> Mapping[str, str]:
    free = (f"{_FIRST_ADDRESS}{number}" for number in range(1, 255))
    unused = (address for address in free if address not in named.addresses)
    return {name: name if string_is_ip_address(name)[0] else next(unused) for name in names}
