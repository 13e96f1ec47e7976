"""How long the server waits for a client, and how it gives up (the time-outs of src/smtp_in.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.readtime import readconf_readtime
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.lookup.sender_host import host_and_ident
from eximsim.mta.process.log import log_write
from eximsim.mta.reception import smtp_in_tls
from eximsim.mta.reception.incoming import new_message_id
from eximsim.mta.reception.smtp_in_reply import elapsed
from eximsim.mta.reception.smtp_session import State, notquit

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.reception.smtp_session import SmtpSession

_DEFAULT = 300


def receive_timeout(process: Process, *, expands: bool) -> int:
    """smtp_receive_timeout in seconds, 0 for none. It is expanded for clients that have an address.

    Source: smtp_start_session().
    """
    value = process.config.main.value("smtp_receive_timeout")
    if process.smtp_receive_timeout is not None:
        return process.smtp_receive_timeout
    if not isinstance(value, str):
        return value if isinstance(value, int) else _DEFAULT
    if not expands:
        return _DEFAULT
    text, seconds = "", None
    try:
        text = expand(process, value)
        seconds = readconf_readtime(text)
    except ExpansionFailed:
        seconds = None
    if seconds is None:
        log_write(process, f"bad value for smtp_receive_timeout: '{text}'", panic=True)
        return 0 if text else _DEFAULT
    return seconds


def timed_out(session: SmtpSession) -> None:
    """The client has said nothing for too long."""
    if session.state is State.HANDSHAKE:
        library = session.process.profile.tls_library
        smtp_in_tls.refuse(
            session, f"({'gnutls_handshake' if library == GNUTLS else 'SSL_accept'}): timed out"
        )
    elif session.state in (State.DATA, State.CHUNK):
        _in_message(session)
    else:
        _at_command(session)


def log_command_timeout(session: SmtpSession) -> None:
    """Log that no command came in time."""
    secure = "" if session.reception.tls is None else " TLS"
    client = host_and_ident(session.process, flagged=False)
    text = f"SMTP command timeout on{secure} connection from {client}{_duration(session)}"
    log_write(session.process, text, when="lost_incoming_connection")


def _at_command(session: SmtpSession) -> None:
    """Source: smtp_command_timeout_exit()."""
    log_command_timeout(session)
    told = f"{session.hostname}: SMTP command timeout - closing connection"
    notquit(session, "command-timeout", "421", told)
    session.end_at_once()


def log_data_timeout(session: SmtpSession, *, has_id: bool) -> None:
    """Log that a message did not come to its end in time."""
    process, reception = session.process, session.reception
    if has_id:
        process.message_id = new_message_id(process)
    client = reception.get("sender_fullhost") or "local process"
    text = (
        f"SMTP data timeout (message abandoned) on connection from {client} "
        f"F=<{reception.envelope.sender}>{_duration(session)}"
    )
    log_write(process, text, when="lost_incoming_connection")


def _in_message(session: SmtpSession) -> None:
    """Source: smtp_data_timeout_exit()."""
    log_data_timeout(session, has_id=session.reader is not None and session.reader.header_done())
    told = f"{session.hostname} SMTP incoming data timeout - closing connection."
    notquit(session, "data-timeout", "421", told)
    session.process.message_id = ""
    session.end_at_once()


def _duration(session: SmtpSession) -> str:
    shown = session.process.profile.closed_connection_duration_logged
    return f" D={elapsed(session.reception)}" if shown else ""
