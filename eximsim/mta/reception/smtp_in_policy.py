"""What a server brings into a handshake: certificates, keys, ciphers, what it asks of clients.

Stands for tls_init() and what tls_server_start() does before the handshake, in src/tls-openssl.c and
src/tls-gnu.c, and for their callbacks for the server name.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base import errnos
from eximsim.mta.base.string import list_items
from eximsim.mta.certs.key_pairs import KeyFault, check_pair
from eximsim.mta.certs.tls_errors import file_fault
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.certs.x509_verify import verify_chain
from eximsim.mta.expand.event import main_event_raise
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.lookup.tlscert import to_pem
from eximsim.mta.process.log import log_write
from eximsim.mta.reception import smtp_in_alpn, smtp_in_tickets
from eximsim.mta.reception.dh_parameters import warn_of_dh_parameters
from eximsim.mta.reception.smtp_in_staple import StatusNotLoaded, staple_for
from eximsim.mta.transports.tls_files import authorities, pem_certificates, revocation_lists
from eximsim.mta.transports.tls_suites import BadPriority, Suites, suites
from eximsim.mta.transports.tls_verify import TlsVerdict, VerifyMode, VerifySettings, judge
from eximsim.ports import TlsAlert, TlsIdentity, TlsPolicy

if TYPE_CHECKING:
    from eximsim.mta.reception.smtp_session import SmtpSession

_CURVES = frozenset(["auto", "prime256v1", "secp384r1", "secp521r1", "X25519", "P-256", "P-384", "P-521"])
"""Names that every OpenSSL knows, and Exim's word for its choice."""

_DEPENDS_ON_SNI = ("tls_sni", "tls_in_sni", "tls_out_sni")


class SetUpFailed(Exception):
    """The certificate or key cannot be had; the client may try again later."""


def server_policy(session: SmtpSession) -> TlsPolicy:
    """What the configuration makes of this client; raises ``SetUpFailed``."""
    policy = _policy(session)
    text = session.process.config.main.text("tls_certificate") or ""
    if any(name in text for name in _DEPENDS_ON_SNI):
        return replace(policy, for_name=partial(_for_name, session))
    return policy


def _for_name(session: SmtpSession, sni: str) -> TlsPolicy | TlsAlert:
    """The client has asked for a server name on which the certificate depends."""
    session.reception.set("tls_in_sni", sni)
    gnutls = session.process.profile.tls_library == GNUTLS
    try:
        return _policy(session)
    except SetUpFailed as failure:
        if gnutls:
            return TlsAlert.INTERNAL_ERROR
        if not session.process.profile.sni_failure_is_fatal:
            raise Unsupported("a certificate for a server name that cannot be had, before 4.92") from None
        log_write(session.process, str(failure), panic=True)
        return TlsAlert.UNRECOGNIZED_NAME


def _policy(session: SmtpSession) -> TlsPolicy:
    identity, *also = identities = _identities(session)
    leaves = [pem_certificates(one.chain) for one in identities]
    session.own_certificates = leaves[0]
    try:
        staple = staple_for(session, tuple(chain[0] for chain in leaves if chain))
    except StatusNotLoaded as failure:
        raise SetUpFailed(str(failure)) from None
    allowed = _suites(session)
    _check_dh_parameters(session)
    _check_curves(session)
    mode = verify_mode(session)
    policy = TlsPolicy(
        identity,
        also=tuple(also),
        max_version=allowed.max_version,
        ciphers=allowed.ciphers,
        staple=staple,
        choose_protocol=smtp_in_alpn.chooser(session),
        tickets=smtp_in_tickets.begin(session),
    )
    if mode is VerifyMode.NONE:
        return policy
    settings = _settings(session, mode)
    return replace(
        policy,
        request_client_certificate=True,
        judge=partial(_judge_client, session, settings),
        authorities=_announced(session, settings),
        judge_late=session.process.profile.tls_library == GNUTLS,
    )


def _announced(session: SmtpSession, settings: VerifySettings) -> tuple[bytes, ...]:
    """Whose certificates the server says that it takes: those of a file, nobody's of a folder."""
    path = expand(session.process, session.process.config.main.text("tls_verify_certificates") or "")
    return () if session.process.world.path_kind(path) == "folder" else settings.anchors or ()


# ---- certificates and keys ------------------------------------------------------------------------------


