"""Setting up an SMTP call: DANE, connection, greeting, STARTTLS, "TLS required" (``smtp_setup_conn()``).

Until 4.88 this was the first half of ``smtp_deliver()``; the steps are the same. What an answer or a failure
means is in the tables of ``smtp_decisions.py``.
"""

from __future__ import annotations

from eximsim.errors import Unsupported
from eximsim.mta.base import errnos
from eximsim.mta.certs.tls_errors import GNUTLS_ALERTS
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.process.log import log_write
from eximsim.mta.records.open_call import Limits
from eximsim.mta.transports import dane, smtp_early, srv_smtps, tls_out
from eximsim.mta.transports.smtp_auth import smtp_auth
from eximsim.mta.transports.smtp_close import QUIT_TIMEOUT, end_session
from eximsim.mta.transports.smtp_connect import smtp_port_for_connect
from eximsim.mta.transports.smtp_context import (
    SmtpContext,
    auth_mechanisms,
    ehlo_limits,
    ehlo_response,
    send_failed,
    set_errno,
)
from eximsim.mta.transports.smtp_continue import abandon, fits, mark_new, take_over
from eximsim.mta.transports.smtp_decisions import (
    EHLO_REFUSED,
    NO_TLS_SESSION,
    SETUP_FAILED,
    STARTTLS_REPLY,
    TLS_REQUIRED,
    Clear,
    Fault,
    Hello,
    NoSession,
    StartTls,
)
from eximsim.mta.transports.smtp_failure import SetupFailed, require
from eximsim.mta.transports.smtp_open import greeted, open_call
from eximsim.mta.transports.smtp_out import (
    Protocol,
    Reply,
)
from eximsim.mta.transports.smtp_utf8 import expand_helo, require_utf8
from eximsim.mta.transports.tls import tls_client_start
from eximsim.mta.transports.tls_failed import TlsStartFailed, log_tls_error
from eximsim.profiles import DaneSni
from eximsim.status import Dnssec, Errno, Rc


def smtp_setup_conn(sx: SmtpContext, *, suppress_tls: bool = False) -> Rc:
    """Make the call ready for MAIL. OK, or the outcome for the host, with the addresses' results set.

    ``suppress_tls`` is the second attempt in clear after a failed handshake. On OK the dialogue is open; on
    failure it is closed.
    """
    process, protocol = sx.process, srv_smtps.protocol_for(sx)
    if protocol is Protocol.UNKNOWN:
        word = sx.transport.options.text("protocol")
        log_write(process, f"bad protocol option in transport: '{word}'\n", panic=True)
        return Rc.ERROR
    sx.smtps, sx.lmtp = protocol is Protocol.SMTPS, protocol is Protocol.LMTP
    sx.dane, sx.tls, sx.setting_up, sx.send_quit = False, None, True, True
    sx.limits, sx.sequence = Limits(), 1
    tls_out.forget(process)
    sx.dane_required = sx.host_is_in("hosts_require_dane")
    if process.continued is not None and (rc := _continue(sx, suppress_tls=suppress_tls)) is not None:
        return rc
    if sx.verify:
        process.hdebug(f"interface={sx.interface or 'NULL'} port={sx.port}")
    else:
        mark_new(sx)
    smtp_port_for_connect(process, sx.host, sx.port)
    before = process.profile.tlsa_before_connect
    if before and (rc := _check_dane(sx)) is not Rc.OK:
        return rc
    smtp_early.prepare(sx)
    while True:
        refusal = greeted(sx) if sx.early else None
        if (rc := open_call(sx)) is not Rc.OK:
            return rc
        if refusal:  # it is called all the same, for a QUIT
            return _failed(sx, SetupFailed("4", Errno.EXPANDFAIL, refusal, names_host=False))
        if not before and (rc := _check_dane(sx)) is not Rc.OK:
            if sx.verify:
                end_session(sx, quit_timeout=QUIT_TIMEOUT)
            else:
                sx.wire.connection.close()
            sx.dialogue = None
            return rc
        try:
            _greet(sx)
            _start_tls(sx, suppress_tls=suppress_tls)
            sx.setting_up, process.pipelining_active = False, sx.pipelining
            require_utf8(sx)
        except _OutOfStep:
            sx.wire.connection.close()
            sx.early, sx.at_greeting = False, sx.wire.command
            continue
        except SetupFailed as failure:
            return _failed(sx, failure)
        return Rc.OK


