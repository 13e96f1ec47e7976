"""What several routers need: hosts, transport, errors address, headers, ``self`` (src/routers/rf_*.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.string import join_items, list_items, string_is_ip_address
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.taint import expand_marked, refused_setup
from eximsim.mta.lookup import host as hosts
from eximsim.mta.lookup import host_bydns, host_chain
from eximsim.mta.process.log import log_write, quoted
from eximsim.mta.process.upward import verify_recipient
from eximsim.mta.records.structs import MX_NONE, PORT_NONE, Address, HostItem
from eximsim.mta.routing.rewrite_header import rewrite_lines
from eximsim.mta.routing.ugid import Ids, NoSuchUser, ugid_of
from eximsim.status import Errno, HostFind, Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.routing.address import RouteResult, Verify

SELF_ACTION = Rule("self", "routers/rf_self_action.c rf_self_action")

FREEZE = "freeze"
"""``Address.special_action`` of an address whose message is to be frozen."""


INHERITED = ("address_data", "domain_data", "local_part_data")
"""Variables that addresses made by a redirection take over, besides those of ``set``."""


def exp_bool(process: Process, addr: Address, router: DriverInstance, option: str) -> bool | None:
    """A boolean option that may be text to expand; None, with ``addr.message``, for an error.

    A forced failure leaves the option's default. Source: exp_bool(), src/expand.c.
    """
    text = router.options.text(option)
    if text is None:
        return router.options.flag(option)
    try:
        expanded = expand(process, text)
    except ExpansionFailed as failed:
        if failed.forced:
            return option == "more"
        addr.message = f'failed to expand "{option}" in {router.name} router: {failed.message}'
        return None
    if expanded.lower() in ("true", "yes"):
        return True
    if expanded.lower() in ("false", "no"):
        return False
    addr.message = f'"{expanded}" is not a valid value for the "{option}" option in the {router.name} router'
    return None


def rf_expand_data(process: Process, addr: Address, text: str) -> str | Rc:
    """The expanded text, or DECLINE after a forced failure, or DEFER with ``addr.message``."""
    try:
        return expand(process, text)
    except ExpansionFailed as failed:
        if failed.forced:
            return Rc.DECLINE
        addr.message = f"failed to expand {quoted(process, text)}: {failed.message}"
        return Rc.DEFER


def rf_get_errors_address(
    process: Process, addr: Address, router: DriverInstance, verify: Verify | None
) -> tuple[Rc, str | None]:
    """OK and the address for errors (errors_to), or DEFER with ``addr.message``.

    None: as the message has it; empty: nobody. Unless an address is being verified anyway, the errors
    address is verified as a recipient, from the empty sender, and used only if that succeeds.
    """
    text = router.options.text("errors_to")
    if text is None:
        return Rc.OK, addr.errors_address
    try:
        wanted = expand(process, text)
    except ExpansionFailed as failed:
        if failed.forced:
            return Rc.OK, addr.errors_address
        addr.message = f"{router.name} router failed to expand {quoted(process, text)}: {failed.message}"
        return Rc.DEFER, None
    if wanted == "":
        addr.ignore_error = True
        return Rc.OK, ""
    if verify is not None:
        return Rc.OK, wanted
    verified = _verified_errors_address(process, wanted, constant=wanted is text)
    return Rc.OK, addr.errors_address if verified is None else verified


def _verified_errors_address(process: Process, wanted: str, *, constant: bool) -> str | None:
    """The errors address, qualified and rewritten if need be, or None if it is no good.

    ``constant``: it is part of the configuration as it stands.
    """
    if "@" not in wanted:
        wanted, constant = qualified(process, wanted), False
    before, testing = dict(process.variables), process.address_test_mode
    process.variables["sender_address"] = ""
    process.address_test_mode = False
    result = verify_recipient(process, wanted, constant)
    process.variables.clear()
    process.variables.update(before)
    process.address_test_mode = testing
    return result.verified if result.rc is Rc.OK else None


def qualified(process: Process, local_part: str) -> str:
    """A recipient's address without a domain, given one (rewrite_address_qualify(), src/rewrite.c)."""
    return f"{local_part}@{expand(process, '$qualify_recipient')}"


