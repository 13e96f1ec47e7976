"""How an SMTP session ends: QUIT, a lost connection, too many errors (the closing part of src/smtp_in.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.acl.acl import Where, acl_check
from eximsim.mta.base.string import from_octets
from eximsim.mta.lookup.sender_host import add_host_info_for_log, host_and_ident
from eximsim.mta.process.log import log_write, printed, quoted, selector
from eximsim.mta.reception.incoming import new_message_id
from eximsim.mta.reception.receive import forget
from eximsim.mta.reception.smtp_in_reply import closed_by, connection_info, elapsed
from eximsim.mta.reception.smtp_session import notquit
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.reception.smtp_session import SmtpSession

_SHOWN, _SHOWN_EARLY = 150, 128
_SHOWN_AFTER_CHUNK = 32


def quit_command(session: SmtpSession, argument: str) -> None:
    """The QUIT command."""
    incomplete_transaction_log(session, "QUIT")
    say_goodbye(session)


def say_goodbye(session: SmtpSession) -> None:
    """Answer QUIT, in acl_smtp_quit's words if it has any; its result does not matter."""
    process = session.process
    acl = process.config.main.text("acl_smtp_quit")
    text = None
    if acl is not None:
        result = acl_check(session.reception, Where.QUIT, None, acl)
        text = result.user_message
        if result.rc is Rc.ERROR:
            log_write(process, f"ACL for QUIT returned ERROR: {result.log_message or 'NULL'}", panic=True)
    if text is None:
        session.replies.line(f"221 {session.hostname} closing connection")
    else:
        session.replies.respond("221", text)
    _log_closed(session, "by QUIT")
    session.end()


def _log_closed(session: SmtpSession, how: str) -> None:
    text = f"{connection_info(session.reception)}{closed_by(session.reception, how)}"
    log_write(session.process, text, when="smtp_connection")


# ---- the client is gone ----------------------------------------------------------------------------


def lost_while_refusing(session: SmtpSession) -> None:
    """End of file where only QUIT was still waited for."""
    _log_closed(session, "by EOF")
    notquit(session, "tls-failed", None)
    session.end()


def lost_at_command(session: SmtpSession) -> None:
    """End of file where a command was expected (EOF_CMD)."""
    process, reception = session.process, session.reception
    envelope, profile = reception.envelope, process.profile
    incomplete_transaction_log(session, "connection lost")
    notquit(session, "connection-lost", "421", f"{session.hostname} lost input connection")
    if envelope.sender is not None or envelope.recipients:
        what = "EOF" if reception.sender_host_unknown else "disconnection"
        time = f" D={elapsed(reception)}" if profile.lost_connection_duration_logged else ""
        client = host_and_ident(process, flagged=False)
        text = f"unexpected {what} while reading SMTP command from {client}{time}"
        log_write(process, text, when="lost_incoming_connection")
    else:
        time = f" D={elapsed(reception)}" if profile.lost_connection_duration_logged else ""
        log_write(process, f"{connection_info(reception)} lost{time}", when="smtp_connection")
    session.end(lost=True)


def lost_in_message(session: SmtpSession) -> None:
    """End of file inside a message (handle_lost_connection(), src/receive.c)."""
    reader, process = session.reader, session.process
    where = (
        ""
        if reader is None
        else reader.where(chunks=session.reception.envelope.chunking and not session.past_chunks)
    )
    if not where and process.profile.lost_message_named:
        process.message_id = new_message_id(process)
    if any(selector(session.process, name) for name in ("lost_incoming_connection", "smtp_connection")):
        info = connection_info(session.reception)
        log_write(session.process, f"{info} lost while reading message data{where}")
    notquit(session, "connection-lost", None)
    session.replies.line("421 Lost incoming connection")
    process.message_id = ""
    session.end(lost=True)


def lost_after_dot(session: SmtpSession) -> None:
    """The client has gone before it was told that its message is taken; it is not (receive_msg())."""
    process, reception = session.process, session.reception
    notquit(session, "connection-lost", None)
    log_write(process, f"SMTP connection lost after final dot{add_host_info_for_log(process)}")
    forget(reception)
    session.end(lost=True)


def quit_within_message(session: SmtpSession) -> None:
    """QUIT after a chunk that was not the last: the client is answered, and the message lost."""
    session.notquit_run = True
    incomplete_transaction_log(session, "QUIT")
    say_goodbye(session)
    lost_in_message(session)


