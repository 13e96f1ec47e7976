"""A domain's hosts by SRV, MX and address records (host_find_bydns() and its helper, src/host.c)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.mta.base.string import list_items, string_is_ip_address
from eximsim.mta.lookup import dns, host_chain, match, verify_hosts
from eximsim.mta.lookup.long_lookup import timed
from eximsim.mta.process.log import log_write
from eximsim.mta.records.structs import MX_NONE, PORT_NONE, HostItem, TlsNeeds
from eximsim.quick_dataclass import dataclass
from eximsim.status import DnsResult, Dnssec, HostFind, HostStatus, Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eximsim.mta.process.globals import Process
    from eximsim.ports import DnsRecord

HOSTS_OF_A_DOMAIN = Rule("hosts of a domain", "host.c host_find_bydns")
HOST_ADDRESSES = Rule("host addresses", "host.c set_address_from_dns")
_HARD = frozenset({DnsResult.NOMATCH, DnsResult.NODATA})
_SOFT = frozenset({DnsResult.FAIL, DnsResult.AGAIN})
_IPV4_FIRST_KEY = 500
"""Added to the sort keys of the address family that comes second."""


@dataclass(frozen=True, slots=True)
class _Search:
    """What stays the same during one search."""

    process: Process
    request: bool
    require: bool
    ignore_target_hosts: str | None
    ipv4_only: bool
    ipv4_first: bool

    def matches(self, name: str, domains: str | None, option: str) -> bool:
        """Whether a name is in a domain list that is a router's option."""
        named = domains is not None and self.process.profile.router_lists_named
        return _matches(self.process, name, domains, option if named else None)

    def security(self, secure: bool) -> Dnssec:
        """The security that a lookup gives to its hosts; ``$lookup_dnssec_authenticated`` tells it."""
        known = self.process.variables
        if not self.request:
            known.pop("lookup_dnssec_authenticated", None)
            return Dnssec.UNK
        known["lookup_dnssec_authenticated"] = "yes" if secure else "no"
        return Dnssec.YES if secure else Dnssec.NO


_SMTPS = "smtp-tls"
"""The service for TLS on connect, in programs built with EXPERIMENTAL_SRV_SMTPS: those of Exim's suite."""
_SMTP_PORT = 25


@dataclass(slots=True)
class _Records:
    """The SRV or MX records of a domain, or why there are none to use (``find``)."""

    type: str
    result: DnsResult
    fully_qualified_name: str
    find: HostFind | None = None
    records: tuple[DnsRecord, ...] = ()
    dnssec: Dnssec = Dnssec.UNK
    smtps: bool = False
    """The service is the one that means TLS on connect."""


def host_find_bydns(
    process: Process,
    host: HostItem,
    *,
    mx: bool = False,
    a: bool = True,
    srv_service: str | None = None,
    srv_fail_domains: str | None = None,
    mx_fail_domains: str | None = None,
    dnssec_request_domains: str | None = None,
    dnssec_require_domains: str | None = None,
    ignore_target_hosts: str | None = None,
    qualify_single: bool = False,
    search_parents: bool = False,
    ipv4_only: bool = False,
    ipv4_first: bool = False,
    dnssec_lists_named: bool = False,
    dnssec_lists: bool = True,
) -> host_chain.HostResult:
    """Find the hosts for the domain ``host.name`` and their addresses, best first.

    SRV records are asked for first (if ``srv_service`` is given), then MX (``mx``), then the name's own
    addresses (``a``). ``host`` is used up: the first item of the result stands in its place, found or not.
    The domain lists are given unexpanded; ``dnssec_lists_named`` says that the host-check trace knows what
    options the two for DNSSEC are, ``dnssec_lists`` is false for a caller that has none to give. Equal
    preferences come in random order, IPv6 before IPv4 unless ``ipv4_first``.
    ``process.host_find_failed_syntax`` tells of a name that no DNS can hold.
    Source: host_find_bydns(); RFC 5321 section 5.1, RFC 2782.
    """
    require, request = _dnssec_wishes(
        process, host.name, dnssec_require_domains, dnssec_request_domains, dnssec_lists_named, dnssec_lists
    )
    search = _Search(process, request, require, ignore_target_hosts, ipv4_only, ipv4_first)
    dns.dns_init(process, qualify_single, search_parents, request)
    process.host_find_failed_syntax = False
    found: _Records | None = None
    name = host.name
    if srv_service is not None:
        found = _ask_srv(search, name, srv_service, srv_fail_domains)
    if mx and (found is None or (found.find is None and found.result is not DnsResult.SUCCEED)):
        found = _ask_mx(search, name, found.fully_qualified_name if found else name, mx_fail_domains)
    if found is not None and found.find is not None:
        result = host_chain.HostResult(found.find, [host], found.fully_qualified_name)
    elif found is None or found.result is not DnsResult.SUCCEED:
        result = _by_address(search, host, found.fully_qualified_name if found else name, a)
    else:
        result = _by_records(search, host, found)
    dns.dns_init(process, False, False, False)
    process.trace.record(
        HOSTS_OF_A_DOMAIN,
        result.find.name,
        domain=name,
        hosts=" ".join(f"{h.name}[{h.address}]" for h in result.hosts if h.address),
    )
    return result


