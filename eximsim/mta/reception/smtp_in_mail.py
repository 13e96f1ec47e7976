"""The mail transaction: MAIL, RCPT, DATA and BDAT (the envelope part of src/smtp_in.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eximsim.mta.acl.acl import Where, acl_check
from eximsim.mta.base.parse import AddressError
from eximsim.mta.config.rewrite_rules import SMTP
from eximsim.mta.lookup.sender_host import host_and_ident
from eximsim.mta.process.extract import extract_address
from eximsim.mta.process.log import log_write
from eximsim.mta.process.reception import recipient_variables
from eximsim.mta.reception import smtp_in_ends
from eximsim.mta.reception.limits import mails_limit, recipients_limit
from eximsim.mta.reception.room import receive_check_fs
from eximsim.mta.reception.smtp_in_auth import mail_auth
from eximsim.mta.reception.smtp_in_helo import helo_is_missing
from eximsim.mta.reception.smtp_options import extract_option, put_back
from eximsim.mta.reception.smtp_ratelimit import slow_down
from eximsim.mta.records.spool import Recipient
from eximsim.mta.routing.rewrite import rewrite_address_qualify, rewrite_one
from eximsim.mta.verify import cutthrough
from eximsim.status import Rc

if TYPE_CHECKING:
    from collections.abc import Callable

    from eximsim.mta.base.parse import Extracted
    from eximsim.mta.reception.smtp_session import AclAnswer, SmtpSession

_HUGE = 2**31 - 1
_SIZE = re.compile(r"[+-]?[0-9]+")
_NOTIFY = frozenset({"SUCCESS", "FAILURE", "DELAY"})


class _Refused(Exception):
    """The command's options are wrong; the client has been told."""


# ---- options of MAIL and RCPT ----------------------------------------------------------------------


def _mail_options(session: SmtpSession, text: str) -> str:
    """Take off the options of MAIL that are known, from behind; what is left.

    One without its value, or whose value is none, goes without a word.
    """
    while session.esmtp and (found := extract_option(text)) is not None:
        before, name, value = found
        option = _MAIL_OPTIONS.get(name.upper())
        if option is None or (name.upper() == "SMTPUTF8" and not session.process.profile.i18n):
            return text
        needs_value = name.upper() not in _WITHOUT_VALUE
        if (needs_value and not value) or not option(session, value):
            return before  # an option with a bad value is gone, and ends the options
        text = before
    return text


def _opt_size(session: SmtpSession, value: str) -> bool:
    if _SIZE.fullmatch(value) is None:
        return False
    size = int(value[:20])
    session.reception.envelope.message_size = min(size, _HUGE) if size >= 0 else _HUGE
    return True


def _opt_body(session: SmtpSession, value: str) -> bool:
    if not session.process.config.main.flag("accept_8bitmime"):
        return False
    session.reception.body_8bitmime = {"8BITMIME": 8, "7BIT": 7}.get(value.upper(), 0)
    if not session.reception.body_8bitmime:
        session.error("syntax", 501, "invalid data for BODY")
        raise _Refused
    return True


def _opt_ret(session: SmtpSession, value: str) -> bool:
    envelope = session.reception.envelope
    if session.dsn_advertised:
        if envelope.dsn_ret is not None:
            session.error("syntax", 501, "RET can be specified once only")
            raise _Refused
        if value.upper() not in ("HDRS", "FULL"):
            session.error("syntax", 501, "Value for RET is invalid")
            raise _Refused
        envelope.dsn_ret = value.upper()
    return True


def _opt_envid(session: SmtpSession, value: str) -> bool:
    envelope = session.reception.envelope
    if session.dsn_advertised:
        if envelope.dsn_envid is not None:
            session.error("syntax", 501, "ENVID can be specified once only")
            raise _Refused
        envelope.dsn_envid = value
    return True


def _opt_auth(session: SmtpSession, value: str) -> bool:
    accepted = mail_auth(session, value)
    if accepted is False:
        session.error("syntax", 501, "invalid data for AUTH")
    if not accepted:
        raise _Refused
    return True


def _opt_prdr(session: SmtpSession, value: str) -> bool:
    wanted = session.process.config.main.flag("prdr_enable")
    session.reception.envelope.prdr = wanted
    session.process.variables["prdr_requested"] = "yes" if wanted else "no"
    return True


