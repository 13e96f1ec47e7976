"""The replies to a message: one for all recipients, or one for each (``smtp_deliver()``)."""

from __future__ import annotations

from eximsim.mta.process.log import printed
from eximsim.mta.records.structs import Address
from eximsim.mta.transports import retry
from eximsim.mta.transports.smtp_context import SmtpContext, send_errno
from eximsim.mta.transports.smtp_out import Reply
from eximsim.mta.transports.smtp_transaction import note_temporary, transaction_failed
from eximsim.mta.transports.tls_failed import log_lost_write
from eximsim.status import Errno, Rc


def read_one_for_all(sx: SmtpContext) -> Rc | None:
    """Read the one reply to the message; what became of the host if it is refused, else None."""
    if not _read_final(sx).ok:
        return refused(sx)
    _take(sx, sx.addrlist, printed(sx.process, sx.reply.text))
    return None


def _read_final(sx: SmtpContext, ok_digit: str = "2") -> Reply:
    return sx.read(ok_digit, float(sx.transport.options.seconds("final_timeout")))


def refused(sx: SmtpContext) -> Rc:
    """A reply ends the transaction: what that means for the host."""
    note_temporary(sx, sx.reply, Errno.DATA4XX)
    return transaction_failed(sx)


def lost(sx: SmtpContext) -> Rc:
    """The message cannot be sent, as the connection is gone: what that means for the host."""
    log_lost_write(sx, send_errno(sx))
    sx.reply = Reply(False, "", send_errno(sx))
    return transaction_failed(sx)


def _take(sx: SmtpContext, addrs: list[Address], confirmation: str) -> None:
    """The server has the message for those of ``addrs`` that it did not refuse."""
    sx.send_rset = False
    flag = "="
    for addr in addrs:  # also one that an earlier host took, and then closed the connection
        if addr.transport_return is Rc.PENDING_OK:
            _taken(sx, addr, confirmation, flag)
            flag = "-"


def _taken(sx: SmtpContext, addr: Address, confirmation: str, flag: str) -> None:
    addr.transport_return, addr.host_used = Rc.OK, sx.host
    addr.more_errno, addr.special_action, addr.delivery_seconds = 0, flag, sx.seconds
    addr.message = confirmation
    addr.early_pipe = sx.early
    addr.pipelining_used, addr.chunking_used, addr.prdr_used = sx.pipelining, sx.chunking, sx.prdr_active


# ---- a reply for each recipient ------------------------------------------------------------------------


def read_each(sx: SmtpContext, said: str, word: str) -> Rc | None:
    """A reply for each recipient that was accepted; one that does not come leaves those after it without."""
    sx.send_rset = False
    flag = "="
    for addr in [one for one in sx.addrlist if one.transport_return is Rc.PENDING_OK]:
        reply = _read_final(sx)
        text = printed(sx.process, reply.text)
        if reply.ok:
            sx.completed_addr = True
            _taken(sx, addr, text, flag)
            flag = "-"
        elif reply.errno or not reply.text:
            return transaction_failed(sx)
        else:
            addr.message, addr.pass_message = f"{word} error after {said}: {text}", True
            permanent = reply.text[:1] == "5"
            addr.transport_return = Rc.FAIL if permanent else Rc.DEFER
            if not permanent:
                addr.more_errno |= int(reply.text[1:3]) << 8
                if sx.lmtp:
                    retry.retry_add_item(addr, addr.address_retry_key)
    return None


def read_each_by_lmtp(sx: SmtpContext, said: str) -> Rc | None:
    """The replies of an LMTP server, one for each recipient that was accepted."""
    sx.completed_addr = False
    return read_each(sx, said, "LMTP")


def read_prdr(sx: SmtpContext, said: str) -> Rc | None:
    """The replies of a server that was asked to answer for each recipient; None if it did its part.

    A server that answers at once has not understood, and its answer is for all; with LMTP it is for none,
    and replies for each of them are waited for.
    """
    if not _read_final(sx, "3").ok:
        if sx.reply.errno or sx.reply.text[:1] != "2":
            return refused(sx)
        sx.prdr_active = False
        if sx.lmtp:
            return read_each_by_lmtp(sx, said)
        _take(sx, sx.addrlist, printed(sx.process, sx.reply.text))
        return None
    batch = [addr for addr in sx.addrlist if addr.transport_return is Rc.PENDING_OK]
    if (problem := read_each(sx, said, "PRDR")) is not None:
        return problem
    overall = _read_final(sx)
    if not overall.ok:
        for addr in batch:
            if overall.text[:1] == "5" or addr.transport_return is Rc.OK:
                addr.transport_return = Rc.PENDING_OK
        return refused(sx)
    for addr in batch:
        if addr.transport_return is Rc.OK and sx.process.profile.prdr_replies_joined:
            addr.message = f"{addr.message}\\n{printed(sx.process, overall.text)}"
    for addr in sx.addrlist:
        if addr.transport_return is Rc.DEFER:
            retry.retry_add_item(addr, addr.address_retry_key, host=True, message_specific=True)
    return None


# ---- the octets ----------------------------------------------------------------------------------------