def _dnssec_wishes(
    process: Process, name: str, required: str | None, requested: str | None, named: bool, given: bool
) -> tuple[bool, bool]:
    """Whether secure answers are required, and whether they are asked for."""
    nested = process.profile.dns_debug_nested
    if nested:
        process.hdebug("check dnssec require list", indented=True)
        process.debug_depth += 1
    require = given and _matches(process, name, required, "dnssec_require_domains" if named else None)
    if nested:
        process.debug_depth -= 1
        process.hdebug("check dnssec request list", indented=True)
        process.debug_depth += 1
    option = "dnssec_request_domains" if named else None
    request = require or (given and _matches(process, name, requested, option))
    if nested:
        process.debug_depth -= 1
    return require, request


def _matches(process: Process, name: str, domains: str | None, option: str | None) -> bool:
    return match.match_isinlist_of_dns(process, name, domains, option)


def _insecure(search: _Search, type: str, name: str) -> None:
    """Log that DNSSEC was required in vain, in the releases that do."""
    if not search.process.profile.insecure_host_defers:
        log_write(search.process, f"dnssec fail on {type} for {name[:256]}", when="host_lookup_failed")


def _ask_srv(search: _Search, name: str, services: str, fail_domains: str | None) -> _Records:
    process = search.process
    names = list_items(services) if process.profile.check_srv_is_list else (services,)
    found = _Records("SRV", DnsResult.FAIL, name)
    for service in names:
        prefix = f"_{service}._tcp."
        process.variables.pop("lookup_dnssec_authenticated", None)
        answer = _dns_lookup(process, prefix + name[:256], "SRV")
        found.result, found.dnssec = answer.result, search.security(answer.secure)
        if answer.name != prefix + name[:256]:
            found.fully_qualified_name = answer.name[len(prefix) :]
        if answer.result is DnsResult.SUCCEED and search.require and not answer.secure:
            log_write(process, f"dnssec fail on SRV for {name[:256]}", when="host_lookup_failed")
            found.result = DnsResult.FAIL
        if found.result in _SOFT and not search.matches(name, fail_domains, "srv_fail_domains"):
            found.find = HostFind.AGAIN
            return found
        if found.result is DnsResult.SUCCEED:
            found.records = answer.records("SRV")
            found.smtps = service == _SMTPS and process.machine.test_harness and process.profile.srv_smtps
            return found
    return found


def _ask_mx(search: _Search, name: str, known_as: str, fail_domains: str | None) -> _Records:
    search.process.variables.pop("lookup_dnssec_authenticated", None)
    answer = _dns_lookup(search.process, name, "MX", known_as)
    found = _Records("MX", answer.result, answer.name, dnssec=search.security(answer.secure))
    if answer.result is DnsResult.NOMATCH:
        found.find = HostFind.FAILED
    if answer.result is DnsResult.SUCCEED:
        if answer.secure or not search.require:
            found.records = answer.records("MX")
            return found
        _insecure(search, "MX", name)
        found.result = DnsResult.FAIL
    if found.result in _SOFT and not search.matches(name, fail_domains, "mx_fail_domains"):
        insecure = answer.result is DnsResult.SUCCEED and search.process.profile.insecure_host_defers
        found.find = HostFind.SECURITY if insecure else HostFind.AGAIN
    return found


def _by_address(search: _Search, host: HostItem, known_as: str, wanted: bool) -> host_chain.HostResult:
    """The domain has no SRV or MX records: its own addresses, if they are wanted."""
    if not wanted:
        return host_chain.HostResult(HostFind.FAILED, [host], known_as)
    host.mx, host.port, host.dnssec = MX_NONE, PORT_NONE, Dnssec.UNK
    search.process.variables.pop("lookup_dnssec_authenticated", None)
    find, hosts, name = _set_address_from_dns(search, host, allow_ip=False, known_as=known_as)
    removed = False
    if find is HostFind.FOUND:
        find, hosts, removed = host_chain.host_scan_for_local_hosts(search.process, hosts)
    elif find is HostFind.IGNORED:
        find = HostFind.FAILED
    return host_chain.HostResult(find, hosts, name, removed)


