"""Questions to the DNS and what Exim makes of the answers (src/dns.c).

Exim's fake name server has no search list, so there ``qualify_single`` and ``search_parents`` only keep the
negative cache's entries apart.
"""

from __future__ import annotations

import re
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.ipaddr import invert_address
from eximsim.mta.base.regex_cache import compile_pattern
from eximsim.mta.base.string import from_octets, octets, string_is_ip_address
from eximsim.mta.base.utf8 import ConversionError, domain_utf8_to_alabel
from eximsim.mta.expand import expand
from eximsim.mta.expand.event import event_raise
from eximsim.mta.lookup import match, search_list
from eximsim.mta.lookup.dns_size import cut_to_buffer
from eximsim.mta.process.ends import ProcessDied
from eximsim.mta.process.harness import asked
from eximsim.mta.process.log import log_write
from eximsim.ports import DnsAnswer, DnsRecord
from eximsim.quick_dataclass import dataclass
from eximsim.status import DnsResult
from eximsim.trace import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eximsim.mta.process.globals import Process

DNS_ANSWER = Rule("dns answer", "dns.c dns_basic_lookup")
_SIGSEGV = 11

RESOLVER_TIMEOUT = 5
"""Seconds that the system's resolver waits if dns_retrans does not say otherwise."""

RESOLVER_TRIES = 2
"""How often it asks if dns_retry does not say otherwise."""

OLD_CNAME_LIMIT = 10
"""How many lookups a CNAME chain may take where there is no dns_cname_loops."""

_UNCHECKED_TYPES = frozenset({"PTR", "TXT"})
_SERVICE_TYPES = frozenset({"SRV", "TLSA"})
_ADDRESS_TYPES = frozenset({"A", "AAAA"})

RCODE_RESULT = MappingProxyType(
    {
        "NXDOMAIN": DnsResult.NOMATCH,
        "SERVFAIL": DnsResult.AGAIN,
        "REFUSED": DnsResult.AGAIN,
        "NOTIMP": DnsResult.AGAIN,
        "TIMEOUT": DnsResult.AGAIN,
        "FORMERR": DnsResult.FAIL,
    }
)
"""What the resolver's verdict on a response code comes to (``h_errno``); NOERROR depends on the answers."""


@dataclass(frozen=True, slots=True)
class DnsLookup:
    """What ``dns_lookup()`` found.

    ``name`` is the fully qualified name: the owner of the last CNAME or else of the first record that the
    first answer held, or the name asked for. ``secure`` is ``dns_is_secure()`` of the answer; after a CNAME
    chain it is true only if every answer on the way was secure.
    """

    result: DnsResult
    answer: DnsAnswer
    name: str
    secure: bool

    def records(self, type: str) -> tuple[DnsRecord, ...]:
        """The answer's records of one type, in the order in which they came."""
        return tuple(record for record in self.answer.answers if record.type == type)


_NO_ANSWER = DnsAnswer("NOERROR")


def dns_init(process: Process, qualify_single: bool, search_parents: bool, dnssec: bool) -> None:
    """Set the resolver's flags for the questions to come.

    The DO bit, once asked for, stays set for the life of the process; only dns_dnssec_ok takes it away
    again. Source: dns_init().
    """
    resolver = process.resolver
    resolver.qualify_single = qualify_single
    resolver.search_parents = search_parents
    if dnssec:
        resolver.dnssec = True
    main = process.config.main
    wanted = main.number("dns_dnssec_ok")
    if wanted >= 0 and not (wanted and main.number("dns_use_edns0") == 0):
        resolver.dnssec = bool(wanted)


def dns_build_reverse(address: str) -> str:
    """The name under which the PTR records of an IP address are found."""
    return invert_address(address) + (".ip6.arpa" if ":" in address else ".in-addr.arpa")


def dns_is_secure(process: Process, answer: DnsAnswer) -> bool:
    """Whether an answer is to be taken for secure: AD, or AA from a zone in dns_trust_aa.

    Source: dns_is_secure(); RFC 4035 section 3.2.3.
    """
    if answer.ad:
        return True
    if not answer.aa or (trusted := process.config.main.text("dns_trust_aa")) is None:
        return False
    trusted = expand.expand(process, trusted)
    authority = _authority_name(answer) if trusted else None
    if authority is None:
        return False
    return match.match_isinlist_of_dns(process, authority, trusted, None)


def _authority_name(answer: DnsAnswer) -> str | None:
    """The zone that an authoritative answer names: by NS records, or by SOA if the answer is negative."""
    wanted = "NS" if answer.answers else "SOA"
    return next((record.name for record in answer.authority if record.type == wanted), None)