def _identities(session: SmtpSession) -> list[TlsIdentity]:
    process = session.process
    options, gnutls = process.config.main, process.profile.tls_library == GNUTLS
    certificates = _expanded(session, "tls_certificate")
    if certificates is None or (gnutls and not certificates):
        return [_self_signed(session)]
    keys = certificates if options.text("tls_privatekey") is None else _expanded(session, "tls_privatekey")
    if not certificates or not keys:
        raise Unsupported("a server without a certificate or a key", *options.where("tls_certificate"))
    files, key_files = list(list_items(certificates)), list(list_items(keys))
    if len(files) > 1 and len(key_files) != len(files):
        raise Unsupported("as many keys of a server as certificates", *options.where("tls_privatekey"))
    pairs = list(zip(files, key_files, strict=False))
    if gnutls:
        return [_gnutls_pair(session, *pair) for pair in pairs]
    chains = [_openssl_file(session, file, "certificate_chain_file") for file, _ in pairs]
    return [
        TlsIdentity(_completed(session, chain), _openssl_file(session, key, "PrivateKey_file", chain))
        for chain, (_, key) in zip(chains, pairs, strict=True)
    ]


def _completed(session: SmtpSession, chain: bytes) -> bytes:
    """A lone certificate is sent with its way up through the store for clients (ssl_add_cert_chain())."""
    sent = pem_certificates(chain)
    anchors = _anchors(session) if len(sent) == 1 else None
    if not anchors:
        return chain
    process = session.process
    built = verify_chain(sent, anchors, process.world.now(), process.profile.tls_library).chain
    return "".join(to_pem(cert.der) for cert in built).encode()


def _expanded(session: SmtpSession, option: str) -> str | None:
    process = session.process
    text = process.config.main.text(option)
    if text is None:
        return None
    try:
        return expand(process, text)
    except ExpansionFailed as failure:
        if not failure.forced:
            log_write(process, f"expansion of {option} failed: {failure.message}", panic=True)
            raise SetUpFailed("Internal error") from None
        if process.profile.certificate_failure_is_fault:
            raise SetUpFailed(f"expansion of {option} failed") from None
        return None


def _self_signed(session: SmtpSession) -> TlsIdentity:
    """What is made up where there is no certificate (tls_install_selfsign())."""
    if not session.process.profile.server_makes_certificate:
        raise Unsupported("STARTTLS without tls_certificate, before 4.88")
    name = session.process.variables.get("smtp_active_hostname") or session.hostname
    return session.process.world.self_signed(f"/C=UK/O=Exim Developers/CN={name}")


def _openssl_file(session: SmtpSession, path: str, function: str, chain: bytes | None = None) -> bytes:
    """A file with certificates or, given those, with their key."""
    process = session.process
    library = process.profile.tls_library
    try:
        data = process.world.read_file(path)
        fault = check_pair(data if chain is None else chain, None if chain is None else data)
        if fault is None:
            return data
        text = file_fault(library, fault)
    except OSError as error:
        text = file_fault(library, error.errno or errnos.ENOENT)
    raise SetUpFailed(f"(SSL_CTX_use_{function} file={path}): {text}")


_GNUTLS_FAULTS = {
    KeyFault.NO_CERTIFICATE: "Base64 unexpected header error.",
    KeyFault.NO_KEY: "Base64 unexpected header error.",
    KeyFault.MISMATCH: "The certificate and the given key do not match.",
}


def _gnutls_pair(session: SmtpSession, path: str, key_path: str) -> TlsIdentity:
    world = session.process.world
    try:
        identity = TlsIdentity(world.read_file(path), world.read_file(key_path))
    except OSError:
        text = "Error while reading file."
    else:
        fault = check_pair(identity.chain, identity.key)
        if fault is None:
            return identity
        text = _GNUTLS_FAULTS[fault]
    raise SetUpFailed(f"(cert/key setup: cert={path} key={key_path}): {text}")


# ---- ciphers --------------------------------------------------------------------------------------------


def _check_dh_parameters(session: SmtpSession) -> None:
    """What OpenSSL has loaded at the daemon's start is not loaded again."""
    process = session.process
    text = process.config.main.text("tls_dhparam") or ""
    if "$" not in text and process.profile.tls_library != GNUTLS:
        return
    try:
        warn_of_dh_parameters(process, expand(process, text))
    except ExpansionFailed as failure:
        if not failure.forced:
            log_write(process, f"expansion of tls_dhparam failed: {failure.message}", panic=True)
            raise SetUpFailed("Internal error") from None


