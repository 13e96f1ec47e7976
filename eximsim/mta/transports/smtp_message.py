"""The message over a call that is set up: transactions, DATA or BDAT, replies (``smtp_deliver()``)."""

from __future__ import annotations

from eximsim.errors import Unsupported
from eximsim.mta.expand.expand import ExpansionFailed
from eximsim.mta.miscmods.dkim_sign import SigningFailed, is_configured
from eximsim.mta.records.structs import Address
from eximsim.mta.transports.dkim_transport import signed_parts
from eximsim.mta.transports.filtering import FilterFailed, set_up_filter
from eximsim.mta.transports.local import Stop
from eximsim.mta.transports.smtp_close import hang_up, show_shutdown
from eximsim.mta.transports.smtp_context import SmtpContext, set_errno
from eximsim.mta.transports.smtp_continue import keep_for_next, most_messages, say_rset, waiting_message
from eximsim.mta.transports.smtp_replies import lost, read_each_by_lmtp, read_one_for_all, read_prdr, refused
from eximsim.mta.transports.smtp_transaction import (
    Sync,
    note_temporary,
    read_outstanding,
    transaction_failed,
    write_mail_and_rcpt,
)
from eximsim.mta.transports.transport import (
    OUT_BUFFER,
    UNLIMITED,
    dotted,
    expand_max_rcpt,
    header_chunks,
)
from eximsim.quick_dataclass import dataclass
from eximsim.status import Errno, Rc

_SENDING, _END = "sending data block", "end of data"
"""What Exim calls the steps in its messages."""


def send_message(sx: SmtpContext, addrs: list[Address], sender: str, size: int | None) -> Rc:
    """Deliver the message to ``addrs``, in as many transactions as max_rcpt asks for, and end the session.

    Without an address there is one transaction all the same: releases that go on to another host when DANE
    has failed all recipients say MAIL to it.

    Returns OK if the host did its part (each address has its own result), DEFER if the host failed.
    """
    if not _set_up_filter(sx, addrs):
        hang_up(sx)
        return Rc.ERROR
    rest, begun = addrs, False
    while rest or not begun:
        named = not begun and _named_by_callout(sx)
        if begun and sx.send_rset and (why := say_rset(sx)) is not None:
            set_errno(sx, rest, why.errno, why.message, Rc.DEFER, host=sx.host)
            break
        if begun:
            _take_up_skipped(rest)
        begun = True
        batch, later = (sx.addrlist, []) if named else _next_batch(sx, rest)
        if not named:
            batch = [addr for addr in batch if addr.transport_return is Rc.PENDING_DEFER]
        sx.ok, sx.send_rset, sx.completed_addr, sx.too_many = False, True, False, None
        sx.last_of_message = not later
        if batch:
            sx.next_addr = batch[0]
        rc = _transaction(sx, batch, later, None if named else MailFrom(sender, size))
        if rc is not None or not sx.completed_addr:
            sx.at_limit = sx.at_limit and sx.next_addr is not None  # known of the connection before this one
            if rc is not None:
                return rc
            break
        if sx.too_many is not None:
            rest = _after_452(sx, addrs)
        else:
            rest = _undecided(later) if sx.limits.domains else later
        limited = sx.process.profile.limits_heeded and most_messages(sx) <= sx.sequence
        sx.at_limit = bool(rest) and limited
        if sx.at_limit:
            break
        if rest:
            sx.sequence += 1
            _mark_continued(sx, rest)
            if sx.process.profile.further_transaction_pipelined:
                sx.process.pipelining_active = sx.pipelining
    if not (sx.completed_addr and sx.send_quit and keep_for_next(sx)):
        hang_up(sx)
    return Rc.OK


def _set_up_filter(sx: SmtpContext, addrs: list[Address]) -> bool:
    """Set the transport's filter up, which rules BDAT out; False if that fails, as the addresses say."""
    what = f"{sx.transport.name[:50]} transport filter"
    try:
        set_up_filter(sx.process, sx.transport, addrs, failed=Rc.DEFER, what=what)
    except Stop as stop:
        set_errno(sx, addrs, stop.errno, stop.message, Rc.DEFER)
        return False
    if sx.process.transport_filter is not None and not is_configured(sx.transport):
        sx.chunking = False
    return True


