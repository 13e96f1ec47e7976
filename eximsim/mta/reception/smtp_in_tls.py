"""STARTTLS and TLS on connect, seen from the server (tls_server_start(), src/tls-openssl.c)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.acl.acl import Where
from eximsim.mta.base.string import list_items
from eximsim.mta.certs.tls_errors import GNUTLS_ALERTS, openssl_error
from eximsim.mta.certs.tls_libraries import GNUTLS, OPENSSL
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.lookup.sender_host import host_build_sender_fullhost
from eximsim.mta.lookup.tlscert import to_pem
from eximsim.mta.process.log import log_write
from eximsim.mta.reception.smtp_in_ends import incomplete_transaction_log
from eximsim.mta.reception.smtp_in_reply import connection_info
from eximsim.mta.reception.smtp_session import protocol
from eximsim.mta.transports.tls import construct_cipher_name, pem_certificates
from eximsim.mta.transports.tls_names import cipher_stdname
from eximsim.mta.transports.tls_suites import BadPriority, Suites, suites
from eximsim.mta.transports.tls_verify import VerifyMode, VerifySettings, judge, peer_dn
from eximsim.mta.verify import cutthrough
from eximsim.ports import StartTls, TlsAlert, TlsIdentity, TlsPolicy, TlsSession
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.reception.smtp_session import SmtpSession

_CURVES = frozenset(["auto", "prime256v1", "secp384r1", "secp521r1", "X25519", "P-256", "P-384", "P-521"])
"""Names that every OpenSSL knows, and Exim's word for its choice."""

_DEPENDS_ON_SNI = ("tls_sni", "tls_in_sni")


class _SetUpFailed(Exception):
    """The certificate or key cannot be had; the client may try again later."""


def starttls(session: SmtpSession, argument: str) -> None:
    """The STARTTLS command."""
    if not session.tls_advertised:
        session.error("protocol", 503, "STARTTLS command used when not advertised")
        return
    if session.check_acl(Where.STARTTLS, "acl_smtp_starttls").rc is not Rc.OK:
        return
    incomplete_transaction_log(session, "STARTTLS")
    cutthrough.cancel(session.process)
    session.reset()
    session.free_commands.discard("starttls")
    try:
        policy = _policy(session)
    except _SetUpFailed as failure:
        _log_tls_error(session, str(failure))
        session.replies.line("454 TLS currently unavailable")
        return
    session.replies.line("220 TLS go ahead")
    session.act(StartTls(policy))
    session.wait_for_tls()


def start(session: SmtpSession) -> None:
    """TLS on connect: the handshake comes before everything else."""
    try:
        policy = _policy(session)
    except _SetUpFailed as failure:
        _log_tls_error(session, str(failure))
        session.end(lost=True)
        return
    session.act(StartTls(policy))
    session.wait_for_tls()


def started(session: SmtpSession, tls: TlsSession) -> None:
    """Forget what was said in clear, and note what the handshake brought."""
    reception, process = session.reception, session.process
    reception.tls = tls
    variables = process.variables
    variables["tls_in_cipher"] = construct_cipher_name(process, tls)
    if process.profile.tls_library != OPENSSL[0]:
        variables["tls_in_cipher_std"] = cipher_stdname(tls.cipher)
    variables["tls_in_bits"] = str(tls.bits)
    variables["tls_in_ver"] = variables["tls_in_cipher"].partition(":")[0]
    reception.set("tls_in_sni", tls.sni)
    if session.own_certificates:
        variables["tls_in_ourcert"] = to_pem(session.own_certificates[0])
    if tls.peer_chain:
        variables["tls_in_peercert"] = to_pem(tls.peer_chain[0])
        variables["tls_in_peerdn"] = peer_dn(tls.peer_chain[0], process.profile.tls_library)
    if reception.certificate_verified:
        variables["tls_in_certificate_verified"] = "1"
    if not process.config.main.flag("tls_remember_esmtp"):
        session.helo_seen = session.esmtp = session.reception.pipelining.advertised = False
        session.advertised = {}
    session.free_commands |= {"ehlo", "auth"}
    session.tls_auth_due = True
    if reception.get("sender_helo_name") is not None:
        reception.set("sender_helo_name", None)
        host_build_sender_fullhost(process)
    for name in ("sender_host_authenticated", "authenticated_id"):
        reception.set(name, None)
    variables["received_protocol"] = protocol(session)


def failed(session: SmtpSession, reason: str) -> None:
    """Log the failed handshake; every further command is refused."""
    profile, options = session.process.profile, session.process.config.main
    if options.text("event_action") is not None and "tls:fail:connect" in profile.events:
        raise Unsupported("the event tls:fail:connect", *options.where("event_action"))
    if profile.tls_library == GNUTLS:
        _log_tls_error(session, _gnutls_reason(reason, established=session.reception.tls is not None))
    else:
        _log_tls_error(session, _openssl_reason(reason, profile.tls_library))
    if profile.tls_error_logged and profile.tls_library != GNUTLS:
        log_write(session.process, "TLS client disconnected cleanly (rejected our certificate?)")
    session.refuse_all("554 Security failure")


_GNUTLS_FAULTS = {
    "NO_SHARED_CIPHER": "No supported cipher suites have been found.",
    "UNEXPECTED_EOF_WHILE_READING": "The TLS connection was non-properly terminated.",
}


