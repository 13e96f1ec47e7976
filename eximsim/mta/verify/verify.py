"""Verifying an address: can it be routed, and with a callout: do its hosts take it (src/verify.c)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.lookup.host import find_for_transport
from eximsim.mta.lookup.host_chain import host_build_hostlist, host_item_get_port
from eximsim.mta.process import upward
from eximsim.mta.process.log import log_write, quoted
from eximsim.mta.records.verification import VerifyResult
from eximsim.mta.routing.address import deliver_make_addr, deliver_set_expansions, deliver_split_address
from eximsim.mta.routing.rewrite import rewrite_address
from eximsim.mta.routing.route import route_address
from eximsim.mta.verify import cutthrough
from eximsim.mta.verify.verify_callout import do_callout
from eximsim.status import Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address, Downconvert, HostItem
    from eximsim.mta.records.verification import CalloutSettings

VERIFY = Rule("verify", "verify.c verify_address")


def verify_address(
    process: Process,
    address: str,
    *,
    is_recipient: bool,
    callout: CalloutSettings | None = None,
    success_on_redirect: bool = False,
    utf8: Downconvert | None = None,
    real_sender: bool = False,
    constant: bool = False,
) -> VerifyResult:
    """Route ``address`` as a sender or a recipient, and do the callout that is asked for.

    An address that is redirected to exactly one other is verified as that one, unless
    ``success_on_redirect``. The empty address is OK. At which step it failed, or that a random recipient
    was taken, is left in ``$recipient_verify_failure`` or ``$sender_verify_failure``. ``utf8`` is as in
    ``Address``. ``real_sender``: the address is the sender of the message, and what rewrite rules make of it
    is so from now on. ``constant`` is as in ``rewrite_address()``.
    """
    if callout is not None and success_on_redirect:
        callout = replace(callout, success_on_redirect=True)
    if address and "@" in address and process.config.rewrites:
        address = rewrite_address(process, address, is_recipient=is_recipient, constant=constant)
        if real_sender:
            process.variables["sender_address"] = address
    with process.setting(verify_mode="R" if is_recipient else "S"):
        found = _verify(
            process, address, callout, utf8, is_recipient=is_recipient, redirected=success_on_redirect
        )
    found = replace(found, verified=address)
    name = "recipient_verify_failure" if is_recipient else "sender_verify_failure"
    process.variables[name] = found.failure or ""
    return found


def _verify(
    process: Process,
    address: str,
    callout: CalloutSettings | None,
    utf8: Downconvert | None,
    *,
    is_recipient: bool,
    redirected: bool,
) -> VerifyResult:
    """Verify an address, and the one that it is redirected to."""
    if not address:
        return VerifyResult(Rc.OK)
    if "@" not in address:
        return VerifyResult(Rc.FAIL, failure="qualify", routed=True)  # it counts as routed the next time
    first = deliver_make_addr(address)
    pending = [first]
    addr, routed = first, False
    addr.utf8 = utf8
    answered: str | None = None
    while pending:
        addr = pending.pop(0)
        rc, children, failure = _route(process, addr, is_recipient=is_recipient)
        routed = rc is Rc.OK
        if routed and callout is not None:
            rc, failure = _callout(process, addr, callout, is_recipient=is_recipient)
            answered = failure
        if rc is Rc.REROUTED:
            pending.extend(children)
            continue
        process.trace.record(
            VERIFY,
            rc.name,
            address=addr.address,
            callout=callout is not None,
            message=addr.message,
        )
        if rc is not Rc.OK:
            cutthrough.cancel(process)
            return VerifyResult(rc, addr.message, addr.user_message, addr.basic_errno, failure, routed, addr)
        if len(children) != 1 or redirected or children[0].made_for:
            if children:
                cutthrough.cancel(process)
            break
        pending.extend(children)
    told = (addr.message, addr.user_message) if addr is first and callout is not None else (None, None)
    return VerifyResult(Rc.OK, *told, failure=answered, routed=routed, addr=addr)


@upward.verify_recipient.answer
def _verify_errors_address(process: Process, address: str, constant: bool) -> VerifyResult:
    return verify_address(process, address, is_recipient=True, constant=constant)


def _route(process: Process, addr: Address, *, is_recipient: bool) -> tuple[Rc, list[Address], str | None]:
    rc = deliver_split_address(process, addr)
    if rc is not Rc.OK:
        return rc, [], "route"
    sender = process.variables.get("sender_address", "")
    process.return_path = addr.errors_address if addr.errors_address is not None else sender
    if not is_recipient:
        process.variables["sender_address"] = ""
    found = route_address(process, addr, verify="recipient" if is_recipient else "sender")
    process.variables["sender_address"] = sender
    if found.rc is Rc.DISCARD:
        return Rc.OK, [], None
    return found.rc, found.addr_new, None if found.rc is Rc.OK else "route"


def _callout(
    process: Process, addr: Address, settings: CalloutSettings, *, is_recipient: bool
) -> tuple[Rc, str | None]:
    hosts = addr.host_list
    transport = addr.transport
    if transport is not None and transport.driver == "smtp":
        own = transport.options.text("hosts")
        if own is not None and (not hosts or transport.options.flag("hosts_override")):
            hosts = _transport_hosts(process, addr, own)
    if not hosts:
        more = ", or transport is not smtp" if process.profile.callout_names_transport else ""
        process.hdebug(f"Cannot do callout: neither router nor transport provided a host list{more}")
        return Rc.OK, None
    process.hdebug("Attempting full verification using callout")
    if process.host_checking and not process.host_checking_callout:
        process.hdebug("... callout omitted by default when host testing")
        process.hdebug("(Use -bhc if you want the callouts to happen.)")
        return Rc.OK, None
    if transport is None:
        return do_callout(process, addr, [], settings, is_recipient=is_recipient)
    if transport.driver != "smtp":
        raise Unsupported(f"callout over transport driver {transport.driver}", transport.path, transport.line)
    deliver_set_expansions(process, addr)
    result = do_callout(process, addr, hosts, settings, is_recipient=is_recipient)
    deliver_set_expansions(process, None)
    return result


def _transport_hosts(process: Process, addr: Address, text: str) -> list[HostItem]:
    assert addr.transport is not None
    options = addr.transport.options
    process.variables["domain"], process.variables["local_part"] = addr.domain, addr.local_part
    try:
        value = expand(process, text)
    except ExpansionFailed as failed:
        shown = quoted(process, text)
        what = f"failed to expand list of hosts {shown} in {addr.transport.name} transport for callout"
        log_write(process, f"{what}: {failed.message}", panic=True)
        return []
    found: list[HostItem] = []
    for host in host_build_hostlist(process, value, options.flag("hosts_randomize")):
        host.name, port = host_item_get_port(host.name)
        result = find_for_transport(process, host, options)
        for item in result.hosts or [host]:
            item.port = port
            found.append(item)
    return found
