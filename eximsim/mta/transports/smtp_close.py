"""Ending an SMTP call: QUIT and close, and what a lost call leaves behind (src/transports/smtp.c)."""

from __future__ import annotations

from dataclasses import replace

from eximsim.mta.base import errnos
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.process.log import log_write
from eximsim.mta.records.process_parts import LostSession
from eximsim.mta.transports.smtp_context import SmtpContext
from eximsim.mta.transports.smtp_out import smtp_debug_cmd_report
from eximsim.ports import ConnectionLost, ReadTimeout
from eximsim.profiles import CommandLog

QUIT_TIMEOUT = 1.0
"""How long the reply to QUIT is waited for, in seconds; and then the end of the connection."""


def end_session(sx: SmtpContext, *, quit_timeout: float = 0) -> None:
    """QUIT if the session is in order, then close; the reply to QUIT is waited for so many seconds."""
    if sx.dialogue is None:
        return
    profile = sx.process.profile
    watched = sx.process.verbose and not sx.verify
    if watched:
        quit_timeout = QUIT_TIMEOUT
    sent = sx.send_quit and sx.dialogue.write("QUIT", more=watched, shown=not sx.quit_shown) > 0
    if watched and sx.send_quit and not sx.quit_shown:
        show_shutdown(sx)
    if sent and quit_timeout:
        reply = sx.dialogue.read("2", quit_timeout)
        # a server that takes QUIT for the beginning of TLS closes with a part of it unread
        sx.process.libc_errno = errnos.ECONNRESET if sx.smtps and not reply.text else reply.errno
    if sx.quit_early and sx.tls is not None and profile.tls_library == GNUTLS:
        _await_close(sx)
    if profile.callout_uses_setup_conn or profile.callout_close_traced:
        sx.process.hdebug("  SMTP(close)>>", indented=True, with_v=True)
    sx.dialogue.connection.close()
    sx.dialogue, sx.quit_shown = None, False
    lost = sx.process.lost_session
    if lost is not None and lost.socket_reused:
        sx.process.lost_session = replace(lost, log_open=sx.process.main_log_open)
    with sx.process.setting(host=None if sx.verify else sx.process.variables.get("host")):
        sx.raise_event("tcp:close")
    if profile.command_log is CommandLog.AT_CLOSE:
        smtp_debug_cmd_report(sx.process, sx.command_log)


def show_shutdown(sx: SmtpContext) -> None:
    """-v shows that no more will be sent, and that what was kept goes out with that."""
    sx.process.hdebug("  SMTP(shutdown)>>", indented=True, with_v=True)


def hang_up(sx: SmtpContext) -> None:
    """End the session; a TLS session that cannot be told of it, by QUIT or before, may be left behind."""
    process = sx.process
    told = sx.send_quit or sx.quit_early
    left = sx.tls is not None and not told and process.profile.lost_tls_stays_active
    end_session(sx)
    if left:
        process.lost_session = LostSession(log_open=process.main_log_open)


def _await_close(sx: SmtpContext) -> None:
    """After an early QUIT the socket stays open: a server that does not close is waited for, and logged."""
    sx.wire.read("2", QUIT_TIMEOUT)
    try:
        while sx.wire.connection.receive(QUIT_TIMEOUT):
            pass
    except ReadTimeout:
        what = "TLS error on connection (recv): Function was interrupted."
        log_write(sx.process, f"H={sx.host.name} [{sx.host.address}] {what}")
    except ConnectionLost:
        return