class _OutOfStep(Exception):
    """The server does not take what was said before its greeting; it is called again, and waited for."""


def _continue(sx: SmtpContext, *, suppress_tls: bool) -> Rc | None:
    """Go on with the call that is open; None if it does not fit and a new one is to be made.

    On a call in clear STARTTLS is tried again, if the server has offered it.
    """
    process, call = sx.process, sx.process.continued
    assert call is not None
    smtp_port_for_connect(process, sx.host, sx.port)
    if call.tls is not None and sx.host.dnssec is Dnssec.YES and (rc := _check_dane(sx)) is not Rc.OK:
        return rc
    if not fits(sx, call):
        abandon(process, call)
        process.proxied_tls, process.continue_more = None, False
        sx.dane = False
        return None
    take_over(sx, call)
    if call.tls is None:
        try:
            _start_tls(sx, suppress_tls=suppress_tls)
        except SetupFailed as failure:
            process.continued = None
            return _failed(sx, failure)
    sx.setting_up, process.pipelining_active = False, sx.pipelining
    return Rc.OK


def _check_dane(sx: SmtpContext) -> Rc:
    """Decide about DANE for this host; anything but OK rules it out (``check_force_dane_conn()``)."""
    sx.process.dane_verified = False  # but what was verified at another host stays verified
    want = wanted_dane(sx)
    policy = dane.HOST_POLICY.decide(sx.process, sx.host.dnssec, want, host=sx.host.name)
    if policy.outcome is dane.Policy.NO_DANE:
        return Rc.OK
    if policy.outcome is dane.Policy.FAIL:
        text = policy.text.format(host=sx.host.name)
        if sx.process.profile.dane_outcome_in_address:
            set_errno(sx, sx.addrlist, Errno.DNSDEFER, text, Rc.FAIL)
        else:
            log_write(sx.process, text)
        sx.raise_event("dane:fail", "dane-required")
        return Rc.FAIL
    found = dane.tlsa_lookup(sx.process, sx.host, want)
    row = dane.TLSA_HOST.decide(sx.process, found.rc, want, host=sx.host.name)
    if row.outcome is dane.Verdict.LOST:
        if row.text:
            set_errno(sx, sx.addrlist, Errno.DNSDEFER, row.text.format(result=found.rc.name), found.rc)
        sx.raise_event("dane:fail", "dane-required" if sx.dane_required else "dnssec-invalid")
        return found.rc
    if row.outcome is dane.Verdict.USE:
        use_dane(sx, found.records)
    return Rc.OK


def wanted_dane(sx: SmtpContext) -> dane.Want:
    """Whether this host's DANE is required, requested or neither; asks only what Exim asks."""
    if sx.dane_required:
        return dane.Want.REQUIRED
    if sx.host.dnssec.name == "YES" and sx.host_is_in("hosts_try_dane"):
        return dane.Want.REQUESTED
    return dane.Want.NOT


def dane_wanted(sx: SmtpContext) -> str:
    """For a host whose TLSA records are there: how much DANE is wanted of it."""
    return "no" if not sx.dane else "required" if sx.dane_required else "requested"


def use_dane(sx: SmtpContext, records: tuple[bytes, ...]) -> None:
    """From here on this call is DANE's: TLS is mandatory, and two options are changed for good."""
    sx.dane, sx.tlsa = True, records
    sx.set_option("tls_tempfail_tryclear", False)
    sni = sx.process.profile.dane_sni
    if sni is DaneSni.HOST:
        sx.set_option("tls_sni", sx.host.name)
    elif sni is DaneSni.DOMAIN:
        sx.set_option("tls_sni", (sx.first_addr or sx.addrlist[0]).domain)


