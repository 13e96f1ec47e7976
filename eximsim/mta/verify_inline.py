"""The callout's own SMTP client, as it was up to 4.88 (``do_callout()``, src/verify.c).

It reads errno after the fact to learn whether the remote host or the system refused, and so do we: the
variable is kept up by whatever a real process would call in between (``Process.libc_errno``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta import dane, errnos
from eximsim.mta.log import log_write
from eximsim.mta.smtp_out import Reply, smtp_connect, smtp_port_for_connect
from eximsim.mta.string import string_printing
from eximsim.mta.tls import TlsStartFailed, tls_client_start, tls_client_start_on_closed_socket
from eximsim.mta.transport import transport_rcpt_address
from eximsim.mta.transports.smtp_context import ehlo_response
from eximsim.mta.transports.smtp_setup import end_session, expand_helo, use_dane, wanted_dane
from eximsim.mta.verify_cache import Cached
from eximsim.mta.world import ConnectError
from eximsim.profiles import UnusableTlsa
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.transports.smtp_context import SmtpContext
    from eximsim.mta.verify_callout import Callout


class _Refused(Exception):
    """The dialogue is over for this host: the reply that ended it, or the last one before the trouble."""


def ask(call: Callout, sx: SmtpContext) -> Rc | None:
    """Ask one host; None to go on (``call.done``: it has answered), else the whole callout's result."""
    process, addr, host = call.process, call.addr, sx.host
    suppress_tls = False
    while True:
        smtp_port_for_connect(process, host, sx.port)
        try:
            sx.dialogue = smtp_connect(process, host, sx.interface, sx.connect_timeout)
        except ConnectError as error:
            process.libc_errno = error.errno
            why = errnos.strerror(error.errno)
            addr.message = f"could not connect to {host.name} [{host.address}]: {why}"
            return None
        if (rc := _check_dane(sx)) is not None:
            sx.wire.connection.close()
            return rc
        sx.send_quit, sx.tls = True, None
        try:
            if not _set_up(call, sx, suppress_tls=suppress_tls):
                suppress_tls = True
                continue
            _dialogue(call, sx)
        except _Refused:
            _refused(call, sx)
        end_session(sx)
        return None


def _check_dane(sx: SmtpContext) -> Rc | None:
    """DANE for this host, after the connection was made; a result ends the callout without a message."""
    sx.dane, sx.dane_required = False, sx.host_is_in("hosts_require_dane")
    policy = dane.host_policy(sx.process, sx.host, wanted_dane(sx))
    if policy == "no DANE":
        return None
    if policy == "fail: not DNSSEC":
        log_write(sx.process, f"DANE error: {sx.host.name} lookup not DNSSEC")
        return Rc.FAIL
    found = dane.tlsa_lookup(sx.process, sx.host, required=sx.dane_required)
    if found.rc is Rc.OK:
        use_dane(sx, found.records)
        return None
    if found.rc is Rc.FAIL_FORCED and not sx.process.profile.callout_forced_failure_ends:
        return None
    return found.rc


def _set_up(call: Callout, sx: SmtpContext, *, suppress_tls: bool) -> bool:
    """Greeting, EHLO, STARTTLS; False to start again without TLS."""
    protocol = (sx.transport.options.text("protocol") or "smtp").lower()
    sx.smtps, sx.lmtp = protocol == "smtps", protocol == "lmtp"
    sx.helo_data = expand_helo(sx)
    sx.features = frozenset()
    if not sx.smtps:
        _need(sx, _read(sx))
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
    if sx.tls is None and (sx.dane or sx.host_is_in("hosts_require_tls")):
        why = (
            "an attempt to start TLS failed"
            if sx.starttls_offered
            else "the server did not offer TLS support"
        )
        text = f"H={sx.host.name} [{sx.host.address}]: a TLS session is required for this host, but {why}"
        log_write(sx.process, text)
        _fail(call, sx)
    return True


def _helo(sx: SmtpContext) -> None:
    """EHLO, and HELO if the first EHLO is refused."""
    _write(sx, f"{'LHLO' if sx.lmtp else 'EHLO' if sx.esmtp else 'HELO'} {sx.helo_data}")
    if not _read(sx).ok:
        if sx.reply.errno or not sx.reply.text or sx.lmtp or not sx.esmtp or sx.tls is not None:
            raise _Refused
        sx.esmtp = False
        _helo(sx)
        return
    sx.features = ehlo_response(sx.reply.text) if sx.esmtp else frozenset()


