"""MAIL, RCPT and the message itself over a call that is set up: the second half of ``smtp_deliver()``."""

from __future__ import annotations

from enum import Enum

from eximsim.mta.base import errnos
from eximsim.mta.base.string import string_printing
from eximsim.mta.expand.event import msg_event_raise
from eximsim.mta.process.log import log_write
from eximsim.mta.records.structs import Address
from eximsim.mta.transports import retry
from eximsim.mta.transports.smtp_close import hang_up
from eximsim.mta.transports.smtp_context import (
    Outstanding,
    SmtpContext,
    check_response,
    set_errno,
)
from eximsim.mta.transports.smtp_continue import keep_for_next, say_rset
from eximsim.mta.transports.smtp_decisions import RCPT_REPLY, TRANSACTION_FAILED, Recipient, Stage
from eximsim.mta.transports.smtp_out import Answer, Reply
from eximsim.mta.transports.transport import transport_rcpt_address, transport_write_message
from eximsim.status import Errno, Rc

_REPLIED = (0, Errno.MAIL4XX, Errno.DATA4XX)
"""The numbers that stand for a reply, not for its lack."""


class Sync(Enum):
    """What saying MAIL, RCPT or DATA and reading the replies came to (``sync_responses()``)."""

    READ = "all replies read"
    RCPT_TIMEOUT = "no reply to RCPT in time"
    LOST = "connection lost or malformed reply"
    BAD_MAIL = "MAIL refused"
    BAD_DATA = "DATA refused"
    SEND_FAILED = "could not be sent"


def write_mail_and_rcpt(sx: SmtpContext, addrs: list[Address], sender: str, size: int | None) -> Sync:
    """Say MAIL, then RCPT for each of ``addrs``; read what may be read (``smtp_write_mail_and_rcpt_cmds()``).

    Each address whose reply was read gets PENDING_OK, FAIL or DEFER; ``sx.ok`` tells whether any was
    accepted, ``sx.completed_addr`` whether any is done with for good. ``size`` (bytes) is announced if the
    server takes it.
    """
    announced = f" SIZE={size}" if size is not None and "SIZE" in sx.features else ""
    sx.waiting = Outstanding(f"MAIL FROM:<{sender}>{announced}")
    if (sync := _say(sx, sx.waiting.mail, buffer=sx.pipelining)) is not Sync.READ:
        return sync
    affixes = sx.transport.options.flag("rcpt_include_affixes")
    for number, addr in enumerate(addrs, 1):
        sx.waiting.recipients.append(addr)
        buffer = sx.pipelining and not (sx.verify and number == len(addrs))
        rcpt = transport_rcpt_address(addr, include_affixes=affixes)
        sx.note_recipient(addr.address)
        if (sync := _say(sx, f"RCPT TO:<{rcpt}>", buffer=buffer)) is not Sync.READ:
            return sync
    return Sync.READ


def _say(sx: SmtpContext, command: str, *, buffer: bool) -> Sync:
    count = sx.wire.write(command, buffer=buffer)
    if count < 0:
        return Sync.SEND_FAILED
    return _read_outstanding(sx) if count else Sync.READ


def _read_outstanding(sx: SmtpContext) -> Sync:
    """Read the replies to MAIL and to each RCPT that is waiting."""
    last = sx.wire.command
    waiting, sx.waiting = sx.waiting, Outstanding()
    if waiting.mail:
        sx.wire.command = waiting.mail
        if not sx.read().ok:
            _note_temporary(sx, sx.reply, Errno.MAIL4XX)
            return Sync.BAD_MAIL
    for addr in waiting.recipients:
        if (sync := _read_rcpt(sx, addr)) is not Sync.READ:
            return sync
    sx.wire.command = last
    return Sync.READ


def _read_rcpt(sx: SmtpContext, addr: Address) -> Sync:
    affixes = sx.transport.options.flag("rcpt_include_affixes")
    command = f"RCPT TO:<{transport_rcpt_address(addr, include_affixes=affixes)}>"
    addr.host_used = sx.host
    row = RCPT_REPLY.decide(sx.process, sx.read().answer, address=addr.address)
    if row.outcome is Recipient.ACCEPTED:
        addr.transport_return = Rc.PENDING_OK
        sx.ok = sx.completed_addr = True
        if addr.dr_retry_exists:
            retry.forget_address(sx.process, addr)
    elif row.outcome is Recipient.TIMEOUT:
        set_errno(sx.addrlist, errnos.ETIMEDOUT, row.text.format(command=command), Rc.DEFER)
        retry.retry_add_item(addr, addr.address_retry_key)
        sx.update_waiting = False
        return Sync.RCPT_TIMEOUT
    elif row.outcome is Recipient.LOST:
        sx.wire.command = command
        return Sync.LOST
    else:
        addr.message = row.text.format(command=command, reply=string_printing(sx.reply.text))
        addr.pass_message = True
        if row.outcome is Recipient.REFUSED:
            addr.transport_return, sx.completed_addr = Rc.FAIL, True
        else:
            _rcpt_deferred(sx, addr)
    return Sync.READ


