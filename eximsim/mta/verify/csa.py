"""Client SMTP Authorization: whether a host name lets the client send (acl_verify_csa(), src/acl.c)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.string import SPACES, string_is_ip_address
from eximsim.mta.lookup import dns
from eximsim.status import DnsResult, Rc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eximsim.mta.lookup.dns import DnsLookup
    from eximsim.mta.process.reception import Reception

_NOTHING = (DnsResult.NOMATCH, DnsResult.NODATA)
_VERSION = 1
_AUTHORIZED = 2
_REVERSE_LIMIT = 3
_IPV6_STEP = 8


class Csa(Enum):
    """What came out: the value of ``$csa_status``, the reason, and what the condition makes of it."""

    UNKNOWN = "unknown", "unknown", Rc.OK
    OK = "ok", "ok", Rc.OK
    DEFER_SRV = "defer", "deferred (SRV lookup failed)", Rc.OK
    DEFER_ADDR = "defer", "deferred (target address lookup failed)", Rc.OK
    FAIL_EXPLICIT = "fail", "failed (explicit authorization required)", Rc.FAIL
    FAIL_DOMAIN = "fail", "failed (host name not authorized)", Rc.FAIL
    FAIL_NOADDR = "fail", "failed (no authorized addresses)", Rc.FAIL
    FAIL_MISMATCH = "fail", "failed (client address mismatch)", Rc.FAIL


def acl_verify_csa(reception: Reception, domain: str) -> Csa:
    """Ask about ``domain``, or if it is empty about the client's HELO name or else its address."""
    address = reception.get("sender_host_address")
    if address is None:
        return Csa.UNKNOWN
    domain = domain.lstrip(SPACES) or reception.get("sender_helo_name") or address
    if domain.startswith("["):
        start = max(0, domain.find(":"))
        domain = domain[start + 1 : len(domain) - 1]
    if string_is_ip_address(domain)[0]:
        if not reception.process.config.main.flag("dns_csa_use_reverse"):
            return Csa.UNKNOWN
        domain = dns.dns_build_reverse(domain)
    known = reception.csa_cache
    if domain.lower() not in known:
        known[domain.lower()] = _ask(reception, domain, address).name
    return Csa[known[domain.lower()]]


def _ask(reception: Reception, domain: str, address: str) -> Csa:
    found, owner = _lookup(reception, domain)
    if found is None or found.result in _NOTHING:
        return Csa.UNKNOWN
    if found.result is not DnsResult.SUCCEED:
        return Csa.DEFER_SRV
    for weight, port, target in _records(found):
        if owner != domain:
            return Csa.FAIL_EXPLICIT if port & 1 else Csa.UNKNOWN
        if weight < _AUTHORIZED:
            return Csa.FAIL_DOMAIN
        if weight == _AUTHORIZED:
            return _compare(reception, target, address) if target else Csa.FAIL_NOADDR
    return Csa.UNKNOWN


def _records(found: DnsLookup) -> Iterator[tuple[int, int, str]]:
    """Weight, port and target of the SRV records that are about this."""
    for record in found.records("SRV"):
        match record.data:
            case (int(priority), int(weight), int(port), str(target)) if priority == _VERSION:
                yield weight, port, target


def _compare(reception: Reception, target: str, address: str) -> Csa:
    """Whether the client's address is one of the target's; the name server sends none along with the name."""
    process = reception.process
    process.variables.pop("lookup_dnssec_authenticated", None)
    own, other = ("AAAA", "A") if ":" in address else ("A", "AAAA")
    found = dns.dns_lookup(process, target, own)
    if found.result not in (DnsResult.SUCCEED, *_NOTHING):
        return Csa.DEFER_ADDR
    has = [record for record in found.records(own) if record.name.lower() == target.lower()]
    if any(str(record.data).lower() == address.lower() for record in has):
        return Csa.OK
    if not has and dns.dns_lookup(process, target, other).result is DnsResult.SUCCEED:
        raise Unsupported("verify = csa for a host that has addresses of the other IP version only")
    return Csa.FAIL_MISMATCH if has else Csa.FAIL_NOADDR


# ---- where the records are -------------------------------------------------------------------------


def _lookup(reception: Reception, name: str) -> tuple[DnsLookup | None, str]:
    """The records of a name, or of what is above it; and whose they are. Source: dns_special_lookup()."""
    process = reception.process
    found = dns.dns_lookup(process, f"_client._smtp.{name}", "SRV")
    if found.result in (DnsResult.SUCCEED, DnsResult.AGAIN):
        return found, name
    if found.result is DnsResult.NOMATCH:
        return None, ""
    for parent in _parents(name, process.config.main.number("dns_csa_search_limit")):
        found = dns.dns_lookup(process, f"_client._smtp.{parent}", "SRV")
        if found.result is DnsResult.AGAIN:
            return found, parent
        if found.result is DnsResult.SUCCEED and any(port & 1 for _, port, _ in _records(found)):
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