def _next_batch(sx: SmtpContext, rest: list[Address]) -> tuple[list[Address], list[Address]]:
    """The recipients of the next transaction, and those that come later."""
    limit = min(expand_max_rcpt(sx.process, sx.transport), sx.limits.recipients or UNLIMITED)
    if not sx.limits.domains:
        return rest[:limit], rest[limit:]
    batch: list[Address] = []
    sx.to_skip, restart = [], None
    for number, addr in enumerate(rest):
        if len(batch) == limit:
            return batch, rest[number if restart is None else restart :]
        if not batch or addr.domain == rest[0].domain:
            batch.append(addr)
        elif addr.transport_return is Rc.PENDING_DEFER:
            sx.to_skip.append((len(batch), addr))
            restart = number if restart is None else restart
    return batch, [] if restart is None else rest[restart:]


def _take_up_skipped(rest: list[Address]) -> None:
    """It is the turn of the recipients of other domains, if the session has come as far as this.

    If it has not, they stay skipped, which is taken for a failure.
    """
    for addr in rest:
        if addr.transport_return is Rc.SKIP:
            addr.transport_return = Rc.PENDING_DEFER


def _after_452(sx: SmtpContext, addrs: list[Address]) -> list[Address]:
    """The recipients that another MAIL is said for, from the first that was too much."""
    first = next(number for number, addr in enumerate(addrs) if addr is sx.too_many)
    return _undecided(addrs[first:])


def _undecided(addrs: list[Address]) -> list[Address]:
    return [addr for addr in addrs if addr.transport_return in (Rc.PENDING_DEFER, Rc.SKIP)]


def _mark_continued(sx: SmtpContext, rest: list[Address]) -> None:
    """Another transaction begins, for ``rest``, and the log holds the connection to be a continued one.

    Up to 4.98 the log finds that out as it comes to the first of them, and for all recipients after it.
    """
    begin = next(number for number, addr in enumerate(sx.addrlist) if addr is rest[0])
    for addr in rest if sx.process.profile.continued_mark_of_each else sx.addrlist[begin:]:
        addr.continued = True


@dataclass(frozen=True, slots=True)
class MailFrom:
    """The sender of a transaction, and the size of the message in octets if that is announced."""

    sender: str
    size: int | None


def _named_by_callout(sx: SmtpContext) -> bool:
    """Whether the call is that of a callout, on which MAIL and RCPT have been said.

    All recipients are held to have been accepted then, also those that no callout asked about.
    """
    call = sx.process.continued
    return call is not None and call.sequence == sx.sequence == 1


def _transaction(
    sx: SmtpContext, batch: list[Address], later: list[Address], envelope: MailFrom | None
) -> Rc | None:
    """One transaction for ``batch``; None if the session goes on to ``later``, else what became of the host.

    Without an envelope MAIL and RCPT have been said.
    """
    if envelope is None:
        sx.ok, sync = True, Sync.READ
        for addr in batch:
            addr.transport_return = Rc.PENDING_OK
    else:
        sync = write_mail_and_rcpt(sx, batch, envelope.sender, envelope.size)
    wrapper = sx.process.config.main.flag("mua_wrapper")
    if wrapper and sync is Sync.READ:
        _all_or_none(sx, batch)
    if sync is Sync.READ and not sx.chunking and (sx.ok or (sx.process.pipelining_active and not wrapper)):
        sync = _say_data(sx)
    if sx.too_many is not None:
        sx.last_of_message = False
    if sync is Sync.READ:
        sx.next_addr = sx.too_many or (later[0] if later else None)
        if not (sx.ok or (sx.chunking and _chunk_goes_unwanted(sx))):
            return None
        known = sx.too_many
        rc = _send(sx)
        sx.too_many = known  # where BDAT went out before the replies were read, it is too late
        return rc
    if sync is Sync.BAD_INTERNAL:
        hang_up(sx)
        return Rc.ERROR
    if sync is Sync.RCPT_TIMEOUT:
        sx.send_quit = False
        hang_up(sx)
        return Rc.OK
    if sx.message_ended:
        sx.wire.command = _END  # what Exim goes on to hold for the last command
    return transaction_failed(sx, unsent=sync is Sync.SEND_FAILED)


