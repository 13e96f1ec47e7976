"""Telling a sender that a message waits (send_warning_message(), src/deliver.c)."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from eximsim.mta.base.string import octets
from eximsim.mta.delivery import dsn
from eximsim.mta.delivery.queue_time import message_age
from eximsim.mta.expand.check_condition import expand_check_condition
from eximsim.mta.expand.expand import expand
from eximsim.mta.process.logins import exim_login
from eximsim.mta.process.references import references
from eximsim.mta.process.upward import child_open_exim
from eximsim.mta.routing.skipped_errors import moan_write_from
from eximsim.status import RETRY_BASE, Errno, Rc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.spool import Message
    from eximsim.mta.records.structs import Address


def warn_of_delay(process: Process, message: Message, deferred: Sequence[Address]) -> None:
    """Tell the sender of a message that it waits, if it is time to (``deliver_message()``)."""
    options = process.config.main
    times, condition = options.times("delay_warning"), options.text("delay_warning_condition")
    base = Errno.LRETRY if process.profile.delay_warned_without_attempt else RETRY_BASE
    if not message.sender or not times or all(addr.basic_errno <= base for addr in deferred):
        return
    if (asked := deferred[0].dsn_flags) and "DELAY" not in asked:
        return
    domains = {addr.domain for addr in deferred}
    with process.setting(domain=domains.pop() if len(domains) == 1 else None):
        who = "delay_warning option"
        if condition is not None and expand_check_condition(process, condition, who) is not Rc.OK:
            return
    age = message_age(process, message)
    count, shown = _warnings_due(times, age)
    if message.warning_count >= count:
        return
    recipients = _recipients(message, deferred)
    delay = _delay(age, shown)
    with process.setting(warnmsg_recipients=recipients, warnmsg_delay=delay):
        text = octets("\n".join(_warning(process, message, recipients, deferred, delay)))
    login = exim_login(process)
    if not child_open_exim(process, "", [], text, process.message_id, login):
        message.warning_count = count


def _recipients(message: Message, deferred: Sequence[Address]) -> str:
    """Who is told, as the header line ``To:`` has it; an address that is a part of the text is not added."""
    told = ""
    for addr in deferred:
        who = message.sender if addr.errors_address is None else addr.errors_address
        if who not in told:
            told += f",{who}" if told else who
    return told


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


def _warning(
    process: Process, message: Message, recipients: str, deferred: Sequence[Address], delay: str
) -> Iterator[str]:
    """The lines of a warning."""
    bound = dsn.boundary(process)
    template = dsn.Template(process, "warn_message_file", "warning")
    yield from dsn.reply_to(process)
    yield "Auto-Submitted: auto-replied"
    yield f"From: {moan_write_from(process)}"
    yield f"To: {recipients}"
    yield from references(process, message.headers)
    yield f"Content-Type: multipart/report; report-type=delivery-status; boundary={bound}"
    yield "MIME-Version: 1.0"
    yield template.next("header") or f"Subject: Warning: message {process.message_id} delayed {delay}\n"
    yield f"--{bound}\nContent-type: text/plain; charset=us-ascii\n"
    own = recipients == message.sender
    introduction = template.next("intro")
    if introduction is not None:
        yield introduction
    else:
        yield _introduction(process, message, delay, own=own, several=len(deferred) > 1)
    for addr in deferred:
        text, named = dsn.address_information(process, addr, "  ", "\n    ", "")
        yield text + (dsn.address_error(process, addr, "Delay reason: ") if named else "")
    yield ""
    yield (template.next("final") or "") if template.given else _NO_ACTION
    yield f"--{bound}\nContent-type: message/delivery-status\n"
    yield f"Reporting-MTA: dns; {dsn.active_hostname(process)}"
    yield from dsn.envelope_id(process)
    yield ""
    for addr in deferred:
        yield from dsn.address_status(process, addr, "delayed", "4.0.0")
        yield from dsn.remote_status(process, addr)
        yield ""
    yield f"--{bound}\nContent-type: text/rfc822-headers\n"
    yield dsn.original(process, body=False)
    yield f"--{bound}--\n"


_NO_ACTION = (
    "No action is required on your part. Delivery attempts will continue for\n"
    "some time, and this warning may be repeated at intervals if the message\n"
    "remains undelivered. Eventually the mail delivery software will give up,\n"
    "and when that happens, the message will be returned to you.\n"
)


def _introduction(process: Process, message: Message, delay: str, *, own: bool, several: bool) -> str:
    text = "This message was created automatically by mail delivery software.\n"
    if own:
        text += (
            "A message that you sent has not yet been delivered to one or more of its\n"
            "recipients after more than "
        )
    else:
        text += (
            f"A message sent by\n\n  <{message.sender}>\n\n"
            "has not yet been delivered to one or more of its recipients after more than \n"
        )
    host = expand(process, "$primary_hostname")
    text += f"{delay} on the queue on {host}.\n\nThe message identifier is:     {process.message_id}\n"
    for header in message.headers:
        for name, shown in (
            ("Subject:", "The subject of the message is: "),
            ("Date:", "The date of the message is:    "),
        ):
            if header.text.lower().startswith(name.lower()):
                text += f"{shown}{header.text[len(name) + 1 :]}"
    what = "addresses" if several else "address"
    return (
        f"{text}\nThe {what} to which the message has not yet been delivered {'are' if several else 'is'}:\n"
    )
