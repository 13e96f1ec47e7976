"""The manualroute router: hosts from route_list or route_data (src/routers/manualroute.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.string import SPACES, list_items, skip_spaces, split_separator, string_dequote
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.lookup import host_chain, match
from eximsim.mta.process.log import log_write, quoted
from eximsim.mta.records.lists import Kind
from eximsim.mta.records.structs import HostItem
from eximsim.mta.routing.routers import rf
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address
    from eximsim.mta.routing.address import RouteResult, Verify

_ITEM_SEPARATOR = ";"


@dataclass(slots=True)
class _Choices:
    """What the options of a route item ask for."""

    randomize: bool
    lookup: str = "default"
    ipv4_only: bool = False
    ipv4_first: bool = False
    transport: DriverInstance | None = None


def manualroute_router_entry(
    process: Process, router: DriverInstance, addr: Address, verify: Verify | None, routed: RouteResult
) -> Rc:
    """Route an address to the hosts that the configuration names.

    DECLINE: no item fits, or there is nothing in it. DEFER, FAIL, PASS: a host was not found, as
    host_find_failed says; or by ``self``. Source: manualroute_router_entry().
    """
    item = _route_item(process, router, addr)
    if isinstance(item, Rc):
        return item
    text, words, value = item
    try:
        with process.setting(value=value):
            host_text = expand(process, text)
    except ExpansionFailed as failed:
        if failed.forced:
            return Rc.DECLINE
        addr.message = f"{router.name} router: failed to expand {quoted(process, text)}: {failed.message}"
        return Rc.DEFER
    choices = _choices(process, router, addr, words)
    if choices is None:
        return Rc.DEFER
    rc = rf.take_on(process, addr, router, verify)
    if rc is not Rc.OK:
        return rc
    if choices.transport is not None:
        addr.transport = choices.transport
    elif not rf.rf_get_transport(process, addr, router):
        return Rc.DEFER
    if rf.is_local(addr.transport):
        addr.host_list = [HostItem(host_text)] if host_text else []
        return rf.rf_queue_add(process, addr, router, routed)
    if host_text:
        rc = _find_hosts(process, router, addr, routed, host_text, choices)
        if rc is not Rc.OK:
            addr.transport = None  # it is the address's only once hosts are found
            return rc
        if addr.transport is None and verify is None:
            log_write(process, f"Error in {router.name} router: no transport defined")
            addr.message = "error in router: transport missing"
            return Rc.DEFER
    elif verify is None:
        addr.message = f"error in {router.name} router: no host(s) specified for domain {addr.domain}"
        log_write(process, addr.message)
        return Rc.DEFER
    return rf.rf_queue_add(process, addr, router, routed)


def _route_item(process: Process, router: DriverInstance, addr: Address) -> tuple[str, str, str | None] | Rc:
    """The host list (unexpanded), the option words and ``$value`` of the item that fits the address."""
    routes = router.options.text("route_list")
    if routes is None:
        data = rf.rf_expand_data(process, addr, router.options.text("route_data") or "")
        if isinstance(data, Rc):
            return data
        text, end = string_dequote(data, skip_spaces(data, 0))
        return (text, data[skip_spaces(data, end) :], None) if text else Rc.DECLINE
    for item in _route_items(routes):
        domains, end = string_dequote(item, 0)
        if not item:
            continue
        found = match.match_isinlist(process, addr.domain, domains, Kind.DOMAIN, single=True)
        if found.rc is Rc.OK:
            text, end = string_dequote(item, skip_spaces(item, end))
            return text, item[skip_spaces(item, end) :], found.value
        if found.rc is Rc.DEFER:
            addr.message = "lookup defer in route_list"
            return Rc.DEFER
    return Rc.DECLINE


def _route_items(routes: str) -> list[str]:
    """The items of route_list, which stand between semicolons unless it says otherwise."""
    if routes.lstrip(SPACES).startswith("<"):
        separator, rest = split_separator(routes)
        if rest != routes.lstrip(SPACES):
            return list(list_items(rest, separator))
    return list(list_items(routes, _ITEM_SEPARATOR))


def _choices(process: Process, router: DriverInstance, addr: Address, words: str) -> _Choices | None:
    """What the option words say; None, with ``addr.message``, if one of them is unknown.

    A word may be cut short, as Exim compares no more of it than there is.
    """
    randomize = rf.exp_bool(process, addr, router, "hosts_randomize")
    if randomize is None:
        return None
    choices = _Choices(randomize)
    while words:
        word = words.split(None, 1)[0]
        if "randomize".startswith(word):
            choices.randomize = True
        elif "no_randomize".startswith(word):
            choices.randomize = False
        elif "byname".startswith(word):
            choices.lookup = "byname"
        elif "bydns".startswith(word):
            choices.lookup = "bydns"
        elif process.profile.route_option_ipv4 and "ipv4_prefer".startswith(word):
            choices.ipv4_first = True
        elif process.profile.route_option_ipv4 and "ipv4_only".startswith(word):
            choices.ipv4_only = True
        elif (transport := _named_transport(process, words, word)) is not None:
            choices.transport = transport
        else:
            text = f"unknown routing option or transport name {quoted(process, words)}"
            log_write(process, f"Error in {router.name} router: {text}")
            addr.message = f"error in router: {text}"
            return None
        words = words[len(word) :].lstrip(SPACES)
    return choices


def _named_transport(process: Process, words: str, word: str) -> DriverInstance | None:
    """The transport that a word names: by its beginning, or (old) if the whole rest is its name."""
    for name, transport in process.config.transports.items():
        if name.startswith(word) if process.profile.route_option_transport_anywhere else name == words:
            return transport
    return None


def _find_hosts(
    process: Process,
    router: DriverInstance,
    addr: Address,
    routed: RouteResult,
    text: str,
    choices: _Choices,
) -> Rc:
    """Fill in ``addr.host_list``."""
    all_ignored = router.options.text("host_all_ignored")
    addr.host_list = host_chain.host_build_hostlist(process, text, choices.randomize)
    rc = rf.rf_lookup_hostlist(
        process,
        addr,
        router,
        routed,
        lookup=choices.lookup,
        find_failed=router.options.text("host_find_failed") or "",
        ipv4_only=choices.ipv4_only,
        ipv4_first=choices.ipv4_first,
    )
    if rc is not Rc.OK or addr.host_list:
        return rc
    if all_ignored in ("decline", "pass"):
        return Rc.DECLINE if all_ignored == "decline" else Rc.PASS
    addr.message = (
        f"lookup failed for all hosts in {router.name} router: "
        f"host_find_failed=ignore host_all_ignored={all_ignored}"
    )
    if all_ignored == "freeze":
        addr.special_action = rf.FREEZE
    return Rc.FAIL if all_ignored == "fail" else Rc.DEFER