def _check_curves(session: SmtpSession) -> None:
    """Hold that OpenSSL knows the curves of tls_eccurve: with others there is no TLS (init_ecdh())."""
    process = session.process
    if process.profile.tls_library == GNUTLS:
        return
    text = expand(process, process.config.main.text("tls_eccurve") or "")
    for curve in list_items(text):
        if curve == "auto":
            return
        if curve not in _CURVES and (words := process.profile.unknown_curve_text) and not _is_curve(curve):
            raise SetUpFailed(words.format(curve=curve))
        if curve not in _CURVES:
            raise Unsupported(f"tls_eccurve {curve}", *process.config.main.where("tls_eccurve"))


def _is_curve(name: str) -> bool:
    """Whether a name looks like one that OpenSSL may know, though it is not among the usual ones."""
    return any(letter.isdigit() for letter in name)


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
        raise SetUpFailed("expansion of tls_require_ciphers failed") from None


# ---- certificates of clients ----------------------------------------------------------------------------


def verify_mode(session: SmtpSession) -> VerifyMode:
    """Whether the client is asked for a certificate, and whether it has to have a good one."""
    if session.client_in("tls_verify_hosts"):
        return VerifyMode.REQUIRED
    return VerifyMode.OPTIONAL if session.client_in("tls_try_verify_hosts") else VerifyMode.NONE


def _settings(session: SmtpSession, mode: VerifyMode) -> VerifySettings:
    """How the client's certificate is verified: by the CAs of tls_verify_certificates, without a name."""
    return VerifySettings(
        session.process.profile.tls_library,
        session.reception.get("sender_host_address") or "",
        mode,
        anchors := _anchors(session),
        crls=None if anchors is None else _crls(session),
    )


def _crls(session: SmtpSession) -> tuple[bytes, ...] | None:
    path = _store_file(session, "tls_crl")
    return revocation_lists(session.process, session.process.config.main, path) if path else None


def _store_file(session: SmtpSession, name: str) -> str | None:
    process = session.process
    text = process.config.main.text(name)
    if text is None:
        return None
    try:
        return expand(process, text)
    except ExpansionFailed as failure:
        if failure.forced:
            return None
        log_write(process, f"expansion of {name} failed: {failure.message}", panic=True)
        raise SetUpFailed(f"expansion of {name} failed") from None


def _anchors(session: SmtpSession) -> tuple[bytes, ...] | None:
    process, options = session.process, session.process.config.main
    path = (_store_file(session, "tls_verify_certificates") or "").split(":")[0].strip()
    if not path:
        return None
    if path == "/dev/null":
        return ()
    try:
        return authorities(process, path)
    except OSError:
        what = "tls_verify_certificates of a server that cannot be read"
        raise Unsupported(what, *options.where("tls_verify_certificates")) from None


def _judge_client(
    session: SmtpSession, settings: VerifySettings, chain: tuple[bytes, ...]
) -> TlsAlert | None:
    """Verify a client's chain, and note the result; without one the client is refused if it must have one."""
    if not chain:
        return TlsAlert.HANDSHAKE_FAILURE if settings.mode is VerifyMode.REQUIRED else None
    verdict = judge(settings, chain, session.process.world.now())
    for text in verdict.log_lines:
        log_write(session.process, text)
    _raise_events(session, verdict, chain)
    session.reception.certificate_verified = verdict.verified
    session.certificate_fault = verdict.error
    return verdict.alert


def _raise_events(session: SmtpSession, verdict: TlsVerdict, chain: tuple[bytes, ...]) -> None:
    """Tell event_action of the certificates: OpenSSL of those that are good, GnuTLS of all that were sent."""
    process = session.process
    if process.config.main.text("event_action") is None:
        return
    seen = [(step.depth, step.certificate.der) for step in verdict.steps if step.error is None]
    if process.profile.tls_library == GNUTLS:
        seen = [(depth, chain[depth]) for depth in reversed(range(len(chain)))]
    for depth, der in seen:
        with process.setting(tls_in_peercert=to_pem(der)):
            denied = main_event_raise(process, "tls:cert", str(depth))
        if denied:
            where = process.config.main.where("event_action")
            raise Unsupported("a tls:cert event of a server that refuses a certificate", *where)
