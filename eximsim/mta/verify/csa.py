"""Client SMTP Authorization: whether a host name lets the client send (acl_verify_csa(), src/acl.c)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from eximsim.mta.base.string import SPACES, string_is_ip_address
from eximsim.mta.lookup import dns
from eximsim.status import DnsResult, Rc

if TYPE_CHECKING:
    from eximsim.mta.process.reception import Reception

_NOTHING = (DnsResult.NOMATCH, DnsResult.NODATA)
_AUTHORIZED = 2


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
    found, owner = dns.csa_lookup(reception.process, domain)
    if found is None or found.result in _NOTHING:
        return Csa.UNKNOWN
    if found.result is not DnsResult.SUCCEED:
        return Csa.DEFER_SRV
    for weight, port, target in dns.csa_records(found):
        if owner != domain:
            return Csa.FAIL_EXPLICIT if port & 1 else Csa.UNKNOWN
        if weight < _AUTHORIZED:
            return Csa.FAIL_DOMAIN
        if weight == _AUTHORIZED:
            return _compare(reception, target, address) if target else Csa.FAIL_NOADDR
    return Csa.UNKNOWN


def _compare(reception: Reception, target: str, address: str) -> Csa:
    """Whether the client's address is one of the target's; the name server sends none along with the name."""
    process = reception.process
    process.variables.pop("lookup_dnssec_authenticated", None)
    own = "AAAA" if ":" in address else "A"
    found = dns.dns_lookup(process, target, own)
    if found.result not in (DnsResult.SUCCEED, *_NOTHING):
        return Csa.DEFER_ADDR
    has = [record for record in found.records(own) if record.name.lower() == target.lower()]
    if any(str(record.data).lower() == address.lower() for record in has):
        return Csa.OK
    return Csa.FAIL_MISMATCH if has else Csa.FAIL_NOADDR
