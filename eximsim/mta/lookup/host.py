"""Hosts by name through the system's resolver, and names of hosts (src/host.c).

The rest of src/host.c is in ``host_bydns`` (SRV, MX and address records) and ``host_chain`` (lists of hosts).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.errors import InputError
from eximsim.mta.base.ipaddr import host_is_in_net
from eximsim.mta.base.string import list_items, string_is_ip_address
from eximsim.mta.lookup import dns, host_bydns, host_chain, match, verify_hosts
from eximsim.mta.lookup.long_lookup import timed
from eximsim.mta.lookup.sender_host import host_build_sender_fullhost
from eximsim.mta.process import upward
from eximsim.mta.process.log import log_write
from eximsim.mta.records.structs import PORT_NONE, HostItem
from eximsim.quick_dataclass import dataclass
from eximsim.status import DnsResult, Dnssec, HostFind, HostStatus, Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.config.options import Options
    from eximsim.mta.process.globals import Process
    from eximsim.mta.process.reception import Reception

HOST_BY_NAME = Rule("host by name", "host.c host_find_byname")
HOST_NAME = Rule("host name", "host.c host_name_lookup")
_DEFERRING = "99.99.99.99"
"""A client whose name cannot be looked up for now, under Exim's test suite (host_name_lookup())."""
_TEMPORARY = frozenset({DnsResult.AGAIN, DnsResult.FAIL})
_NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")
_LIBC_NAME = re.compile(r"(?!-)(?=.{1,254}\Z)(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?")
"""Names of hosts to the C library: it asks for no other, and believes no other that a PTR record gives."""
_H_ERRNO = {DnsResult.NOMATCH: 1, DnsResult.AGAIN: 2, DnsResult.FAIL: 3, DnsResult.NODATA: 4}


@dataclass(frozen=True, slots=True)
class _ByName:
    """What gethostbyname2() gives: the canonical name and the addresses, or the error."""

    error: DnsResult
    name: str = ""
    addresses: tuple[str, ...] = ()


def host_find_byname(
    process: Process,
    host: HostItem,
    *,
    ignore_target_hosts: str | None = None,
    qualify_single: bool = False,
    search_parents: bool = False,
    local_host_check: bool = True,
    canonical_name_wanted: bool = False,
) -> host_chain.HostResult:
    """Find the addresses of ``host.name`` by gethostbyname2(): hosts file, then DNS, IPv6 first.

    ``host`` is filled in and is the first of the result. Nothing is known of DNSSEC. The system's resolver
    knows nothing of Exim's negative cache. ``canonical_name_wanted`` only adds a line to the host-check
    trace. Source: host_find_byname().
    """
    dns.dns_init(process, qualify_single, search_parents, False)
    process.host_find_failed_syntax = False
    asked = host.certname = host.name
    hosts, temporary = _addresses_by_name(process, host, ignore_target_hosts)
    if not hosts:
        find = _not_found(process, host, temporary)
        process.trace.record(HOST_BY_NAME, find.name, host=asked)
        return host_chain.HostResult(find, [host], host.name)
    hosts = host_chain.host_remove_duplicates(hosts)
    find = HostFind.FOUND
    if local_host_check:
        find, hosts, _ = host_chain.host_scan_for_local_hosts(process, hosts)
    if canonical_name_wanted:
        _debug_found(process, f"fully qualified name = {host.name}")
    _debug_found(process, "gethostbyname2 looked up these IP addresses:")
    for item in hosts:
        _debug_found(process, f"  name={item.name} address={item.address or '<null>'}")
    process.trace.record(
        HOST_BY_NAME, find.name, host=asked, addresses=" ".join(h.address or "" for h in hosts)
    )
    return host_chain.HostResult(find, hosts, host.name)


@upward.addresses_by_name.answer
def addresses_by_name(process: Process, name: str) -> tuple[str, ...]:
    """The addresses of a name that the system's resolver gives. Source: ip_connectedsocket(), src/ip.c."""
    result = host_find_byname(process, HostItem(name), qualify_single=True, local_host_check=False)
    return tuple(host.address for host in result.hosts if host.address is not None)


