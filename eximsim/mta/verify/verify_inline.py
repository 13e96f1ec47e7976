"""The callout's own SMTP client, as it was up to 4.88 (``do_callout()``, src/verify.c).

It reads errno after the fact to learn whether the remote host or the system refused, and so do we: the
variable is kept up by whatever a real process would call in between (``Process.libc_errno``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base import errnos
from eximsim.mta.process.log import log_write, printed
from eximsim.mta.records.hints import Cached
from eximsim.mta.transports import dane
from eximsim.mta.transports.smtp_auth import smtp_auth
from eximsim.mta.transports.smtp_close import QUIT_TIMEOUT, end_session
from eximsim.mta.transports.smtp_connect import smtp_port_for_connect
from eximsim.mta.transports.smtp_context import ehlo_response
from eximsim.mta.transports.smtp_decisions import Clear, Fault, Hello, StartTls
from eximsim.mta.transports.smtp_open import greeted, open_dialogue
from eximsim.mta.transports.smtp_out import Reply
from eximsim.mta.transports.smtp_setup import (
    dane_wanted,
    hello_command,
    hello_follows,
    starttls_action,
    use_dane,
    wanted_dane,
)
from eximsim.mta.transports.smtp_utf8 import expand_helo
from eximsim.mta.transports.tls import tls_client_start, tls_client_start_on_closed_socket
from eximsim.mta.transports.tls_failed import TlsStartFailed
from eximsim.mta.transports.transport import transport_rcpt_address
from eximsim.mta.verify.verify_decisions import (
    CALLOUT_REFUSED,
    OWN_HANDSHAKE_FAILED,
    OWN_TLS_REQUIRED,
    Again,
    Heard,
    Step,
)
from eximsim.ports import ConnectError
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from eximsim.mta.transports.smtp_context import SmtpContext
    from eximsim.mta.verify.callout import Callout


class _Refused(Exception):
    """The dialogue is over for this host: the last reply ended it, or came before the trouble.

    ``step`` is where, if the recipient itself was refused; else the last command tells.
    """

    def __init__(self, step: Step | None = None) -> None:
        self.step = step


def ask(call: Callout, sx: SmtpContext) -> Rc | None:
    """Ask one host; None to go on (``call.done``: it has answered), else the whole callout's result."""
    process, addr, host = call.process, call.addr, sx.host
    suppress_tls, before = False, process.profile.callout_tlsa_before_connect
    process.hdebug(f"interface={sx.interface or 'NULL'} port={sx.port}")
    if before and (rc := _check_dane(sx)) is not None:
        return rc
    while True:
        smtp_port_for_connect(process, host, sx.port)
        try:
            open_dialogue(sx)
        except ConnectError as error:
            process.libc_errno = error.errno
            why = errnos.strerror(error.errno)
            process.variables.pop("transport_name", None)
            addr.message = f"could not connect to {host.name} [{host.address}]: {why}"
            return None
        if not before and (rc := _check_dane(sx)) is not None:
            sx.wire.connection.close()
            return rc
        sx.send_quit, sx.tls = True, None
        try:
            if not _set_up(call, sx, suppress_tls=suppress_tls):
                suppress_tls = True
                continue
            _dialogue(call, sx)
        except _Refused as refusal:
            _refused(call, sx, refusal.step)
        patience = QUIT_TIMEOUT if process.profile.callout_quit_reply_read else 0
        end_session(sx, quit_timeout=patience, forgotten=True)
        return None


def _check_dane(sx: SmtpContext) -> Rc | None:
    """DANE for this host, after the connection was made; a result ends the callout without a message."""
    sx.dane, sx.dane_required = False, sx.host_is_in("hosts_require_dane")
    want = wanted_dane(sx)
    policy = dane.HOST_POLICY.decide(sx.process, sx.host.dnssec, want, host=sx.host.name)
    if policy.outcome is dane.Policy.NO_DANE:
        return None
    if policy.outcome is dane.Policy.FAIL:
        log_write(sx.process, policy.text.format(host=sx.host.name))
        return Rc.FAIL
    found = dane.tlsa_lookup(sx.process, sx.host, want)
    verdict = dane.TLSA_CALLOUT.decide(sx.process, found.rc, host=sx.host.name).outcome
    if verdict is dane.Verdict.USE:
        use_dane(sx, found.records)
    return found.rc if verdict is dane.Verdict.ENDS else None


