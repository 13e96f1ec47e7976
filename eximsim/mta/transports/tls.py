"""The client's side of TLS: the handshake, what came of it, how it words a failure.

Stands for tls_client_start() in src/tls-openssl.c and src/tls-gnu.c. What is to be verified is settled in
``tls_settings.py``; whether a certificate is good is decided in ``tls_verify.py``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from eximsim.mta.certs.tls_errors import GNUTLS_ALERTS, SPOILT, openssl_error
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.process.log import log_intrusion
from eximsim.mta.process.sigsegv import null_pointer
from eximsim.mta.records.open_call import ClientTls
from eximsim.mta.transports import tls_alpn, tls_out, tls_resume, tls_status
from eximsim.mta.transports.tls_failed import TlsStartFailed, failed, log_tls_error
from eximsim.mta.transports.tls_files import anchors, client_identity, expanded, pem_certificates
from eximsim.mta.transports.tls_settings import offered_suites, server_name, verify_settings
from eximsim.mta.transports.tls_suites import Suites, gnutls_description, gnutls_group, gnutls_resumed
from eximsim.mta.transports.tls_verify import (
    TlsVerdict,
    VerifyMode,
    VerifySettings,
    judge,
    peer_dn,
)
from eximsim.ports import (
    HandshakeError,
    HandshakeFault,
    TlsAlert,
    TlsIdentity,
    TlsOffer,
    TlsSession,
)
from eximsim.status import Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.transports.smtp_context import SmtpContext

CERTIFICATE_VERIFIED = Rule(
    "certificate verified", "tls-openssl.c verify_callback, with DANE verify_callback_client_dane"
)
_CLIENT_HELLO = "\x16\x03\x01\x02\n\x16\x03"


def construct_cipher_name(process: Process, session: TlsSession) -> str:
    """What ``X=`` shows: version, cipher and key length, and maybe the group of the key exchange."""
    version, cipher, profile = session.version, session.cipher, process.profile
    if profile.tls_library == GNUTLS:
        described = gnutls_description(cipher) if profile.gnutls_suite_described else cipher.replace("-", "_")
        group = gnutls_group(described) if profile.key_exchange_group_shown else ""
        if session.resumed:
            described = gnutls_resumed(described, version)
        shown = f"{version.replace('TLSv', 'TLS')}:{described}:{session.bits}"
        return f"{shown}:{group}" if group else shown
    if profile.tls_version_without_v:
        version = version.replace("TLSv", "TLS")
    return f"{version}:{cipher}:{session.bits}"


def tls_client_start(sx: SmtpContext) -> ClientTls:
    """Do the handshake on the open dialogue; raises ``TlsStartFailed``, after logging what Exim logs.

    Raises ``ProcessDied`` where the real process does.
    """
    process, profile = sx.process, sx.process.profile
    process.variables.pop("tls_out_tlsa_usage", None)
    if profile.tls_library != GNUTLS:
        process.certificate_verified = False
        process.variables.pop("tls_out_certificate_verified", None)
    asked = tls_status.ocsp_asked(sx)
    identity = client_identity(sx)
    if profile.tls_library == GNUTLS:  # which does all this in tls_init()
        trusted = anchors(sx)
        sni = _show_name(sx)
        allowed = offered_suites(sx)
        settings = verify_settings(sx, trusted)
    else:
        allowed = _offered_suites(sx)
        settings = verify_settings(sx)
        sni = _show_name(sx)
    resuming = tls_resume.prepare(sx, sni, sx.option("tls_require_ciphers"))
    if settings.tlsa:
        process.variables["tls_out_tlsa_usage"] = str(sum({1 << record.usage for record in settings.tlsa}))
    ocsp = tls_status.ocsp_settled(sx, asked)
    callbacks = _Callbacks(sx, settings, resuming, ocsp, identity)
    session = _shake_hands(sx, callbacks.offer(sni, allowed), callbacks)
    process.libc_errno = 0
    if session.resumed and profile.tls_library != GNUTLS:
        return _resumed(sx, session, resuming)
    if ocsp.asked and profile.tls_library == GNUTLS:
        _check_status(sx, session, ocsp, callbacks.verdicts[-1])
    if tls_alpn.is_missing(sx, session):
        raise failed(sx, "handshake", tls_alpn.REQUIRED)
    if identity is not None:
        session = replace(session, own_leaf=pem_certificates(identity.chain)[0])
    return _settled(sx, session, settings.mode, callbacks.verdicts[-1], resuming)


def _show_name(sx: SmtpContext) -> str | None:
    """The server's name that is sent, as a variable tells it, too."""
    sni = server_name(sx)
    sx.process.variables["tls_out_sni"] = sni or ""
    return sni