def chunk_sync_failure(session: SmtpSession) -> None:
    """The client went on without waiting for the answer to a chunk; nothing but RSET helps now."""
    incomplete_transaction_log(session, "sync failure")
    sent = bytes(session.input[:_SHOWN_AFTER_CHUNK])
    more = "..." if len(session.input) > _SHOWN_AFTER_CHUNK else ""
    if session.process.profile.chunk_sync_error_reads:
        del session.input[:_SHOWN_AFTER_CHUNK]
    client = host_and_ident(session.process, flagged=True)
    log_write(
        session.process,
        "SMTP protocol synchronization error (next input sent too soon: pipelining was not advertised): "
        f"rejected {quoted(session.process, session.replies.command)} {client} next input="
        f"{quoted(session.process, printed(session.process, from_octets(sent)))}{more}",
        reject=True,
        rejected=session.reception.rejected(),
    )
    session.error("protocol", 554, "SMTP synchronization error")
    session.only_rset = True


def incomplete_transaction_log(session: SmtpSession, what: str) -> None:
    """Log the envelope of a transaction that comes to nothing, if the selector asks for it."""
    envelope = session.reception.envelope
    if envelope.sender is None or not selector(session.process, "smtp_incomplete_transaction"):
        return
    client = host_and_ident(session.process, flagged=True)
    text = f"{client} incomplete transaction ({what}) from <{envelope.sender}>"
    if envelope.recipients:
        text += " for " + " ".join(recipient.address for recipient in envelope.recipients)
    log_write(session.process, text)


# ---- the client does not behave --------------------------------------------------------------------


def sync_failure(session: SmtpSession) -> None:
    """The client went on without waiting for an answer."""
    incomplete_transaction_log(session, "sync failure")
    offered = "" if session.reception.pipelining.advertised else " not"
    sent = bytes(session.input[:_SHOWN])
    shown = quoted(session.process, printed(session.process, from_octets(sent.partition(b"\0")[0])))
    command = quoted(session.process, session.replies.command)
    size = f" ({len(sent)} bytes)" if session.process.profile.sync_error_with_size else ""
    client = host_and_ident(session.process, flagged=True)
    log_write(
        session.process,
        "SMTP protocol synchronization error (next input sent too soon: pipelining was"
        f"{offered} advertised): rejected {command} {client} next input={shown}{size}",
        reject=True,
    )
    notquit(session, "synchronization-error", "554", "SMTP synchronization error")
    session.end(lost=True)


def too_early(session: SmtpSession, sent: bytes) -> None:
    """The client has not waited for the greeting."""
    shown = quoted(
        session.process, printed(session.process, from_octets(sent[:_SHOWN_EARLY].partition(b"\0")[0]))
    )
    client = host_and_ident(session.process, flagged=True)
    what = "SMTP protocol synchronization error (input sent without waiting for greeting)"
    log_write(session.process, f"{what}: rejected connection from {client} input={shown}", reject=True)
    session.refuse_session()


def unknown_command(session: SmtpSession) -> None:
    """Answer what is no command; after smtp_max_unknown_commands of them the session ends."""
    process = session.process
    session.unknown_commands += 1
    if session.unknown_commands <= process.config.main.number("smtp_max_unknown_commands"):
        session.error("syntax", 500, "unrecognized command")
        return
    shown = quoted(process, printed(process, session.replies.command))
    client = host_and_ident(process, flagged=True)
    log_write(
        process, f"SMTP syntax error in {shown} {client} unrecognized command", when="smtp_syntax_error"
    )
    incomplete_transaction_log(session, "unrecognized command")
    notquit(session, "bad-commands", "500", "Too many unrecognized commands")
    _log_dropped(session, "unrecognized commands", f"last was {shown}")
    session.end()


def too_many_nonmail(session: SmtpSession) -> bool:
    """Count a command that moves no mail; True, and the session is over, if it was one too many."""
    process = session.process
    if session.counts_nonmail is None:
        session.counts_nonmail = session.client_in("smtp_accept_max_nonmail_hosts", defer=True)
    if not session.counts_nonmail:
        return False
    session.nonmail_commands += 1
    if session.nonmail_commands <= process.config.main.number("smtp_accept_max_nonmail"):
        return False
    incomplete_transaction_log(session, "too many non-mail commands")
    word = session.replies.command.split(maxsplit=1)[0]
    _log_dropped(session, "nonmail commands", f'last was "{word}"')
    notquit(session, "bad-commands", "554", "Too many nonmail commands")
    session.end(lost=True)
    return True


def _log_dropped(session: SmtpSession, what: str, last: str) -> None:
    client = host_and_ident(session.process, flagged=False)
    log_write(session.process, f"SMTP call from {client} dropped: too many {what} ({last})", reject=True)