def _set_up(call: Callout, sx: SmtpContext, *, suppress_tls: bool) -> bool:
    """Greeting, EHLO, STARTTLS; False to start again without TLS."""
    protocol = (sx.transport.options.text("protocol") or "smtp").lower()
    sx.smtps, sx.lmtp = protocol == "smtps", protocol == "lmtp"
    if call.addr.utf8 is not None:
        raise Unsupported("a callout of a release before 4.89 for an international message")
    sx.helo_data = expand_helo(sx, tell=True)
    sx.features = frozenset()
    if not sx.smtps:
        _need(sx, _read(sx))
        if greeted(sx):
            sx.process.libc_errno = Errno.EVENT
            raise _Refused
        sx.esmtp = not sx.host_is_in("hosts_avoid_esmtp")
        _helo(sx)
    else:
        sx.esmtp = not sx.host_is_in("hosts_avoid_esmtp")
        sx.set_option("tls_tempfail_tryclear", False)
    sx.starttls_offered = "STARTTLS" in sx.features and not suppress_tls
    if (
        sx.starttls_offered
        and not sx.host_is_in("hosts_avoid_tls")
        and not sx.host_is_in("hosts_verify_avoid_tls")
        and _starttls_accepted(sx)
    ):
        if not _handshake(call, sx):
            return False
        _helo(sx)
    if sx.tls is None:
        _check_tls_not_required(sx)
    return True


def _check_tls_not_required(sx: SmtpContext) -> None:
    host = sx.host
    row = OWN_TLS_REQUIRED.decide(
        sx.process,
        sx.dane,
        lambda: sx.host_is_in("hosts_require_tls"),
        sx.starttls_offered,
        host=host.name,
    )
    if row.outcome is Clear.DEFER:
        log_write(sx.process, row.log.format(host=host.name, address=host.address))
        raise _Refused


def _helo(sx: SmtpContext) -> None:
    """EHLO, and HELO if the first EHLO is refused."""
    command = hello_command(sx)
    _write(sx, f"{command} {sx.helo_data}")
    if not _read(sx).ok:
        if hello_follows(sx, command, over_tls=sx.tls is not None) is not Hello.SAY_HELO:
            raise _Refused
        sx.esmtp = False
        _helo(sx)
        return
    sx.features = ehlo_response(sx.reply.text) if sx.esmtp else frozenset()


def _starttls_accepted(sx: SmtpContext) -> bool:
    _write(sx, "STARTTLS")
    reply = sx.wire.read("2", sx.transport.options.seconds("command_timeout"))
    sx.process.libc_errno = reply.errno
    action = starttls_action(sx, reply)
    if action is StartTls.DEFER:
        sx.reply = reply
        raise _Refused
    return action is StartTls.HANDSHAKE


def _handshake(call: Callout, sx: SmtpContext) -> bool:
    """Negotiate TLS; False to start again in clear."""
    try:
        sx.tls = tls_client_start(sx)
    except TlsStartFailed as failure:
        sx.send_quit = False
        _handshake_failed(sx, Fault.UNUSABLE if failure.rc is Rc.DEFER else Fault.HANDSHAKE)
        return False
    call.addr.tls, call.addr.peerdn = sx.tls.session, sx.tls.peerdn
    return True


def _handshake_failed(sx: SmtpContext, fault: Fault) -> None:
    """Returns if the host is to be asked in clear."""
    process, host = sx.process, sx.host
    row = OWN_HANDSHAKE_FAILED.decide(
        process,
        fault,
        dane_wanted(sx),
        sx.tempfail_tryclear,
        lambda: sx.host_is_in("hosts_require_tls"),
        host=host.name,
    )
    if row.outcome is Again.NEXT_HOST:
        raise _Refused
    sx.wire.connection.close()
    sx.raise_event("tcp:close")
    log_write(process, row.log.format(host=host.name, address=host.address))
    if row.outcome is Again.CLOSED:
        tls_client_start_on_closed_socket(sx)
        raise _Refused


