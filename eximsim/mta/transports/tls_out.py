"""What a client does around the handshake: OCSP, the ``tls:cert`` event, the variables ``$tls_out_...``.

Stands for parts of tls_client_start() and its callbacks in src/tls-openssl.c and src/tls-gnu.c, and
for tls_client_adjunct_start() in src/tls.c, TLS beside the mail.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.certs.x509 import Certificate, parse
from eximsim.mta.certs.x509_errors import rules_of
from eximsim.mta.certs.x509_names import oneline
from eximsim.mta.lookup.tlscert import to_pem
from eximsim.mta.process import upward
from eximsim.mta.process.log import log_write
from eximsim.mta.transports.tls_names import cipher_stdname, gnutls_stdname
from eximsim.mta.transports.tls_suites import suites
from eximsim.mta.transports.tls_verify import VERIFY_FAILED, TlsVerdict, VerifyMode, VerifySettings, judge
from eximsim.ports import HandshakeError, TlsAlert, TlsOffer

if TYPE_CHECKING:
    from eximsim.mta.certs.x509_verify import Step
    from eximsim.mta.process.globals import Process
    from eximsim.mta.transports.smtp_context import SmtpContext
    from eximsim.ports import Connection, TlsSession

NAMES = (
    "tls_out_bits",
    "tls_out_certificate_verified",
    "tls_out_cipher",
    "tls_out_cipher_std",
    "tls_out_dane",
    "tls_out_ocsp",
    "tls_out_ourcert",
    "tls_out_peercert",
    "tls_out_peerdn",
    "tls_out_resumption",
    "tls_out_sni",
    "tls_out_tlsa_usage",
    "tls_out_ver",
)
"""The expansion variables about the client's TLS session."""

_OF_SESSION = (
    *("tls_out_cipher", "tls_out_cipher_std", "tls_out_ver", "tls_out_peerdn"),
    *("tls_out_peercert", "tls_out_ourcert", "tls_out_dane"),
)


# ---- variables ----------------------------------------------------------------------------


def forget(process: Process) -> None:
    """No session: what a new connection begins with. Exim forgets to forget ``$tls_out_cipher_std``.

    Nor is ``$tls_out_certificate_verified`` before the next handshake, or under GnuTLS ``$tls_out_sni``.
    """
    kept = {
        "tls_out_cipher_std",
        "tls_out_certificate_verified",
        "tls_out_sni" if process.profile.tls_library == GNUTLS else "",
    }
    for name in NAMES:
        if name not in kept:
            process.variables.pop(name, None)


def variables_of(
    process: Process, session: TlsSession | None, cipher: str, cv: str | None, peerdn: str | None
) -> dict[str, str | None]:
    """The variables that a session sets; None for those that it leaves empty. ``cipher`` is ``X=``'s text."""
    if session is None:
        return dict.fromkeys(_OF_SESSION)
    leaf = session.peer_chain[0] if session.peer_chain else b""
    gnutls = process.profile.tls_library == GNUTLS
    standard = gnutls_stdname(session.cipher, leaf) if gnutls else cipher_stdname(session.cipher)
    return {
        "tls_out_cipher": cipher,
        "tls_out_cipher_std": standard or None,
        "tls_out_ver": cipher.partition(":")[0],
        "tls_out_bits": str(session.bits),
        "tls_out_peerdn": peerdn,
        "tls_out_peercert": to_pem(leaf) if leaf else None,
        "tls_out_ourcert": to_pem(session.own_leaf) if session.own_leaf else None,
        "tls_out_dane": "yes" if cv == "dane" else None,
        "tls_out_certificate_verified": "1" if cv in ("dane", "yes") else None,
    }


# ---- events -------------------------------------------------------------------------------


def shown_under_gnutls(sx: SmtpContext, chain: tuple[bytes, ...]) -> bool:
    """Raise an event for every certificate that the server sent, the last one first (``verify_event_cb()``).

    False, and a log line, if one is denied: that ends the handshake.
    """
    for depth in reversed(range(len(chain))):
        if why := _verify_event(sx, parse(chain[depth]), depth):
            log_write(sx.process, f"SSL verify denied by event-action: depth={depth}: {why}")
            return False
    return True