def _rcpt_deferred(sx: SmtpContext, addr: Address) -> None:
    addr.transport_return = Rc.DEFER
    addr.basic_errno = Errno.RCPT4XX
    addr.more_errno |= int(sx.reply.text[1:3]) << 8
    if not sx.verify:
        sx.process.variables["event_defer_errno"] = str(addr.more_errno)
        msg_event_raise(sx.process, "msg:rcpt:host:defer", addr)
        if sx.more_hosts:
            colon = ":" if sx.process.profile.deferred_rcpt_colon else ""
            log_write(sx.process, f"H={sx.host.name} [{sx.host.address}]{colon} {addr.message}")
        else:
            msg_event_raise(sx.process, "msg:rcpt:defer", addr)
        retry.add_rcpt_defer(sx.process, sx.transport, addr)
        sx.update_waiting = False


def _note_temporary(sx: SmtpContext, reply: Reply, errno: Errno) -> None:
    """A 4xx reply to MAIL, DATA or the message is an error of the message, under a number of its own."""
    if not reply.errno and reply.text[:1] == "4":
        sx.addrlist[0].more_errno |= int(reply.text[1:3]) << 8
        sx.reply = Reply(False, reply.text, errno)


def send_message(sx: SmtpContext, addrs: list[Address], sender: str, size: int | None) -> Rc:
    """Deliver the message to ``addrs``, in as many transactions as max_rcpt asks for, and end the session.

    Without an address there is one transaction all the same: releases that go on to another host when DANE
    has failed all recipients say MAIL to it.

    Returns OK if the host did its part (each address has its own result), DEFER if the host failed.
    """
    limit = sx.transport.options.number("max_rcpt") or max(len(addrs), 1)
    for start in range(0, max(len(addrs), 1), limit):
        batch = addrs[start : start + limit]
        if start and sx.send_rset and (why := say_rset(sx)) is not None:
            set_errno(addrs[start:], why.errno, why.message, Rc.DEFER, host=sx.host)
            break
        sx.ok, sx.send_rset, sx.completed_addr = False, True, False
        sx.last_of_message = start + limit >= len(addrs)
        rc = _transaction(sx, batch, sender, size)
        if rc is not None:
            return rc
        if not sx.completed_addr:
            break
    if not (sx.completed_addr and sx.send_quit and keep_for_next(sx)):
        hang_up(sx)
    return Rc.OK


def _transaction(sx: SmtpContext, batch: list[Address], sender: str, size: int | None) -> Rc | None:
    """One transaction; None if the session goes on, else what became of the host."""
    sync = write_mail_and_rcpt(sx, batch, sender, size)
    if sync is Sync.READ and (sx.ok or sx.pipelining):
        sync = _say_data(sx)
    if sync is Sync.READ:
        return _send_data(sx, batch) if sx.ok else None
    if sync is Sync.RCPT_TIMEOUT:
        sx.send_quit = False
        hang_up(sx)
        return Rc.OK
    return transaction_failed(sx, send_failed=sync is Sync.SEND_FAILED)


def _say_data(sx: SmtpContext) -> Sync:
    had_good = sx.ok
    if sx.wire.write("DATA") < 0:
        return Sync.SEND_FAILED
    if (sync := _read_outstanding(sx)) is not Sync.READ:
        return sync
    sx.wire.command = "DATA"
    if sx.read("3").ok or not (had_good or sx.ok):
        return Sync.READ
    _note_temporary(sx, sx.reply, Errno.DATA4XX)
    return Sync.BAD_DATA