def _opt_smtputf8(session: SmtpSession, value: str) -> bool:
    process, reception = session.process, session.reception
    if not session.smtputf8_advertised:
        session.error("syntax", 501, "SMTPUTF8 used when not advertised")
        raise _Refused
    process.note_utf8()
    protocol = reception.get("received_protocol") or ""
    if not (process.profile.utf8_protocol_once and protocol.startswith("utf8")):
        reception.set("received_protocol", f"utf8{protocol}")
    return True


_WITHOUT_VALUE = frozenset({"PRDR", "SMTPUTF8"})
_MAIL_OPTIONS: dict[str, Callable[[SmtpSession, str], bool]] = {
    "SIZE": _opt_size,
    "BODY": _opt_body,
    "AUTH": _opt_auth,
    "PRDR": _opt_prdr,
    "SMTPUTF8": _opt_smtputf8,
    "RET": _opt_ret,
    "ENVID": _opt_envid,
}


def _rcpt_options(session: SmtpSession, text: str) -> tuple[str, str | None, frozenset[str]]:
    """Take off ORCPT and NOTIFY; what is left, and the two values."""
    orcpt: str | None = None
    notify: frozenset[str] = frozenset()
    while session.esmtp and (found := extract_option(text)) is not None:
        before, name, value = found
        if session.dsn_advertised and name.upper() == "ORCPT":
            if orcpt is not None:
                session.error("syntax", 501, "ORCPT can be specified once only")
                raise _Refused
            orcpt = value
        elif session.dsn_advertised and name.upper() == "NOTIFY":
            if notify:
                session.error("syntax", 501, "NOTIFY can be specified once only")
                raise _Refused
            notify = frozenset(value.upper().split(","))
            if notify != {"NEVER"} and not notify <= _NOTIFY:
                session.error("syntax", 501, "Invalid value for NOTIFY parameter")
                raise _Refused
        else:
            return put_back(text, before, name), orcpt, notify
        text = before
    return text, orcpt, notify


def _address(session: SmtpSession, text: str, *, allow_null: bool) -> Extracted | None:
    """The address in a command's data; a syntax error is answered, and gives None."""
    try:
        rewritten = rewrite_one(session.process, text, SMTP)
        return extract_address(session.process, rewritten, allow_null=allow_null)
    except AddressError as error:
        session.error("syntax", 501, error.message, text)
        return None


# ---- MAIL ------------------------------------------------------------------------------------------


def mail(session: SmtpSession, argument: str) -> None:
    """The MAIL command."""
    session.mail_commands += 1
    session.rejected_mail = True
    process = session.process
    if helo_is_missing(session):
        return
    if session.reception.envelope.sender is not None:
        session.error("protocol", 503, "sender already given")
        return
    if not argument:
        session.error("protocol", 501, "MAIL must have an address operand")
        return
    if session.mail_limit is None:
        session.mail_limit = mails_limit(process)
    if 0 < session.mail_limit < session.mail_commands:
        session.replies.line("421 too many messages in this connection")
        client = host_and_ident(process, flagged=True)
        log_write(
            process, f"rejected MAIL command {client}: too many messages in one connection", reject=True
        )
        return
    cutthrough.cancel(process)
    session.reset()
    try:
        text = _mail_options(session, argument)
    except _Refused:
        return
    slow_down(session, "smtp_ratelimit_mail", session.mail_commands)
    found = _address(session, text, allow_null=True)
    if found is not None and _sender_fits(session, found, text):
        _accept_sender(session, text)


def _sender_fits(session: SmtpSession, found: Extracted, text: str) -> bool:
    process, envelope = session.process, session.reception.envelope
    size, limit = envelope.message_size, session.size_limit
    if 0 < limit < size:
        session.replies.line("552 Message size exceeds maximum permitted")
        shown = f"size{'>' if size == _HUGE else ''}={size} max={limit}"
        client = host_and_ident(process, flagged=True)
        said = f"rejected MAIL FROM:<{found.address}> {client}: message too big: {shown}"
        log_write(process, said, reject=True, when="size_reject")
        return False
    if not receive_check_fs(process, size):
        session.replies.line("452 Space shortage, please try later")
        return False
    address = found.address
    if address and not found.domain_at:
        if not session.reception.allow_unqualified_sender:
            session.replies.line(f"501 {text}: sender address must contain a domain")
            client = host_and_ident(process, flagged=True)
            said = f"unqualified sender rejected: <{address}> {client}{session.reception.host_lookup_message}"
            log_write(process, said, reject=True, when="smtp_syntax_error")
            return False
        address = rewrite_address_qualify(process, address, is_recipient=False)
    envelope.raw_sender, envelope.sender = found.address, address
    process.variables["sender_address"] = address
    process.variables["message_size"] = str(size)
    return True


