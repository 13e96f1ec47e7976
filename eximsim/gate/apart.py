"""What only an option can tell apart: which hosts to look at for its sake, and what is not explored of it.

An option counts if policies differ in it; for a single policy, if it is set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import TYPE_CHECKING

from eximsim.errors import Gap
from eximsim.mta.base.string import string_is_ip_address
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from eximsim.mta.config.options import Options
    from eximsim.suite.policy import Policy


@dataclass(frozen=True, slots=True)
class _Apart:
    options: tuple[str, ...]
    address: str = ""
    """A host at this address shows it."""
    unexplored: str = ""
    """What would show it, and is not explored."""


_EVERY = (
    _Apart(
        ("self", "allow_localhost", "local_interfaces", "extra_local_interfaces", "hosts_treat_as_local"),
        address="127.0.0.1",
    ),
    _Apart(("disable_ipv6", "dns_ipv4_lookup", "ipv4_only", "ipv4_prefer"), address="2001:db8::19"),
    _Apart(("mx_domains",), unexplored="domains without MX hosts that have an address"),
    _Apart(("check_srv", "srv_fail_domains"), unexplored="SRV records"),
    _Apart(("allow_mx_to_ip",), unexplored="MX records that hold an address"),
    _Apart(("percent_hack_domains",), unexplored="local parts with a percent sign"),
    _Apart(("dns_check_names_pattern",), unexplored="names that it may not let pass"),
)


def addresses_apart(policies: Sequence[Policy]) -> Iterator[IPv4Network | IPv6Network]:
    """The addresses at which a host has to be seen."""
    for one in _EVERY:
        if one.address and any(_counting(policies, one)):
            yield ip_network(one.address)
            yield from map(ip_network, _named_in(policies, one))


def _named_in(policies: Sequence[Policy], one: _Apart) -> Iterator[str]:
    """The addresses that the options themselves hold."""
    for policy in policies:
        for _, (value, _) in _settings(policy, one.options):
            words = re.split(r"[\s;<]+|:(?=\s|$)|(?<=\d)\s*:", str(value))
            yield from (word for word in words if string_is_ip_address(word)[0])


def unexplored(policies: Sequence[Policy]) -> Iterator[Gap]:
    """What is not explored although an option is about it."""
    for one in _EVERY:
        if one.unexplored:
            for option, where in _counting(policies, one):
                yield Gap(f"{option}: {one.unexplored} are not explored", where)


def _counting(policies: Sequence[Policy], one: _Apart) -> Iterator[tuple[str, str]]:
    """The options of these that count, each with its place."""
    sides = [dict(_settings(policy, one.options)) for policy in policies]
    for key in dict.fromkeys(key for side in reversed(sides) for key in side):
        found = [side.get(key) for side in sides]
        if len(sides) == 1 or len({value for value, _ in filter(None, found)}) > 1 or None in found:
            yield key[1], next(where for _, where in filter(None, reversed(found)))


def _settings(policy: Policy, names: Sequence[str]) -> Iterator[tuple[tuple[str, str], tuple[object, str]]]:
    config = policy.config
    every: list[tuple[str, Options]] = [("", config.main)]
    every += [(one.name, one.options) for one in (*config.routers, *config.transports.values())]
    for driver, options in every:
        for name, (path, line) in options.settings():
            if name in names:
                yield (driver, name), (options.value(name), f"{path or policy.path}:{line}")
