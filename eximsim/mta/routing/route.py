"""Routing one address: which router takes it, and what that comes to (src/route.c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from types import MappingProxyType
from typing import TYPE_CHECKING

from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.hiding import expand_hide_passwords
from eximsim.mta.process.log import log_write
from eximsim.mta.routing.address import RouteResult, Verify, deliver_set_expansions, deliver_split_address
from eximsim.mta.routing.route_conditions import ended_before, prepare
from eximsim.mta.routing.routers import rf
from eximsim.mta.routing.routers.accept import accept_router_entry
from eximsim.mta.routing.routers.dnslookup import dnslookup_router_entry
from eximsim.mta.routing.routers.ipliteral import ipliteral_router_entry
from eximsim.mta.routing.routers.iplookup import iplookup_router_entry
from eximsim.mta.routing.routers.manualroute import manualroute_router_entry
from eximsim.mta.routing.routers.queryprogram import queryprogram_router_entry
from eximsim.mta.routing.routers.redirect import redirect_router_entry
from eximsim.mta.routing.translate import translate_hosts
from eximsim.status import Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address

__all__ = [
    "ROUTERS",
    "RouteResult",
    "Verify",
    "deliver_set_expansions",
    "deliver_split_address",
    "route_address",
]

ROUTER = Rule("router", "route.c route_address")
ROUTING = Rule("routing", "route.c route_address")
Entry = Callable[["Process", "DriverInstance", "Address", Verify | None, RouteResult], Rc]

ROUTERS: MappingProxyType[str, Entry] = MappingProxyType(
    {
        "accept": accept_router_entry,
        "dnslookup": dnslookup_router_entry,
        "ipliteral": ipliteral_router_entry,
        "iplookup": iplookup_router_entry,
        "queryprogram": queryprogram_router_entry,
        "manualroute": manualroute_router_entry,
        "redirect": redirect_router_entry,
    }
)
"""The router drivers."""


def route_address(process: Process, addr: Address, *, verify: Verify | None) -> RouteResult:
    """Offer the address to the routers, in order, until one takes it, fails it or puts it off.

    ``addr`` (split already) gets router, transport, hosts, errors address, and on FAIL and DEFER a message.
    ``rc`` is OK, DISCARD, FAIL or DEFER; with OK the address is in one of the result's lists, or has become
    others in ``addr_new``. Source: route_address().
    """
    process.effort.spend_on_address()
    routed = RouteResult()
    _debug(process, ">" * 35)
    _debug(process, f"routing {addr.address}")
    depth = process.debug_depth
    process.debug_depth += process.profile.route_debug_nested
    rc, router = _offer(process, addr, verify, routed)
    process.debug_depth = depth
    routed.rc = _conclude(process, addr, rc, router, routed)
    if routed.rc is Rc.DEFER:
        addr.message = addr.message and expand_hide_passwords(addr.message)
    deliver_set_expansions(process, None)
    process.variables.pop("router_name", None)
    process.disable_logging = False
    process.trace.record(
        ROUTING,
        routed.rc.name,
        address=addr.address,
        router=addr.router.name if addr.router else None,
        transport=addr.transport.name if addr.transport else None,
        message=addr.message,
    )
    return routed


def _debug(process: Process, text: str) -> None:
    process.hdebug(text, indented=process.profile.route_debug_nested)


def _offer(
    process: Process, addr: Address, verify: Verify | None, routed: RouteResult
) -> tuple[Rc, DriverInstance | None]:
    """What the routers come to, and the router that has to answer for it.

    DECLINE without a router: there are no more. Any other code without a router is final.
    """
    routers = process.config.routers
    index = 0 if addr.start_router is None else _position(routers, addr.start_router.name)
    old_domain = addr.domain
    while index < len(routers):
        router = addr.router = routers[index]
        index += 1
        process.search_error = None
        process.disable_logging = router.options.flag("disable_logging")
        rc = prepare(process, addr, router, verify)
        if rc is Rc.SKIP:
            continue
        ended = ended_before(process, addr, router) if rc is Rc.OK else rc
        if ended is None:
            addr.dsn_lasthop = addr.dsn_lasthop or router.options.flag("dsn_lasthop")
            rc = _run(process, addr, router, verify, routed, old_domain)
            final = rc is Rc.FAIL
        else:
            rc, final = ended, ended is not Rc.DECLINE
        if final:
            return rc, None
        if rc is Rc.PASS:
            following = router.options.text("pass_router")
            index = index if following is None else _position(routers, following)
        elif rc is not Rc.DECLINE:
            return rc, router
        else:
            more = rf.exp_bool(process, addr, router, "more")
            if more is None:
                return Rc.DEFER, None
            if not more:
                _debug(process, '"more" is false: skipping remaining routers')
                break
    return Rc.DECLINE, None


def _position(routers: Sequence[DriverInstance], name: str) -> int:
    return next(index for index, router in enumerate(routers) if router.name == name)


def _run(
    process: Process,
    addr: Address,
    router: DriverInstance,
    verify: Verify | None,
    routed: RouteResult,
    old_domain: str,
) -> Rc:
    """Run the router; fail_verify turns its success into a failure."""
    addr.local_host_removed = False
    process.search_error = None
    _debug(process, f"calling {router.name} router")
    rc = ROUTERS[router.driver](process, router, addr, verify, routed)
    process.variables.pop("router_name", None)
    process.trace.record(ROUTER, rc.name, router=router.name, driver=router.driver, address=addr.address)
    if rc is Rc.FAIL:
        _debug(process, f"{router.name} router forced address failure")
    elif rc in (Rc.OK, Rc.PASS) and _fails_verify(router, verify):
        addr.message = f"{router.name} router forced verify failure"
        routed.unqueue(addr)
        return Rc.FAIL
    if rc in (Rc.PASS, Rc.DECLINE):
        verdict = "passed" if rc is Rc.PASS else "declined"
        _debug(process, f"{router.name} router {verdict} for {addr.address}")
        if old_domain != addr.domain:
            _debug(process, f"domain {old_domain} rewritten")
    return rc


def _fails_verify(router: DriverInstance, verify: Verify | None) -> bool:
    option = _FAIL_VERIFY.get(verify)
    return option is not None and router.options.flag(option)


_FAIL_VERIFY: Mapping[Verify | None, str] = {
    "sender": "fail_verify_sender",
    "recipient": "fail_verify_recipient",
}


def _conclude(
    process: Process, addr: Address, rc: Rc, router: DriverInstance | None, routed: RouteResult
) -> Rc:
    """The final code, and what goes with it."""
    if router is None:
        return _unrouteable(process, addr) if rc is Rc.DECLINE else rc
    if rc is Rc.DEFER:
        _debug(process, f"{router.name} router: defer for {addr.address}")
        _debug(process, f"  message: {addr.message or '<none>'}")
        return rc
    if rc is Rc.DISCARD:
        return rc
    if rc is Rc.REROUTED:
        _debug(process, f"re-routed to {routed.addr_new[0].address}")
        return Rc.OK
    if translate_hosts(process, addr, router) is not Rc.OK:
        return Rc.DEFER
    unseen = rf.exp_bool(process, addr, router, "unseen")
    if unseen is None:
        return Rc.DEFER
    _debug(process, f"routed by {router.name} router{' (unseen)' if unseen else ''}")
    addr.message = None
    if unseen:
        _route_unseen(process, addr, router, routed)
    return Rc.OK


def _unrouteable(process: Process, addr: Address) -> Rc:
    """No router took the address: a router's own message, cannot_route_message, or Exim's."""
    _debug(process, "no more routers")
    if not addr.message:
        message = "Unrouteable address"
        text = addr.router.options.text("cannot_route_message") if addr.router else None
        if text is not None and addr.router is not None:
            try:
                message = expand(process, text)
            except ExpansionFailed as failed:
                if not failed.forced:
                    where = f"cannot_route_message in {addr.router.name} router"
                    log_write(process, f"failed to expand {where}: {failed.message}", panic=True)
        addr.message = addr.user_message = message
    addr.router = None
    return Rc.FAIL


def _route_unseen(process: Process, addr: Address, router: DriverInstance, routed: RouteResult) -> None:
    """Let a copy of the address go on with the next router, if there is one; both get an invented parent.

    Source: route_unseen().
    """
    routers = process.config.routers
    following = _position(routers, router.name) + 1
    if following == len(routers):
        return
    parent = copy(addr)
    parent.child_count = 2
    parent.errors_address = addr.parent.errors_address if addr.parent is not None else None
    clone = rf.make_child(parent, addr.address)
    clone.errors_address = parent.errors_address
    clone.data = {name: text for name, text in addr.data.items() if name.startswith(("address_data", "r_"))}
    clone.start_router = routers[following]
    routed.addr_new.insert(0, clone)
    addr.parent = parent
    addr.unique = f"{addr.unique}/{router.name}"
    message = process.message
    if addr.transport is not None and message is not None and addr.unique in message.nonrecipients:
        parent.child_count -= 1
        routed.unqueue(addr)
