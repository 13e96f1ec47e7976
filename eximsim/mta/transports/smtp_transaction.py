"""MAIL and RCPT over a call that is set up, and what a broken transaction means (``smtp_deliver()``)."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from eximsim.mta.base import errnos
from eximsim.mta.base.utf8 import ConversionError
from eximsim.mta.expand.event import msg_event_raise
from eximsim.mta.expand.expand import ExpansionFailed
from eximsim.mta.process.log import deliver_msglog, log_write, printed, selector
from eximsim.mta.records.structs import Address
from eximsim.mta.transports import retry, smtp_early
from eximsim.mta.transports.smtp_auth import mail_auth
from eximsim.mta.transports.smtp_close import hang_up
from eximsim.mta.transports.smtp_context import (
    Outstanding,
    SmtpContext,
    check_response,
    send_errno,
    send_failed,
    set_errno,
)
from eximsim.mta.transports.smtp_decisions import RCPT_REPLY, TRANSACTION_FAILED, Recipient, Stage
from eximsim.mta.transports.smtp_out import Answer, Reply
from eximsim.mta.transports.smtp_utf8 import asks_for_utf8, recipient_told, sender_told
from eximsim.mta.transports.tls_failed import log_lost_command
from eximsim.mta.transports.transport import transport_rcpt_address
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
    BAD_INTERNAL = "a parameter of MAIL could not be worked out"


def _pending_from(sx: SmtpContext, first: Address) -> int:
    """How many addresses wait for this host, from this one on; what PRDR is asked for by."""
    start = next(at for at, addr in enumerate(sx.addrlist) if addr is first)
    return sum(addr.transport_return is Rc.PENDING_DEFER for addr in sx.addrlist[start:])


def write_mail_and_rcpt(sx: SmtpContext, addrs: list[Address], sender: str, size: int | None) -> Sync:
    """Say MAIL, then RCPT for each of ``addrs``; read what may be read (``smtp_write_mail_and_rcpt_cmds()``).

    Each address whose reply was read gets PENDING_OK, FAIL or DEFER; ``sx.ok`` tells whether any was
    accepted, ``sx.completed_addr`` whether any is done with for good. ``size`` (bytes) is announced if the
    server takes it.
    """
    announced = f" SIZE={size}" if size is not None and "SIZE" in sx.features else ""
    sx.prdr_active = sx.prdr and not sx.verify and addrs != [] and _pending_from(sx, addrs[0]) > 1
    announced += " PRDR" if sx.prdr_active else ""
    announced += " SMTPUTF8" if asks_for_utf8(sx) else ""
    announced += _mail_dsn(sx, addrs)
    try:
        announced += mail_auth(sx)
    except ExpansionFailed as failed:
        text = f"failed to expand authenticated_sender: {failed.message}"
        set_errno(sx, addrs, Errno.EXPANDFAIL, text, Rc.DEFER)
        return Sync.BAD_INTERNAL
    try:
        sender = sender_told(sx, sender)
    except ConversionError as failed:
        set_errno(sx, addrs, Errno.EXPANDFAIL, str(failed), Rc.DEFER)
        return Sync.BAD_INTERNAL
    sx.waiting = Outstanding(f"MAIL FROM:<{sender}>{announced}")
    if (sync := _say(sx, sx.waiting.mail, buffer=sx.process.pipelining_active)) is not Sync.READ:
        return sync
    affixes = sx.transport.options.flag("rcpt_include_affixes")
    for number, addr in enumerate(addrs, 1):
        _skip(sx, number - 1)
        sx.waiting.recipients.append(addr)
        last = number == len(addrs) and (sx.verify or sx.process.config.main.flag("mua_wrapper"))
        buffer = sx.process.pipelining_active and not last and number % _FLUSHED_AT
        rcpt = recipient_told(sx, transport_rcpt_address(addr, include_affixes=affixes))
        sx.note_recipient(addr.address)
        if (
            sync := _say(sx, f"RCPT TO:<{rcpt}>{sx.ignore_quota}{_rcpt_dsn(sx, addr)}", buffer=buffer)
        ) is not Sync.READ:
            return sync
        if sx.too_many is not None:
            return Sync.READ
    _skip(sx, len(addrs))
    return Sync.READ


def _skip(sx: SmtpContext, named: int) -> None:
    """Pass over the recipients of other domains that come after the first ``named``."""
    for before, addr in sx.to_skip:
        if before <= named:
            addr.transport_return = Rc.SKIP
    sx.to_skip = [one for one in sx.to_skip if one[0] > named]


_FLUSHED_AT = 101
"""So many recipients are named before the replies are read, with pipelining."""


def _mail_dsn(sx: SmtpContext, addrs: list[Address]) -> str:
    """RET and ENVID, as the message came with them, for a server that takes them."""
    message = sx.process.message
    if "DSN" not in sx.features or message is None or all(addr.dsn_lasthop for addr in addrs):
        return ""
    ret = f" RET={message.dsn_ret}" if message.dsn_ret is not None else ""
    return ret + (f" ENVID={message.dsn_envid}" if message.dsn_envid is not None else "")


_NOTIFY = ("NEVER", "SUCCESS", "FAILURE", "DELAY")


def _rcpt_dsn(sx: SmtpContext, addr: Address) -> str:
    """NOTIFY and ORCPT likewise; and whether the server takes them is remembered."""
    addr.dsn_aware = "DSN" in sx.features
    if not addr.dsn_aware or addr.dsn_lasthop:
        return ""
    notify = ",".join(word for word in _NOTIFY if word in addr.dsn_flags)
    orcpt = f" ORCPT={addr.dsn_orcpt}" if addr.dsn_orcpt is not None else ""
    return (f" NOTIFY={notify}" if notify else "") + orcpt


def _say(sx: SmtpContext, command: str, *, buffer: int) -> Sync:
    count = sx.wire.write(command, buffer=bool(buffer))
    if count < 0:
        return Sync.SEND_FAILED
    return read_outstanding(sx) if count else Sync.READ


def read_outstanding(sx: SmtpContext) -> Sync:
    """Read the replies to MAIL and to each RCPT that is waiting."""
    last = sx.wire.command
    waiting, sx.waiting = sx.waiting, Outstanding()
    others = bool(waiting.mail) + len(waiting.recipients) + (last == "DATA")
    if not smtp_early.reap(sx, others):
        return Sync.BAD_MAIL
    if waiting.mail:
        sx.wire.command = waiting.mail
        if not sx.read().ok:
            note_temporary(sx, sx.reply, Errno.MAIL4XX)
            return Sync.BAD_MAIL
    decided = False
    for addr in waiting.recipients:
        if (sync := _read_rcpt(sx, addr, decided=decided)) is not Sync.READ:
            return sync
        decided = decided or addr.transport_return in (Rc.PENDING_OK, Rc.FAIL)
    sx.wire.command = last
    return Sync.READ


def _read_rcpt(sx: SmtpContext, addr: Address, *, decided: bool) -> Sync:
    """Read the reply to one RCPT; ``decided``: one that was read just before was final."""
    affixes = sx.transport.options.flag("rcpt_include_affixes")
    command = f"RCPT TO:<{transport_rcpt_address(addr, include_affixes=affixes)}>"
    addr.host_used = sx.host
    row = RCPT_REPLY.decide(sx.process, sx.read().answer, address=addr.address)
    if row.outcome is Recipient.ACCEPTED:
        addr.transport_return = Rc.PENDING_OK
        sx.ok, sx.completed_addr = True, sx.completed_addr or not sx.lmtp  # by LMTP it is told at the end
        if addr.dr_retry_exists:
            retry.forget_address(sx.process, addr)
    elif row.outcome is Recipient.TIMEOUT:
        set_errno(sx, sx.addrlist, errnos.ETIMEDOUT, row.text.format(command=command), Rc.DEFER)
        retry.retry_add_item(addr, addr.address_retry_key)
        sx.update_waiting = False
        return Sync.RCPT_TIMEOUT
    elif row.outcome is Recipient.LOST:
        sx.wire.command = command
        return Sync.LOST
    else:
        addr.message = row.text.format(command=command, reply=printed(sx.process, sx.reply.text))
        addr.pass_message = True
        if not sx.verify:
            deliver_msglog(sx.process, f"H={sx.host.name} [{sx.host.address}] {addr.message}")
        if row.outcome is Recipient.REFUSED:
            addr.transport_return, sx.completed_addr = Rc.FAIL, True
        else:
            _rcpt_deferred(sx, addr, decided=decided)
    return Sync.READ


_TOO_MANY_RECIPIENTS = 52


def _rcpt_deferred(sx: SmtpContext, addr: Address, *, decided: bool) -> None:
    addr.transport_return = Rc.DEFER
    addr.basic_errno = Errno.RCPT4XX
    addr.more_errno |= int(sx.reply.text[1:3]) << 8
    if not sx.verify:
        sx.process.variables["event_defer_errno"] = str(addr.more_errno)
        msg_event_raise(sx.process, "msg:rcpt:host:defer", addr)
        full = addr.more_errno >> 8 == _TOO_MANY_RECIPIENTS
        if full and decided and sx.process.profile.further_mail_after_452:
            addr.transport_return, addr.basic_errno = Rc.PENDING_DEFER, 0
            sx.too_many = sx.too_many or addr
            return
        if sx.more_hosts:
            log_write(sx.process, f"H={sx.host.name} [{sx.host.address}]{_after_host(sx)} {addr.message}")
        else:
            msg_event_raise(sx.process, "msg:rcpt:defer", addr)
        retry.add_rcpt_defer(sx.process, sx.transport, addr)
        sx.update_waiting = False


def _after_host(sx: SmtpContext) -> str:
    """What stands after the host's address in a line about a deferred recipient."""
    profile = sx.process.profile
    if profile.deferred_rcpt_port and selector(sx.process, "outgoing_port"):
        return f":{sx.port}"
    return ":" if profile.deferred_rcpt_colon else ""


