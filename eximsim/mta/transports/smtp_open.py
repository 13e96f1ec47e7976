"""Opening a call to a host, and the events of that (``smtp_setup_conn()``)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from eximsim.mta.base import errnos
from eximsim.mta.process.errno_numbers import shown_errno
from eximsim.mta.transports import srv_smtps
from eximsim.mta.transports.smtp_connect import Caller, RefusedLater, smtp_connect
from eximsim.mta.transports.smtp_context import PENDING, SmtpContext, send_failed, set_errno
from eximsim.mta.transports.smtp_failure import SetupFailed
from eximsim.mta.transports.smtp_utf8 import expand_helo
from eximsim.ports import ConnectError
from eximsim.status import RTEF_CTOUT, Dnssec, Rc


def open_call(sx: SmtpContext) -> Rc:
    """Call the host; the addresses are told of a failure."""
    try:
        try:
            open_dialogue(sx)
        except ConnectError:
            if not srv_smtps.falls_back(sx):
                raise
            open_dialogue(sx)
    except ConnectError as error:
        sx.refused_later = isinstance(error, RefusedLater)
        if sx.refused_later and not sx.early:
            with suppress(SetupFailed):
                expand_helo(sx, tell=sx.verify)
        if sx.early:
            unsent = None if sx.verify else send_failed(sx, error.errno)
            set_errno(sx, sx.addrlist, error.errno, unsent, Rc.DEFER, host=sx.host)
            if not sx.verify:
                sx.raise_event("tcp:close")
            return Rc.DEFER
        text = errnos.strerror(shown_errno(sx.process, error.errno)) if sx.verify else None
        if text is not None and sx.process.profile.callout_connect_failure_worded:
            text = f"could not connect: {text}"
        if error.errno == errnos.ETIMEDOUT:
            for addr in sx.addrlist:
                addr.more_errno |= RTEF_CTOUT if addr.transport_return in PENDING else 0
        set_errno(sx, sx.addrlist, error.errno, text, Rc.DEFER)
        return Rc.DEFER
    lost = sx.process.lost_session
    if lost is not None and sx.process.main_log_open is not lost.log_open:
        sx.process.lost_session = replace(lost, socket_reused=False)
    return Rc.OK


def open_dialogue(sx: SmtpContext) -> None:
    """Connect; raises ``ConnectError``."""
    first = sx.early or (sx.smtps and sx.process.profile.fast_open_waits_for_hello)
    caller = Caller(sx.transport, sx.interface, sx.connect_timeout, talks_first=first)
    sx.dialogue = smtp_connect(sx.process, sx.host, caller)
    sx.command_log = sx.dialogue.log


def greeted(sx: SmtpContext) -> str | None:
    """Raise the event of a greeting, which an early call does before it connects; text if that refuses it."""
    known = {Dnssec.YES: "yes", Dnssec.NO: "no"}.get(sx.host.dnssec)
    with sx.process.setting(lookup_dnssec_authenticated=known):
        refusal = sx.raise_event("smtp:connect", "" if sx.early else sx.reply.text)
    return f"deferred by smtp:connect event expansion: {refusal}" if refusal else None


def close_refused(sx: SmtpContext) -> None:
    """End a callout's call that was refused after it had been taken for open: an event tells of it."""
    if sx.refused_later:
        with sx.process.setting(host=None, host_address=None):
            sx.raise_event("tcp:close")