def _all_or_none(sx: SmtpContext, batch: list[Address]) -> None:
    """Under mua_wrapper one recipient that is not taken is the end of all."""
    if batch and sx.process.profile.mua_wrapper_awaits_all:
        batch = sx.addrlist[sx.addrlist.index(batch[0]) :]
    bad = next((addr for addr in batch if addr.transport_return is not Rc.PENDING_OK), None)
    if bad is not None:
        set_errno(sx, sx.addrlist, 0, bad.message, Rc.FAIL, user=bad.pass_message)
        sx.ok = False


def _chunk_goes_unwanted(sx: SmtpContext) -> bool:
    """Whether BDAT is said although no recipient was accepted, as far as is known."""
    return sx.process.pipelining_active or not sx.process.profile.chunk_needs_recipient


def _say_data(sx: SmtpContext) -> Sync:
    had_good = sx.ok
    if sx.wire.write("DATA") < 0:
        return Sync.SEND_FAILED
    if (sync := read_outstanding(sx)) is not Sync.READ:
        return sync
    sx.wire.command = "DATA"
    if sx.read("3").ok or not (had_good or sx.ok):
        sx.process.pipelining_active = False
        return Sync.READ
    note_temporary(sx, sx.reply, Errno.DATA4XX)
    return Sync.BAD_DATA


def _send(sx: SmtpContext) -> Rc | None:
    """Send the message and take the replies to it; None if the session goes on."""
    if _may_quit_early(sx):
        sx.next_id = waiting_message(sx)
        sx.quit_early = sx.next_id is None
    said = "DATA"
    sx.wire.command, sx.process.transport_count = _SENDING, 0
    text = "       will write message using CHUNKING" if sx.chunking else "SMTP>> (writing message)"
    sx.process.hdebug(f"  {text}", with_v=True)
    try:
        if sx.chunking:
            said, problem = _write_chunks(sx)
            if problem is not None:
                return problem
        elif not _write_message(
            sx, _with_dots(signed_parts(sx.process, sx.transport, sx.everyone, chunked=False))
        ):
            return lost(sx)
        else:
            sx.wire.show(".", "+" if sx.quit_early else "")
    except ExpansionFailed as failed:
        text = f"failed to expand headers_add or headers_remove: {failed.message}"
        return _not_sent(sx, Errno.CHHEADER_FAIL, text)
    except FilterFailed as failed:
        if failed.status is None:
            what = "a transport filter that does not end in time"
            raise Unsupported(what, *sx.transport.options.where("transport_filter")) from None
        status, why = failed.shown
        return _not_sent(sx, Errno.FILTER_FAIL, f"transport filter process failed ({status}){why}")
    except SigningFailed as failed:
        return transaction_failed(sx, not_signed=str(failed.args[0]))
    sx.wire.command, sx.message_ended = _END, True
    if sx.quit_early:
        _note_quit(sx)
    if sx.waiting.mail or sx.waiting.recipients:
        if (sync := _reap(sx)) is Sync.RCPT_TIMEOUT:
            sx.send_quit = False
            hang_up(sx)
            return Rc.OK
        if sync is not Sync.READ:
            return transaction_failed(sx)
    if sx.prdr_active:
        problem = read_prdr(sx, said)
    elif sx.lmtp:
        problem = read_each_by_lmtp(sx, said)
    else:
        problem = read_one_for_all(sx)
    if sx.ok:
        sx.process.pipelining_active = False
    return problem