def _addresses_by_name(process: Process, host: HostItem, ignored: str | None) -> tuple[list[HostItem], bool]:
    """An item for each address, and whether a lookup failed for now."""
    hosts: list[HostItem] = []
    temporary = False
    for family in _families(process, host.name):
        with timed(process, "gethostbyname", host.name):
            found = _gethostbyname2(process, host.name, family)
        temporary = temporary or found.error in _TEMPORARY
        if not found.addresses:
            continue
        host.name = found.name
        for address in found.addresses:
            if ignored is not None and (
                verify_hosts.verify_check_given_host(process, ignored, host.name, address) is Rc.OK
            ):
                continue
            item = host if not hosts else replace(host, last_try=0)
            item.address, item.port, item.dnssec = address, PORT_NONE, Dnssec.UNK
            item.status = HostStatus.UNKNOWN
            hosts.append(item)
    return hosts, temporary


def _families(process: Process, name: str) -> tuple[str, ...]:
    if not host_chain.has_ipv6(process) or _in_list(process, name, "dns_ipv4_lookup"):
        return ("A",)
    return ("AAAA", "A")


def _in_list(process: Process, name: str, option: str) -> bool:
    """Whether a name is in the domain list that a main option holds."""
    domains = process.config.main.text(option)
    if domains is None:
        return False
    return match.match_isinlist_of_dns(process, name, domains, option)


def _gethostbyname2(process: Process, name: str, type: str) -> _ByName:
    process.libc_errno = 0  # as the C library leaves it
    version = string_is_ip_address(name)[0]
    if version:
        matches = (version == 6) is (type == "AAAA")
        return _ByName(DnsResult.SUCCEED, name, (name,)) if matches else _ByName(DnsResult.NOMATCH)
    if process.machine.test_harness:
        return _fake_gethostbyname(process, name, type)
    lines = [
        line
        for line in process.world.hosts_file()
        if (":" in line[0]) is (type == "AAAA") and name.lower() in map(str.lower, line[1:])
    ]
    if lines:
        return _ByName(DnsResult.SUCCEED, lines[0][1], tuple(line[0] for line in lines))
    if not _LIBC_NAME.fullmatch(name):
        return _ByName(DnsResult.NOMATCH)
    answer = dns.ask(process, name, type)
    result = dns.result_of(answer)
    if result is not DnsResult.SUCCEED:
        return _ByName(result)
    records = [r for r in answer.answers if r.type == type]
    if records:
        canonical = dns.string_copy_dnsdomain(records[0].name)
        return _ByName(result, canonical, tuple(str(r.data) for r in records))
    alias = any(r.type == "CNAME" for r in answer.answers)
    return _ByName(DnsResult.FAIL if alias else DnsResult.NODATA)  # it asks once, and calls this NO_RECOVERY


def _fake_gethostbyname(process: Process, name: str, type: str) -> _ByName:
    """What stands for the C library under the test suite: Exim's own lookup.

    Source: host_fake_gethostbyname().
    """
    if name == "localhost":
        return _ByName(DnsResult.SUCCEED, name, ("127.0.0.1" if type == "A" else "::1",))
    found = dns.dns_lookup(process, name, type)
    if found.result is not DnsResult.SUCCEED:
        return _ByName(found.result)
    records = [record for record in found.answer.answers if record.type == type]
    return _ByName(found.result, name, tuple(str(record.data) for record in records))


def _not_found(process: Process, host: HostItem, temporary: bool) -> HostFind:
    """Report a name without addresses; dns_again_means_nonexist makes a temporary failure final."""
    text = f"no IP address found for host {host.name}"
    if not process.message_id and process.smtp_connection is not None:
        text += f" (during {process.smtp_connection()})"
    _debug(process, text)
    if not temporary:
        if process.host_checking or not process.log_testing_mode:
            log_write(process, text, when="host_lookup_failed")
        return HostFind.FAILED
    with process.setting(domain=host.name):
        domains = process.config.main.text("dns_again_means_nonexist")
        if match.match_isinlist_of_dns(process, host.name, domains, "dns_again_means_nonexist"):
            return HostFind.FAILED
    return HostFind.AGAIN


