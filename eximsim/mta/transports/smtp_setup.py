"""Setting up an SMTP call: DANE, connection, greeting, STARTTLS, "TLS required" (``smtp_setup_conn()``).

Until 4.88 this was the first half of ``smtp_deliver()``; the steps are the same. What a failure means is
in the tables below; ``eximsim table`` prints them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from eximsim.errors import Unsupported
from eximsim.mta import dane, errnos
from eximsim.mta.expand import ExpansionFailed, expand
from eximsim.mta.log import log_write
from eximsim.mta.smtp_out import Reply, smtp_connect, smtp_port_for_connect
from eximsim.mta.tls import TlsStartFailed, tls_client_start
from eximsim.mta.transports.smtp_context import SmtpContext, check_response, ehlo_response, set_errno
from eximsim.mta.transports.smtp_continue import abandon, fits, take_over
from eximsim.mta.world import ConnectError
from eximsim.profiles import DaneFailureLog, UnusableTlsa
from eximsim.status import Dnssec, Errno, Rc

_SOURCE = "transports/smtp.c smtp_setup_conn"


class SetupFailed(Exception):
    """The call cannot be set up; ``code`` is the digit to act on (``'4'`` or ``'5'``)."""

    def __init__(
        self, code: str, errno: int, message: str | None, *, user: bool = False, send_quit: bool = True
    ) -> None:
        self.code, self.errno, self.message = code, errno, message
        self.user, self.send_quit = user, send_quit
        super().__init__(message)


STARTTLS_REPLY: Mapping[tuple[str, bool], str] = MappingProxyType(
    {
        ("2", True): "handshake",
        ("2", False): "handshake",
        ("4", True): "go on without TLS",
        ("4", False): "defer",
        ("5", True): "go on without TLS",
        ("5", False): "go on without TLS",
        ("none", True): "defer",
        ("none", False): "defer",
    }
)
"""First digit of the reply to STARTTLS (``none``: lost, late or malformed) and tls_tempfail_tryclear, to
what is done. "Go on" still meets hosts_require_tls and DANE afterwards."""


def smtp_setup_conn(sx: SmtpContext, *, suppress_tls: bool = False) -> Rc:
    """Make the call ready for MAIL. OK, or the outcome for the host, with the addresses' results set.

    ``suppress_tls`` is the second attempt in clear after a failed handshake. On OK the dialogue is open; on
    failure it is closed.
    """
    process, options = sx.process, sx.transport.options
    protocol = (options.text("protocol") or "smtp").lower()
    sx.smtps, sx.lmtp = protocol in ("smtps", "submissions"), protocol == "lmtp"
    sx.dane, sx.tls, sx.setting_up, sx.send_quit = False, None, True, True
    sx.dane_required = sx.host_is_in("hosts_require_dane")
    if process.continued is not None and (rc := _continue(sx)) is not None:
        return rc
    before = process.profile.tlsa_before_connect
    if before:
        smtp_port_for_connect(process, sx.host, sx.port)
        if (rc := _check_dane(sx)) is not Rc.OK:
            return rc
    if (rc := _connect(sx)) is not Rc.OK:
        return rc
    if not before and (rc := _check_dane(sx)) is not Rc.OK:
        sx.send_quit = sx.verify
        end_session(sx)
        return rc
    try:
        _greet(sx)
        _start_tls(sx, suppress_tls=suppress_tls)
    except SetupFailed as failure:
        return _failed(sx, failure)
    sx.setting_up = False
    return Rc.OK


def _continue(sx: SmtpContext) -> Rc | None:
    """Go on with the call that is open; None if it does not fit and a new one is to be made."""
    call = sx.process.continued
    assert call is not None
    smtp_port_for_connect(sx.process, sx.host, sx.port)
    if call.tls is not None and sx.host.dnssec is Dnssec.YES and (rc := _check_dane(sx)) is not Rc.OK:
        return rc
    if not fits(sx, call):
        abandon(sx.process, call)
        sx.dane = False
        return None
    take_over(sx, call)
    return Rc.OK


def _check_dane(sx: SmtpContext) -> Rc:
    """Decide about DANE for this host; anything but OK rules it out (``check_force_dane_conn()``)."""
    policy = dane.host_policy(sx.process, sx.host, wanted_dane(sx))
    if policy == "no DANE":
        return Rc.OK
    if policy == "fail: not DNSSEC":
        message = f"DANE error: {sx.host.name} lookup not DNSSEC"
        set_errno(sx.addrlist, Errno.DNSDEFER, message, Rc.FAIL)
        return Rc.FAIL
    found = dane.tlsa_lookup(sx.process, sx.host, required=sx.dane_required)
    if found.rc is Rc.OK:
        use_dane(sx, found.records)
        return Rc.OK
    if found.rc is Rc.FAIL_FORCED:
        return Rc.OK
    if sx.process.profile.tlsa_failure_ignored_if_requested and not sx.dane_required:
        return Rc.OK
    set_errno(sx.addrlist, Errno.DNSDEFER, f"DANE error: tlsa lookup {found.rc.name}", found.rc)
    return found.rc


def wanted_dane(sx: SmtpContext) -> str:
    """Whether this host's DANE is required, requested or neither; asks only what Exim asks."""
    if sx.dane_required:
        return dane.Want.REQUIRED
    if sx.host.dnssec.name == "YES" and sx.host_is_in("hosts_try_dane"):
        return dane.Want.REQUESTED
    return dane.Want.NOT