def _expands(text: str | None) -> bool:
    """Whether anything is expanded in the text: expand_cstring() hands back others as they are."""
    return text is not None and ("$" in text or "\\" in text)


def _without_reason(failed: SetupFailed) -> SetupFailed:
    """The failure of helo_data as it is told once an event was raised, whose expansion forgets the reason."""
    text = (failed.message or "").partition(": ")[0]
    return SetupFailed("4", failed.errno, f"{text}: ", names_host=False)


def _greet(sx: SmtpContext) -> None:
    """Banner and EHLO or HELO, in clear (for smtps: nothing yet)."""
    failed = None
    try:
        sx.helo_data = expand_helo(sx, tell=sx.verify)
    except SetupFailed as failure:  # told only after the banner; for smtps not now
        failed = failure
    if not sx.smtps:
        sx.banner_waits, sx.ehlo_waits = sx.early, False
        if not sx.early:
            sx.wire.command = sx.at_greeting
            require(sx, sx.read())
        if not sx.early and (refusal := greeted(sx)):
            raise SetupFailed("4", Errno.EXPANDFAIL, refusal, names_host=False)
        if failed is not None:
            raise _without_reason(failed) if _expands(sx.transport.options.text("event_action")) else failed
    sx.esmtp = not sx.host_is_in("hosts_avoid_esmtp")
    if sx.smtps:
        sx.record_step("s")
        sx.set_option("tls_tempfail_tryclear", False)
        command = sx.process.profile.smtps_banner_command
        sx.wire.command = sx.process.scratch if command is None else command
        return
    _say_hello(sx)
    sx.starttls_offered = "STARTTLS" in sx.features
    srv_smtps.check_offer(sx)


def _say_hello(sx: SmtpContext, refused: Reply | None = None, *, again: bool = False) -> None:
    """EHLO, LHLO or HELO, and HELO if EHLO is ``refused`` in clear.

    ``again``: a TLS session is active, or held to be so: that of an earlier host, whose connection was lost.
    """
    command = hello_command(sx)
    if not sx.helo_data:
        sx.helo_data = expand_helo(sx)
    if sx.early and sx.esmtp:
        _say_hello_early(sx, command, again=again)
        return
    _write(sx, f"{command} {sx.helo_data}")
    sx.record_step(command[0].lower())
    reply = sx.read()
    if reply.text and not reply.errno and (reply.ok or not sx.lmtp) and (command != "HELO" or again):
        sx.raise_event("smtp:ehlo", reply.text)
    if not reply.ok:
        follows = hello_follows(sx, command, over_tls=again)
        if follows is Hello.GIVE_UP:
            _no_greeting(sx, refused, over_tls=again)
        sx.esmtp, sx.features, sx.mechanisms = False, frozenset(), frozenset()
        if follows is Hello.SAY_HELO:
            _say_hello(sx, reply)
        return
    sx.features = ehlo_response(sx.reply.text) if sx.esmtp or sx.lmtp else frozenset()
    sx.mechanisms = auth_mechanisms(sx.reply.text) if sx.esmtp else frozenset()
    if sx.process.profile.limits_heeded and (sx.esmtp or sx.lmtp):
        sx.limits = ehlo_limits(sx.reply.text)
    if not again:
        smtp_early.learn(sx)


def _say_hello_early(sx: SmtpContext, command: str, *, again: bool) -> None:
    """Keep EHLO for the commands after it; unless AUTH among them needs to know what the server says."""
    sx.wire.write(f"{command} {sx.helo_data}", buffer=True)
    sx.record_step(command[0].lower())
    sx.ehlo_waits = True
    if not again and smtp_early.too_many_authenticators(sx):
        if sx.wire.flush() < 0:
            raise SetupFailed("4", errnos.EPIPE, send_failed(sx), send_quit=False)
        if not smtp_early.reap(sx, 0):
            require(sx, sx.reply)
        sx.early = False


