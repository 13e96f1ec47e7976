"""The start of an SMTP session: who the client is, whether it is let in, the greeting (src/smtp_in.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.acl.acl import Where, acl_check
from eximsim.mta.base.string import SPACES, list_items
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.expand_eval import EvalError, expanded_string_integer
from eximsim.mta.lookup.host import look_up_sender_name
from eximsim.mta.lookup.sender_host import host_and_ident, host_build_sender_fullhost
from eximsim.mta.lookup.verify_hosts import verify_check_host
from eximsim.mta.process.hostname import primary_hostname
from eximsim.mta.process.log import drop_selector, log_write, log_write_die, quoted
from eximsim.mta.reception import smtp_in_ends, smtp_in_proxy, smtp_in_tls
from eximsim.mta.reception.smtp_in_reply import connection_info, tls_log
from eximsim.mta.reception.smtp_in_time import receive_timeout
from eximsim.mta.reception.smtp_session import notquit, protocol
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.reception.smtp_session import SmtpSession

_TEMPORARY = "421 Temporary local problem - please try later"
_LARGEST = 2**31 - 1


def smtp_start_session(session: SmtpSession) -> None:
    """Greet the client, or refuse it; where TLS comes first, only begin with that."""
    process, reception = session.process, session.reception
    reception.started = process.world.now()
    process.variables["smtp_command_history"] = ""
    if not smtp_active_hostname(process):
        session.replies.line("421 Local configuration error; please try again later.")
        session.refuse_session()
        return
    session.hostname = process.variables["smtp_active_hostname"]
    reception.set("received_protocol", protocol(session))
    try:
        session.size_limit = message_size_limit(process)
    except BadSizeLimit as wrong:
        why = "invalid" if wrong.expands else "unable to expand"
        log_write(process, f"{why} message_size_limit: {wrong}", panic=True)
        session.replies.line(_TEMPORARY)
        session.refuse_all(_TEMPORARY)
        return
    reception.enforce_sync = process.config.main.flag("smtp_enforce_sync")
    session.time_limit = receive_timeout(process, expands=not reception.sender_host_unknown)
    if reception.sender_host_unknown:
        _greet(session)
        return
    process.doing = f"handling incoming connection from {host_and_ident(process, flagged=False)}"
    if session.client_in("host_lookup"):
        look_up_sender_name(reception)
        host_build_sender_fullhost(process)
    ports = list_items(process.config.main.text("tls_on_connect_ports") or "")
    session.tls_first = reception.is_socket and (
        process.tls_on_connect or process.variables["interface_port"] in ports
    )
    if not _is_let_in(session):
        session.refuse_session()
    elif smtp_in_proxy.begin(session):
        return
    elif session.tls_first and not process.profile.connect_acl_before_tls:
        smtp_in_tls.start(session)
    else:
        _greet(session)


def go_on_in_tls(session: SmtpSession) -> None:
    """TLS came before everything else, and is there: say what waits for it."""
    profile = session.process.profile
    if profile.connect_acl_before_tls and not profile.banner_before_tls:
        _say(session, _banner(session, session.connect_message))
    elif profile.connect_acl_before_tls:
        session.greeted = True
        process = session.process
        if process.machine.test_harness and smtp_in_tls.banner_came_early(session):
            number = process.connection or process.pid
            log_write(process, f"Ci={number} SMTP peer appears to have seen our banner")
        for line in session.banner:
            session.replies.line(line)
    else:
        _greet(session)


def go_on_after_proxy(session: SmtpSession) -> None:
    """The header of a proxy has been read: greet who it speaks for, if that has waited for the greeting."""
    reception = session.reception
    if session.input and reception.is_socket and reception.enforce_sync and not session.may_be_early():
        smtp_in_ends.too_early(session, bytes(session.input))
        session.replies.line("554 SMTP synchronization error")
    else:
        _greet(session)


def _is_let_in(session: SmtpSession) -> bool:
    """Find out what this client may do, and whether it is let in at all."""
    process, reception = session.process, session.reception
    if session.client_in("host_reject_connection"):
        client = host_and_ident(process, flagged=False)
        text = f"refused connection from {client} (host_reject_connection)"
        log_write(process, text, reject=True, when="connection_reject")
        if not (session.tls_first and process.profile.connect_acl_before_tls):
            session.replies.line("554 SMTP service not available")
        return False
    if not _has_room(session):
        return False
    reception.allow_unqualified_sender = session.client_in("sender_unqualified_hosts")
    reception.allow_unqualified_recipient = session.client_in("recipient_unqualified_hosts")
    session.helo_required = session.client_in("helo_verify_hosts")
    if not session.helo_required:
        session.helo_verify = session.client_in("helo_try_verify_hosts")
    session.helo_accept_junk = session.client_in("helo_accept_junk_hosts")
    return True


def _has_room(session: SmtpSession) -> bool:
    """Whether there is a connection left for this client; some are kept for those in smtp_reserve_hosts."""
    process, options = session.process, session.process.config.main
    most, reserve = options.number("smtp_accept_max"), options.number("smtp_accept_reserve")
    if most <= 0 or session.connections <= most - reserve:
        return True
    rc = verify_check_host(process, options.text("smtp_reserve_hosts"), list_name="smtp_reserve_hosts")
    if rc is Rc.OK:
        return True
    client = host_and_ident(process, flagged=False)
    counted = f"connected={session.connections - 1} max={most} reserve={reserve}"
    why = " (lookup deferred)" if rc is Rc.DEFER else ""
    text = f"temporarily refused connection from {client}: not in reserve list: {counted}{why}"
    log_write(process, text, when="connection_reject")
    told = "Too many concurrent SMTP connections; please try again later"
    session.replies.line(f"421 {session.hostname}: {told}")
    return False


def _greet(session: SmtpSession) -> None:
    """Ask the ACL for the connection, and say the banner; where TLS comes first, it waits for that."""
    process = session.process
    before_tls = session.tls_first and process.profile.connect_acl_before_tls
    acl = process.config.main.text("acl_smtp_connect")
    message = None
    if acl is not None:
        result = acl_check(session.reception, Where.CONNECT, None, acl)
        if result.rc is not Rc.OK:
            if before_tls:
                _log_dropped(session, result.log_message)
            elif session.replies.acl_fail(Where.CONNECT, result, None):
                notquit(session, "acl-drop", None)
            session.refuse_session()
            return
        message = result.user_message
    if before_tls and not process.profile.banner_before_tls:
        session.connect_message = message
        smtp_in_tls.start(session)
        return
    lines = _banner(session, message)
    if before_tls and lines is not None:
        session.banner = lines
        smtp_in_tls.start(session)
    else:
        _say(session, lines)


def _say(session: SmtpSession, banner: tuple[str, ...] | None) -> None:
    if banner is None:
        session.refuse_session()
        return
    session.greeted = True
    for line in banner:
        session.replies.line(line)


def _log_dropped(session: SmtpSession, why: str | None) -> None:
    """A client that is refused before TLS hears nothing (log_connect_tls_drop())."""
    client = host_and_ident(session.process, flagged=True)
    text = f"{client}{tls_log(session.reception)} dropped by 'connect' ACL"
    targets = session.process.log_reject_target
    log_write(
        session.process,
        text if why is None else f"{text}: {why}",
        main="main" in targets,
        reject="reject" in targets,
        panic="panic" in targets,
        when="connection_reject",
    )


def _banner(session: SmtpSession, message: str | None) -> tuple[str, ...] | None:
    """The lines of the banner, maybe the ACL's message; None if smtp_banner says that there is none."""
    process, options = session.process, session.process.config.main
    code = "220"
    if message is not None:
        code, text, _ = session.replies.message_code(code, message, None)
    else:
        banner = options.text("smtp_banner") or ""
        try:
            text = expand(process, banner)
        except ExpansionFailed as failure:
            if not (failure.forced and process.profile.banner_may_close):
                what = f"smtp_banner that does not expand ({failure.message})"
                raise Unsupported(what, *options.where("smtp_banner")) from None
            shown = quoted(process, banner)
            log_write(process, f"Expansion of {shown} (smtp_banner) failed: {failure.message}")
            return None
    lines = text.rstrip(SPACES).split("\n")
    return tuple(
        f"{code[:3]}{' ' if number == len(lines) else '-'}{code[4:]}{line}"
        for number, line in enumerate(lines, start=1)
    )


