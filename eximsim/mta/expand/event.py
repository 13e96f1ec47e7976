"""Events: what event_action does at a step of a delivery or of a connection (part of src/deliver.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.log import log_write
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address

EVENT = Rule("event", "deliver.c event_raise")


def event_raise(process: Process, action: str | None, event: str, data: str | None = None) -> str | None:
    """Expand an event_action for ``event``; the text that it came to, or None if that is empty.

    Text asks the caller to do otherwise than usual. ``$event_name`` and ``$event_data`` are set meanwhile. A
    failed expansion, forced or not, is logged to main and panic log. An event that the release does not
    have is not raised. Source: event_raise().
    """
    if action is None or event not in process.profile.events:
        return None
    with process.setting(event_name=event, event_data=data):
        try:
            text = expand(process, action)
        except ExpansionFailed as failed:
            where = process.variables.get("transport_name") or "main"
            text = f"failed to expand event_action {event} in {where}: {failed.message}\n"
            log_write(process, text, panic=True)
            return None
    process.trace.record(EVENT, text or "nothing", event=event, data=data)
    return text or None


def main_event_raise(process: Process, event: str, data: str | None = None) -> str | None:
    """Raise an event with the main configuration's event_action."""
    return event_raise(process, process.config.main.text("event_action"), event, data)


def msg_event_raise(process: Process, event: str, addr: Address) -> None:
    """Raise an event about one recipient, with its transport's event_action.

    An address that failed without a transport raises ``msg:fail:internal`` in the main configuration instead,
    since 4.92.
    Source: msg_event_raise().
    """
    host, transport = addr.host_used, addr.transport
    with process.setting(
        router_name=addr.router.name if addr.router else None,
        transport_name=transport.name if transport else process.variables.get("transport_name"),
        domain=addr.domain,
        local_part=addr.local_part,
        host=host.name if host else None,
    ):
        if transport is not None:
            data = addr.message if host is not None or transport.driver in _REMOTE else None
            event_raise(process, transport.options.text("event_action"), event, data)
        elif event == "msg:fail:delivery" and process.profile.failure_without_transport_raises_event:
            main_event_raise(process, "msg:fail:internal", addr.message)
    if not process.profile.events_keep_names:
        forget_names(process)


def forget_names(process: Process) -> None:
    """Nothing is known of a router and a transport any more."""
    for name in ("router_name", "transport_name"):
        process.variables.pop(name, None)


_REMOTE = ("smtp", "lmtp", "autoreply")