def hello_command(sx: SmtpContext) -> str:
    """With what the client introduces itself."""
    return "LHLO" if sx.lmtp else "EHLO" if sx.esmtp else "HELO"


def hello_follows(sx: SmtpContext, command: str, *, over_tls: bool) -> Hello:
    """What follows the reply that has come for ``command``, a refusal."""
    whole = bool(sx.reply.text) and not sx.reply.errno
    return EHLO_REFUSED.decide(sx.process, command, whole, over_tls, host=sx.host.name).outcome


def _no_greeting(sx: SmtpContext, refused: Reply | None, *, over_tls: bool) -> None:
    """Fail for what came in reply to EHLO or HELO; ``refused`` is what EHLO was answered before."""
    profile, reply = sx.process.profile, sx.reply
    gnutls = profile.gnutls_first_read_fails_handshake and profile.tls_library == GNUTLS
    if over_tls and profile.tls_library == GNUTLS and sx.wire.alert:
        log_tls_error(sx, "recv", f"A TLS fatal alert has been received: {GNUTLS_ALERTS[sx.wire.alert]}")
    if over_tls and gnutls:
        _no_tls_session(sx, TlsStartFailed(Rc.FAIL, "error on first read"))
    if refused is not None and profile.helo_loss_tells_ehlo_reply and not profile.helo_copy_overlaps:
        reply = sx.reply = _over(refused, reply)
    lost = not reply.text and reply.errno in (0, errnos.ECONNRESET)
    if refused is not None and lost and profile.helo_loss_tells_ehlo_reply:
        what = f"in response to {sx.wire.command} (EHLO response was: {refused.text})"
        raise SetupFailed("4", Errno.SMTPCLOSED, f"Remote host closed connection {what}", send_quit=False)
    require(sx, reply)


def _over(ehlo: Reply, helo: Reply) -> Reply:
    """The reply to HELO as it comes out of the buffer in which the one to EHLO stands: without an end."""
    if not helo.text:
        return helo
    buffer = f"{ehlo.text}\0{helo.text}\0"
    return Reply(False, (helo.text + buffer[len(helo.text) :]).partition("\0")[0], helo.errno)


def _start_tls(sx: SmtpContext, *, suppress_tls: bool) -> None:
    wanted = (
        not sx.smtps
        and sx.starttls_offered
        and not suppress_tls
        and not sx.host_is_in("hosts_avoid_tls")
        and not (sx.verify and sx.host_is_in("hosts_verify_avoid_tls"))
    )
    if sx.smtps or (wanted and _starttls_accepted(sx)):
        _handshake(sx)
    if sx.tls is not None:
        smtp_early.begin_in_tls(sx)
        sx.banner_waits = sx.smtps and sx.early
        if sx.smtps and not sx.early:
            require(sx, sx.read())
        _say_hello(sx, again=True)
    elif sx.process.lost_session is not None:
        _say_hello(sx, again=True)
    else:
        _check_tls_not_required(sx)
        if sx.process.continued is not None:
            return  # nothing has been said of features
    sx.pipelining = "PIPELINING" in sx.features and not sx.host_is_in("hosts_avoid_pipelining")
    sx.chunking = "CHUNKING" in sx.features and sx.host_is_in("hosts_try_chunking")
    sx.prdr = "PRDR" in sx.features and sx.host_is_in("hosts_try_prdr")
    if sx.ehlo_waits and not sx.pipelining:
        where = sx.transport.options.where("hosts_avoid_pipelining")
        raise Unsupported("early pipelining without pipelining, with which Exim miscounts replies", *where)
    if sx.tls is not None:
        smtp_early.learn(sx)
    if sx.esmtp or sx.lmtp or not sx.process.profile.auth_needs_ehlo:
        smtp_auth(sx)
    else:  # what an earlier host has let in still counts
        sx.authenticated = sx.process.authenticated is not None