def _fails_name_check(process: Process, name: str, type: str) -> bool:
    """Whether the name's syntax rules it out before it is asked (dns_check_names_pattern)."""
    pattern = process.config.main.text("dns_check_names_pattern")
    if not pattern or type in _UNCHECKED_TYPES:
        return False
    if type in _SERVICE_TYPES and process.profile.dns_name_check_skips_service:
        name = name.split(".", 2)[-1]
    found = compile_pattern(pattern).search(name, process.trace, process.effort)
    if found is not None and process.resolver.name_checked is not None:
        process.resolver.name_checked = found[0]
    return found is None


def _again_means_nonexist(process: Process, name: str, type: str) -> bool:
    """Whether dns_again_means_nonexist turns a failure of the name servers into a missing name."""
    if type == "TLSA" and process.profile.tlsa_ignores_again_means_nonexist:
        return False
    domains = process.config.main.text("dns_again_means_nonexist")
    resolver = process.resolver
    if resolver.deciding_again:
        if not process.profile.again_means_nonexist_recursion_ends:
            raise ProcessDied(_SIGSEGV)
        log_write(
            process,
            f"dns_again_means_nonexist recursion seen for {name} (assuming nonexist)",
            panic=True,
        )
        return True
    resolver.deciding_again = True
    try:
        with process.setting(domain=name):
            return match.match_isinlist_of_dns(process, name, domains, "dns_again_means_nonexist")
    finally:
        resolver.deciding_again = False


def dns_basic_lookup(process: Process, name: str, type: str) -> tuple[DnsResult, DnsAnswer]:
    """Ask one question, without following CNAMEs. Every failure is remembered for the process's life.

    A name that the syntax check refuses, and an IP address where a name is due, is NOMATCH without being
    asked. Source: dns_basic_lookup().
    """
    key = (name[:255], type, process.resolver.options)
    known = process.dns_fails.get(key)
    if known is not None:
        return known
    if process.profile.i18n:
        try:
            name = domain_utf8_to_alabel(name)
        except ConversionError:
            process.host_find_failed_syntax = True
            return DnsResult.NOMATCH, _NO_ANSWER
    if _fails_name_check(process, name, type):
        process.host_find_failed_syntax = True
        return DnsResult.NOMATCH, _NO_ANSWER
    if type in _ADDRESS_TYPES and string_is_ip_address(name)[0]:
        return DnsResult.NOMATCH, _NO_ANSWER
    answer = ask(process, name, type)
    result = result_of(answer)
    if result is DnsResult.AGAIN and _again_means_nonexist(process, name, type):
        result = DnsResult.NOMATCH
    process.trace.record(DNS_ANSWER, result.name, name=name, type=type, rcode=answer.rcode, ad=answer.ad)
    if result is not DnsResult.SUCCEED:
        process.dns_fails[key] = (result, answer)
    return result, answer


def ask(process: Process, name: str, type: str) -> DnsAnswer:
    """Put a question to the world's name server as the C library does, with the resolver's settings."""
    return search_list.search(process, name, lambda whole: query(process, whole, type))


def query(process: Process, name: str, type: str) -> DnsAnswer:
    """Put a question about this very name (``res_query()``)."""
    main = process.config.main
    if not name.isascii():
        raise Unsupported("a DNS question for a name that is not ASCII", *main.where("allow_utf8_domains"))
    asked(process)
    answer = process.world.lookup(
        name[:-1] if name.endswith(".") else name,
        type,
        timeout=main.seconds("dns_retrans") or RESOLVER_TIMEOUT,
        tries=main.number("dns_retry") or RESOLVER_TRIES,
        dnssec=process.resolver.dnssec,
    )
    return cut_to_buffer(answer, name) if process.profile.dns_buffer_small else answer


def result_of(answer: DnsAnswer) -> DnsResult:
    """What the resolver's return value means to Exim."""
    if answer.rcode == "NOERROR":
        return DnsResult.SUCCEED if answer.answers else DnsResult.NODATA
    return RCODE_RESULT.get(answer.rcode, DnsResult.FAIL)


def dns_lookup(process: Process, name: str, type: str, known_as: str | None = None) -> DnsLookup:
    """Ask a question and follow CNAMEs, as far as the release does, if the name server has not done it.

    ``known_as`` is the fully qualified name as an earlier lookup found it. Logs a chain that is too long,
    which is a FAIL. A lookup without success raises ``dns:fail``. Source: dns_lookup(); RFC 1034 section
    3.6.2.
    """
    found, why, asked = _follow(process, name, type, known_as)
    if found.result is not DnsResult.SUCCEED and "dns:fail" in process.profile.events:
        _failure_event(process, f"{why or f'DNS_{found.result.name}'}:{asked.replace(':', '::')}:{type}")
    return found


