"""STARTTLS and TLS on connect, seen from the server (tls_server_start(), src/tls-openssl.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.acl import Where
from eximsim.mta.expand import ExpansionFailed, expand
from eximsim.mta.log import log_write
from eximsim.mta.reception import host_build_sender_fullhost
from eximsim.mta.smtp_in_ends import incomplete_transaction_log
from eximsim.mta.smtp_in_reply import connection_info
from eximsim.mta.tls import construct_cipher_name
from eximsim.mta.tls_verify import GNUTLS, peer_dn
from eximsim.mta.world import StartTls, TlsIdentity, TlsPolicy, TlsSession
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.smtp_in import SmtpIn

_DEPENDS_ON_SNI = ("tls_sni", "tls_in_sni")


class _SetUpFailed(Exception):
    """The certificate or key cannot be had; the client may try again later."""


def starttls(session: SmtpIn, argument: str) -> None:
    """The STARTTLS command."""
    if not session.tls_advertised:
        session.error("protocol", 503, "STARTTLS command used when not advertised")
        return
    if session.check_acl(Where.STARTTLS, "acl_smtp_starttls").rc is not Rc.OK:
        return
    incomplete_transaction_log(session, "STARTTLS")
    session.reset()
    session.free_commands.discard("starttls")
    try:
        policy = _policy(session)
    except _SetUpFailed as failure:
        log_write(session.process, f"TLS error on {connection_info(session.reception)} {failure}")
        session.replies.line("454 TLS currently unavailable")
        return
    session.replies.line("220 TLS go ahead")
    session.act(StartTls(policy))
    session.wait_for_tls()


def start(session: SmtpIn) -> None:
    """TLS on connect: the handshake comes before everything else."""
    try:
        policy = _policy(session)
    except _SetUpFailed as failure:
        log_write(session.process, f"TLS error on {connection_info(session.reception)} {failure}")
        session.end(lost=True)
        return
    session.act(StartTls(policy))
    session.wait_for_tls()


def started(session: SmtpIn, tls: TlsSession) -> None:
    """Forget what was said in clear, and note what the handshake brought."""
    from eximsim.mta.smtp_in_helo import protocol  # the greeting offers STARTTLS

    reception, process = session.reception, session.process
    reception.tls = tls
    variables = process.variables
    variables["tls_in_cipher"] = construct_cipher_name(process, tls)
    variables["tls_in_bits"] = str(tls.bits)
    variables["tls_in_ver"] = variables["tls_in_cipher"].partition(":")[0]
    reception.set("tls_in_sni", tls.sni)
    if tls.peer_chain:
        variables["tls_in_peerdn"] = peer_dn(tls.peer_chain[0], process.profile.tls_library)
    if reception.certificate_verified:
        variables["tls_in_certificate_verified"] = "1"
    if not process.config.main.flag("tls_remember_esmtp"):
        session.helo_seen = session.esmtp = session.pipelining_advertised = False
    session.free_commands |= {"ehlo", "auth"}
    if reception.get("sender_helo_name") is not None:
        reception.set("sender_helo_name", None)
        host_build_sender_fullhost(process)
    for name in ("sender_host_authenticated", "authenticated_id"):
        reception.set(name, None)
    variables["received_protocol"] = protocol(session)


def failed(session: SmtpIn, reason: str) -> None:
    """Log the failed handshake; every further command is refused."""
    library = "gnutls_handshake" if session.process.profile.tls_library == GNUTLS else "SSL_accept"
    info = connection_info(session.reception).removeprefix("SMTP ")
    log_write(session.process, f"TLS error on {info} ({library}): {reason}")
    session.refuse_all("554 Security failure")


def _policy(session: SmtpIn) -> TlsPolicy:
    process, options = session.process, session.process.config.main
    for name in ("tls_verify_hosts", "tls_try_verify_hosts"):
        if session.client_in(name):
            raise Unsupported(f"asking clients for certificates ({name})", *options.where(name))
    certificate = _file(session, "tls_certificate")
    if certificate is None:
        raise Unsupported("STARTTLS without tls_certificate (a self-signed certificate made at start)")
    key = _file(session, "tls_privatekey")
    return TlsPolicy(
        TlsIdentity(certificate, certificate if key is None else key),
        max_version="TLSv1.2" if process.profile.tls_library == "openssl-1.0.2" else "TLSv1.3",
    )


def _file(session: SmtpIn, option: str) -> bytes | None:
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
        raise _SetUpFailed(
            f"(SSL_CTX_use_certificate_chain_file file={path}): No such file or directory"
        ) from None