def _note_quit(sx: SmtpContext) -> None:
    """QUIT has gone out with the message's end, before the replies to that are there."""
    sx.wire.show("QUIT", "" if sx.tls is not None else "+")
    sx.process.scratch = "QUIT"
    sx.send_quit, sx.quit_sent = False, True
    if sx.tls is None:
        show_shutdown(sx)


def _not_sent(sx: SmtpContext, errno: int, text: str) -> Rc:
    """The message cannot be worked out while it is being sent: no host is tried any more."""
    set_errno(sx, sx.addrlist, errno, text, Rc.DEFER, host=sx.host)
    sx.ok = sx.send_quit = False
    hang_up(sx)
    return Rc.ERROR


def _with_dots(parts: tuple[bytes, bytes]) -> bytes:
    """The message as it follows DATA: dots doubled, and the final dot line."""
    return dotted(b"".join(parts)) + b".\r\n"


def _write_chunks(sx: SmtpContext) -> tuple[str, Rc | None]:
    """Send the message by BDAT; the last command, and what became of the host if that is over.

    The header lines of a large message go first, and all replies are read then, so that a message that no
    recipient is accepted for need not be sent. Source: internal_transport_write_message() in transport.c,
    smtp_chunk_cmd_callback().
    """
    head, body = signed_parts(sx.process, sx.transport, sx.everyone, chunked=True)
    options = sx.transport.options
    for option, missing in (("headers_only", True), ("body_only", not body)):
        if options.flag(option) and missing:
            raise Unsupported(f"{option} with BDAT, which Exim then does not say", *options.where(option))
    *before, rest = header_chunks(head)
    if rest and len(rest) + len(body) > OUT_BUFFER:
        before, rest = [*before, rest], b""
    for part in before:
        if not _write_chunk(sx, f"BDAT {len(part)}", part):
            return "", lost(sx)
        if (sx.waiting.mail or sx.waiting.recipients) and _reap(sx) is not Sync.READ:
            return "", transaction_failed(sx)
        if not sx.read().ok:
            return "", refused(sx)
        sx.process.pipelining_active = False
    last = f"BDAT {len(rest) + len(body)} LAST"
    return last, None if _write_chunk(sx, last, rest + body) else lost(sx)


def _write_chunk(sx: SmtpContext, command: str, data: bytes) -> bool:
    hold, last = sx.process.profile.chunk_sent_with_command, command.endswith(" LAST")
    sent = sx.wire.write(command, more=last, hold=hold) > 0 and _write_message(sx, data, last=last)
    sx.wire.command = _SENDING
    return sent


def _reap(sx: SmtpContext) -> Sync:
    """Read the replies to MAIL and RCPT; messages about them name the step that Exim is at by now."""
    step = sx.wire.command
    sync = read_outstanding(sx)
    sx.wire.command = step
    return sync


def _write_message(sx: SmtpContext, data: bytes, *, last: bool = True) -> bool:
    """Send the message, or a chunk of it, and QUIT at its end; False if the connection is lost.

    If a lost TLS session is held to be that of this connection, the server is sent what that session makes of
    the message, and waits for its end, unless QUIT was sent at once and no more is to come.
    """
    process = sx.process
    process.transport_count += len(data)
    lost = process.lost_session
    if sx.tls is not None or lost is None or not lost.socket_reused:
        return sx.wire.send(data + b"QUIT\r\n" if sx.quit_early and last else data)
    if not sx.wire.send(_APPLICATION_DATA + len(data).to_bytes(2, "big") + bytes(len(data))):
        return False
    if sx.quit_early:
        sx.wire.connection.close()
    return True


_APPLICATION_DATA = b"\x17\x03\x03"
"""How a TLS record of content begins (RFC 8446, section 5.1)."""


def _may_quit_early(sx: SmtpContext) -> bool:
    """Whether QUIT goes out with the message's end, unless another message waits for the host."""
    process = sx.process
    return (
        process.profile.quit_pipelined
        and sx.pipelining
        and (sx.completed_addr or sx.chunking)
        and sx.send_quit
        and sx.last_of_message
        and not process.continue_more
        and process.message is not None
        and process.message.deliver_firsttime
    )