def _failure_event(process: Process, data: str) -> None:
    """Tell the event_action of the transport at work, or else the main one."""
    transport = process.config.transports.get(process.variables.get("transport_name", ""))
    options = process.config.main if transport is None else transport.options
    event_raise(process, options.text("event_action"), "dns:fail", data)


def _follow(process: Process, name: str, type: str, known_as: str | None) -> tuple[DnsLookup, str, str]:
    """The answer; a word of Exim's for a failure that has no code; and the name that was asked for last."""
    asked = name
    fully_qualified = known_as or name
    secure = True
    answer = _NO_ANSWER
    for step in range(_cname_limit(process)):
        result, answer = dns_basic_lookup(process, asked, type)
        if result is not DnsResult.SUCCEED:
            return DnsLookup(result, answer, fully_qualified, dns_is_secure(process, answer)), "", asked
        cname, first = _scan(answer, type)
        if step == 0:
            fully_qualified = _owner(cname or first, fully_qualified)
        if first is not None:
            if not secure:
                answer = _made_insecure(process, answer)
            secured = dns_is_secure(process, answer)
            return DnsLookup(DnsResult.SUCCEED, answer, fully_qualified, secured), "", asked
        if cname is None:
            return DnsLookup(DnsResult.FAIL, answer, fully_qualified, False), "no_hit_yet_no_cname", asked
        secure = secure and dns_is_secure(process, answer)
        asked = str(cname.data)
    log_write(process, f"CNAME loop for {name} encountered")
    return DnsLookup(DnsResult.FAIL, answer, fully_qualified, False), "cname_loop", asked


def _cname_limit(process: Process) -> int:
    if process.profile.cname_loops_option:
        return process.config.main.number("dns_cname_loops") + 1
    return OLD_CNAME_LIMIT


def _scan(answer: DnsAnswer, type: str) -> tuple[DnsRecord | None, DnsRecord | None]:
    """The last CNAME (of those before the second record of interest) and the first record of ``type``."""
    cname = first = None
    for record in answer.answers:
        if record.type == type:
            first = first or record
            if cname is not None:
                break
        elif record.type == "CNAME":
            cname = record
    return cname, first


def _owner(record: DnsRecord | None, name: str) -> str:
    """The owner name of ``record``, unless that is a wildcard as some name servers return it."""
    if record is None or record.name.startswith("*") or record.name == _in_ascii(name):
        return name
    return string_copy_dnsdomain(record.name)


def _in_ascii(name: str) -> str | None:
    """A name that has more than ASCII as the DNS knows it."""
    return None if name.isascii() else domain_utf8_to_alabel(name)


def _made_insecure(process: Process, answer: DnsAnswer) -> DnsAnswer:
    return replace(answer, ad=False, aa=answer.aa and not process.profile.insecure_cname_clears_aa)


def string_copy_dnsdomain(name: str) -> str:
    """A domain name with the backslash escapes of its text form resolved (src/string.c)."""
    return name if "\\" not in name else from_octets(octets(_ESCAPE.sub(_unescape, name)))


_ESCAPE = re.compile(r"\\(?:(\d{3})|(.)|$)", re.DOTALL)


def _unescape(found: re.Match[str]) -> str:
    return from_octets(bytes((int(found[1]) & 255,))) if found[1] else found[2] or ""


# ---- questions of more than one lookup (dns_special_lookup()) ------------------------------------------

_CSA_VERSION = 1
_REVERSE_LIMIT = 3
_IPV6_STEP = 8
_NOTHING = (DnsResult.NOMATCH, DnsResult.NODATA)


def zone_lookup(process: Process, name: str, type: str) -> DnsLookup:
    """The records of a name, or of the nearest domain above it that has any."""
    while True:
        found = dns_lookup(process, name, type)
        if found.result not in _NOTHING or "." not in name:
            return found
        name = name.partition(".")[2]


def csa_records(found: DnsLookup) -> Iterator[tuple[int, int, str]]:
    """Weight, port and target of the SRV records that are about this."""
    for record in found.records("SRV"):
        match record.data:
            case (int(priority), int(weight), int(port), str(target)) if priority == _CSA_VERSION:
                yield weight, port, target


def csa_lookup(process: Process, name: str) -> tuple[DnsLookup | None, str]:
    """The records of a name, or of what is above it; and whose they are. Source: dns_special_lookup()."""
    found = dns_lookup(process, f"_client._smtp.{name}", "SRV")
    if found.result in (DnsResult.SUCCEED, DnsResult.AGAIN):
        return found, name
    if found.result is DnsResult.NOMATCH:
        return None, ""
    for parent in _parents(name, process.config.main.number("dns_csa_search_limit")):
        found = dns_lookup(process, f"_client._smtp.{parent}", "SRV")
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
