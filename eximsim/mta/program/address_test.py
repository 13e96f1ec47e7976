"""-bt and -bv: where an address would go (the printing half of verify_address(), src/verify.c)."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from eximsim.mta.base import errnos
from eximsim.mta.base.parse import AddressError
from eximsim.mta.process.extract import extract_address
from eximsim.mta.records.structs import PORT_NONE
from eximsim.mta.routing.address import deliver_make_addr, deliver_split_address
from eximsim.mta.routing.rewrite import rewrite_address_qualify, rewritten_by_rule
from eximsim.mta.routing.route import route_address
from eximsim.quick_dataclass import dataclass
from eximsim.status import Dnssec, Errno, HostStatus, Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address, HostItem
    from eximsim.mta.routing.address import Verify


@dataclass(slots=True)
class _Found:
    """What the routing of one address and of all it turns into has come to."""

    local: list[Address] = field(default_factory=list)
    remote: list[Address] = field(default_factory=list)
    all_ok: bool = True
    rc: Rc = Rc.OK


def test_address(process: Process, text: str, seen: set[str], *, is_recipient: bool, full: bool) -> Rc:
    """Print where ``text`` would be delivered (``full``), or only whether it would; OK, FAIL or DEFER.

    ``seen`` collects the addresses found, of this text and of those before it.
    """
    try:
        address = extract_address(process, text).address
    except AddressError as error:
        process.out(f"syntax error: {error.message}\n")
        return Rc.FAIL
    given = address
    address = rewrite_address_qualify(process, address, is_recipient=is_recipient)
    rewritten = rewritten_by_rule(process, address, is_recipient=is_recipient)
    if rewritten is not None:
        process.out(f"Address rewritten as: {rewritten}\n")
        address = rewritten
    found = _Found()
    first = deliver_make_addr(address)
    first.unique = given  # another form of it is no duplicate
    pending = [first]
    while pending:
        addr = pending.pop(0)
        if addr.made_for:
            _print_special(process, addr)
            found.all_ok = False
            continue
        finished = _route_one(process, addr, address, pending, found, is_recipient=is_recipient, full=full)
        if finished:
            return found.rc
    if found.all_ok and not found.local and not found.remote:
        process.out(f"mail to {address} is discarded\n")
        return found.rc
    for addr in (*found.local, *found.remote):
        _print_routed(process, addr, duplicate=addr.unique in seen)
        seen.add(addr.unique)
    return found.rc


def _print_special(process: Process, addr: Address) -> None:
    assert addr.parent is not None
    shown = f"mail {addr.address[1:]}" if addr.made_for == "reply" else addr.address
    process.out(f"{addr.parent.address} -> {shown}")
    if addr.basic_errno == Errno.BADTRANSPORT:
        process.out(f"\n*** Error in setting up pipe, file, or autoreply:\n{addr.message}\n")
    elif addr.permitted and addr.transport is not None:
        process.out(f"\n  transport = {addr.transport.name}\n")
    else:
        process.out(" *** forbidden ***\n")


def _route_one(
    process: Process,
    addr: Address,
    asked: str,
    pending: list[Address],
    found: _Found,
    *,
    is_recipient: bool,
    full: bool,
) -> bool:
    """Route one address; True if nothing more is to be said."""
    how: Verify | None = None
    if not process.address_test_mode:
        how = "recipient" if is_recipient else "sender"
    rc = deliver_split_address(process, addr)
    children: list[Address] = []
    if rc is Rc.OK:
        sender = process.variables.get("sender_address", "")
        process.return_path = addr.errors_address if addr.errors_address is not None else sender
        verifying = {
            "sender_address": sender if is_recipient else "",
            "verify_mode": "R" if is_recipient else "S",
        }
        with process.setting(**verifying):
            routed = route_address(process, addr, verify=how)
        rc, children = routed.rc, routed.addr_new
        found.local = [*routed.addr_local, *found.local]
        found.remote = [*routed.addr_remote, *found.remote]
    if rc is Rc.DISCARD:
        rc = Rc.OK
    if rc in (Rc.FAIL, Rc.DEFER):
        found.all_ok = False
        _print_failure(process, addr, asked, rc, full=full)
        if rc is Rc.FAIL or found.rc is Rc.OK:
            found.rc = rc
        if full:
            pending[:0] = children  # a router may have made them before it failed
        return not full
    pending[:0] = children
    if not full and (len(children) != 1 or children[0].made_for):
        process.out(f"{asked} {'is deliverable' if process.address_test_mode else 'verified'}\n")
        return True
    return False


def _print_failure(process: Process, addr: Address, asked: str, rc: Rc, *, full: bool) -> None:
    if rc is Rc.FAIL:
        said = "is undeliverable" if process.address_test_mode else "failed to verify"
    else:
        said = "cannot be resolved at this time"
    text = f"{addr.address if full else asked} {said}"
    if addr.basic_errno > 0:
        text += f": {errnos.strerror(addr.basic_errno)}"
    if addr.message is not None:
        text += f": {addr.message}"
    elif rc is Rc.DEFER and addr.basic_errno <= 0:
        text += ": unknown error"
    process.out(text + (_ancestry(addr) if full else "") + "\n")


def _ancestry(addr: Address) -> str:
    return "".join(f"\n    <-- {one.address}" for one in addr.ancestors())


def _print_routed(process: Process, addr: Address, *, duplicate: bool) -> None:
    mark = "   [duplicate, would not be delivered]" if duplicate else ""
    assert addr.router is not None
    transport = addr.transport
    process.out(f"{addr.address}{mark}{_ancestry(addr)}\n  ")
    process.out(f"router = {addr.router.name}, transport = {transport.name if transport else 'unset'}\n")
    if not addr.host_list or transport is None:
        return
    if (
        transport.driver == "smtp"
        and transport.options.flag("hosts_override")
        and transport.options.text("hosts") is not None
    ):
        return
    names = max(len(host.name) for host in addr.host_list)
    addresses = max(len(host.address or "unknown") for host in addr.host_list)
    for host in addr.host_list:
        local, negated = transport.driver != "smtp", process.profile.address_test_negates_ad
        harness = process.machine.test_harness
        line = _host_line(host, names, addresses, local=local, ad_negated=negated, harness=harness)
        process.out(line)


def _host_line(
    host: HostItem, names: int, addresses: int, *, local: bool, ad_negated: bool, harness: bool
) -> str:
    text = f"  host {host.name:<{names}} "
    if host.address is None and local:
        text += f" {'':<{addresses}} "
    else:
        text += f"[{(host.address or 'unknown') + ']':<{addresses + 1}}"
    if host.mx >= 0:
        text += f" MX={host.mx}"
    if host.port != PORT_NONE:
        text += f" port={host.port}"
    if ad_negated:
        text += f" ad={'yes' if host.dnssec is Dnssec.YES else 'no'}"
    elif harness and host.dnssec is Dnssec.YES:
        text += " AD"
    if host.status is HostStatus.UNUSABLE:
        text += " ** unusable **"
    return text + "\n"
