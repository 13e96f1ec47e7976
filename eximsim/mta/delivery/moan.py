"""Reports to a sender whose message is not taken in: src/moan.c."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from eximsim.mta.base import errnos
from eximsim.mta.base.string import octets
from eximsim.mta.delivery import dsn
from eximsim.mta.process.log import log_write
from eximsim.mta.process.logins import exim_login
from eximsim.mta.process.references import references
from eximsim.mta.process.upward import child_open_exim
from eximsim.mta.routing.skipped_errors import moan_write_from
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.spool import Header, Message
    from eximsim.mta.records.structs import Address

_LINES = re.compile(rb"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a message is not taken in.

    ``subject`` is the end of a report's subject, ``logged`` what the log line without a report says, ``text``
    what the report says. ``header_read``: it was found out when the header lines had been read.
    """

    subject: str
    logged: str
    text: str
    header_read: bool = True
    message_id: str = ""
    """The id that the message had, if it had one."""
    lines: tuple[Header, ...] | None = None
    """The header lines as Exim made them of what came, once it did; then ``body`` is what followed."""
    body: bytes = b""


NO_RECIPIENTS = Complaint(
    "no recipient addresses",
    "no recipient addresses",
    "A message that you sent contained no recipient addresses, and therefore no\n"
    "delivery could be attempted.\n",
)

ALL_OVERRIDDEN = Complaint(
    "no recipient addresses",
    "no recipient addresses",
    "A message that you sent using the -t command line option contained no\n"
    "addresses that were not also on the command line, and were therefore\n"
    "suppressed. This left no recipient addresses, and so no delivery could\n"
    "be attempted.\n",
)

_TOO_MANY = (
    "A message that you sent contained more recipients than allowed on this\n"
    "system. It was not delivered to any recipients.\n"
)


def too_many_recipients(limit: int, *, header_read: bool) -> Complaint:
    """About a message to more recipients than recipients_max lets it have."""
    logged = f"too many recipients (max set to {limit})"
    return Complaint("too many recipients", logged, _TOO_MANY, header_read)


_MALFORMED = "malformed recipient address"


def malformed_argument(address: str, why: str) -> Complaint:
    """About a recipient on the command line that is no address."""
    dot = "\nRecipient addresses must not end with a '.' character.\n" if address.endswith(".") else ""
    text = (
        "A message that you sent contained a recipient address that was incorrectly\n"
        f"constructed:\n\n  {address}  {why}\n{dot}"
        "\nThe message has not been delivered to any recipients.\n"
    )
    logged = f"at least one malformed recipient address: {address} - {why}"
    return Complaint(_MALFORMED, logged, text, header_read=False)


def malformed_recipients(bad: Sequence[tuple[str, str]]) -> Complaint:
    """About recipients in header lines of which none is an address: each with the reason."""
    lines = "".join(f"  {address}: {why}\n" for address, why in bad)
    ignored = "This address has" if len(bad) == 1 else "These addresses have"
    text = (
        "A message that you sent contained one or more recipient addresses that were\n"
        f"incorrectly constructed:\n\n{lines}\n{ignored} been ignored. "
        "There were no other addresses in your\n"
        "message, and so no attempt at delivery was possible.\n"
    )
    address, why = bad[0]
    return Complaint(_MALFORMED, f"at least one malformed recipient address: {address} - {why}", text)


def too_big(limit: int) -> Complaint:
    """About a message that is larger than message_size_limit."""
    text = (
        "A message that you sent was longer than the maximum size allowed on this\n"
        "system. It was not delivered to any recipients.\n"
    )
    return Complaint("message too big", f"message too big (limit set to {limit})", text)


def overlong(*, line: bool, limit: int) -> Complaint:
    """About a header, or a line of it, that is longer than header_maxsize or header_line_maxsize."""
    what = "header line" if line else "header section"
    text = (
        f"A message that you sent contained a {what} that was excessively\n"
        "long and could not be handled by the mail transmission software. The\n"
        "message has not been delivered to any recipients.\n"
    )
    logged = f"excessively long message {what} read (more than {limit} characters)"
    return Complaint(f"overlong {what}", logged, text)


def refused_by_acl(why: str) -> Complaint:
    """About a message that acl_not_smtp does not let in."""
    text = (
        "A message that you sent was rejected by the local scanning code that\n"
        f"checks incoming messages on this system. The following error was given:\n\n  {why}\n"
    )
    return Complaint("rejected by local scanning code", f"rejected by non-SMTP ACL: {why}", text)