def find_for_transport(process: Process, host: HostItem, options: Options) -> host_chain.HostResult:
    """Find a host's addresses as an smtp transport's options say (transports/smtp.c, verify.c)."""
    qualify_single, search_parents = options.flag("dns_qualify_single"), options.flag("dns_search_parents")
    if options.flag("gethostbyname") or string_is_ip_address(host.name)[0]:
        return host_find_byname(process, host, qualify_single=qualify_single, search_parents=search_parents)
    return host_bydns.host_find_bydns(
        process,
        host,
        dnssec_request_domains=options.text("dnssec_request_domains"),
        dnssec_require_domains=options.text("dnssec_require_domains"),
        qualify_single=qualify_single,
        search_parents=search_parents,
        dnssec_lists_named=True,
    )


# ---- names of hosts ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NameLookup:
    """A client's name: OK with ``name`` (and ``aliases``), DEFER, or FAIL with ``message`` for error texts.

    ``secure`` needs both the PTR record and the forward lookup to be secure.
    """

    rc: Rc
    name: str | None = None
    aliases: tuple[str, ...] = ()
    secure: bool = False
    message: str = ""


@upward.host_name_lookup.answer
def _look_up_client(process: Process) -> object:
    return host_name_lookup(process)


def host_name_lookup(process: Process, address: str | None = None, *, for_log: bool = True) -> NameLookup:
    """Find the name of the host at an address (``$sender_host_address``), and check that it points back.

    host_lookup_order says whether PTR records and the hosts file are asked, and in what order. Names that do
    not point back to the address are dropped. Sets ``$sender_host_name``, ``$sender_host_dnssec``,
    ``$host_lookup_failed`` and ``$host_lookup_deferred``, and without ``address`` the client's name in log
    lines if ``for_log``, which most callers in Exim do themselves. Source: host_name_lookup().
    """
    of_client = address is None
    if address is None:
        address = process.variables["sender_host_address"]
    _debug(process, f"looking up host name for {address}")
    process.debug_depth += process.profile.dns_debug_nested
    try:
        known = process.variables.get("sender_host_name") if of_client else None
        result = _name_lookup(process, address, known)
    finally:
        process.debug_depth -= process.profile.dns_debug_nested
    process.trace.record(HOST_NAME, result.rc.name, address=address, name=result.name)
    _set_sender_host(process, result)
    if of_client and for_log:
        host_build_sender_fullhost(process)
    return result


def _name_lookup(process: Process, address: str, known: str | None) -> NameLookup:
    if process.machine.test_harness and address == _DEFERRING:
        _debug_found(process, "Test harness: host name lookup returns DEFER")
        return NameLookup(Rc.DEFER)
    names, secure, deferred = _names_of(process, address, known)
    if deferred:
        return NameLookup(Rc.DEFER)
    if not names:
        if process.host_checking or not process.log_testing_mode:
            log_write(process, f"no host name found for IP address {address}", when="host_lookup_failed")
        return NameLookup(Rc.FAIL, message=" (failed to find host name from IP address)")
    _debug(process, f'IP address lookup yielded "{names[0]}"')
    for alias in names[1:]:
        _debug(process, f'  alias "{alias}"')
    return _checked_names(process, address, names, secure)


def _set_sender_host(process: Process, found: NameLookup) -> None:
    known = process.variables
    known["host_lookup_failed"] = "1" if found.rc is Rc.FAIL else "0"
    known["host_lookup_deferred"] = "1" if found.rc is Rc.DEFER else "0"
    known["sender_host_dnssec"] = "yes" if found.secure else "no"
    process.sender_host_aliases = found.aliases
    if found.name is None:
        known.pop("sender_host_name", None)
    else:
        known["sender_host_name"] = found.name


def _debug(process: Process, text: str) -> None:
    process.hdebug(text, indented=process.profile.host_debug_indented)


def _debug_found(process: Process, text: str) -> None:
    process.hdebug(text, indented=process.profile.host_debug_all_indented)