def rf_get_munge_headers(
    process: Process, addr: Address, router: DriverInstance
) -> tuple[tuple[str, ...], str | None] | None:
    """The header lines to add, newest first, and the list of those to remove; None after a DEFER."""
    extra, remove = addr.extra_headers, addr.remove_headers
    options = router.options
    added = _expanded_items(process, addr, router, options.text("headers_add"), "\n", "add_headers")
    removed = _expanded_items(process, addr, router, options.text("headers_remove"), ":", "remove_headers")
    if added is None or removed is None:
        return None
    for text in added:
        extra = (text if text.endswith("\n") else f"{text}\n", *extra)
    if removed:
        addition = join_items(removed, ":")
        remove = addition if remove is None else f"{remove}:{addition}"
    return extra, remove


def _expanded_items(
    process: Process, addr: Address, router: DriverInstance, text: str | None, separator: str, what: str
) -> list[str] | None:
    items = []
    for item in list_items(text or "", separator):
        try:
            items.append(expand(process, item))
        except ExpansionFailed as failed:
            if not failed.forced:
                shown = quoted(process, item)
                addr.message = f"{router.name} router failed to expand {what} item {shown}: {failed.message}"
                return None
    return [item for item in items if item]


def take_on(process: Process, addr: Address, router: DriverInstance, verify: Verify | None) -> Rc:
    """Give the address the router's errors address and header changes: OK or DEFER."""
    rc, errors_address = rf_get_errors_address(process, addr, router, verify)
    if rc is not Rc.OK:
        return rc
    headers = rf_get_munge_headers(process, addr, router)
    if headers is None:
        return Rc.DEFER
    addr.errors_address = errors_address
    addr.extra_headers, addr.remove_headers = headers
    return Rc.OK


def rf_get_transport(process: Process, addr: Address, router: DriverInstance) -> bool:
    """Set ``addr.transport`` to what the transport option names, if it names any; false for an error."""
    return _find_transport(process, addr, router, router.options.text("transport"))


def rf_require_transport(process: Process, addr: Address, router: DriverInstance, option: str) -> bool:
    """Set ``addr.transport`` to what an option names that has to be set; false for an error."""
    name = router.options.text(option)
    if name is None:
        addr.basic_errno, addr.message = Errno.BADTRANSPORT, f"{option} unset in {router.name} router"
        return False
    return _find_transport(process, addr, router, name)


def _find_transport(process: Process, addr: Address, router: DriverInstance, name: str | None) -> bool:
    """Source: rf_get_transport()."""
    if name is None:
        addr.transport = None
        return True
    try:
        expanded = expand_marked(process, name) if "$" in name else name
    except ExpansionFailed as failed:
        addr.basic_errno = Errno.BADTRANSPORT
        addr.message = (
            f"failed to expand transport {quoted(process, name)} in {router.name} router: {failed.message}"
        )
        return False
    if refused_setup(process, expanded, "the name of a transport"):
        log_write(
            process, f"attempt to use tainted value '{expanded}' from '{name}' for transport", panic=True
        )
        addr.basic_errno, addr.message = Errno.BADTRANSPORT, "internal configuration error"
        return False
    addr.transport = process.config.transports.get(expanded)
    if addr.transport is None:
        addr.basic_errno = Errno.BADTRANSPORT
        addr.message = f"transport {quoted(process, expanded)} not found in {router.name} router"
        return False
    return True


def is_local(transport: DriverInstance | None) -> bool:
    """Whether a transport delivers on this machine; only the smtp transport does not."""
    return transport is not None and transport.driver != "smtp"


def rf_queue_add(process: Process, addr: Address, router: DriverInstance, routed: RouteResult) -> Rc:
    """Queue the address for its transport, with fallback hosts if that is remote: OK or DEFER."""
    for name in ("domain_data", "local_part_data"):
        if name in process.variables:
            addr.data[name] = process.variables[name]
    if is_local(addr.transport):
        if not _set_local(process, addr, router):
            return Rc.DEFER
        routed.addr_local.insert(0, addr)
        return Rc.OK
    text = router.options.text("fallback_hosts")
    if text is not None:
        try:
            if process.profile.fallback_hosts_expanded:
                text = expand(process, text)
        except ExpansionFailed:
            return Rc.DEFER
        addr.fallback_hosts = host_chain.host_build_hostlist(process, text, False)
    routed.addr_remote.insert(0, addr)
    return Rc.OK


