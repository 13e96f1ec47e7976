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
from eximsim.mta.process.globals import PanicDie
from eximsim.mta.process.log import drop_selector, log_write
from eximsim.mta.reception import smtp_in_tls
from eximsim.mta.reception.smtp_in_helo import protocol
from eximsim.mta.reception.smtp_in_reply import connection_info
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
    if reception.sender_host_unknown:
        _greet(session)
        return
    if session.client_in("host_lookup"):
        look_up_sender_name(reception)
        host_build_sender_fullhost(process)
    ports = process.config.main.text("tls_on_connect_ports")
    if ports and reception.is_socket and process.variables["interface_port"] in list_items(ports):
        smtp_in_tls.start(session)
    else:
        check_client(session)


def check_client(session: SmtpSession) -> None:
    """Find out what this client may do, and greet it if it is let in at all."""
    process, reception = session.process, session.reception
    if session.client_in("host_reject_connection"):
        client = host_and_ident(process, flagged=False)
        text = f"refused connection from {client} (host_reject_connection)"
        log_write(process, text, reject=True, when="connection_reject")
        session.replies.line("554 SMTP service not available")
        session.refuse_session()
        return
    reception.allow_unqualified_sender = session.client_in("sender_unqualified_hosts")
    reception.allow_unqualified_recipient = session.client_in("recipient_unqualified_hosts")
    session.helo_required = session.client_in("helo_verify_hosts")
    if not session.helo_required:
        session.helo_verify = session.client_in("helo_try_verify_hosts")
    session.helo_accept_junk = session.client_in("helo_accept_junk_hosts")
    _greet(session)


def _greet(session: SmtpSession) -> None:
    process, options = session.process, session.process.config.main
    session.greeted = True
    acl = options.text("acl_smtp_connect")
    code, banner = "220", None
    if acl is not None:
        result = acl_check(session.reception, Where.CONNECT, None, acl)
        if result.rc is not Rc.OK:
            session.replies.acl_fail(Where.CONNECT, result, None)
            session.refuse_session()
            return
        banner = result.user_message
    if banner is None:
        try:
            banner = expand(process, options.text("smtp_banner") or "")
        except ExpansionFailed as failure:
            what = f"smtp_banner that does not expand ({failure.message})"
            raise Unsupported(what, *options.where("smtp_banner")) from None
    else:
        code, banner, _ = session.replies.message_code(code, banner, None)
    lines = banner.rstrip(SPACES).split("\n")
    for index, line in enumerate(lines):
        session.replies.line(f"{code[:3]}{' ' if index == len(lines) - 1 else '-'}{code[4:]}{line}")


def smtp_active_hostname(process: Process) -> bool:
    """Set ``$smtp_active_hostname`` unless it is set; False if the option does not expand, as is logged."""
    if "smtp_active_hostname" in process.variables:
        return True
    options = process.config.main
    primary = options.text("primary_hostname") or process.machine.hostname
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
        text = expand(process, process.config.main.text("message_size_limit") or "0")
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
        text = f"{why} message_size_limit: {wrong}"
        log_write(process, text, panic=True)
        raise PanicDie(text) from None


def announce(session: SmtpSession) -> None:
    """Log the connection if the selector asks for it and the client is not in hosts_connection_nolog."""
    process = session.process
    if session.client_in("hosts_connection_nolog"):
        drop_selector(process, "smtp_connection")
    log_write(process, connection_info(session.reception), when="smtp_connection")