def use_dane(sx: SmtpContext, records: tuple[bytes, ...]) -> None:
    """From here on this call is DANE's: TLS is mandatory, and two options are changed for good."""
    sx.dane, sx.tlsa = True, records
    sx.set_option("tls_tempfail_tryclear", False)
    if sx.process.profile.dane_sni_is_host:
        sx.set_option("tls_sni", sx.host.name)


def _connect(sx: SmtpContext) -> Rc:
    smtp_port_for_connect(sx.process, sx.host, sx.port)
    try:
        sx.dialogue = smtp_connect(sx.process, sx.host, sx.interface, sx.connect_timeout)
    except ConnectError as error:
        text = errnos.strerror(error.errno) if sx.verify else None
        if text is not None and sx.process.profile.callout_connect_failure_worded:
            text = f"could not connect: {text}"
        set_errno(sx.addrlist, error.errno, text, Rc.DEFER)
        return Rc.DEFER
    return Rc.OK


def _greet(sx: SmtpContext) -> None:
    """Banner and EHLO or HELO, in clear (for smtps: nothing yet)."""
    sx.helo_data = expand_helo(sx)
    if not sx.smtps:
        _require(sx, sx.read())
    sx.esmtp = not sx.host_is_in("hosts_avoid_esmtp")
    if sx.smtps:
        sx.starttls_offered = True
        sx.set_option("tls_tempfail_tryclear", False)
        sx.wire.command = sx.process.profile.tls_required_smtp_command
        return
    if sx.esmtp:
        _write(sx, f"{'LHLO' if sx.lmtp else 'EHLO'} {sx.helo_data}")
        if not sx.read().ok:
            if sx.reply.errno or not sx.reply.text or sx.lmtp:
                _require(sx, sx.reply)
            sx.esmtp = False
    if not sx.esmtp:
        _write(sx, f"HELO {sx.helo_data}")
        _require(sx, sx.read())
    sx.features = ehlo_response(sx.reply.text) if sx.esmtp or sx.lmtp else frozenset()
    sx.starttls_offered = "STARTTLS" in sx.features


def expand_helo(sx: SmtpContext) -> str:
    """The name to say in EHLO: helo_data, expanded for this connection."""
    try:
        return expand(sx.process, sx.transport.options.text("helo_data") or "")
    except ExpansionFailed as failed:
        text = f"failed to expand helo_data: {failed.message}"
        raise SetupFailed("4", Errno.EXPANDFAIL, text) from None


def _start_tls(sx: SmtpContext, *, suppress_tls: bool) -> None:
    wanted = (
        sx.starttls_offered
        and not suppress_tls
        and not sx.host_is_in("hosts_avoid_tls")
        and not (sx.verify and sx.host_is_in("hosts_verify_avoid_tls"))
    )
    if sx.smtps or (wanted and _starttls_accepted(sx)):
        _handshake(sx)
    if sx.tls is not None:
        if sx.smtps:
            _require(sx, sx.read())
        _write(sx, f"{'LHLO' if sx.lmtp else 'EHLO' if sx.esmtp else 'HELO'} {sx.helo_data}")
        _require(sx, sx.read())
        sx.features = ehlo_response(sx.reply.text) if sx.esmtp or sx.lmtp else frozenset()
    else:
        _check_tls_not_required(sx)
    sx.pipelining = "PIPELINING" in sx.features and not sx.host_is_in("hosts_avoid_pipelining")
    if sx.host_is_in("hosts_require_auth"):
        raise Unsupported(
            "client authentication (hosts_require_auth)", *sx.transport.options.where("hosts_require_auth")
        )


def _starttls_accepted(sx: SmtpContext) -> bool:
    """Say STARTTLS; whether a handshake follows. A reply that rules the host out is a ``SetupFailed``."""
    _write(sx, "STARTTLS")
    ehlo, reply = sx.reply, sx.read()
    digit = (
        "2" if reply.ok else "none" if reply.errno or not reply.text else "4" if reply.text[0] == "4" else "5"
    )
    action = STARTTLS_REPLY[digit, sx.tempfail_tryclear]
    sx.process.trace.record(
        "starttls reply",
        action,
        _SOURCE,
        host=sx.host.name,
        reply=digit,
        tempfail_tryclear=sx.tempfail_tryclear,
    )
    if action == "defer":
        _require(sx, Reply(False, reply.text, reply.errno))
    if action == "handshake":
        return True
    sx.reply = ehlo
    return False


