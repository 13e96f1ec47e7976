"""The ipliteral router: domains that are IP addresses in brackets (src/routers/ipliteral.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.string import string_is_ip_address
from eximsim.mta.lookup.host_chain import host_scan_for_local_hosts
from eximsim.mta.lookup.verify_hosts import verify_check_this_host
from eximsim.mta.records.structs import HostItem
from eximsim.mta.routing.routers import rf
from eximsim.status import HostFind, Rc

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address
    from eximsim.mta.routing.address import RouteResult, Verify

_LABELS = ("ipv6:", "ipv4:")


def ipliteral_router_entry(
    process: Process, router: DriverInstance, addr: Address, verify: Verify | None, routed: RouteResult
) -> Rc:
    """Route an address to the host that its domain literal names.

    DECLINE: the domain is no address in brackets, one of a family that is not used, or one of
    ignore_target_hosts. What ``self`` says if it is this host. Source: ipliteral_router_entry().
    """
    address = _literal(process, addr.domain)
    if address is None:
        return Rc.DECLINE
    ignored = router.options.text("ignore_target_hosts")
    if verify_check_this_host(process, ignored, addr.domain, address).rc is Rc.OK:
        addr.message = "IP literal host explicitly ignored"
        return Rc.DECLINE
    find, hosts, _ = host_scan_for_local_hosts(process, [HostItem(addr.domain, address)])
    if find is HostFind.FOUND_LOCAL:
        rc = rf.rf_self_action(process, addr, hosts[0], router, routed)
        if rc is not Rc.OK:
            return rc
    addr.host_list = hosts
    rc = rf.take_on(process, addr, router, verify)
    if rc is not Rc.OK:
        return rc
    if not rf.rf_get_transport(process, addr, router):
        return Rc.DEFER
    return rf.rf_queue_add(process, addr, router, routed)


def _literal(process: Process, domain: str) -> str | None:
    if not (domain.startswith("[") and domain.endswith("]")):
        return None
    address = domain[1:-1]
    if address.lower().startswith(_LABELS):
        address = address[5:]
    version = string_is_ip_address(address)[0]
    unused = version == 0 or (version == 6 and process.config.main.flag("disable_ipv6"))
    return None if unused else address