def _set_local(process: Process, addr: Address, router: DriverInstance) -> bool:
    """Give the address the user, the group and the folders for its local transport; false after an error."""
    account = process.local_account
    if account is not None:
        addr.uid, addr.gid = account.uid, account.gid
        addr.home_dir, addr.home_expanded = account.home, True
    ids = rf_get_ugid(process, addr, router)
    if ids is None:
        return False
    rf_set_ugid(addr, ids)
    home = router.options.text("transport_home_directory")
    if home is not None:
        addr.home_dir, addr.home_expanded = home, False
    elif addr.home_dir is None and addr.home_expanded:
        addr.home_dir = process.variables.get("home")
    addr.current_dir = router.options.text("transport_current_directory")
    return True


def rf_get_ugid(process: Process, addr: Address, router: DriverInstance) -> Ids | None:
    """The router's user and group; None after an error, with ``addr.message``."""
    try:
        ids = ugid_of(process, router, "router")
    except NoSuchUser as failed:
        addr.message = str(failed)
        return None
    if ids.uid is not None and ids.gid is None:
        addr.message = f"user set without group for {router.name} router"
        return None
    return ids


def rf_set_ugid(addr: Address, ids: Ids) -> None:
    """Note them in the address, as far as they are set."""
    addr.uid = addr.uid if ids.uid is None else ids.uid
    addr.gid = addr.gid if ids.gid is None else ids.gid


def rf_change_domain(
    process: Process, addr: Address, domain: str, routed: RouteResult, *, rewrite: bool
) -> None:
    """Replace the address by a child in another domain; ``rewrite``: in the message's header lines, too."""
    local_part = addr.address.rpartition("@")[0]
    child = make_child(addr, f"{local_part}@{domain}")
    child.data = dict(addr.data)
    child.extra_headers, child.remove_headers = addr.extra_headers, addr.remove_headers
    child.errors_address = addr.errors_address
    routed.addr_new.insert(0, child)
    if rewrite and process.message is not None:
        rewrite_lines(process, process.message.headers, routed=(addr.domain, domain))


def make_child(parent: Address, address: str) -> Address:
    """A fresh address that came from ``parent``, with the flags that a child takes over."""
    child = Address(address, unique=address, parent=parent, ignore_error=parent.ignore_error)
    child.utf8 = parent.utf8
    return child


def rf_self_action(
    process: Process, addr: Address, host: HostItem, router: DriverInstance, routed: RouteResult
) -> Rc:
    """What to do with an address that leads to this host, by the ``self`` option; OK is to send it."""
    lowest, plain = "lowest numbered MX record points to local host", "remote host address is the local host"
    message = lowest if host.mx >= 0 else plain
    action = router.options.text("self") or "freeze"
    process.trace.record(SELF_ACTION, action, address=addr.address, host=host.name)
    if action == "send":
        return Rc.OK
    if action.startswith("reroute:"):
        given = action[len("reroute:") :].lstrip()
        domain = given.removeprefix("rewrite:").lstrip()
        rf_change_domain(process, addr, domain, routed, rewrite=domain != given)
        return Rc.REROUTED
    addr.message = message
    if action == "pass":
        addr.self_hostname = host.name
        return Rc.PASS
    if action == "fail":
        addr.pass_message = True
        return Rc.FAIL
    if action == "freeze":
        _log_self_freeze(process, addr, message)
        addr.special_action = FREEZE
    return Rc.DEFER


def _log_self_freeze(process: Process, addr: Address, message: str) -> None:
    text = f"{message}: {addr.domain}"
    if not process.message_id:
        client = process.variables.get("sender_fullhost")
        doing = "routing" if client is None else "verifying"
        whence = "" if client is None else f" from host {client}"
        text += f" (while {doing} <{addr.address}>{whence})"
    log_write(process, text)