def _handshake(sx: SmtpContext) -> None:
    """Negotiate TLS; a failure ends the set-up, but for the old retry with ordinary verification."""
    profile = sx.process.profile
    while True:
        try:
            sx.tls = tls_client_start(sx)
            break
        except TlsStartFailed as failure:
            retry_as_ca = (
                failure.rc is Rc.DEFER
                and sx.dane
                and not sx.dane_required
                and profile.unusable_tlsa is UnusableTlsa.CA_ROOT
            )
            if not retry_as_ca:
                _handshake_failed(sx, failure)
            log_write(
                sx.process,
                f"DANE attempt failed; trying CA-root TLS to {sx.host.name} [{sx.host.address}]"
                " (not in hosts_require_dane)",
            )
            sx.dane = False
    for addr in sx.addrlist:
        if addr.transport_return is Rc.PENDING_DEFER:
            addr.tls, addr.peerdn, addr.cv = sx.tls.session, sx.tls.peerdn, sx.tls.cv


def _handshake_failed(sx: SmtpContext, failure: TlsStartFailed) -> None:
    profile, host = sx.process.profile, sx.host
    log = profile.dane_failure_log
    if sx.dane and log is DaneFailureLog.WITH_REASON:
        text = f"DANE attempt failed; TLS connection to {host.name} [{host.address}]: {failure.text}"
        log_write(sx.process, text)
    elif sx.dane and (
        log is DaneFailureLog.ALWAYS or (log is DaneFailureLog.WHEN_UNUSABLE and failure.rc is Rc.DEFER)
    ):
        log_write(sx.process, f"DANE attempt failed; no TLS connection to {host.name} [{host.address}]")
    message = (
        "failure while setting up TLS session" if profile.tls_error_logged else f"TLS session: {failure.text}"
    )
    raise SetupFailed("4", Errno.TLSFAILURE, message, send_quit=False)


def _check_tls_not_required(sx: SmtpContext) -> None:
    """In clear: allowed unless DANE, smtps or hosts_require_tls wants TLS."""
    required = sx.smtps or sx.dane or sx.host_is_in("hosts_require_tls")
    offered = sx.starttls_offered
    outcome = "defer" if required else "go on in clear"
    sx.process.trace.record(
        "tls required", outcome, _SOURCE, host=sx.host.name, dane=sx.dane, required=required, offered=offered
    )
    if required:
        why = "an attempt to start TLS failed" if offered else "the server did not offer TLS support"
        raise SetupFailed("4", Errno.TLSREQUIRED, f"a TLS session is required, but {why}")


def _write(sx: SmtpContext, command: str) -> None:
    if sx.wire.write(command) < 0:
        host = sx.host
        text = f"send() to {host.name} [{host.address}] failed: {errnos.strerror(errnos.EPIPE)}"
        raise SetupFailed("4", errnos.EPIPE, text, send_quit=False)


def _require(sx: SmtpContext, reply: Reply) -> None:
    if not reply.ok:
        found = check_response(sx, reply)
        raise SetupFailed(found.code, found.errno, found.message, user=found.user, send_quit=found.send_quit)


def _failed(sx: SmtpContext, failure: SetupFailed) -> Rc:
    """Give the addresses their outcome, end the session, and say what it means for the host."""
    if sx.process.profile.setup_5xx_tries_next_host:
        rc = Rc.FAIL if failure.code == "5" and not sx.more_hosts else Rc.DEFER
        host_rc = Rc.DEFER
    else:
        rc = Rc.FAIL if failure.code == "5" else Rc.DEFER
        host_rc = Rc.OK if failure.code == "5" else Rc.DEFER
    sx.process.trace.record(
        "set-up failed",
        rc.name,
        _SOURCE,
        host=sx.host.name,
        code=failure.code,
        errno=int(failure.errno),
        more_hosts=sx.more_hosts,
    )
    set_errno(sx.addrlist, failure.errno, failure.message, rc, user=failure.user, host=sx.host)
    sx.ok, sx.send_quit = False, failure.send_quit
    end_session(sx)
    return host_rc


def end_session(sx: SmtpContext) -> None:
    """QUIT if the session is in order, then close; the reply to QUIT is not waited for."""
    if sx.dialogue is None:
        return
    if sx.send_quit:
        sx.dialogue.write("QUIT")
    sx.process.hdebug("  SMTP(close)>>")
    sx.dialogue.connection.close()
    sx.dialogue = None
