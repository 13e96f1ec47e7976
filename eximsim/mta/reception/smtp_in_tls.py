"""STARTTLS and TLS on connect, seen from the server (tls_server_start(), src/tls-openssl.c)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.acl.acl import Where
from eximsim.mta.certs.tls_errors import GNUTLS_ALERTS, SPOILT, openssl_error
from eximsim.mta.certs.tls_libraries import GNUTLS, OPENSSL
from eximsim.mta.expand.event import main_event_raise
from eximsim.mta.lookup.sender_host import host_and_ident, host_build_sender_fullhost
from eximsim.mta.lookup.tlscert import to_pem
from eximsim.mta.process.log import log_write
from eximsim.mta.reception import smtp_in_alpn, smtp_in_staple, smtp_in_tickets
from eximsim.mta.reception.smtp_in_ends import incomplete_transaction_log, lost_while_refusing
from eximsim.mta.reception.smtp_in_policy import SetUpFailed, server_policy, verify_mode
from eximsim.mta.reception.smtp_in_reply import connection_info
from eximsim.mta.reception.smtp_session import protocol
from eximsim.mta.transports.tls import construct_cipher_name
from eximsim.mta.transports.tls_names import gnutls_stdname
from eximsim.mta.transports.tls_verify import VerifyMode, peer_dn
from eximsim.mta.verify import cutthrough
from eximsim.ports import EndTls, HandshakeFault, StartTls, TlsAlert, TlsSession, Wait
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.reception.smtp_session import SmtpSession
    from eximsim.profiles import Profile


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
        policy = server_policy(session)
    except SetUpFailed as failure:
        _log_tls_error(session, str(failure))
        session.replies.line("454 TLS currently unavailable")
        return
    session.replies.line("220 TLS go ahead")
    session.act(StartTls(policy))
    session.wait_for_tls()


def start(session: SmtpSession) -> None:
    """TLS on connect: the handshake comes before everything else."""
    try:
        policy = server_policy(session)
    except SetUpFailed as failure:
        _log_tls_error(session, str(failure))
        session.end(lost=True)
        return
    session.act(StartTls(policy))
    session.wait_for_tls()


def refused_protocol(session: SmtpSession) -> bool:
    """End a session whose client has not offered the application protocol that it should."""
    text = smtp_in_alpn.refusal(session)
    if not text:
        return False
    _log_tls_error(session, f"(handshake): {text}")
    session.refuse_all("554 Security failure")
    if session.process.profile.tls_library == GNUTLS:
        session.act(EndTls(TlsAlert.NO_APPLICATION_PROTOCOL))
    else:
        lost_while_refusing(session)  # all that a client sees is the end of TLS
    return True


def started(session: SmtpSession, tls: TlsSession) -> None:
    """Forget what was said in clear, and note what the handshake brought."""
    reception, process = session.reception, session.process
    reception.tls = tls
    variables = process.variables
    variables["tls_in_cipher"] = construct_cipher_name(process, tls)
    if process.profile.tls_library != OPENSSL[0]:
        variables["tls_in_cipher_std"] = gnutls_stdname(tls.cipher, tls.own_leaf)
    variables["tls_in_bits"] = str(tls.bits)
    variables["tls_in_ver"] = variables["tls_in_cipher"].partition(":")[0]
    reception.set("tls_in_sni", tls.sni)
    if own := tls.own_leaf or b"".join(session.own_certificates[:1]):
        variables["tls_in_ourcert"] = to_pem(own)
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
        process.doing = f"handling incoming TLS connection from {host_and_ident(process, flagged=False)}"
    for name in ("sender_host_authenticated", "authenticated_id"):
        reception.set(name, None)
    smtp_in_tickets.started(session, tls)
    smtp_in_staple.started(session, tls)
    variables["received_protocol"] = protocol(session)


def banner_came_early(session: SmtpSession) -> bool:
    """Whether the banner went out before the handshake was complete (tls_server_start()).

    The client does not see a difference; Exim says so in the log under its own test suite.
    """
    tls = session.reception.tls
    return (
        tls is not None
        and tls.version == "TLSv1.3"
        and session.client_in("tls_early_banner_hosts")
        and verify_mode(session) is VerifyMode.NONE
    )


def ended(session: SmtpSession) -> None:
    """Go on in clear; what is known of the TLS session is not forgotten (tls_close())."""
    if not session.process.profile.client_may_close_tls:
        raise Unsupported("a client that closes TLS and goes on in clear, before 4.93")
    session.reception.tls = None
    if session.process.profile.tls_library != GNUTLS:
        session.reception.set("tls_in_sni", None)


def refuse(session: SmtpSession, text: str) -> None:
    """Log what ended the handshake, and refuse every further command."""
    _log_tls_error(session, text)
    session.refuse_all("554 Security failure")


def failed(session: SmtpSession, reason: str) -> None:
    """Log the failed handshake; every further command is refused, or TLS on connect is the end."""
    _tell_and_refuse(session, reason)
    if session.tls_first and session.reception.tls is None and not session.greeted:
        session.end(lost=True)


def _tell_and_refuse(session: SmtpSession, reason: str) -> None:
    profile = session.process.profile
    session.refuse_all("554 Security failure")
    if profile.tls_library != GNUTLS:
        text = _openssl_reason(reason, profile)
        _tell_of_failure(session, text)
        _log_tls_error(session, text)
        if profile.tls_error_logged:
            log_write(session.process, "TLS client disconnected cleanly (rejected our certificate?)")
        return
    text = _gnutls_reason(session, reason)
    if session.reception.tls is not None or reason == "CERTIFICATE_VERIFY_FAILED":
        _log_tls_error(session, text)
        return
    _tell_of_failure(session, text)
    _close_late(session, text, at_once=reason != "PEER_DID_NOT_RETURN_A_CERTIFICATE")


def _tell_of_failure(session: SmtpSession, text: str) -> None:
    """Raise the event of a handshake that failed."""
    main_event_raise(session.process, "tls:fail:connect", text)


def _close_late(session: SmtpSession, text: str, *, at_once: bool) -> None:
    """After half a second close the connection, and log what was wrong.

    ``at_once``: the client cannot have gone on before that.
    """
    process = session.process
    if process.of_daemon and not at_once:
        job = partial(_log_tls_error, session, text)
        process.machine.unwatched.later.append((process.world.now() + _CLOSING, job))
    else:
        _log_tls_error(session, text)
    session.act(Wait(_CLOSING))
    if not session.tls_first:
        lost_while_refusing(session)


def cut(session: SmtpSession) -> None:
    """The client has gone without closing TLS, of which GnuTLS complains (tls_refill())."""
    if session.process.profile.tls_library == GNUTLS and session.reception.tls is not None:
        _log_tls_error(session, f"(recv): {_GNUTLS_FAULTS['UNEXPECTED_EOF_WHILE_READING']}")


_CLOSING = 0.5
"""How long a server with GnuTLS waits before it closes the connection and logs what was wrong, in seconds."""

_GNUTLS_FAULTS = {
    "CALLBACK_FAILED": "The requested data were not available.",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "The peer did not send any certificate.",
    "NO_APPLICATION_PROTOCOL": "No common application protocol could be negotiated.",
    "NO_SHARED_CIPHER": "No supported cipher suites have been found.",
    "WRONG_VERSION_NUMBER": SPOILT[GNUTLS, HandshakeFault.NOT_TLS],
    "UNEXPECTED_EOF_WHILE_READING": "The TLS connection was non-properly terminated.",
}


def _gnutls_reason(session: SmtpSession, reason: str) -> str:
    """GnuTLS's line for a failure of the handshake or, if that was complete, of the first read after it."""
    alert = GNUTLS_ALERTS.get(reason)
    if reason == "CERTIFICATE_VERIFY_FAILED":
        return f"(certificate verification failed): {session.certificate_fault}"
    if session.reception.tls is not None and alert is not None:
        return f"(recv): A TLS fatal alert has been received: {alert}"
    if alert is not None:
        return f"(gnutls_handshake): A TLS fatal alert has been received.: {alert}"
    if reason not in _GNUTLS_FAULTS:
        raise Unsupported(f"GnuTLS's words for {reason.lower().replace('_', ' ')}")
    return f"(gnutls_handshake): {_GNUTLS_FAULTS[reason]}"


def _openssl_reason(reason: str, profile: Profile) -> str:
    """OpenSSL's line for a failure; ``reason`` is its name."""
    form = profile.accept_version_text if reason in _OF_VERSIONS else _ACCEPT_FAILED
    own = (reason, profile.tls_library) == ("WRONG_VERSION_NUMBER", "openssl-3")
    if form != _ACCEPT_FAILED and not own:
        raise Unsupported(f"the version that OpenSSL shows for {reason.lower().replace('_', ' ')}")
    return form.format(error=openssl_error(reason, profile.tls_library, "ssl3_read_bytes"))


_ACCEPT_FAILED = "(SSL_accept): {error}"

_OF_VERSIONS = frozenset(("WRONG_VERSION_NUMBER", "UNSUPPORTED_PROTOCOL"))
"""Reasons that newer releases show with a version."""


def _log_tls_error(session: SmtpSession, text: str) -> None:
    info = connection_info(session.reception).removeprefix("SMTP ")
    log_write(session.process, f"TLS error on {info} {text}")