def _gnutls_reason(reason: str, *, established: bool) -> str:
    """GnuTLS's line for a failure of the handshake or, ``established``, of the first read after it."""
    alert = GNUTLS_ALERTS.get(reason)
    if established and alert is not None:
        return f"(recv): A TLS fatal alert has been received: {alert}"
    if alert is not None:
        return f"(gnutls_handshake): A TLS fatal alert has been received.: {alert}"
    if reason not in _GNUTLS_FAULTS:
        raise Unsupported(f"GnuTLS's words for {reason.lower().replace('_', ' ')}")
    return f"(gnutls_handshake): {_GNUTLS_FAULTS[reason]}"


def _openssl_reason(reason: str, library: str) -> str:
    """OpenSSL's line for a failure; ``reason`` is its name."""
    return f"(SSL_accept): {openssl_error(reason, library, 'ssl3_read_bytes')}"


def _log_tls_error(session: SmtpSession, text: str) -> None:
    info = connection_info(session.reception).removeprefix("SMTP ")
    log_write(session.process, f"TLS error on {info} {text}")


def _policy(session: SmtpSession) -> TlsPolicy:
    certificate = _file(session, "tls_certificate")
    if certificate is None:
        raise Unsupported("STARTTLS without tls_certificate (a self-signed certificate made at start)")
    key = _file(session, "tls_privatekey")
    identity = TlsIdentity(certificate, certificate if key is None else key)
    session.own_certificates = pem_certificates(certificate)
    allowed = _suites(session)
    _check_curves(session)
    mode = _verify_mode(session)
    if mode is VerifyMode.NONE:
        return TlsPolicy(identity, max_version=allowed.max_version, ciphers=allowed.ciphers)
    return TlsPolicy(
        identity,
        max_version=allowed.max_version,
        ciphers=allowed.ciphers,
        request_client_certificate=True,
        judge=partial(_judge_client, session, _settings(session, mode)),
    )


def _check_curves(session: SmtpSession) -> None:
    """Hold that OpenSSL knows the curves of tls_eccurve: with others there is no TLS (init_ecdh())."""
    process = session.process
    if process.profile.tls_library == GNUTLS:
        return
    text = expand(process, process.config.main.text("tls_eccurve") or "")
    for curve in list_items(text):
        if curve not in _CURVES:
            raise Unsupported(f"tls_eccurve {curve}", *process.config.main.where("tls_eccurve"))


def _suites(session: SmtpSession) -> Suites:
    where = session.process.config.main.where("tls_require_ciphers")
    try:
        allowed = suites(session.process, _required_ciphers(session), server=True)
    except BadPriority as bad:
        raise Unsupported(bad.step, *where) from None
    if allowed.min_version != "TLSv1":
        raise Unsupported("a server without TLS 1.2", *where)
    return allowed


def _required_ciphers(session: SmtpSession) -> str | None:
    process = session.process
    text = process.config.main.text("tls_require_ciphers")
    try:
        return expand(process, text) if text else None
    except ExpansionFailed as failure:
        if failure.forced:
            return None
        log_write(process, f"expansion of tls_require_ciphers failed: {failure.message}", panic=True)
        raise _SetUpFailed("expansion of tls_require_ciphers failed") from None


def _verify_mode(session: SmtpSession) -> VerifyMode:
    if session.client_in("tls_verify_hosts"):
        return VerifyMode.REQUIRED
    return VerifyMode.OPTIONAL if session.client_in("tls_try_verify_hosts") else VerifyMode.NONE


def _settings(session: SmtpSession, mode: VerifyMode) -> VerifySettings:
    """How the client's certificate is verified: by the CAs of tls_verify_certificates, without a name."""
    anchors = _file(session, "tls_verify_certificates")
    return VerifySettings(
        session.process.profile.tls_library,
        session.reception.get("sender_host_address") or "",
        mode,
        None if anchors is None else pem_certificates(anchors),
    )


def _judge_client(
    session: SmtpSession, settings: VerifySettings, chain: tuple[bytes, ...]
) -> TlsAlert | None:
    """Verify a client's chain, and note the result; without one the client is refused if it must have one."""
    if not chain:
        return TlsAlert.HANDSHAKE_FAILURE if settings.mode is VerifyMode.REQUIRED else None
    verdict = judge(settings, chain, session.process.world.now())
    for text in verdict.log_lines:
        log_write(session.process, text)
    session.reception.certificate_verified = verdict.verified
    return verdict.alert


def _file(session: SmtpSession, option: str) -> bytes | None:
    """The content of the first file that a TLS option names, None if it names none."""
    process, options = session.process, session.process.config.main
    text = options.text(option)
    if text is None:
        return None
    if any(name in text for name in _DEPENDS_ON_SNI):
        raise Unsupported(f"{option} that depends on the server name", *options.where(option))
    try:
        path = expand(process, text).split(":")[0].strip()
    except ExpansionFailed as failure:
        if failure.forced:
            return None
        log_write(process, f"expansion of {option} failed: {failure.message}", panic=True)
        raise _SetUpFailed(f"expansion of {option} failed") from None
    if not path:
        return None
    try:
        return process.world.read_file(path)
    except OSError:
        if option == "tls_verify_certificates":
            what = "tls_verify_certificates of a server that is a directory or cannot be read"
            raise Unsupported(what, *options.where(option)) from None
        raise _SetUpFailed(
            f"(SSL_CTX_use_certificate_chain_file file={path}): No such file or directory"
        ) from None