def _offered_suites(sx: SmtpContext) -> Suites:
    """The suites to offer, which the library takes; raises ``TlsStartFailed``.

    It is asked before the host is looked for in the lists about verification and resumption.
    """
    allowed = offered_suites(sx)
    if allowed.ciphers is not None:
        try:
            sx.wire.connection.check_ciphers(allowed.ciphers)
        except HandshakeError as error:
            sx.process.libc_errno = 0
            tls_resume.Resuming(sx).show(tls_resume.SUPPORTED)
            sx.process.variables["tls_out_ocsp"] = "0"
            raise _tls_error(sx, error, None, answered=False) from None
    return allowed


class _Callbacks:
    """What the library asks Exim during a handshake, and what came of it: verify_callback() and its kin."""

    def __init__(
        self,
        sx: SmtpContext,
        settings: VerifySettings,
        resuming: tls_resume.Resuming,
        ocsp: tls_status.Ocsp,
        identity: TlsIdentity | None,
    ) -> None:
        self._sx, self._settings, self._resuming, self._ocsp = sx, settings, resuming, ocsp
        self._identity = identity
        self._chain: tuple[bytes, ...] | None = None
        self._stapled: bytes | None = None
        own_chain = () if identity is None else pem_certificates(identity.chain)[1:]
        self.stapling = tls_status.Stapling(sx, ocsp.required, own_chain)
        self.verdicts: list[TlsVerdict] = []

    def offer(self, sni: str | None, allowed: Suites) -> TlsOffer:
        """What the client says first, with these callbacks."""
        sx, resuming = self._sx, self._resuming
        gnutls = sx.process.profile.tls_library == GNUTLS
        return TlsOffer(
            self._look_at,
            sni=sni,
            ciphers=allowed.ciphers,
            max_version=allowed.max_version,
            min_version=allowed.min_version,
            identity=self._identity,
            judge_late=gnutls,
            status=self._look_at_status if self._ocsp.asked else None,
            alpn=tls_alpn.offered(expanded(sx, "tls_alpn")),
            watch=partial(tls_out.shown_under_gnutls, sx) if gnutls else None,
            asks=resuming.asks,
            keep=None if resuming.key is None else resuming.came.append,
            ticket=None if resuming.offered is None else resuming.offered.ticket,
        )

    def _look_at(self, chain: tuple[bytes, ...]) -> TlsAlert | None:
        sx, process, settings = self._sx, self._sx.process, self._settings
        self._chain = chain
        verdict = judge(replace(settings, stapled=self._stapled), chain, process.world.now())
        if verdict.crash:
            raise null_pointer(process, f"delivering {process.message_id}")
        verdict = tls_out.report(sx, verdict, settings.mode)
        self.verdicts.append(verdict)
        if settings.mode in (VerifyMode.OPTIONAL, VerifyMode.REQUIRED):
            process.verify_overridden = settings.mode is VerifyMode.OPTIONAL and not verdict.verified
        return verdict.alert

    def _look_at_status(self, response: bytes | None) -> bool:
        if self._sx.process.profile.tls_library == GNUTLS:
            self._stapled = response
            return True
        if self._chain is None:
            return self._resuming.status_is_known() or self.stapling.without()
        return self.stapling.accepts(response, self._chain, self.verdicts[-1])


def _shake_hands(sx: SmtpContext, offer: TlsOffer, callbacks: _Callbacks) -> TlsSession:
    """The session that came of it; raises ``TlsStartFailed`` for a handshake that failed."""
    verdicts = callbacks.verdicts
    try:
        return sx.wire.connection.start_tls(offer, sx.command_timeout)
    except HandshakeError as error:
        sx.process.libc_errno = 0
        if error.fault is HandshakeFault.STATUS_REFUSED:
            raise _status_refused(sx, callbacks.stapling.failure, error) from None
        if error.session is not None:
            _note_peer(sx.process, error.session)
        if error.fault is HandshakeFault.REFUSED and not verdicts:
            raise failed(sx, "gnutls_handshake", "Error in the certificate.") from None
        refused = verdicts[-1].error if verdicts and error.fault is HandshakeFault.REFUSED else None
        raise _tls_error(sx, error, refused, answered=bool(verdicts)) from None


def _check_status(sx: SmtpContext, session: TlsSession, ocsp: tls_status.Ocsp, verdict: TlsVerdict) -> None:
    """GnuTLS looks at the stapled status when the handshake is over."""
    if not tls_status.gnutls_checked(sx, ocsp, verdict):
        sx.wire.connection.abandon()
        _note_peer(sx.process, session)
        raise failed(sx, "certificate status check failed", "")