def _by_records(search: _Search, host: HostItem, found: _Records) -> host_chain.HostResult:
    """The hosts that MX or SRV records name, with addresses, in the order in which to try them."""
    process = search.process
    ordered = _record_hosts(process, host, found)
    if not ordered:
        return host_chain.HostResult(HostFind.FAILED, [host], found.fully_qualified_name)
    if found.type == "SRV":
        if len(ordered) == 1 and ordered[0].name == "":
            return host_chain.HostResult(HostFind.FAILED, ordered, found.fully_qualified_name)
        _weighted(process, ordered)
    dns.dns_init(process, False, False, search.request or search.require)
    find = HostFind.FAILED
    hosts: list[HostItem] = []
    ignored: set[int] = set()
    allow_ip = process.config.main.flag("allow_mx_to_ip")
    for item in ordered:
        one, chain, _ = _set_address_from_dns(search, item, allow_ip=allow_ip, known_as=None)
        hosts += chain
        if one is not HostFind.FOUND:
            item.status = HostStatus.UNUSABLE
        if one in (HostFind.AGAIN, HostFind.SECURITY):
            find = one
        elif one is HostFind.IGNORED:
            ignored.add(id(item))
    if search.ignore_target_hosts is not None:
        hosts = [h for h in hosts if id(h) not in ignored] or hosts[-1:]
    if host_chain.has_ipv6(process):
        _prefer_family(hosts, search.ipv4_first)
    scan, hosts, removed = host_chain.host_scan_for_local_hosts(
        process, host_chain.host_remove_duplicates(hosts)
    )
    if scan is not HostFind.FAILED:
        find = scan
    return host_chain.HostResult(find, hosts, found.fully_qualified_name, removed)


def _record_hosts(process: Process, host: HostItem, found: _Records) -> list[HostItem]:
    """One host for each name, by preference; equals at random (MX) or by weight (SRV)."""
    hosts: list[HostItem] = []
    for record in found.records:
        preference, weight, port, name = _fields(process, record)
        name = dns.string_copy_dnsdomain(name)
        key = preference * 1000 + weight
        twin = next((h for h in hosts if h.name.lower() == name.lower()), None)
        if twin is not None:
            if preference >= twin.mx:
                continue
            if twin is hosts[0]:
                twin.mx, twin.sort_key = preference, key
                continue
            hosts.remove(twin)
        needs = TlsNeeds.UNKNOWN
        if found.smtps:
            port = PORT_NONE if port == _SMTP_PORT else port
            needs = TlsNeeds.STARTTLS if port == PORT_NONE else TlsNeeds.ON_CONNECT
        item = replace(
            host,
            name=name,
            address=None,
            port=port,
            mx=preference,
            sort_key=key,
            dnssec=found.dnssec,
            tls_needs=needs,
        )
        item.status = HostStatus.UNKNOWN
        host_chain.insert_host(hosts, item)
    return hosts


def _fields(process: Process, record: DnsRecord) -> tuple[int, int, int, str]:
    """Preference, weight, port and host of an MX or SRV record."""
    match record.data:
        case (int(preference), str(name)):
            return preference, host_chain.random_number(process, 500), PORT_NONE, name
        case (int(priority), int(weight), int(port), str(name)):
            return priority, weight, port, name
    raise TypeError(f"{record.type} record with data {record.data!r}")


def _weighted(process: Process, hosts: list[HostItem]) -> None:
    """Draw the order of SRV hosts of equal priority by their weights (RFC 2782), as far as Exim does.

    A group's running totals become its weights for the next draw, and the very last host's weight is never
    counted, so that it is never drawn: Exim's ways, kept.
    """
    last = len(hosts) - 1
    for start in range(last):
        total, end = 0, start
        while end != last:
            total += hosts[end].sort_key % 1000
            hosts[end].sort_key = total
            if hosts[end].mx != hosts[end + 1].mx:
                break
            end += 1
        if end != start:
            draw = host_chain.random_number(process, total + 1)
            chosen = next((i for i in range(start, end) if hosts[i].sort_key >= draw), end)
            hosts.insert(start, hosts.pop(chosen))
        hosts[start].sort_key = hosts[start].mx * 1000 + host_chain.random_number(process, 500)


def _prefer_family(hosts: list[HostItem], ipv4_first: bool) -> None:
    """Let addresses of the preferred family pass a neighbour of the same preference: one sweep, as Exim."""
    for index in range(len(hosts) - 1):
        this, following = hosts[index], hosts[index + 1]
        if this.mx != following.mx or this.address is None:
            continue
        if (":" in this.address) is not ipv4_first:
            continue
        if following.address is not None and (":" in following.address) is ipv4_first:
            continue
        hosts[index], hosts[index + 1] = following, this