def moan_to_sender(
    process: Process, sender: str, why: Complaint, content: bytes, reference: str = ""
) -> bool:
    """Send a report about ``content``, or log it if there is nobody to send it to; whether it was sent.

    ``reference`` is the id of the message that it is about, if Exim wrote it about another one.

    Source: moan_to_sender() and moan_send_message().
    """
    if not sender:
        about = f"{why.message_id} " if why.message_id and not process.message_id else ""
        other = f" (R={reference})" if reference else ""
        what = f"{about}Error while reading message with no usable sender address{other}"
        log_write(process, f"{what}: {why.logged}")
        return False
    head = [
        *dsn.reply_to(process),
        "Auto-Submitted: auto-replied",
        f"From: {moan_write_from(process)}",
        f"To: {sender}",
        *references(process, process.header_list if why.lines is None else why.lines),
        f"Subject: Mail failure - {why.subject}",
        "",
        why.text,
    ]
    if why.lines is not None:
        lines = b"".join(octets(line.text) for line in why.lines)
        content = lines + b"\n" + why.body
    report = octets("\n".join(head)) + _copy(process, content, header_read=why.header_read)
    reference = why.message_id
    code = child_open_exim(process, "", [], report, reference, exim_login(process))
    if code:
        about = f"{reference} " if reference and not process.message_id else ""
        log_write(process, f"{about}Child mail process returned status {code}")
    return not code


def _copy(process: Process, content: bytes, *, header_read: bool) -> bytes:
    """The message that the report is about, as far as options let it be told."""
    options = process.config.main
    if not options.flag("bounce_return_message"):
        return b""
    if not options.flag("bounce_return_body"):
        head = content.partition(b"\n\n")[0] + b"\n" if header_read else b""
        lead = b"\n------ This is a copy of the headers that were received before the error\n"
        lead += b"       was detected.\n\n"
        return lead + head + b"\n"
    limit = options.number("bounce_return_size_limit")
    lead = b"\n------ This is a copy of your message, including all the headers."
    if 0 < limit < len(content):
        shown = f"{limit >> 10}K" if limit % 1024 == 0 else f"{limit}"
        lead += octets(f"\n------ No more than {shown} characters of the body are included.\n\n")
        if not process.profile.local_report_by_lines:
            content = content[:limit]
    else:
        lead += b" ------\n\n"
    if not process.profile.local_report_by_lines:
        return lead + (b"" if header_read else b"\n") + content
    head, body = b"\n", content
    if header_read:
        end = content.find(b"\n\n") + 2
        head, body = content[:end], content[end:]
    return lead + head + _by_lines(body, options.number("bounce_return_linesize_limit"), limit)


def _by_lines(body: bytes, longest: int, limit: int) -> bytes:
    """The body's lines as fgets() reads them: of one that is too long the rest is lost with its end."""
    lines: list[bytes] = []
    for found in _LINES.finditer(body):
        line = found[0]
        if 0 < limit < len(line[: longest + 1]):
            return b"".join(lines) + line[:limit]
        lines.append(line[: longest + 1])
    return b"".join(lines)


def tell_of_freezing(process: Process, frozen_info: str, deferred: Sequence[Address]) -> None:
    """Tell those whom freeze_tell names that a delivery has frozen its message."""
    message = process.message
    assert message is not None
    if not message.local_error_message:
        why = frozen_info.replace(" by the system filter: ", " by the system filter.\n", 1)
        why = why.replace("\\n", " \n")
        _tell_someone(process, message, "Message frozen", f"has been frozen{why}", deferred)


def tell_of_frozen_arrival(process: Process, message: Message) -> None:
    """Tell those whom freeze_tell names that an ACL has frozen a message that came in."""
    _tell_someone(process, message, "Message frozen on arrival", "was frozen on arrival by ACL", ())


def _tell_someone(
    process: Process, message: Message, subject: str, what: str, deferred: Sequence[Address]
) -> None:
    """Source: moan_tell_someone()."""
    who = process.config.main.text("freeze_tell")
    if not who:
        return
    lines = [
        "Auto-Submitted: auto-replied",
        f"From: {moan_write_from(process)}",
        f"To: {who}",
        *references(process, message.headers),
        f"Subject: {subject}\n",
        f"Message {message.id} {what}.\nThe sender is <{message.sender}>.\n",
    ]
    if deferred:
        lines.append("The following address(es) have yet to be delivered:")
        lines += [_waiting(addr) for addr in deferred]
    report = octets("\n".join(lines) + ("\n" if deferred else ""))
    child_open_exim(process, "", [], report, message.id, exim_login(process))


def _waiting(addr: Address) -> str:
    text = f"  {addr.address}" + (f" <{addr.parent.address}>" if addr.parent else "")
    text += f": {errnos.strerror(addr.basic_errno)}" if addr.basic_errno > 0 else ""
    return text + (f": {addr.message}" if addr.message else "")
