"""Telling a sender that a message could not be delivered (part of src/deliver.c and src/moan.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base import errnos
from eximsim.mta.expand.expand import ExpansionFailed, expand, is_true
from eximsim.mta.process.upward import child_open_exim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.spool import Message
    from eximsim.mta.records.structs import Address


def send_bounce(process: Process, recipient: str, failed: Sequence[Address]) -> str | None:
    """Send a delivery status notification about ``failed``; its message id.

    It is a report in the form of RFC 3464, from the empty sender, in words of the model's own.
    """
    content = _report(process, recipient, failed).encode("utf-8", "surrogateescape")
    login = process.machine.exim_user
    return child_open_exim(process, "", [recipient], content, process.message_id, login)


def _report(process: Process, recipient: str, failed: Sequence[Address]) -> str:
    message = process.message
    assert message is not None
    boundary = f"{int(process.world.now())}-eximdsn-{process.pid}"
    addresses = ",\n  ".join(addr.address for addr in failed)
    to_sender = recipient.lower() == message.sender.lower()
    lines = [
        f"X-Failed-Recipients: {addresses}",
        "Auto-Submitted: auto-replied",
        f"From: {_dsn_from(process)}",
        f"To: {recipient}",
        f"Content-Type: multipart/report; report-type=delivery-status; boundary={boundary}",
        "MIME-Version: 1.0",
        f"Subject: Mail delivery failed{': returning message to sender' if to_sender else ''}",
        "",
        f"--{boundary}",
        "Content-type: text/plain; charset=us-ascii",
        "",
        "These recipients could not be reached, and no further attempt will be made:",
        "",
        *(f"  {addr.address}\n    {_reason(addr)}" for addr in failed),
        "",
        f"--{boundary}",
        "Content-type: message/delivery-status",
        "",
        f"Reporting-MTA: dns; {process.machine.hostname}",
        "",
        *(_status(addr) for addr in failed),
        f"--{boundary}",
        "Content-type: message/rfc822",
        "",
        f"Return-path: <{message.sender}>",
    ]
    original = "".join(header.text for header in message.headers if header.kind != "*")
    body = message.body.decode("utf-8", "surrogateescape")
    return "\n".join(lines) + f"\n{original}\n{body}\n--{boundary}--\n"


def check_delay_warning(process: Process, message: Message) -> None:
    """Raise ``Unsupported`` if a deferred message has come to the age at which its sender is warned."""
    options = process.config.main
    times, condition = options.times("delay_warning"), options.text("delay_warning_condition")
    if not message.sender or not times or process.world.now() - message.received_time < times[0]:
        return
    try:
        warned = condition is None or is_true(expand(process, condition))
    except ExpansionFailed:
        warned = True
    if warned:
        raise Unsupported("a warning that a message is delayed", *options.where("delay_warning"))


def _dsn_from(process: Process) -> str:
    """Who a report is from. Source: moan_write_from(), src/moan.c."""
    options = process.config.main
    try:
        return expand(process, options.text("dsn_from") or "")
    except ExpansionFailed as failure:
        what = f"dsn_from that does not expand ({failure.message})"
        raise Unsupported(what, *options.where("dsn_from")) from None


def _reason(addr: Address) -> str:
    number = errnos.strerror(addr.basic_errno) if addr.basic_errno > 0 else ""
    return ": ".join(part for part in (number, addr.message) if part) or "unknown error"


def _status(addr: Address) -> str:
    remote = f"Remote-MTA: dns; {addr.host_used.name}\n" if addr.host_used else ""
    return f"Action: failed\nFinal-Recipient: rfc822;{addr.address}\nStatus: 5.0.0\n{remote}"
