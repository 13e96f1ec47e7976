"""Questions of more than one lookup: a zone's servers and SOA, CSA (dns_special_lookup(), src/dns.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.lookup import dns
from eximsim.status import DnsResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eximsim.mta.lookup.dns import DnsLookup
    from eximsim.mta.process.globals import Process

_VERSION = 1
_REVERSE_LIMIT = 3
_IPV6_STEP = 8
_NOTHING = (DnsResult.NOMATCH, DnsResult.NODATA)


def zone_lookup(process: Process, name: str, type: str) -> DnsLookup:
    """The records of a name, or of the nearest domain above it that has any."""
    while True:
        found = dns.dns_lookup(process, name, type)
        if found.result not in _NOTHING or "." not in name:
            return found
        name = name.partition(".")[2]


def csa_records(found: DnsLookup) -> Iterator[tuple[int, int, str]]:
    """Weight, port and target of the SRV records that are about this."""
    for record in found.records("SRV"):
        match record.data:
            case (int(priority), int(weight), int(port), str(target)) if priority == _VERSION:
                yield weight, port, target


def csa_lookup(process: Process, name: str) -> tuple[DnsLookup | None, str]:
    """The records of a name, or of what is above it; and whose they are. Source: dns_special_lookup()."""
    found = dns.dns_lookup(process, f"_client._smtp.{name}", "SRV")
    if found.result in (DnsResult.SUCCEED, DnsResult.AGAIN):
        return found, name
    if found.result is DnsResult.NOMATCH:
        return None, ""
    for parent in _parents(name, process.config.main.number("dns_csa_search_limit")):
        found = dns.dns_lookup(process, f"_client._smtp.{parent}", "SRV")
        if found.result is DnsResult.AGAIN:
            return found, parent
        if found.result is DnsResult.SUCCEED and any(port & 1 for _, port, _ in csa_records(found)):
            return found, parent
    return None, ""


def _parents(name: str, limit: int) -> Iterator[str]:
    """The domains above a name, from the second level down, or in steps of an IPv6 address."""
    at = name.rfind(".")
    if at < 0:
        return
    step = 0
    lower = name.lower()
    if lower.endswith(".in-addr.arpa") and at > len(".in-addr"):
        at, limit = at - len(".in-addr"), _REVERSE_LIMIT
    elif lower.endswith(".ip6.arpa") and at > len(".ip6"):
        at, limit, step = at - len(".ip6"), _REVERSE_LIMIT, _IPV6_STEP
    for _ in range(limit):
        at = at - step if step else name.rfind(".", 0, at)
        if at <= 0:
            return
        yield name[at + 1 :]
