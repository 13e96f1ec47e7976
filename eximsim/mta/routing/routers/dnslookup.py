"""The dnslookup router: hosts from the domain's SRV, MX and address records (src/routers/dnslookup.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from eximsim.mta.base.string import list_items, string_is_ip_address
from eximsim.mta.expand.check_condition import expand_check_condition
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.lookup import host_bydns, host_chain, match
from eximsim.mta.process.log import quoted
from eximsim.mta.records.structs import HostItem
from eximsim.mta.routing.routers import rf
from eximsim.quick_dataclass import dataclass
from eximsim.status import Errno, HostFind, Rc

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address
    from eximsim.mta.routing.address import RouteResult, Verify

_FOUND = frozenset({HostFind.FOUND, HostFind.FOUND_LOCAL})


@dataclass(frozen=True, slots=True)
class _Search:
    """What stays the same for all the names that are tried for one address."""

    process: Process
    router: DriverInstance
    addr: Address
    srv_service: str | None
    widen: bool
    """Whether names may be completed: not for a sender that is verified while headers would be rewritten."""


def dnslookup_router_entry(
    process: Process, router: DriverInstance, addr: Address, verify: Verify | None, routed: RouteResult
) -> Rc:
    """Route an address to the hosts of its domain.

    DECLINE: there is no such domain, or no host to use. DEFER: a lookup did not complete, or was insecure
    where DNSSEC is required. PASS, FAIL, REROUTED: by ``self``; REROUTED also if DNS calls the domain
    otherwise. Source: dnslookup_router_entry(); RFC 5321 section 5.1.
    """
    options = router.options
    srv_service = options.text("check_srv")
    if srv_service is not None:
        try:
            srv_service = expand(process, srv_service)
        except ExpansionFailed as failed:
            if not failed.forced:
                addr.message = (
                    f"{router.name} router: failed to expand {quoted(process, srv_service)}: {failed.message}"
                )
                return Rc.DEFER
            # A null pointer: no item of a list, but to sprintf() a word.
            srv_service = None if process.profile.check_srv_is_list else "(null)"
    widen = verify != "sender" or not options.flag("rewrite_headers") or addr.parent is not None
    search = _Search(process, router, addr, srv_service, widen)
    found = _find(search)
    if isinstance(found, Rc):
        return found
    if addr.domain != found.fully_qualified_name:
        if addr.domain.lower() != found.fully_qualified_name.lower():
            name, rewrite = found.fully_qualified_name, options.flag("rewrite_headers")
            rf.rf_change_domain(process, addr, name, routed, rewrite=rewrite)
            return Rc.REROUTED
        addr.address = f"{addr.address.rpartition('@')[0]}@{found.fully_qualified_name}"
    if found.find is HostFind.FOUND_LOCAL:
        rc = rf.rf_self_action(process, addr, found.hosts[0], router, routed)
        if rc is not Rc.OK:
            return rc
    elif options.flag("check_secondary_mx") and not addr.local_host_removed:
        return Rc.DECLINE
    rc = rf.take_on(process, addr, router, verify)
    if rc is not Rc.OK:
        return rc
    addr.host_list = found.hosts
    if not rf.rf_get_transport(process, addr, router):
        return Rc.DEFER
    return rf.rf_queue_add(process, addr, router, routed)


def _names(search: _Search) -> Iterator[str]:
    """The domain, then the domain widened by each of widen_domains."""
    yield search.addr.domain
    if search.widen:
        for part in list_items(search.router.options.text("widen_domains") or ""):
            yield f"{search.addr.domain}.{part}"


def _find(search: _Search) -> host_chain.HostResult | Rc:
    """The hosts of the first name that has any, or what the router comes to without them."""
    for name in _names(search):
        found = _lookup(search, name)
        if isinstance(found, Rc):
            return found
        rc = _rejected_without_mx(search, found)
        if rc is Rc.SKIP:
            continue
        if rc is not Rc.OK:
            return rc
        if found.find in _FOUND:
            return found
        rc = _not_found(search, found)
        if rc is not Rc.SKIP:
            return rc
    return Rc.DECLINE


def _lookup(search: _Search, name: str) -> host_chain.HostResult | Rc:
    process, options = search.process, search.router.options
    ipv4_only = _holds(search, "ipv4_only")
    ipv4_first = _holds(search, "ipv4_prefer")
    if ipv4_only is None or ipv4_first is None:
        return Rc.DEFER
    process.debug_depth += process.profile.dns_debug_nested
    found = host_bydns.host_find_bydns(
        process,
        HostItem(name),
        mx=True,
        srv_service=search.srv_service,
        srv_fail_domains=options.text("srv_fail_domains"),
        mx_fail_domains=options.text("mx_fail_domains"),
        dnssec_request_domains=options.text("dnssec_request_domains"),
        dnssec_require_domains=options.text("dnssec_require_domains"),
        ignore_target_hosts=options.text("ignore_target_hosts"),
        qualify_single=search.widen and options.flag("qualify_single"),
        search_parents=search.widen and options.flag("search_parents"),
        ipv4_only=ipv4_only,
        ipv4_first=ipv4_first,
        dnssec_lists_named=process.profile.router_lists_named,
    )
    process.debug_depth -= process.profile.dns_debug_nested
    if found.removed:
        search.addr.local_host_removed = True
    return found


def _holds(search: _Search, option: str) -> bool | None:
    """Whether a condition is set and true; None if it cannot be said now."""
    condition = search.router.options.text(option)
    if condition is None:
        return False
    rc = expand_check_condition(search.process, condition, f"{search.router.name} router")
    return None if rc is Rc.DEFER else rc is Rc.OK


def _in_domains(search: _Search, option: str, name: str) -> Rc:
    domains = search.router.options.text(option)
    if domains is None:
        return Rc.FAIL
    return match.match_isinlist_domain(search.process, name, domains, list_name=option)


def _rejected_without_mx(search: _Search, found: host_chain.HostResult) -> Rc:
    """SKIP if the name has address records only and is in mx_domains."""
    if found.find not in _FOUND or found.hosts[0].mx >= 0:
        return Rc.OK
    rc = _in_domains(search, "mx_domains", found.fully_qualified_name)
    if rc is Rc.DEFER:
        search.addr.message = "lookup defer for mx_domains"
        return Rc.DEFER
    return Rc.SKIP if rc is Rc.OK else Rc.OK


def _not_found(search: _Search, found: host_chain.HostResult) -> Rc:
    """What the router comes to; SKIP to go on with the next name."""
    addr, host = search.addr, found.hosts[0]
    if found.find is HostFind.SECURITY:
        addr.message = "host lookup done insecurely"
        return Rc.DEFER
    if found.find is HostFind.AGAIN:
        if search.router.options.flag("pass_on_timeout"):
            return Rc.PASS
        addr.message = "host lookup did not complete"
        return Rc.DEFER
    first = search.process.profile.fail_defer_domains_first
    if first and (rc := _fail_defer(search, found.fully_qualified_name)) is not Rc.OK:
        return rc
    if host.mx >= 0 and host.address is None:
        _explain_useless_mx(search, host)
        if not first and (rc := _fail_defer(search, found.fully_qualified_name)) is not Rc.OK:
            return rc
        return Rc.DECLINE
    if search.process.host_find_failed_syntax:
        addr.message = f"mail domain {quoted(search.process, host.name)} is syntactically invalid"
        return Rc.DECLINE
    return Rc.SKIP


def _fail_defer(search: _Search, name: str) -> Rc:
    """DEFER if the name is in fail_defer_domains, else OK."""
    rc = _in_domains(search, "fail_defer_domains", name)
    if rc is Rc.FAIL:
        return Rc.OK
    if search.process.profile.fail_defer_domains_first:
        search.addr.message = (
            "lookup defer for fail_defer_domains option"
            if rc is Rc.DEFER
            else "missing MX, or all MXs point to missing A records, and defer requested"
        )
    elif rc is Rc.DEFER:
        search.addr.message = "lookup defer for fail_defer_domains"
    return Rc.DEFER


def _explain_useless_mx(search: _Search, host: HostItem) -> None:
    """Say in the address why its MX or SRV records lead nowhere."""
    addr = search.addr
    addr.pass_message = True
    if host.name == "":
        addr.message = "an MX or SRV record indicated no SMTP service"
        return
    addr.basic_errno = Errno.UNKNOWNHOST
    addr.message = "all relevant MX records point to non-existent hosts"
    if string_is_ip_address(host.name)[0] and not search.process.config.main.flag("allow_mx_to_ip"):
        addr.user_message = (
            f"It appears that the DNS operator for {addr.domain}\n"
            "has installed an invalid MX record with an IP address\n"
            "instead of a domain name on the right hand side."
        )
        addr.message += " or (invalidly) to IP addresses"
