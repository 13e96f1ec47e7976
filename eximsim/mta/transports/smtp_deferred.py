"""What is logged and raised as an event when a host puts mail off (src/transports/smtp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base import errnos
from eximsim.mta.base.errnos import exim_errstr
from eximsim.mta.expand.event import event_raise, forget_names
from eximsim.mta.process.errno_numbers import shown_errno
from eximsim.mta.process.log import deliver_msglog, log_write, selector
from eximsim.mta.records.structs import Address, HostItem

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


def deferred_event_raise(process: Process, addr: Address, host: HostItem, event: str) -> None:
    """Raise an event about a deferral at one host (``deferred_event_raise()``)."""
    assert addr.transport is not None
    action = addr.transport.options.text("event_action")
    if action is None:
        return
    variables = process.variables
    variables["host_address"] = host.address or ""
    variables["host_port"] = str(host.port)
    variables["event_defer_errno"] = str(shown_errno(process, addr.basic_errno))
    why = errnos.strerror(addr.basic_errno) if addr.basic_errno > 0 else None
    data = ": ".join(part for part in (addr.message, why) if part) or None
    with process.setting(
        router_name=addr.router.name if addr.router else None,
        transport_name=addr.transport.name,
        domain=addr.domain,
        local_part=addr.local_part,
    ):
        event_raise(process, action, event, data)
    if not process.profile.events_keep_names:
        forget_names(process)
    elif (transport := process.variables.get("transport_name")) is not None:
        process.variables["router_name"] = transport


def write_logs(process: Process, addr: Address, host: HostItem) -> None:
    """Log what went wrong with one host (``write_logs()``)."""
    who = f"H={host.name} [{host.address}]{f':{host.port}' if selector(process, 'outgoing_port') else ''}"
    if addr.message:
        why = f": {errnos.strerror(addr.basic_errno)}" if addr.basic_errno > 0 else ""
        line = f"{who}: {addr.message}{why}"
    else:
        line = f"{who} {exim_errstr(addr.basic_errno)}"
    log_write(process, line)
    deliver_msglog(process, line)
