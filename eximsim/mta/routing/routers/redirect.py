"""The redirect router: aliases, forwarding and special items (src/routers/redirect.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.string import SMTP_CODE
from eximsim.mta.base.utf8 import string_is_utf8
from eximsim.mta.process.log import log_write
from eximsim.mta.records.structs import Downconvert
from eximsim.mta.routing import rda
from eximsim.mta.routing.filters.filter_log import LogAccess
from eximsim.mta.routing.filters.generated import Generated
from eximsim.mta.routing.routers import rf
from eximsim.mta.routing.skipped_errors import moan_skipped_syntax_errors
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address
    from eximsim.mta.routing.address import RouteResult, Verify
    from eximsim.mta.routing.ugid import Ids

_NEVER_DONE = 9999


def redirect_router_entry(
    process: Process, router: DriverInstance, addr: Address, verify: Verify | None, routed: RouteResult
) -> Rc:
    """Replace an address by others, fail it, put it off or throw it away.

    OK: new addresses are in the result; DISCARD: :blackhole: in a delivery; DECLINE: no data.
    Source: redirect_router_entry().
    """
    ids = rf.rf_get_ugid(process, addr, router)
    if ids is None:
        return Rc.DEFER
    domain = _qualify_domain(process, router, addr)
    if isinstance(domain, Rc):
        return domain
    with process.setting(qualify_recipient=domain or process.variables.get("qualify_recipient")):
        delivering = verify is None and not process.address_test_mode
        read = rda.rda_interpret(
            process,
            router,
            process.variables.get("domain", addr.domain),
            LogAccess.WRITTEN if delivering else LogAccess.SKIPPED,
            _owner(process, ids),
        )
    if _owner(process, ids) is not None and (read.filter or router.options.text("file") is not None):
        read.addresses = [one.untainted() for one in read.addresses]
    addr.message = read.message
    if read.found is rda.Found.NONEXIST:
        addr.message = addr.user_message = None
        return Rc.DECLINE
    if read.found is rda.Found.DEFER:
        return _special(router, addr, Rc.DEFER)
    if read.found is rda.Found.FREEZE:
        if not (process.message is not None and process.message.manual_thaw):
            return _freeze(process, router, addr, verify, routed, read.addresses)
        read.found = rda.Found.NOTDELIVERED
    if read.found is rda.Found.FAIL:
        rc = _add_generated(process, router, addr, verify, routed, read.addresses)
        return rc if rc is not Rc.OK else _special(router, addr, Rc.FAIL)
    if read.found in (rda.Found.ERROR, rda.Found.INCLUDEFAIL):
        if not (read.filter and router.options.flag("skip_syntax_errors")):
            return _error(router, addr, read)
        read.skipped.append((read.message or "", ""))
        addr.message = addr.user_message = None
    if read.filter and read.found is rda.Found.NOTDELIVERED and read.addresses:
        return _filtered_too(process, router, addr, verify, routed, read.addresses)
    if read.skipped and (rc := _skip_errors(process, router, addr, verify, read)) is not Rc.OK:
        return rc
    if read.found is rda.Found.NOTDELIVERED:
        return Rc.DECLINE
    if read.addresses and read.found is not rda.Found.BLACKHOLE:
        rc = _add_generated(process, router, addr, verify, routed, read.addresses)
        if rc is not Rc.OK:
            return rc
    routed.addr_succeed.insert(0, addr)
    if routed.addr_new or verify is not None or process.address_test_mode:
        return Rc.OK
    what = ":blackhole:" if read.found is rda.Found.BLACKHOLE else "discarded"
    log_write(process, f"=> {what} <{addr.address}> R={router.name}")
    return Rc.DISCARD


def _owner(process: Process, ids: Ids) -> tuple[int, int] | None:
    """The ids under which redirection data is read, and files and pipes are delivered to; None: root's."""
    account = process.local_account
    uid, gid = ids.uid, ids.gid
    if account is not None:
        uid, gid = account.uid if uid is None else uid, account.gid if gid is None else gid
    return None if uid is None else (uid, gid or 0)


def _freeze(
    process: Process,
    router: DriverInstance,
    addr: Address,
    verify: Verify | None,
    routed: RouteResult,
    generated: list[Generated],
) -> Rc:
    """A filter freezes the message; what it generated before is delivered, and does not end the address."""
    rc = _add_generated(process, router, addr, verify, routed, generated)
    if rc is not Rc.OK:
        return rc
    addr.message = "frozen by filter" if addr.message is None else addr.message
    addr.special_action = "freeze"
    addr.child_count = _NEVER_DONE
    return Rc.DEFER


def _filtered_too(
    process: Process,
    router: DriverInstance,
    addr: Address,
    verify: Verify | None,
    routed: RouteResult,
    generated: list[Generated],
) -> Rc:
    """A filter has generated addresses, and normal delivery takes place, too: to a child like the address."""
    rc = _add_generated(process, router, addr, verify, routed, generated)
    if rc is not Rc.OK:
        return rc
    first = routed.addr_new[0]
    child = rf.make_child(addr, addr.address)
    child.clean = addr.clean
    child.errors_address, child.data = addr.errors_address, dict(first.data)
    child.extra_headers, child.remove_headers = first.extra_headers, first.remove_headers
    addr.child_count += 1
    routed.addr_new.insert(0, child)
    routed.addr_succeed.insert(0, addr)
    return Rc.OK