def _dialogue(call: Callout, sx: SmtpContext) -> None:
    """MAIL, then the random, the real and the postmaster recipient."""
    addr, domain = call.addr, call.addr.domain
    call.failure = "mail"
    smtp_auth(sx)
    size = call.announced_size(sx) if "SIZE" in sx.features else None
    _write(sx, f"MAIL FROM:<{call.sender}>" if size is None else f"MAIL FROM:<{call.sender}> SIZE={size}")
    _need(sx, _read(sx))
    call.failure = None
    call.domain_record.result = (
        Cached.REJECT_MFNULL if call.old_domain_result is Cached.REJECT_MFNULL else Cached.ACCEPT
    )
    if call.random and _random_accepted(call, sx):
        call.done = True
        return
    affixes = sx.transport.options.flag("rcpt_include_affixes")
    sx.note_recipient(addr.address)
    _write(sx, f"RCPT TO:<{transport_rcpt_address(addr, include_affixes=affixes)}>")
    if not _read(sx).ok:
        raise _Refused(Step.RCPT)
    call.address_record.result = Cached.ACCEPT
    if call.postmaster is not None:
        _postmaster(call, sx, domain)
    call.done = True


def _random_accepted(call: Callout, sx: SmtpContext) -> bool:
    record = call.domain_record
    _write(sx, f"RCPT TO:<{call.random}@{call.addr.domain}>")
    record.random_stamp = sx.process.world.now()
    if _read(sx).ok:
        record.random_result = Cached.ACCEPT
        return True
    if sx.reply.errno:
        raise _Refused
    if sx.reply.text.startswith("5"):
        record.random_result = Cached.REJECT
    _restart(sx, call.sender)
    return False


def _postmaster(call: Callout, sx: SmtpContext, domain: str) -> None:
    record = call.domain_record
    assert call.postmaster is not None
    _restart(sx, call.postmaster)
    record.postmaster_stamp = sx.process.world.now()
    recipients = [f"postmaster@{domain}", *(["postmaster"] if call.settings.fullpostmaster else [])]
    for recipient in recipients:
        _write(sx, f"RCPT TO:<{recipient}>")
        if _read(sx).ok:
            record.postmaster_result = Cached.ACCEPT
            return
    raise _Refused(Step.POSTMASTER)


def _restart(sx: SmtpContext, sender: str) -> None:
    for command in ("RSET", f"MAIL FROM:<{sender}>"):
        _write(sx, command)
        _need(sx, _read(sx))


def _refused(call: Callout, sx: SmtpContext, step: Step | None) -> None:
    """The host did not take it. A 5xx answer is final; anything else leaves it to the next host."""
    process, addr, host = call.process, call.addr, sx.host
    if step is None:
        step = Step.MAIL if sx.wire.command.startswith("MAIL") else Step.SETUP
    reply = sx.reply.text or "connection dropped"
    row = CALLOUT_REFUSED.decide(
        process, step, _heard(process.libc_errno, reply), not call.sender, host=host.name
    )
    call.learn(row.outcome)
    if process.libc_errno == errnos.ETIMEDOUT:
        sx.send_quit = False
    if not row.text:
        return
    command = sx.wire.command
    addr.message = row.text.format(
        command=command, host=host.name, address=host.address, reply=printed(process, reply)
    )
    if call.is_recipient:
        addr.user_message = f"Callout verification failed:\n{reply}"
    else:
        addr.user_message = f"Called:   {host.address}\nSent:     {command}\nResponse: {reply}"


def _heard(errno: int, reply: str) -> Heard:
    if errno:
        return Heard.TIMEOUT if errno == errnos.ETIMEDOUT else Heard.ERROR
    return Heard.PERMANENT if reply.startswith("5") else Heard.OTHER


def _write(sx: SmtpContext, command: str) -> None:
    if sx.wire.write(command) < 0:
        sx.process.libc_errno = errnos.EPIPE
        raise _Refused


def _read(sx: SmtpContext) -> Reply:
    reply = sx.read()
    sx.process.libc_errno = reply.errno
    return reply


def _need(sx: SmtpContext, reply: Reply) -> None:
    if not reply.ok:
        raise _Refused