def _accept_sender(session: SmtpSession, text: str) -> None:
    envelope = session.reception.envelope
    answer = session.check_acl(Where.MAIL, "acl_smtp_mail", text)
    if answer.rc not in (Rc.OK, Rc.DISCARD):
        envelope.sender = None
        session.process.variables.pop("sender_address", None)
        return
    asked = session.process.config.main.text("acl_smtp_mail") is not None
    offered = session.reception.pipelining.advertised
    if answer.rc is Rc.OK and asked and not offered and session.went_on(or_left=True):
        smtp_in_ends.sync_failure(session)
        return
    session.note_pipelining()
    prdr = ", PRDR Requested" if envelope.prdr else ""
    if answer.user_message is None:
        session.replies.line(f"250 OK{prdr}")
    else:
        session.replies.user_message("250", answer.user_message + prdr)
    session.delays.pop("smtp_ratelimit_rcpt", None)
    envelope.recipients_discarded = answer.rc is Rc.DISCARD
    envelope.discard_log = answer.log_message if envelope.recipients_discarded else None
    session.rejected_mail = False


# ---- RCPT ------------------------------------------------------------------------------------------


def rcpt(session: SmtpSession, argument: str) -> None:
    """The RCPT command."""
    _rcpt(session, argument)
    envelope, variables = session.reception.envelope, session.process.variables
    variables["rcpt_fail_count"] = str(envelope.rcpt_fail_count)
    variables["rcpt_defer_count"] = str(envelope.rcpt_defer_count)


def _rcpt(session: SmtpSession, argument: str) -> None:
    envelope = session.reception.envelope
    envelope.rcpt_count += 1
    session.process.variables["rcpt_count"] = str(envelope.rcpt_count)
    session.was_rcpt = envelope.rcpt_in_progress = True
    if envelope.sender is None:
        if session.reception.pipelining.advertised and session.last_was_rejected_mail:
            session.replies.line("503 sender not yet given")
            session.rejected_mail = True
        else:
            session.error("protocol", 503, "sender not yet given")
            session.was_rcpt = False
        envelope.rcpt_fail_count += 1
        return
    if not argument:
        session.error("syntax", 501, "RCPT must have an address operand")
        envelope.rcpt_fail_count += 1
        return
    try:
        text, orcpt, notify = _rcpt_options(session, argument)
    except _Refused:
        return
    found = _address(session, text, allow_null=False)
    if found is None:
        envelope.rcpt_fail_count += 1
        return
    address = qualify_recipient(session, found, text, "recipient")
    if address is None:
        envelope.rcpt_fail_count += 1
        return
    if _too_many_recipients(session):
        return
    slow_down(session, "smtp_ratelimit_rcpt", envelope.rcpt_count)
    if envelope.recipients_discarded:
        _discard(session, text, "MAIL", None, envelope.discard_log)
        return
    result = acl_check(
        session.reception, Where.RCPT, address, session.process.config.main.text("acl_smtp_rcpt")
    )
    offered = session.reception.pipelining.advertised
    if result.rc is Rc.OK and not offered and session.went_on(or_left=False):
        smtp_in_ends.sync_failure(session)
    elif result.rc is Rc.OK:
        _accepted(session, result.user_message)
        envelope.recipients.append(Recipient(address, orcpt=orcpt, dsn_flags=notify))
        session.process.variables["recipients_count"] = str(len(envelope.recipients))
    elif result.rc is Rc.DISCARD:
        _discard(session, text, "RCPT", result.user_message, result.log_message)
    else:
        if result.rc is Rc.FAIL:
            envelope.rcpt_fail_count += 1
        else:
            envelope.rcpt_defer_count += 1
        if session.replies.acl_fail(Where.RCPT, result, text):
            session.drop()