def report(sx: SmtpContext, verdict: TlsVerdict, mode: VerifyMode) -> TlsVerdict:
    """Log what verification found and raise the events of its steps, in their order; the verdict after that.

    Under DANE a step that fails has its event, too. With GnuTLS all has been seen (``shown_under_gnutls()``).
    """
    process = sx.process
    if process.profile.tls_library == GNUTLS:
        return verdict
    lines = list(verdict.log_lines)
    for step in verdict.steps:
        if lines and (step.error is not None or step.depth == 0):
            log_write(process, lines.pop(0))
            if verdict.alert and step is verdict.steps[-1]:
                process.variables["tls_out_peercert"] = to_pem(step.certificate.der)
                break
        if step.error is not None and not sx.dane:
            continue
        if not (why := _verify_event(sx, step.certificate, step.depth)):
            continue
        verdict = _denied(sx, verdict, step, why, mode)
        if verdict.alert:
            return verdict
    return verdict


def _denied(sx: SmtpContext, verdict: TlsVerdict, step: Step, why: str, mode: VerifyMode) -> TlsVerdict:
    """An event denied the certificate: that ends the handshake unless verification is optional."""
    library = sx.process.profile.tls_library
    rules = rules_of(library)
    name = oneline(step.certificate.subject, escaped=rules.escapes_names)
    what = "DANE" if sx.dane else "SSL"
    text = f"{what} verify denied by event-action: depth={step.depth} cert={name}: {why}"
    log_write(sx.process, f"[{sx.host.address}] {text}")
    denied = replace(verdict, verified=False, dane_verified=False)
    if mode is VerifyMode.OPTIONAL and not sx.dane:
        return denied
    return replace(denied, alert=rules.silent_failure, error=VERIFY_FAILED[library])


def _verify_event(sx: SmtpContext, cert: Certificate, depth: int) -> str | None:
    if sx.option("event_action") is None:
        return None
    with sx.process.setting(tls_out_peercert=to_pem(cert.der)):
        return sx.raise_event("tls:cert", str(depth))


@upward.tls_client_adjunct_start.answer
def tls_client_adjunct_start(
    process: Process, connection: Connection, host: str, sni: str, timeout: float
) -> None:
    """TLS as a client beside the mail, for ``${readsocket`` (src/tls.c); ``sni`` is empty for none.

    The smtp transport's defaults hold: the certificate may be good or not. Exim's log lines about one that
    is not are known for tests of expansions, where no message is being delivered.
    Raises ``Unsupported`` if it fails, and with OpenSSL outside of tests of expansions.
    """
    profile = process.profile
    if profile.tls_library != GNUTLS and not process.log_testing_mode:
        raise Unsupported("the log lines of ${readsocket over TLS with OpenSSL")
    settings = VerifySettings(
        profile.tls_library,
        "NULL",
        VerifyMode.OPTIONAL,
        anchors=(),
        names=(host,),
        names_peer=profile.verify_error_names_peer,
        mismatch_names_host=profile.name_mismatch_names_host,
        mismatch_blank_line=profile.name_mismatch_blank_line,
    )

    def look_at(chain: tuple[bytes, ...]) -> TlsAlert | None:
        verdict = judge(settings, chain, process.world.now())
        for line in verdict.log_lines:
            log_write(process, line)
        return verdict.alert

    allowed = suites(process, None)
    offer = TlsOffer(
        look_at,
        sni=sni or None,
        ciphers=allowed.ciphers,
        max_version=allowed.max_version,
        min_version=allowed.min_version,
        judge_late=profile.tls_library == GNUTLS,
    )
    try:
        connection.start_tls(offer, timeout)
    except HandshakeError as error:
        raise Unsupported(f"${{readsocket over TLS that fails: {error}") from None