def _starttls_accepted(sx: SmtpContext) -> bool:
    """Say STARTTLS; whether a handshake follows. A reply that rules the host out is a ``SetupFailed``."""
    _write(sx, "STARTTLS")
    sx.record_step("s")
    if not smtp_early.reap(sx, 0):
        raise _OutOfStep
    ehlo, reply = sx.reply, sx.read()
    action = starttls_action(sx, reply)
    if action is StartTls.DEFER:
        require(sx, Reply(False, reply.text, reply.errno))
    if action is StartTls.HANDSHAKE:
        return True
    sx.reply = ehlo
    return False


def starttls_action(sx: SmtpContext, reply: Reply) -> StartTls:
    """What the reply to STARTTLS means."""
    return STARTTLS_REPLY.decide(sx.process, reply.answer, sx.tempfail_tryclear, host=sx.host.name).outcome


def _handshake(sx: SmtpContext) -> None:
    """Negotiate TLS; a failure ends the set-up, but for the old retry with ordinary verification."""
    while sx.tls is None:
        try:
            sx.tls = tls_client_start(sx)
        except TlsStartFailed as failure:
            _no_tls_session(sx, failure)
            sx.dane = False
    sx.process.lost_session = None
    for addr in sx.addrlist:
        if addr.transport_return is Rc.PENDING_DEFER:
            addr.tls, addr.peerdn = sx.tls.session, sx.tls.peerdn
            addr.ocsp = sx.process.variables.get("tls_out_ocsp")


def _no_tls_session(sx: SmtpContext, failure: TlsStartFailed) -> None:
    """Log what there is to log; returns if another handshake follows."""
    host = sx.host
    srv_smtps.refuse_failure(sx)
    fault = Fault.UNUSABLE if failure.rc is Rc.DEFER else Fault.HANDSHAKE
    row = NO_TLS_SESSION.decide(sx.process, fault, dane_wanted(sx), host=host.name)
    if row.log:
        log_write(sx.process, row.log.format(host=host.name, address=host.address, reason=failure.text))
    if sx.dane:
        sx.raise_event("dane:fail", "validation-failure")
    if row.outcome is NoSession.FAILED:
        raise SetupFailed("4", Errno.TLSFAILURE, row.text.format(reason=failure.text), send_quit=False)


def _check_tls_not_required(sx: SmtpContext) -> None:
    """In clear: allowed unless DANE, smtps or hosts_require_tls wants TLS."""
    row = TLS_REQUIRED.decide(
        sx.process,
        sx.requires_tls,
        sx.dane,
        lambda: sx.host_is_in("hosts_require_tls"),
        sx.starttls_offered,
        host=sx.host.name,
    )
    if row.outcome is Clear.DEFER:
        if sx.dane:
            fault = "validation-failure" if sx.starttls_offered else "starttls-not-supported"
            sx.raise_event("dane:fail", fault)
        raise SetupFailed("4", Errno.TLSREQUIRED, row.text)


def _write(sx: SmtpContext, command: str) -> None:
    if sx.wire.write(command) < 0:
        raise SetupFailed("4", errnos.EPIPE, send_failed(sx), send_quit=False)


def _failed(sx: SmtpContext, failure: SetupFailed) -> Rc:
    """Give the addresses their outcome, end the session, and say what it means for the host."""
    reply = "5xx" if failure.code == "5" else "4xx or none"
    lost = SETUP_FAILED.decide(
        sx.process, reply, sx.more_hosts, host=sx.host.name, errno=int(failure.errno)
    ).outcome
    host = sx.host if failure.names_host else None
    set_errno(sx, sx.addrlist, failure.errno, failure.message, lost.addresses, user=failure.user, host=host)
    sx.ok, sx.send_quit = False, failure.send_quit
    end_session(sx)
    return Rc.ERROR if failure.stops else lost.host
