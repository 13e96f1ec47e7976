"""Ending an SMTP call: QUIT and close, and what a lost call leaves behind (src/transports/smtp.c)."""

from __future__ import annotations

from dataclasses import replace

from eximsim.mta.base import errnos
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.records.process_parts import LostSession
from eximsim.mta.transports.smtp_context import PULL_FAILED, SmtpContext
from eximsim.mta.transports.smtp_out import smtp_debug_cmd_report
from eximsim.mta.transports.tls_failed import INVALID_SESSION, log_tls_error
from eximsim.ports import AlertReceived, ConnectionLost, ReadTimeout
from eximsim.profiles import CommandLog

QUIT_TIMEOUT = 1.0
"""How long the reply to QUIT is waited for, in seconds; and then the end of the connection."""


def end_session(sx: SmtpContext, *, quit_timeout: float = 0, forgotten: bool = False) -> None:
    """QUIT if the session is in order, then close; the reply to QUIT is waited for so many seconds.

    ``forgotten``: the host's name and address are not known any more when the event is raised.
    """
    if sx.dialogue is None:
        return
    profile = sx.process.profile
    watched = sx.process.verbose and not sx.verify
    if watched:
        quit_timeout = QUIT_TIMEOUT
    sent = sx.quit_sent or (sx.send_quit and sx.dialogue.write("QUIT", more=watched) > 0)
    if watched and sx.send_quit:
        show_shutdown(sx)
    if sent and quit_timeout:
        reply = sx.dialogue.read("2", quit_timeout)
        # a server that takes QUIT for the beginning of TLS closes with a part of it unread
        sx.process.libc_errno = errnos.ECONNRESET if sx.smtps and not reply.text else reply.errno
    if sx.tls is not None and profile.tls_library == GNUTLS and (sx.quit_early or (sent and _waits(sx))):
        _await_close(sx)
    if profile.callout_uses_setup_conn or profile.callout_close_traced:
        sx.process.hdebug("  SMTP(close)>>", indented=True, with_v=True)
    sx.dialogue.connection.close()
    sx.dialogue, sx.quit_sent = None, False
    lost = sx.process.lost_session
    if lost is not None and lost.socket_reused:
        sx.process.lost_session = replace(lost, log_open=sx.process.main_log_open)
    with sx.process.setting(**({"host": None, "host_address": None} if forgotten else {})):
        sx.raise_event("tcp:close")
    if profile.command_log is CommandLog.AT_CLOSE:
        smtp_debug_cmd_report(sx.process, sx.command_log)


def show_shutdown(sx: SmtpContext) -> None:
    """-v shows that no more will be sent, and that what was kept goes out with that."""
    sx.process.hdebug("  SMTP(shutdown)>>", indented=True, with_v=True)


def hang_up(sx: SmtpContext) -> None:
    """End the session; a TLS session that cannot be told of it, by QUIT or before, may be left behind."""
    process = sx.process
    told = sx.send_quit or sx.quit_sent
    left = sx.tls is not None and not told and process.profile.lost_tls_stays_active
    end_session(sx)
    if left:
        process.lost_session = LostSession(log_open=process.main_log_open)


def _waits(sx: SmtpContext) -> bool:
    """Whether the end of a delivery's connection is waited for."""
    return not sx.verify and sx.process.profile.quit_pipelined


def _await_close(sx: SmtpContext) -> None:
    """Read the reply to QUIT, then to the end; what GnuTLS says of it is logged.

    After an early QUIT the socket stays open, and a server that does not close is waited for; else it is told
    of the end by closing this side.
    """
    patience = QUIT_TIMEOUT if sx.quit_early else 0
    invalid = sx.wire.reset
    for is_last in (False, True):
        if invalid and not sx.process.profile.invalid_session_passed_over:
            log_tls_error(sx, "recv", INVALID_SESSION)
        if invalid:
            continue
        try:
            while sx.wire.connection.receive(patience) and is_last:
                pass
        except ReadTimeout:
            if is_last and sx.quit_early:
                log_tls_error(sx, "recv", "Function was interrupted.")
        except AlertReceived:
            return
        except ConnectionLost:
            invalid = True
            log_tls_error(sx, "recv", PULL_FAILED)