def _is_ignored(search: _Search, name: str, address: str) -> bool:
    ignored = search.ignore_target_hosts
    if ignored is None:
        return False
    option = "ignore_target_hosts" if search.process.profile.router_lists_named else None
    return (
        verify_hosts.verify_check_given_host(search.process, ignored, name, address, list_name=option)
        is Rc.OK
    )


def _address_types(search: _Search, name: str) -> tuple[str, ...]:
    main = search.process.config.main
    if not host_chain.has_ipv6(search.process) or search.ipv4_only:
        return ("A",)
    ipv4_domains = main.text("dns_ipv4_lookup")
    if ipv4_domains is not None and _matches(search.process, name, ipv4_domains, "dns_ipv4_lookup"):
        return ("A",)
    return ("AAAA", "A")


def _set_address_from_dns(
    search: _Search, host: HostItem, *, allow_ip: bool, known_as: str | None
) -> tuple[HostFind, list[HostItem], str]:
    """Fill in a host's address; further addresses give further items. AAAA is asked for before A.

    Returns what came of it, the items and the fully qualified name. A lookup that is not secure takes the
    host's DNSSEC status away. Source: set_address_from_dns().
    """
    name = known_as or host.name
    host.certname = host.name
    if allow_ip and string_is_ip_address(host.name)[0]:
        if _is_ignored(search, host.name, host.name):
            return HostFind.IGNORED, [host], name
        host.address = host.name
        return HostFind.FOUND, [host], name
    chain = [host]
    find = _set_addresses(search, chain, known_as)
    search.process.trace.record(
        HOST_ADDRESSES,
        find[0].name,
        host=chain[0].certname,
        addresses=" ".join(h.address for h in chain if h.address),
        dnssec=chain[0].dnssec.value,
    )
    return find[0], chain, find[1]


def _set_addresses(search: _Search, chain: list[HostItem], known_as: str | None) -> tuple[HostFind, str]:
    process = search.process
    name = known_as or chain[0].name
    named = False
    temporary = False
    insecure = False
    for type in _address_types(search, chain[0].name):
        answer = _dns_lookup(process, chain[0].name, type, name if known_as is not None else None)
        search.security(answer.secure)
        if not named:
            name = answer.name
        if answer.result is not DnsResult.SUCCEED:
            if type == "AAAA":
                temporary = answer.result not in _HARD
                continue
            if chain[0].address is not None:
                return HostFind.FOUND, name
            again = answer.result in _SOFT or temporary
            return (HostFind.AGAIN if again else HostFind.FAILED), name
        if search.request and not _security_of(search, chain[0], answer.secure):
            insecure = True
            _insecure(search, type, chain[0].name)
            continue
        named = True
        second = type == ("AAAA" if search.ipv4_first else "A")
        _add_addresses(search, chain, answer.records(type), _IPV4_FIRST_KEY if second else 0)
    if chain[0].address is not None:
        return HostFind.FOUND, name
    if insecure and process.profile.insecure_host_defers:
        return HostFind.SECURITY, name
    return HostFind.IGNORED, name


def _security_of(search: _Search, host: HostItem, secure: bool) -> bool:
    """Bring a lookup's security into the host's; false if the lookup must not be used."""
    if secure:
        if host.dnssec is Dnssec.UNK:
            host.dnssec = Dnssec.YES
    elif search.require:
        return False
    elif host.dnssec is Dnssec.YES:
        host.dnssec = Dnssec.NO
    return True


def _add_addresses(search: _Search, chain: list[HostItem], records: Iterable[DnsRecord], offset: int) -> None:
    """Put addresses into the chain, ordered by random keys; the first one goes into the given item.

    An item for a further address is a copy of the one before it, its DNSSEC status included, as in Exim.
    """
    process = search.process
    for record in records:
        head, address = chain[0], str(record.data)
        if _is_ignored(search, head.name, address):
            continue
        if head.address is not None and any(h.address == address for h in chain):
            continue
        key = head.mx * 1000 + host_chain.random_number(process, 500) + offset
        if head.address is None:
            if head.name.lower() != record.name.lower():
                head.name = dns.string_copy_dnsdomain(record.name)
            head.address, head.sort_key, head.status = address, key, HostStatus.UNKNOWN
            continue
        at = next((i for i, h in enumerate(chain) if key < h.sort_key), len(chain))
        chain.insert(at, replace(chain[max(at - 1, 0)], address=address, sort_key=key))


def _dns_lookup(process: Process, name: str, type: str, known_as: str | None = None) -> dns.DnsLookup:
    """A lookup that is logged if it takes long. Source: dns_lookup_timerwrap()."""
    with timed(process, type, name):
        return dns.dns_lookup(process, name, type, known_as)