def rf_lookup_hostlist(
    process: Process,
    addr: Address,
    router: DriverInstance,
    routed: RouteResult,
    *,
    lookup: str,
    find_failed: str,
    ipv4_only: bool,
    ipv4_first: bool,
) -> Rc:
    """Find the addresses of ``addr.host_list``: of names, ``name::port``, and ``name/mx``.

    ``lookup`` is ``"byname"``, ``"bydns"`` or ``"default"`` (DNS, and by name if that has no such host);
    ``find_failed`` is host_find_failed. Source: rf_lookup_hostlist().
    """
    found: list[HostItem] = []
    self_send = False
    for host in addr.host_list:
        if host.address is not None:
            found.append(host)
            continue
        group, sort_key = host.mx, host.sort_key
        host.name, port = host_chain.host_item_get_port(host.name)
        by_mx = len(host.name) > 3 and host.name.lower().endswith("/mx")
        if by_mx:
            host.name, group = host.name[:-3], MX_NONE
        process.debug_depth += process.profile.host_debug_all_indented
        result = _lookup_one(process, addr, router, host, by_mx, lookup, ipv4_only, ipv4_first)
        process.debug_depth -= process.profile.host_debug_all_indented
        rc = _lookup_failure(process, addr, router, result, find_failed)
        if rc is Rc.SKIP:
            continue
        if rc is not Rc.OK:
            return rc
        for item in result.hosts:
            if port != PORT_NONE:
                item.port = port
            if group != MX_NONE:
                item.mx, item.sort_key = group, sort_key
        if result.find is HostFind.FOUND_LOCAL and not self_send:
            if found:
                addr.local_host_removed = True
                break
            rc = rf_self_action(process, addr, result.hosts[0], router, routed)
            if rc is not Rc.OK:
                addr.host_list = []
                return rc
            self_send = True
        found += result.hosts
    addr.host_list = found
    return Rc.OK


def _lookup_one(
    process: Process,
    addr: Address,
    router: DriverInstance,
    host: HostItem,
    by_mx: bool,
    lookup: str,
    ipv4_only: bool,
    ipv4_first: bool,
) -> host_chain.HostResult:
    ignored = router.options.text("ignore_target_hosts")
    if not by_mx and (lookup == "byname" or string_is_ip_address(host.name)[0]):
        return _by_name(process, host, ignored)
    result = host_bydns.host_find_bydns(
        process,
        host,
        mx=by_mx,
        a=not by_mx,
        dnssec_request_domains=router.options.text("dnssec_request_domains"),
        dnssec_require_domains=router.options.text("dnssec_require_domains"),
        ignore_target_hosts=ignored,
        ipv4_only=ipv4_only,
        ipv4_first=ipv4_first,
        dnssec_lists_named=process.profile.router_lists_named,
    )
    if result.find is HostFind.FOUND and result.removed and not by_mx:
        addr.local_host_removed = True
    if result.find is HostFind.FAILED and lookup == "default" and not by_mx:
        return _by_name(process, result.hosts[0], ignored)
    return result


def _by_name(process: Process, host: HostItem, ignored: str | None) -> host_chain.HostResult:
    return hosts.host_find_byname(
        process, host, ignore_target_hosts=ignored, qualify_single=True, canonical_name_wanted=True
    )


def _lookup_failure(
    process: Process, addr: Address, router: DriverInstance, result: host_chain.HostResult, find_failed: str
) -> Rc:
    """OK if a host was found, SKIP to leave it out, or what the router comes to."""
    name = result.hosts[0].name
    if result.find is HostFind.SECURITY:
        addr.message, addr.basic_errno = f"host lookup for {name} done insecurely", Errno.DNSDEFER
        return Rc.DEFER
    if result.find is HostFind.AGAIN:
        if router.options.flag("pass_on_timeout"):
            return Rc.PASS
        addr.message = f"host lookup for {name} did not complete (DNS timeout?)"
        addr.basic_errno = Errno.DNSDEFER
        return Rc.DEFER
    if result.find is not HostFind.FAILED:
        return Rc.OK
    if find_failed in _QUIET:
        return _QUIET[find_failed]
    addr.basic_errno = Errno.UNKNOWNHOST
    addr.message = f"lookup of host {quoted(process, name)} failed in {router.name} router"
    if process.host_find_failed_syntax:
        addr.message += ": syntax error in name"
    if find_failed == "fail":
        return Rc.FAIL
    if find_failed == "freeze":
        addr.special_action = FREEZE
    return Rc.DEFER


_QUIET = {"ignore": Rc.SKIP, "pass": Rc.PASS, "decline": Rc.DECLINE}
