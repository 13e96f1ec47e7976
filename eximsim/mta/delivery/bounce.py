"""Telling a sender that a message could not be delivered (part of src/deliver.c and src/moan.c)."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from eximsim.mta.base import errnos
from eximsim.mta.delivery.moan import moan_write_from
from eximsim.mta.expand.check_condition import expand_check_condition
from eximsim.mta.process.upward import child_open_exim
from eximsim.status import RETRY_BASE, Errno, Rc

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


def report_success(process: Process, succeeded: Sequence[Address]) -> None:
    """Tell the sender of those that servers took that send no reports (``maybe_send_dsn()``)."""
    message = process.message
    assert message is not None
    relayed = [addr for addr in succeeded if "SUCCESS" in addr.dsn_flags and not addr.dsn_aware]
    if not relayed or not message.sender:
        return
    boundary = f"{int(process.world.now())}-eximdsn-{process.pid}"
    lines = [
        f"From: {moan_write_from(process)}",
        "Auto-Submitted: auto-generated",
        f"To: {message.sender}",
        "Subject: Delivery Status Notification",
        f"Content-Type: multipart/report; report-type=delivery-status; boundary={boundary}",
        "MIME-Version: 1.0",
        "",
        f"--{boundary}",
        "Content-type: text/plain; charset=us-ascii",
        "",
        "The message has been passed on for these recipients, to servers that send no reports:",
        "",
        *(f"  {addr.address}" for addr in relayed),
        "",
        f"--{boundary}",
        "Content-type: message/delivery-status",
        "",
        f"Reporting-MTA: dns; {process.machine.hostname}",
        *([f"Original-Envelope-ID: {message.dsn_envid}"] if message.dsn_envid is not None else []),
        "",
        *(f"Action: delivered\nFinal-Recipient: rfc822;{addr.address}\nStatus: 2.0.0\n" for addr in relayed),
        f"--{boundary}",
        "Content-type: text/rfc822-headers",
        "",
        f"Return-path: <{message.sender}>",
    ]
    original = "".join(header.text for header in message.headers if header.kind != "*")
    content = "\n".join(lines) + f"\n{original}\n--{boundary}--\n"
    login = process.machine.exim_user
    octets = content.encode("utf-8", "surrogateescape")
    child_open_exim(process, "", [message.sender], octets, process.message_id, login)


def _report(process: Process, recipient: str, failed: Sequence[Address]) -> str:
    message = process.message
    assert message is not None
    boundary = f"{int(process.world.now())}-eximdsn-{process.pid}"
    addresses = ",\n  ".join(addr.address for addr in failed)
    to_sender = recipient.lower() == message.sender.lower()
    lines = [
        f"X-Failed-Recipients: {addresses}",
        "Auto-Submitted: auto-replied",
        f"From: {moan_write_from(process)}",
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
    body = message.body.decode("utf-8", "surrogateescape") if _has_body(process, message) else ""
    return "\n".join(lines) + f"\n{original}\n{body}\n--{boundary}--\n"


_STEP = 8192
"""Octets by which bounce_return_size_limit is rounded up (DELIVER_IN_BUFFER_SIZE)."""


def _has_body(process: Process, message: Message) -> bool:
    """Whether a bounce holds the body of its message (``deliver_message()``)."""
    options = process.config.main
    if message.dsn_ret == "HDRS" or not options.flag("bounce_return_body"):
        return False
    if message.longest_line > options.number("bounce_return_linesize_limit"):
        return False
    limit = options.number("bounce_return_size_limit")
    return limit <= 0 or len(message.body) <= (limit // _STEP + 1) * _STEP


def warn_of_delay(process: Process, message: Message, deferred: Sequence[Address]) -> None:
    """Tell the sender of a message that it waits, if it is time to (``deliver_message()``)."""
    options = process.config.main
    times, condition = options.times("delay_warning"), options.text("delay_warning_condition")
    base = Errno.LRETRY if process.profile.delay_warned_without_attempt else RETRY_BASE
    if not message.sender or not times or all(addr.basic_errno <= base for addr in deferred):
        return
    domains = {addr.domain for addr in deferred}
    with process.setting(domain=domains.pop() if len(domains) == 1 else None):
        who = "delay_warning option"
        if condition is not None and expand_check_condition(process, condition, who) is not Rc.OK:
            return
    age = int(process.world.now() - message.received_time)
    count, shown = _warnings_due(times, age)
    if message.warning_count >= count:
        return
    recipients = tuple(dict.fromkeys(addr.errors_address or message.sender for addr in deferred))
    text = _warning(process, recipients, deferred, _delay(age, shown)).encode("utf-8", "surrogateescape")
    login = process.machine.exim_user
    child_open_exim(process, "", recipients, text, process.message_id, login)
    message.warning_count = count


def _warnings_due(times: Sequence[int], age: int) -> tuple[int, int]:
    """How many warnings there should have been at an age in seconds, and the time that the last one names.

    Past the last time the gap before it is repeated.
    """
    count = sum(1 for _ in takewhile(lambda time: age >= time, times))
    if not count:
        return 0, 0
    shown = times[count - 1]
    if count < len(times):
        return count, shown
    gap = shown - (times[count - 2] if count > 1 else 0)
    more = (age - times[count - 1]) // gap
    return count + more, shown + gap * more


def _delay(age: int, shown: int) -> str:
    """``$warnmsg_delay``."""
    return f"{shown // 60} minutes" if age < 120 * 60 else f"{shown // 3600} hours"


def _warning(process: Process, recipients: Sequence[str], deferred: Sequence[Address], delay: str) -> str:
    boundary = f"{int(process.world.now())}-eximdsn-{process.pid}"
    lines = [
        "Auto-Submitted: auto-replied",
        f"From: {moan_write_from(process)}",
        f"To: {','.join(recipients)}",
        f"Content-Type: multipart/report; report-type=delivery-status; boundary={boundary}",
        "MIME-Version: 1.0",
        f"Subject: Warning: message {process.message_id} delayed {delay}",
        "",
        f"--{boundary}",
        "Content-type: text/plain; charset=us-ascii",
        "",
        f"For {delay} these recipients could not be reached; they will be tried again:",
        "",
        *(f"  {addr.address}\n    {_reason(addr)}" for addr in deferred),
        "",
        f"--{boundary}--",
    ]
    return "\n".join(lines) + "\n"


def _reason(addr: Address) -> str:
    number = errnos.strerror(addr.basic_errno) if addr.basic_errno > 0 else ""
    return ": ".join(part for part in (number, addr.message) if part) or "unknown error"


def _status(addr: Address) -> str:
    remote = f"Remote-MTA: dns; {addr.host_used.name}\n" if addr.host_used else ""
    return f"Action: failed\nFinal-Recipient: rfc822;{addr.address}\nStatus: 5.0.0\n{remote}"