def smtp_active_hostname(process: Process) -> bool:
    """Set ``$smtp_active_hostname`` unless it is set; False if the option does not expand, as is logged."""
    if "smtp_active_hostname" in process.variables:
        return True
    options = process.config.main
    primary = primary_hostname(process)
    text = options.text("smtp_active_hostname")
    name = ""
    try:
        name = "" if text is None else expand(process, text)
    except ExpansionFailed as failure:
        if not failure.forced:
            said = f'failed to expand "{text}" (smtp_active_hostname): {failure.message}'
            log_write(process, said, panic=True)
            return False
    process.variables["smtp_active_hostname"] = name or primary
    return True


class BadSizeLimit(Exception):
    """What is wrong with message_size_limit; ``expands`` if only its value is."""

    def __init__(self, message: str, *, expands: bool) -> None:
        self.expands = expands
        super().__init__(message)


def message_size_limit(process: Process) -> int:
    """The largest message that is taken in, 0 for any; raises ``BadSizeLimit``.

    The number is kept in 32 bits, as Exim keeps it; what is negative then is no limit.
    """
    try:
        setting = process.config.main.text("message_size_limit")
        text = "0" if setting is None else expand(process, setting)
        limit = expanded_string_integer(text, positive=True)
    except ExpansionFailed as failure:
        raise BadSizeLimit(failure.message, expands=False) from None
    except EvalError as failure:
        raise BadSizeLimit(str(failure), expands=True) from None
    kept = limit & 0xFFFFFFFF
    return kept if kept <= _LARGEST else 0


def local_size_limit(process: Process) -> int:
    """The same for a message that is not brought over SMTP; a bad limit ends the process (``PanicDie``)."""
    try:
        return message_size_limit(process)
    except BadSizeLimit as wrong:
        why = "invalid value for" if wrong.expands else "failed to expand"
        log_write_die(process, f"{why} message_size_limit: {wrong}")


def announce(session: SmtpSession) -> None:
    """Log the connection if the selector asks for it and the client is not in hosts_connection_nolog."""
    process = session.process
    if session.client_in("hosts_connection_nolog"):
        drop_selector(process, "smtp_connection")
        if process.profile.nolog_covers_no_mail:
            drop_selector(process, "smtp_no_mail")
    log_write(process, connection_info(session.reception), when="smtp_connection")