def _send_data(sx: SmtpContext, addrs: list[Address]) -> Rc | None:
    sx.quit_early = sx.quit_early or _may_quit_early(sx)
    sx.wire.command = "sending data block"
    if not _write_message(sx, transport_write_message(sx.process, sx.transport, addrs)):
        sx.reply = Reply(False, "", errnos.EPIPE)
        return transaction_failed(sx)
    sx.wire.command = "end of data"
    if not sx.read("2", float(sx.transport.options.seconds("final_timeout"))).ok:
        _note_temporary(sx, sx.reply, Errno.DATA4XX)
        return transaction_failed(sx)
    sx.send_rset = False
    flag = "="
    for addr in sx.addrlist:  # also one that an earlier host took, and then closed the connection
        if addr.transport_return is Rc.PENDING_OK:
            addr.transport_return, addr.host_used = Rc.OK, sx.host
            addr.more_errno, addr.special_action, flag = 0, flag, "-"
            addr.message = string_printing(sx.reply.text)
    return None


def _write_message(sx: SmtpContext, data: bytes) -> bool:
    """Send the message; False if the connection is lost.

    If a lost TLS session is held to be that of this connection, the server is sent what that session makes of
    the message, and waits for its end, unless QUIT was sent at once and no more is to come.
    """
    process = sx.process
    process.transport_count = len(data)
    lost = process.lost_session
    if sx.tls is not None or lost is None or not lost.socket_reused:
        return sx.wire.send(data)
    if not sx.wire.send(_APPLICATION_DATA + len(data).to_bytes(2, "big") + bytes(len(data))):
        return False
    if sx.quit_early:
        sx.wire.connection.close()
    return True


_APPLICATION_DATA = b"\x17\x03\x03"
"""How a TLS record of content begins (RFC 8446, section 5.1)."""


def _may_quit_early(sx: SmtpContext) -> bool:
    """Whether QUIT goes out with the message's end. (A message that waits for the host keeps it back too.)"""
    process = sx.process
    return (
        process.profile.quit_pipelined
        and sx.pipelining
        and sx.completed_addr
        and sx.send_quit
        and sx.last_of_message
        and not process.continue_more
        and process.message is not None
        and process.message.deliver_firsttime
    )


def transaction_failed(sx: SmtpContext, *, send_failed: bool = False) -> Rc:
    """The transaction broke off after set-up: blame the message or the host, and give all addresses that.

    ``TRANSACTION_FAILED`` says which.
    """
    command = sx.wire.command
    if send_failed:
        code, errno, user, sx.send_quit = "4", errnos.EPIPE, False, False
        message = f"send() to {sx.host.name} [{sx.host.address}] failed: {errnos.strerror(errnos.EPIPE)}"
    else:
        reply = sx.reply
        plain = Reply(False, reply.text, 0) if reply.errno in (Errno.MAIL4XX, Errno.DATA4XX) else reply
        found = check_response(sx, plain)
        code, message, user, sx.send_quit = found.code, found.message, found.user, found.send_quit
        errno = reply.errno if reply.errno in (Errno.MAIL4XX, Errno.DATA4XX) else found.errno
    if errno == Errno.SMTPCLOSED and _all_answered(sx):
        text = "peer close after all rcpt responses; converting i/o-error to no-error"
        log_write(sx.process, text)
        hang_up(sx)
        return Rc.OK
    answer = Answer.of_code(code) if errno in _REPLIED else Reply(False, "", errno).answer
    lost = TRANSACTION_FAILED.decide(sx.process, _stage(command), answer, host=sx.host.name).outcome
    of_message = lost.host is Rc.OK
    if of_message and lost.addresses is Rc.DEFER:
        shown = f"{message}: {errnos.strerror(errno)}" if errno > 0 else message
        if sx.process.profile.message_error_names_host:
            log_write(sx.process, f"H={sx.host.name} [{sx.host.address}]: {shown}")
        elif sx.more_hosts:
            log_write(sx.process, shown)
        sx.message_defer = True
    set_errno(sx.addrlist, errno, message, lost.addresses, user=user, host=sx.host)
    sx.ok = False
    hang_up(sx)
    return lost.host


def _all_answered(sx: SmtpContext) -> bool:
    """Whether a lost connection is no error: all recipients have been answered, and no message was sent."""
    return (
        sx.process.profile.close_after_recipients_is_no_error
        and _stage(sx.wire.command) is not Stage.END
        and all(addr.transport_return is not Rc.PENDING_DEFER for addr in sx.addrlist)
    )


def _stage(command: str) -> Stage:
    if command.startswith("MAIL"):
        return Stage.MAIL
    return Stage.END if command.startswith("end ") else Stage.OTHER
