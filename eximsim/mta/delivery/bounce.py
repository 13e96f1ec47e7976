"""Telling a sender that a message could not be delivered, or was (send_bounce_message(), src/deliver.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.string import octets
from eximsim.mta.delivery import dsn
from eximsim.mta.process.hostname import qualify_domain
from eximsim.mta.process.log import printed
from eximsim.mta.process.logins import exim_login
from eximsim.mta.process.references import references
from eximsim.mta.process.upward import child_open_exim
from eximsim.mta.routing.skipped_errors import moan_write_from

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.spool import Message
    from eximsim.mta.records.structs import Address

_IN_A_LINE = 50
"""So many addresses are in one X-Failed-Recipients: line."""
_LIMITED = "X-Exim-DSN-Information: Due to administrative limits only headers are returned"


def send_bounce(process: Process, recipient: str, failed: Sequence[Address]) -> int:
    """Send a delivery status notification (RFC 3464) about ``failed``, from the empty sender.

    The result is the exit code of the process that takes it in.
    """
    copied = dsn.moan_check_errorcopy(process, recipient)
    with process.setting(bounce_recipient=recipient):
        text = "\n".join(_bounce(process, recipient, failed, copied))
    return _send(process, [], text)


def _send(process: Process, recipients: Sequence[str], text: str) -> int:
    login = exim_login(process)
    return child_open_exim(process, "", recipients, octets(text), process.message_id, login)


def _bounce(process: Process, recipient: str, failed: Sequence[Address], copied: str | None) -> Iterator[str]:
    """The lines of a bounce."""
    message = process.message
    assert message is not None
    bound = dsn.boundary(process)
    template = dsn.Template(process, "bounce_message_file", "error")
    to_sender = recipient.lower() == message.sender.lower()
    yield from _failed_recipients(process, failed)
    yield from dsn.reply_to(process)
    yield "Auto-Submitted: auto-replied"
    yield f"From: {moan_write_from(process)}"
    yield f"To: {recipient}"
    yield from references(process, message.headers)
    yield f"Content-Type: multipart/report; report-type=delivery-status; boundary={bound}"
    yield "MIME-Version: 1.0"
    if copied is not None:
        yield f"Bcc: {copied}"
    returning = ": returning message to sender" if to_sender else ""
    yield template.next("header") or f"Subject: Mail delivery failed{returning}\n"
    yield f"--{bound}\nContent-type: text/plain; charset=us-ascii\n"
    yield template.next("intro") or _introduction(process, message, to_sender=to_sender)
    for addr in failed:
        text, named = dsn.address_information(process, addr, "  ", "\n    ", "")
        yield text + (dsn.address_error(process, addr, "") if named else "")
    yield ""
    yield from _generated(process, failed, template.next("generated text"))
    yield f"--{bound}\nContent-type: {dsn.status_type(process)}\n"
    yield f"Reporting-MTA: dns; {dsn.active_hostname(process)}"
    yield from dsn.envelope_id(process)
    yield ""
    for addr in _handled(failed):
        yield from dsn.address_status(process, addr, "failed", "5.0.0")
        yield from dsn.remote_status(process, addr)
        yield ""
    template.next("copy")
    body, added = _returned(process, message)
    kind = dsn.original_type(process, body=body)
    yield f"--{bound}\nContent-type: {kind}\n"
    yield dsn.original(process, body=body, added=added)
    yield f"--{bound}--\n"


def _failed_recipients(process: Process, failed: Sequence[Address]) -> Iterator[str]:
    shown = [
        printed(process, addr.parent.address if addr.made_for and addr.parent else addr.address)
        for addr in failed
        if not addr.hide_child
    ]
    for start in range(0, len(shown), _IN_A_LINE):
        addresses = ",\n  ".join(shown[start : start + _IN_A_LINE])
        yield f"X-Failed-Recipients: {addresses}"


def _introduction(process: Process, message: Message, *, to_sender: bool) -> str:
    own = process.config.main.text("bounce_message_text") or ""
    if to_sender:
        what = (
            "\nA message that you sent could not be delivered to one or more of its\n"
            "recipients. This is a permanent error. The following address(es) failed:\n"
        )
    else:
        what = (
            f"\nA message sent by\n\n  <{message.sender}>\n\n"
            "could not be delivered to one or more of its recipients. The following\n"
            "address(es) failed:\n"
        )
    return f"This message was created automatically by mail delivery software.\n{own}{what}"


def _handled(failed: Sequence[Address]) -> list[Address]:
    """The failed addresses as they are ticked off: the last first, but those of one output as they are."""
    handled = [addr for addr in reversed(failed) if not _is_told(addr)]
    together: list[Address] = []
    for addr in filter(_is_told, failed):
        together.append(addr)
        if addr.return_text is not None:
            handled, together = together + handled, []
    return handled


def _is_told(addr: Address) -> bool:
    """Whether an address is one of those whose command wrote something."""
    return (addr.first or addr).return_text is not None


def _generated(process: Process, failed: Sequence[Address], lead: str | None) -> Iterator[str]:
    """What commands wrote that the message was piped to."""
    told = list(filter(_is_told, failed))
    if not told:
        return
    attempts = "s" if len(told) > 1 else ""
    yield (lead or "").removesuffix(
        "\n"
    ) or f"The following text was generated during the delivery attempt{attempts}:"
    begins = True
    for addr in told:
        if begins:
            yield ""
        yield dsn.address_information(process, addr, "------ ", "\n       ", " ------")[0]
        begins = addr.return_text is not None
        if addr.return_text is not None:
            yield ""
            yield addr.return_text.removesuffix("\n")
    yield ""


_STEP = 8192
"""Octets by which bounce_return_size_limit is rounded up (DELIVER_IN_BUFFER_SIZE)."""


def _returned(process: Process, message: Message) -> tuple[bool, str | None]:
    """Whether a bounce holds the body of its message, and a header line that says why not."""
    options = process.config.main
    if message.dsn_ret == "HDRS":
        return False, None
    if not options.flag("bounce_return_body"):
        return False, _LIMITED if message.dsn_ret == "FULL" else None
    limit = options.number("bounce_return_size_limit")
    too_long = message.longest_received > options.number("bounce_return_linesize_limit")
    if too_long or (limit > 0 and len(message.body) > (limit // _STEP + 1) * _STEP):
        return False, _LIMITED
    return True, None


# ---- what was delivered --------------------------------------------------------------------------------


def report_success(process: Process, succeeded: Sequence[Address]) -> None:
    """Tell the sender of those that servers took that send no reports (``maybe_send_dsn()``)."""
    message = process.message
    assert message is not None
    relayed = [
        addr for addr in succeeded if "SUCCESS" in addr.dsn_flags and (addr.dsn_lasthop or not addr.dsn_aware)
    ]
    if relayed and message.sender:
        _send(process, [message.sender], "\n".join(_success(process, message, relayed[::-1])))


def _success(process: Process, message: Message, relayed: Sequence[Address]) -> Iterator[str]:
    bound, domain = dsn.boundary(process), qualify_domain(process, is_recipient=False)
    yield from dsn.reply_to(process)
    if process.profile.success_reports_use_dsn_from:
        yield f"From: {moan_write_from(process)}"
        yield "Auto-Submitted: auto-generated"
    else:
        yield "Auto-Submitted: auto-generated"
        yield f"From: Mail Delivery System <Mailer-Daemon@{domain}>"
    yield f"To: {message.sender}"
    yield "Subject: Delivery Status Notification"
    yield from references(process, message.headers)
    yield f"Content-Type: multipart/report; report-type=delivery-status; boundary={bound}"
    yield f"MIME-Version: 1.0\n\n--{bound}\nContent-type: text/plain; charset=us-ascii\n"
    yield "This message was created automatically by mail delivery software."
    yield " ----- The following addresses had successful delivery notifications -----"
    for addr in relayed:
        how = "to non-DSN-aware mailer" if _is_remote(addr) else 'via non "Remote SMTP" router'
        yield f"<{addr.address}> (relayed {'via non DSN router' if addr.dsn_lasthop else how})\n"
    yield f"--{bound}\nContent-type: message/delivery-status\n"
    yield f"Reporting-MTA: dns; {dsn.active_hostname(process)}"
    yield from dsn.envelope_id(process)
    yield ""
    for addr in relayed:
        yield from dsn.address_status(process, addr, "delivered", "2.0.0")
        if addr.host_used is not None:
            yield f"Remote-MTA: dns; {addr.host_used.name}\nDiagnostic-Code: smtp; 250 Ok\n"
        else:
            kind = "DSN" if addr.dsn_lasthop else "SMTP"
            yield f"Diagnostic-Code: X-Exim; relayed via non {kind} router\n"
    yield f"--{bound}\nContent-type: text/rfc822-headers\n"
    yield dsn.original(process, body=False)
    yield f"--{bound}--\n"


def _is_remote(addr: Address) -> bool:
    return addr.transport is not None and addr.transport.driver == "smtp"