def note_temporary(sx: SmtpContext, reply: Reply, errno: Errno) -> None:
    """A 4xx reply to MAIL, DATA or the message is an error of the message, under a number of its own."""
    if not reply.errno and reply.text[:1] == "4":
        sx.addrlist[0].more_errno |= int(reply.text[1:3]) << 8
        sx.reply = Reply(False, reply.text, errno)


def transaction_failed(sx: SmtpContext, *, unsent: bool = False, not_signed: str | None = None) -> Rc:
    """The transaction broke off after set-up: blame the message or the host, and give all addresses that.

    ``TRANSACTION_FAILED`` says which.
    """
    command = sx.wire.command
    if not_signed is not None:
        code, errno, user, sx.send_quit = "4", errnos.EACCES, False, False
        why = not_signed or errnos.strerror(errnos.EACCES)
        message = send_failed(sx, why=why)
    elif unsent:
        log_lost_command(sx, send_errno(sx))
        code, errno, user, sx.send_quit = "4", send_errno(sx), False, False
        message = send_failed(sx)
    else:
        reply = sx.reply
        plain = Reply(False, reply.text, 0) if reply.errno in (Errno.MAIL4XX, Errno.DATA4XX) else reply
        found = check_response(sx, plain)
        code, message, user = found.code, found.message, found.user
        sx.send_quit = sx.send_quit and found.send_quit
        errno = reply.errno if reply.errno in (Errno.MAIL4XX, Errno.DATA4XX) else found.errno
    if errno == Errno.SMTPCLOSED and _all_answered(sx):
        text = "peer close after all rcpt responses; converting i/o-error to no-error"
        log_write(sx.process, text)
        hang_up(sx)
        return Rc.OK
    answer = _answer(code, errno)
    lost = TRANSACTION_FAILED.decide(sx.process, _stage(command), answer, host=sx.host.name).outcome
    of_message = lost.host is Rc.OK
    if of_message and sx.process.config.main.flag("mua_wrapper"):
        lost = replace(lost, addresses=Rc.FAIL)
    if of_message and lost.addresses is Rc.DEFER:
        shown = f"{message}: {errnos.strerror(errno)}" if errno > 0 else message
        port = f":{sx.host.port}" if selector(sx.process, "outgoing_port") else ""
        who = f"H={sx.host.name} [{sx.host.address}]{port}"
        named = sx.process.profile.message_error_names_host
        deliver_msglog(sx.process, f"{who}{':' if named else ''} {shown}")
        if named:
            log_write(sx.process, f"{who}: {shown}")
        elif sx.more_hosts:
            log_write(sx.process, shown)
        sx.message_defer = True
    set_errno(sx, sx.addrlist, errno, message, lost.addresses, user=user, host=sx.host)
    sx.ok = False
    hang_up(sx)
    return lost.host


def _answer(code: str, errno: int) -> Answer:
    """What kind of answer it was; a reset in the middle of a reply is not taken for a lost connection."""
    if errno in _REPLIED:
        return Answer.of_code(code)
    return Answer.BROKEN if errno == errnos.ECONNRESET else Reply(False, "", errno).answer


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