def _starttls_accepted(sx: SmtpContext) -> bool:
    ehlo = sx.reply
    _write(sx, "STARTTLS")
    reply = sx.wire.read("2", sx.transport.options.seconds("command_timeout"))
    sx.process.libc_errno = reply.errno
    if reply.ok:
        return True
    if reply.errno or not reply.text or (reply.text[0] == "4" and not sx.tempfail_tryclear):
        sx.reply = reply
        raise _Refused
    sx.reply = ehlo
    return False


def _handshake(call: Callout, sx: SmtpContext) -> bool:
    """Negotiate TLS; False to start again in clear."""
    process, profile = sx.process, sx.process.profile
    try:
        sx.tls = tls_client_start(sx)
    except TlsStartFailed as failure:
        sx.send_quit = False
        if failure.rc is not Rc.DEFER and not profile.callout_tls_failure_retries_in_clear:
            raise _Refused from None
        sx.wire.connection.close()
        to = f"{sx.host.name} [{sx.host.address}]"
        if sx.dane and profile.unusable_tlsa is UnusableTlsa.CA_ROOT:
            if not sx.dane_required:
                text = f"DANE attempt failed; trying CA-root TLS to {to} (not in hosts_require_dane)"
                log_write(process, text)
                tls_client_start_on_closed_socket(sx)
            raise _Refused from None
        if sx.tempfail_tryclear and not sx.smtps and not sx.host_is_in("hosts_require_tls"):
            doing = "callout" if profile.callout_tls_failure_retries_in_clear else "delivering"
            log_write(process, f"TLS session failure: {doing} unencrypted to {to} (not in hosts_require_tls)")
            return False
        raise _Refused from None
    call.addr.tls, call.addr.peerdn = sx.tls.session, sx.tls.peerdn
    return True


def _dialogue(call: Callout, sx: SmtpContext) -> None:
    """MAIL, then the random, the real and the postmaster recipient."""
    addr, domain = call.addr, call.addr.domain
    call.failure = "mail"
    _write(sx, f"MAIL FROM:<{call.sender}>")
    _need(sx, _read(sx))
    call.failure = None
    call.domain_record.result = (
        Cached.REJECT_MFNULL if call.old_domain_result is Cached.REJECT_MFNULL else Cached.ACCEPT
    )
    if call.random and _random_accepted(call, sx):
        call.done = True
        return
    affixes = sx.transport.options.flag("rcpt_include_affixes")
    _write(sx, f"RCPT TO:<{transport_rcpt_address(addr, include_affixes=affixes)}>")
    if not _read(sx).ok:
        if not sx.reply.errno and sx.reply.text.startswith("5"):
            call.failure = "recipient"
            call.address_record.result = Cached.REJECT
        raise _Refused
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
    if not sx.reply.errno and sx.reply.text.startswith("5"):
        call.failure = "postmaster"
        record.postmaster_result = Cached.REJECT
    raise _Refused


def _restart(sx: SmtpContext, sender: str) -> None:
    for command in ("RSET", f"MAIL FROM:<{sender}>"):
        _write(sx, command)
        _need(sx, _read(sx))


def _refused(call: Callout, sx: SmtpContext) -> None:
    """The host did not take it. A 5xx answer is final; anything else leaves it to the next host."""
    process, addr, reply = call.process, call.addr, sx.reply
    errno = process.libc_errno
    call.failure = call.failure or "mail"
    if errno == errnos.ETIMEDOUT:
        sx.send_quit = False
        return
    if errno:
        return
    text = reply.text or "connection dropped"
    if call.failure == "mail" and text.startswith("5"):
        rejected_mail = sx.wire.command.startswith("MAIL")
        if not rejected_mail:
            call.domain_record.result = Cached.REJECT
        elif not call.sender:
            call.domain_record.result = Cached.REJECT_MFNULL
    where = f"{sx.host.name} [{sx.host.address}]"
    addr.message = f'response to "{sx.wire.command}" from {where} was: {string_printing(text)}'
    if call.is_recipient:
        addr.user_message = f"Callout verification failed:\n{text}"
    else:
        addr.user_message = f"Called:   {sx.host.address}\nSent:     {sx.wire.command}\nResponse: {text}"
    if text.startswith("5"):
        call.yield_, call.done = Rc.FAIL, True


def _fail(call: Callout, sx: SmtpContext) -> None:
    call.failure = "mail"
    raise _Refused


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
