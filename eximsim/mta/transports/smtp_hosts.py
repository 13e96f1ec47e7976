"""The hosts of the smtp transport: the address's, its own, or the fallback hosts (src/transports/smtp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.taint import expand_marked, refused_setup
from eximsim.mta.lookup.host_chain import host_build_hostlist, randomize
from eximsim.mta.lookup.verify_hosts import verify_check_given_host
from eximsim.mta.process.harness import transport_pause
from eximsim.mta.process.log import log_write, quoted
from eximsim.mta.records.open_call import SerializedCall
from eximsim.mta.records.structs import MX_NONE, Address, HostItem
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.transports.smtp_run import Run


def smtp_transport_setup(process: Process, transport: DriverInstance, addrlist: list[Address]) -> None:
    """Give addresses without fallback hosts the transport's own, before the transport's process starts."""
    text = transport.options.text("fallback_hosts")
    if text and not addrlist[0].local_host_removed:
        if process.profile.fallback_hosts_expanded:
            try:
                text = expand(process, text)
            except ExpansionFailed:
                place = transport.options.where("fallback_hosts")
                raise Unsupported("fallback_hosts that does not expand", *place) from None
        for addr in addrlist:
            if not addr.fallback_hosts:
                addr.fallback_hosts = host_build_hostlist(process, text, False)


_CLEARLY = 0.5
"""What is so many seconds earlier has surely come first."""


def host_list(process: Process, transport: DriverInstance, addrlist: list[Address]) -> list[HostItem] | None:
    """The address's hosts, or the transport's own; None after a status was set."""
    first, options = addrlist[0], transport.options
    own = options.text("hosts")
    if first.host_list and not (options.flag("hosts_override") and own is not None):
        if options.flag("hosts_randomize") and first.host_list[0].mx == MX_NONE:
            return randomize(process, first.host_list)
        return first.host_list
    if own is None:
        set_panic(first, f"{transport.name} transport called with no hosts set")
        return None
    try:
        text = expand_marked(process, own)
    except ExpansionFailed as failed:
        shown = quoted(process, own)
        what = f"failed to expand list of hosts {shown} in {transport.name} transport: {failed.message}"
        set_panic(first, what)
        if failed.defer:
            first.transport_return = Rc.DEFER
        return None
    if refused_setup(process, text, f"the hosts of {transport.name}"):
        what = f"attempt to use tainted host list '{text}' from '{own}' in transport {transport.name}"
        log_write(process, what, panic=True)
        set_panic(first, "internal configuration error")
        return None
    hosts = host_build_hostlist(process, text, options.flag("hosts_randomize"))
    if not hosts:
        set_panic(first, f"{transport.name} transport has empty hosts setting")
        return None
    for addr in addrlist:
        addr.host_list = hosts
    return hosts


def set_panic(addr: Address, message: str) -> None:
    """The transport fails for this address, by its set-up."""
    addr.message, addr.transport_return = message, Rc.PANIC


def is_free(run: Run, host: HostItem) -> bool:
    """Whether serialize_hosts lets the host be called: another batch of the message may be speaking to it.

    Deliveries are made one after the other. What the other batch has had to wait for tells whether it would
    still be on its way.
    """
    process, options = run.process, run.transport.options
    text = options.text("serialize_hosts")
    if text is None:
        return True
    found = verify_check_given_host(process, text, host.name, host.address, list_name="serialize_hosts")
    if found is not Rc.OK:
        return True
    now = process.world.now()
    other = process.machine.serialized.get(host.name)
    if other is None or other.pid == process.pid:
        process.machine.serialized[host.name] = SerializedCall(process.pid, run.begun, now, now)
        return True
    here = other.begun + transport_pause(process) + now - run.begun
    if other.may_be_over or not other.since + _CLEARLY <= here <= other.until - _CLEARLY:
        what = "a host of serialize_hosts that a parallel delivery may be speaking to"
        raise Unsupported(what, *options.where("serialize_hosts"))
    other.kept_out.add(process.pid)
    run.counts.serial += 1
    return False