def qualify_recipient(session: SmtpSession, found: Extracted, text: str, tag: str) -> str | None:
    """The address with a domain; None, and the client is told, where it has none and may not be without.

    ``tag`` is the word of the log line. Source: qualify_recipient(), src/smtp_in.c.
    """
    if found.domain_at:
        return found.address
    process = session.process
    if session.reception.allow_unqualified_recipient or found.address.lower() == "postmaster":
        return rewrite_address_qualify(process, found.address, is_recipient=True)
    session.replies.line(f"501 {text}: recipient address must contain a domain")
    client = host_and_ident(process, flagged=True)
    said = f"unqualified {tag} rejected: <{found.address}> {client}{session.reception.host_lookup_message}"
    log_write(process, said, reject=True, when="smtp_syntax_error")
    return None


def _too_many_recipients(session: SmtpSession) -> bool:
    process, envelope = session.process, session.reception.envelope
    options = process.config.main
    limit = recipients_limit(process)
    if limit <= 0 or envelope.rcpt_count <= limit:
        return False
    refuse = options.flag("recipients_max_reject")
    if refuse:
        envelope.rcpt_fail_count += 1
    else:
        envelope.rcpt_defer_count += 1
    session.replies.line(f"{552 if refuse else 452} too many recipients")
    if not envelope.too_many:
        what = "message rejected" if refuse else "excess temporarily rejected"
        client = host_and_ident(process, flagged=True)
        log_write(process, f"too many recipients: {what}: sender=<{envelope.sender}> {client}", reject=True)
    envelope.too_many = True
    return True


def _accepted(session: SmtpSession, user_message: str | None) -> None:
    session.note_pipelining()
    if user_message is None:
        session.replies.line("250 Accepted")
    else:
        session.replies.user_message("250", user_message)


def _discard(session: SmtpSession, argument: str, acl: str, user: str | None, log: str | None) -> None:
    process, envelope = session.process, session.reception.envelope
    _accepted(session, user)
    envelope.rcpt_fail_count += 1
    envelope.discarded = True
    client = host_and_ident(process, flagged=True)
    sender = envelope.sender_unrewritten or envelope.sender
    said = f"{client} F=<{sender}> RCPT {argument}: discarded by {acl} ACL{'' if log is None else f': {log}'}"
    log_write(process, said, reject=True)


# ---- DATA and BDAT ---------------------------------------------------------------------------------


def data(session: SmtpSession, argument: str) -> None:
    """The DATA command."""
    session.reception.pipelining.data_seen = True
    if not has_recipients(session, "DATA"):
        return
    asked = session.process.config.main.text("acl_smtp_predata") is not None
    if not asked:
        cutthrough.predata(session.process)
    answer = _predata(session)
    if answer.rc is not Rc.OK:
        return
    if asked and session.went_on(or_left=True):
        smtp_in_ends.sync_failure(session)
        return
    if answer.user_message is None:
        session.replies.line('354 Enter message, ending with "." on a line by itself')
    else:
        session.replies.user_message("354", answer.user_message)
    session.read_message()


def _predata(session: SmtpSession) -> AclAnswer:
    with session.process.setting(
        **recipient_variables(session.process.profile, session.reception.envelope.recipients)
    ):
        return session.check_acl(Where.PREDATA, "acl_smtp_predata")


def has_recipients(session: SmtpSession, verb: str) -> bool:
    """Whether there is somebody to send a message to; if not, the client is told."""
    envelope, replies = session.reception.envelope, session.replies
    if not envelope.discarded and not envelope.recipients:
        if envelope.rcpt_response_same and envelope.rcpt_response is not None:
            replies.respond("503", "All RCPT commands were rejected with this error:", final=False)
            replies.respond("503", envelope.rcpt_response.removesuffix("\r\n"), final=False)
        if session.reception.pipelining.advertised and session.last_was_rcpt:
            replies.line(f"503 Valid RCPT command must precede {verb}")
        else:
            session.error("protocol", 503, f"valid RCPT command must precede {verb}")
        return False
    if envelope.too_many and session.process.config.main.flag("recipients_max_reject"):
        envelope.sender = envelope.sender_unrewritten = None
        replies.line("554 Too many recipients")
        return False
    return True