def _qualify_domain(process: Process, router: DriverInstance, addr: Address) -> str | Rc | None:
    """The domain that completes generated addresses; None for the usual one."""
    if router.options.flag("qualify_preserve_domain"):
        return addr.domain
    text = router.options.text("qualify_domain")
    return None if text is None else rf.rf_expand_data(process, addr, text)


def _special(router: DriverInstance, addr: Address, rc: Rc) -> Rc:
    """:fail: and :defer: give their message to the SMTP client too."""
    if addr.message is None:
        addr.message = "forced rejection" if rc is Rc.FAIL else "forced defer"
        return rc
    code = SMTP_CODE.match(addr.message) if router.options.flag("forbid_smtp_code") else None
    if code is not None:
        addr.message = addr.message[code.end() :]
    addr.user_message = addr.message
    addr.pass_message = True
    return rc


def _error(router: DriverInstance, addr: Address, read: rda.Redirection) -> Rc:
    if read.inspected:
        kind = "file" if router.options.text("data") is None else "data"
        what = "filter" if read.filter else "redirect"
        addr.basic_errno = Errno.BADREDIRECT
        addr.message = f"error in {what} {kind}: {read.message}"
    return Rc.DEFER


def _skip_errors(
    process: Process, router: DriverInstance, addr: Address, verify: Verify | None, read: rda.Redirection
) -> Rc:
    """Tell of the syntax errors; DECLINE if nothing else is left."""
    told = verify is None and not process.address_test_mode
    some = bool(read.addresses)
    if not moan_skipped_syntax_errors(process, router, read.skipped, some=some, told=told):
        return Rc.DEFER
    if some and not read.filter:
        return Rc.OK
    addr.message = "syntax error in redirection data"
    return Rc.DECLINE


def _add_generated(
    process: Process,
    router: DriverInstance,
    addr: Address,
    verify: Verify | None,
    routed: RouteResult,
    generated: list[Generated],
) -> Rc:
    """Make children of the generated addresses. Source: add_generated(), sort_errors_and_headers()."""
    options = router.options
    rc, errors_address = rf.rf_get_errors_address(process, addr, router, verify)
    if rc is not Rc.OK:
        return rc
    addr.errors_address = errors_address
    headers = rf.rf_get_munge_headers(process, addr, router)
    if headers is None:
        return Rc.DEFER
    known = process.variables
    data = {name: known[name] for name in known if name in rf.INHERITED or name.startswith("r_")}
    following = options.text("redirect_router")
    start = next((r for r in process.config.routers if r.name == following), None)
    children = []
    for one in generated:
        text = one.address
        child = rf.make_child(addr, text)
        if replaced := options.flag("check_ancestor") and _is_ancestor(addr, text):
            child.address = text = addr.address
        child.start_router = start
        if child.utf8 is None and process.profile.i18n and _is_international(process, text):
            child.utf8 = Downconvert.NEVER
        child.hide_child = options.flag("hide_child_in_errmsg")
        if options.flag("one_time") and not process.queue_2stage:
            child.onetime_parent = addr.top.address
        child.errors_address, child.data = errors_address, dict(data)
        child.ignore_error = one.ignore_error or addr.ignore_error
        if one.errors_address is not None:
            child.errors_address = one.errors_address
        child.extra_headers, child.remove_headers = headers
        one.give_to(child)
        child.clean = addr.clean if replaced else child.clean
        if one.made_for:
            _prepare_special(process, router, child)
        children.append(child)
    addr.child_count += len(children)
    routed.addr_new[:0] = children
    return Rc.OK


def _is_international(process: Process, address: str) -> bool:
    return string_is_utf8(address) or string_is_utf8(process.variables.get("sender_address"))


_SPECIAL = {
    "file": ("forbid_file", "file_transport"),
    "pipe": ("forbid_pipe", "pipe_transport"),
    "reply": ("forbid_filter_reply", "reply_transport"),
}
"""What forbids each kind, and which option names its transport."""


def _prepare_special(process: Process, router: DriverInstance, child: Address) -> None:
    """A file or a pipe does not go through routers again: it gets its transport here, and what that needs.

    An error with the transport stands in the address, and is told when it is known to be permitted.
    """
    options, account = router.options, process.local_account
    child.router = router
    ids = rf.rf_get_ugid(process, child, router)
    if ids is not None:
        if account is not None:
            child.uid, child.gid = account.uid, account.gid
        rf.rf_set_ugid(child, ids)
    home = options.text("transport_home_directory")
    if home is not None:
        child.home_dir = home
    elif options.flag("check_local_user") and account is not None:
        child.home_dir, child.home_expanded = account.home, True
    elif child.parent is not None and child.parent.home_expanded:
        child.home_dir, child.home_expanded = process.variables.get("home"), True
    child.current_dir = options.text("transport_current_directory")
    forbid, option = _SPECIAL[child.made_for]
    child.permitted = not options.flag(forbid) and not options.flag("one_time")
    if child.made_for == "file" and child.address.endswith("/"):
        option = "directory_transport"
    with process.setting(**{f"address_{child.made_for}": child.address}):
        rf.rf_require_transport(process, child, router, option)


def _is_ancestor(addr: Address, text: str) -> bool:
    """Whether the address, or one that it came from, is ``text``; in lower case unless its router minds."""
    for one in (addr, *addr.ancestors()):
        caseful = one.router is not None and one.router.options.flag("caseful_local_part")
        if (text == one.address) if caseful else (text.lower() == one.address.lower()):
            return True
    return False