def _settled(
    sx: SmtpContext,
    session: TlsSession,
    mode: VerifyMode,
    verdict: TlsVerdict,
    resuming: tls_resume.Resuming,
) -> ClientTls:
    """A new session stands: what its certificate counts for, here and when the session is taken up again."""
    process, profile = sx.process, sx.process.profile
    cv = "dane" if verdict.dane_verified else "yes" if verdict.verified else "no"
    process.dane_verified = cv == "dane"
    process.trace.record(CERTIFICATE_VERIFIED, cv, host=sx.host.name, dane=sx.dane, mode=mode.name.lower())
    if process.verify_overridden and profile.override_outlives_session and profile.tls_library != GNUTLS:
        cv = "no"
    process.certificate_verified = cv != "no"
    overridden = process.verify_overridden and not verdict.verified
    resuming.settle(session, verified=verdict.verified, overridden=overridden)
    peerdn = peer_dn(session.peer_chain[0], profile.tls_library)
    _show(process, session, cv, peerdn)
    return ClientTls(session, cv, peerdn)


def _resumed(sx: SmtpContext, session: TlsSession, resuming: tls_resume.Resuming) -> ClientTls:
    """A session is taken up again: its certificate counts for what it did when the session was new."""
    process, record = sx.process, resuming.offered
    assert record is not None
    process.variables["tls_out_ocsp"] = record.ocsp
    process.certificate_verified = record.verified and not record.overridden
    cv = "yes" if process.certificate_verified else "no"
    process.dane_verified = False
    resuming.settle(session, verified=record.verified, overridden=record.overridden)
    peerdn = peer_dn(session.peer_chain[0], process.profile.tls_library)
    _show(process, session, cv, peerdn)
    return ClientTls(session, cv, peerdn)


def _note_peer(process: Process, session: TlsSession) -> None:
    """Show who the server was of a session that is given up after its handshake (``peer_status()``)."""
    _show(process, replace(session, own_leaf=b""), None, None)


def _show(process: Process, session: TlsSession, cv: str | None, peerdn: str | None) -> None:
    shown = tls_out.variables_of(process, session, construct_cipher_name(process, session), cv, peerdn)
    process.variables.update({name: value for name, value in shown.items() if value is not None})


def tls_client_start_on_closed_socket(sx: SmtpContext) -> None:
    """What a handshake on a closed descriptor did: the ClientHello went to the log, which had got its number.

    Callouts of 4.86 and 4.87 do this when they try CA-root TLS after unusable TLSA records.
    """
    log_tls_error(sx, "SSL_connect", SPOILT[sx.process.profile.tls_library, HandshakeFault.CLOSED])
    log_intrusion(sx.process, _CLIENT_HELLO)


def _tls_error(
    sx: SmtpContext, error: HandshakeError, refused: str | None, *, answered: bool
) -> TlsStartFailed:
    """Log a failed handshake (``tls_error()``); ``answered``: the server's certificate has come."""
    library = sx.process.profile.tls_library
    prefix = "SSL_connect" if library != GNUTLS else "gnutls_handshake"
    if refused is not None:
        text = refused
        if library == GNUTLS:
            prefix = "certificate verification failed"
    elif error.fault is HandshakeFault.TIMEOUT:
        text = "timed out"
    elif error.fault is HandshakeFault.BAD_CIPHERS:
        prefix = "SSL_CTX_set_cipher_list"
        text = openssl_error(error.detail, library, prefix)
    elif error.fault is HandshakeFault.ALERT and library == GNUTLS:
        text = sx.process.profile.gnutls_alert_text.format(alert=GNUTLS_ALERTS[error.detail])
    elif error.fault is HandshakeFault.ALERT:
        text = openssl_error(
            error.detail, library, "ssl3_read_bytes" if answered else "SSL23_GET_SERVER_HELLO"
        )
    else:
        text = SPOILT[library, error.fault]
    return failed(sx, prefix, text)


def _status_refused(sx: SmtpContext, failure: str, error: HandshakeError) -> TlsStartFailed:
    """What was said of the server's certificate, or that nothing was, ends the attempt.

    ``failure`` is Exim's own text for it, if there is one.
    """
    profile = sx.process.profile
    if failure:
        return TlsStartFailed(Rc.FAIL, failure)
    text = openssl_error(error.detail, profile.tls_library, "ssl3_get_cert_status")
    return failed(sx, "SSL_connect", text)