def _names_of(process: Process, address: str, known: str | None) -> tuple[list[str], bool, bool]:
    """The names found, whether the answer was secure, and whether the search has to be put off.

    To a client that has a name from before (``known``), the names of PTR records are aliases.
    """
    main = process.config.main
    for order in list_items(main.text("host_lookup_order") or ""):
        if order.lower() == "bydns":
            dns.dns_init(process, False, False, False)
            found = dns.dns_lookup(process, dns.dns_build_reverse(address), "PTR")
            names = [n for r in found.records("PTR") if (n := _usable_name(process, str(r.data)))]
            if names:
                return [known, *names] if known else names, found.secure, False
            if found.result is DnsResult.AGAIN:
                _debug_found(process, "IP address PTR lookup gave temporary error")
                return [], False, True
        elif order.lower() == "byaddr":
            _debug_found(process, "IP address lookup using gethostbyaddr()")
            with timed(process, "gethostbyaddr", address):
                result, names = _gethostbyaddr(process, address)
            if names:
                return names, False, False
            _debug_found(process, f"IP address lookup failed: h_errno={_H_ERRNO[result]}")
            if result in _TEMPORARY:
                return [], False, True
        else:
            raise InputError(
                f"host_lookup_order: expected bydns or byaddr, found {order!r}",
                *main.where("host_lookup_order"),
            )
    return [], False, False


def _usable_name(process: Process, name: str) -> str:
    """A PTR record's name in lower case, or nothing if it is none."""
    reason = "an empty name" if name == "" else ""
    if name and process.profile.ptr_name_chars_checked and not _NAME_CHARS.issuperset(name):
        reason = "an illegal name (bad char)"
    if reason:
        _debug(process, f"IP address lookup yielded {reason}: treated as non-existent host name")
        return ""
    return name.lower()


def _gethostbyaddr(process: Process, address: str) -> tuple[DnsResult, list[str]]:
    """gethostbyaddr(): names of the first line of the hosts file that fits, or that of the first record."""
    for listed, *names in process.world.hosts_file():
        if host_is_in_net(listed, address):
            return DnsResult.SUCCEED, [name.lower() for name in names]
    answer = dns.query(process, dns.dns_build_reverse(address), "PTR")
    result = dns.result_of(answer)
    name = next((str(r.data).lower() for r in answer.answers if r.type == "PTR"), "")
    if name and not _LIBC_NAME.fullmatch(name):
        return DnsResult.FAIL, []
    return (result, [name]) if name else (DnsResult.NODATA if result is DnsResult.SUCCEED else result, [])


def _checked_names(process: Process, address: str, names: list[str], secure: bool) -> NameLookup:
    """The names that point back to the address."""
    good: list[str] = []
    for name in names:
        wanted = "*" if secure else None
        found = host_bydns.host_find_bydns(process, HostItem(name), dnssec_request_domains=wanted)
        if found.find is HostFind.AGAIN:
            _debug_found(process, "temporary error for host name lookup")
            return NameLookup(Rc.DEFER)
        if found.find not in (HostFind.FOUND, HostFind.FOUND_LOCAL):
            _debug_found(process, f"no IP addresses found for {name}")
            continue
        secure = secure and found.hosts[0].dnssec is Dnssec.YES
        _debug(process, f"checking addresses for {name}")
        if _points_to(process, found.hosts, address):
            good.append(name)
        else:
            _debug_found(process, f"no IP address for {name} matched {address}")
    if good:
        return NameLookup(Rc.OK, good[0], tuple(good[1:]), secure)
    _debug_found(process, f"{address} does not match any IP address for {names[0]}")
    return NameLookup(Rc.FAIL, message=f" ({address} does not match any IP address for {names[0]})")


def _points_to(process: Process, hosts: list[HostItem], address: str) -> bool:
    for host in hosts:
        if host.address is not None and host_is_in_net(host.address, address):
            _debug_found(process, f"  {host.address} OK")
            return True
        _debug_found(process, f"  {host.address}")
    return False


def look_up_sender_name(reception: Reception, *, for_log: bool = True) -> Rc:
    """Look the client's name up (host_name_lookup()), and keep the reason if it has none."""
    found = host_name_lookup(reception.process, for_log=for_log)
    reception.host_lookup_message = found.message
    return found.rc
