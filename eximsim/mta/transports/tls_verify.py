"""Whether a client of Exim accepts a server's certificate, and what it writes about it.

The policy of verify_callback() and verify_callback_client_dane() in tls-openssl.c and of verify_certificate()
in tls-gnu.c, over the verdicts of the two libraries. A session that is refused names the alert that the
server sees and the library's words for the failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from enum import Enum
from types import MappingProxyType

from eximsim.mta.base.tables import ANY, Column, Row, Rows, Table
from eximsim.mta.certs import dane_openssl, gnutls_ocsp, gnutls_verify
from eximsim.mta.certs.dane_match import DANE_EE, Tlsa
from eximsim.mta.certs.tls_libraries import GNUTLS, OPENSSL
from eximsim.mta.certs.x509 import Certificate, parse
from eximsim.mta.certs.x509_errors import OpensslRules, rules_of
from eximsim.mta.certs.x509_names import gnutls_check_hostname, gnutls_text, oneline, openssl_check_host
from eximsim.mta.certs.x509_verify import Step, verify_chain
from eximsim.ports import TlsAlert
from eximsim.quick_dataclass import dataclass


class VerifyMode(Enum):
    """How a certificate is verified: not at all, by the trust store (and must that succeed?), or by DANE."""

    NONE = "neither tls_verify_hosts nor tls_try_verify_hosts"
    OPTIONAL = "tls_try_verify_hosts"
    REQUIRED = "tls_verify_hosts"
    DANE = "DANE"


class Finding(Enum):
    """What the library's verification found. For DANE: whether a record matches a good chain."""

    GOOD = "good"
    BAD = "not good"
    OTHER_NAME = "good, but for another name"


class Session(Enum):
    """What becomes of the session, and what ``CV=`` shows."""

    DANE = "CV=dane"
    VERIFIED = "CV=yes"
    UNVERIFIED = "CV=no"
    REFUSED = "no session"
    ORDINARY = "decided by ordinary verification, which must succeed, without names"


def _openssl_rows(*, overridden: bool, log: str) -> Rows[Session]:
    return (
        Row((VerifyMode.NONE, ANY), Session.UNVERIFIED),
        Row((VerifyMode.OPTIONAL, Finding.GOOD), Session.VERIFIED),
        Row((VerifyMode.OPTIONAL, ANY), Session.UNVERIFIED, log=log),
        Row((VerifyMode.REQUIRED, Finding.GOOD), Session.VERIFIED),
        Row((VerifyMode.REQUIRED, ANY), Session.REFUSED, log=log),
        Row((VerifyMode.DANE, Finding.GOOD), Session.DANE),
        Row((VerifyMode.DANE, ANY), Session.DANE if overridden else Session.REFUSED),
    )


_SSL_VERIFY_ERROR = "[{remote}] SSL verify error{during}: {fault}"
_GNUTLS_ROWS: Rows[Session] = (
    Row((VerifyMode.NONE, ANY), Session.UNVERIFIED),
    Row((VerifyMode.OPTIONAL, Finding.GOOD), Session.VERIFIED),
    Row((VerifyMode.OPTIONAL, ANY), Session.UNVERIFIED),
    Row((VerifyMode.REQUIRED, Finding.GOOD), Session.VERIFIED),
    Row((VerifyMode.REQUIRED, ANY), Session.REFUSED),
    Row((VerifyMode.DANE, Finding.GOOD), Session.DANE),
    Row((VerifyMode.DANE, Finding.BAD), Session.REFUSED),
    Row((VerifyMode.DANE, Finding.OTHER_NAME), Session.ORDINARY),
)

CERTIFICATE: Table[Session] = Table(
    "certificate",
    "What the verification of the server's certificate means for the session. With OpenSSL, no trust store"
    " (tls_verify_certificates unset or empty) counts as no verification.",
    "tls-openssl.c verify_callback, verify_callback_client_dane; tls-gnu.c verify_certificate",
    (Column("verified by", tuple(VerifyMode)), Column("finding", tuple(Finding))),
    {
        **{
            (library, overridden): _openssl_rows(overridden=overridden, log=_SSL_VERIFY_ERROR)
            for library in OPENSSL
            for overridden in (False, True)
        },
        **{(GNUTLS, overridden): _GNUTLS_ROWS for overridden in (False, True)},
    },
    switches=("tls_library", "dane_failure_overridden"),
)


@dataclass(frozen=True, slots=True)
class VerifySettings:
    """What a client knows before the handshake.

    ``anchors`` is the content of tls_verify_certificates (DER), None if the option is unset or empty: then
    OpenSSL does not verify at all. ``names`` are the host's names if tls_verify_cert_hostnames applies,
    else empty. Without verification there are anchors only if OpenSSL has loaded them all the same. ``tlsa``
    has the usable TLSA records (``dane_match.usable_records``); if there are any, DANE replaces all of the
    above, and ``dane_name`` is the host's name. With OpenSSL there are anchors then only
    if they were loaded too early, and all they can change is the alert. ``remote`` is the address that
    OpenSSL's log lines begin with, ``during`` what they say of a running callout
    (``during_verification``). The profile's switches: ``names_peer`` is ``verify_error_names_peer``,
    ``mismatch_names_host`` and ``mismatch_blank_line`` are those of ``name_mismatch_..``,
    ``dane_failure_overridden`` is called the same. ``stapled`` is the OCSP response that GnuTLS verifies
    with the chain. ``crls`` are the revocation lists (DER) of tls_crl, None if there is no such file.
    """

    library: str
    remote: str
    mode: VerifyMode = VerifyMode.NONE
    anchors: tuple[bytes, ...] | None = None
    names: tuple[str, ...] = ()
    tlsa: tuple[Tlsa, ...] = ()
    dane_name: str = ""
    during: str = ""
    names_peer: bool = True
    mismatch_names_host: bool = True
    mismatch_blank_line: bool = False
    dane_failure_overridden: bool = False
    stapled: bytes | None = None
    crls: tuple[bytes, ...] | None = None

    @property
    def verified_by(self) -> VerifyMode:
        """How the certificate is verified: by DANE if there are TLSA records, else as ``mode`` says."""
        return VerifyMode.DANE if self.tlsa else self.mode

    def decides(self, mode: VerifyMode, finding: Finding) -> Row[Session]:
        """The row of ``CERTIFICATE`` for ``finding``."""
        return CERTIFICATE.variant(self.library, self.dane_failure_overridden)[mode, finding]


@dataclass(frozen=True, slots=True)
class TlsVerdict:
    """What becomes of the session.

    ``verified`` is what ``CV=`` and $tls_out_certificate_verified show, ``dane_verified`` makes it
    ``CV=dane``. ``log_lines`` go to the main log, without message id. ``alert`` is None if the session
    stands; then ``error`` is empty, else it is the library's text: after ``(SSL_connect): `` for OpenSSL,
    after ``(certificate verification failed)`` for GnuTLS, where it can be empty. ``late`` tells that the
    handshake is complete when the alert is sent. ``steps`` are the calls of OpenSSL's callback that Exim saw:
    each success raises a ``tls:cert`` event, under DANE each of them. ``chain`` is the chain that OpenSSL has
    built, leaf first, if Exim has it verify one. ``crash``: nothing of this, the process dies of signal 11.
    """

    verified: bool = False
    dane_verified: bool = False
    log_lines: tuple[str, ...] = ()
    alert: TlsAlert | None = None
    error: str = ""
    late: bool = False
    crash: bool = False
    steps: tuple[Step, ...] = field(default=(), repr=False)
    chain: tuple[Certificate, ...] = field(default=(), repr=False)
    status_checked: bool = False
    """GnuTLS has found a stapled OCSP response good (gnutls_ocsp_status_request_is_checked())."""


VERIFY_FAILED: Mapping[str, str] = MappingProxyType(
    {
        "openssl-1.0.2": "error:14090086:SSL routines:ssl3_get_server_certificate:certificate verify failed",
        "openssl-3": "error:0A000086:SSL routines::certificate verify failed",
    }
)
"""What ERR_error_string() makes of a refused certificate."""

MADE_UP_ISSUER_FAULT: Mapping[str, str] = MappingProxyType(
    {"openssl-3": "error:068000DE:asn1 encoding routines::illegal zero content"}
)
"""What stands in the error queue before that, once a certificate has been made up for a DANE key: OpenSSL 3
cannot take the fingerprint of one that was never signed."""


def during_verification(verify_mode: str, sender_host_address: str | None) -> str:
    """What OpenSSL's log lines say while an address is verified; ``verify_mode`` is ``R``, ``S`` or ``E``."""
    return f" (during {verify_mode}-verify for [{sender_host_address or 'NULL'}])"


def peer_dn(leaf: bytes, library: str) -> str:
    """The subject of a certificate (DER) as ``DN=`` and $tls_out_peerdn show it."""
    subject = parse(leaf).subject
    return gnutls_text(subject) if library == GNUTLS else _dn(rules_of(library), parse(leaf))


def judge(settings: VerifySettings, chain: tuple[bytes, ...], at: float) -> TlsVerdict:
    """Decide on a server's chain (DER, leaf first) at ``at`` (seconds since the epoch).

    Raises ``InputError`` for what is not a certificate or not a known library, ``Unsupported`` as
    ``x509.parse``.
    """
    if settings.library == GNUTLS:
        return _judge_gnutls(settings, chain, at)
    if settings.tlsa:
        return _judge_dane(settings, chain, at)
    if settings.anchors is None:
        return TlsVerdict()
    if settings.mode is VerifyMode.NONE:  # nobody looks, but OpenSSL has an opinion
        found = verify_chain(chain, settings.anchors, at, settings.library, settings.crls)
        return TlsVerdict(verified=all(step.error is None for step in found.steps))
    return _judge_chain(settings, settings.anchors, chain, at)


def _judge_dane(settings: VerifySettings, chain: tuple[bytes, ...], at: float) -> TlsVerdict:
    """verify_callback_client_dane() ends the handshake at the first error, without a word."""
    names, library = (settings.dane_name,), settings.library
    verdict = dane_openssl.verify_dane(chain, settings.tlsa, names, at, library, settings.anchors or ())
    if verdict.crash:
        return TlsVerdict(crash=True)
    finding = Finding.GOOD if verdict.ok else Finding.BAD
    if settings.decides(VerifyMode.DANE, finding).outcome is Session.DANE:
        return TlsVerdict(verified=True, dane_verified=True, steps=verdict.steps, chain=verdict.chain)
    words = VERIFY_FAILED[library]
    if verdict.made_up_issuer:
        words = MADE_UP_ISSUER_FAULT.get(library, words)
    return TlsVerdict(alert=verdict.alert, error=words, steps=verdict.steps)


def _judge_chain(
    settings: VerifySettings, anchors: tuple[bytes, ...], chain: tuple[bytes, ...], at: float
) -> TlsVerdict:
    """verify_callback(), called for each step: errors are logged, and accepted if verification is optional.

    The host's name is checked at the last step, the success of the leaf.
    """
    rules, lines, outcome = rules_of(settings.library), list[str](), Session.VERIFIED
    found = verify_chain(chain, anchors, at, settings.library, settings.crls)
    steps = found.steps
    for position, step in enumerate(steps):
        finding, alert = Finding.OTHER_NAME, rules.silent_failure
        if step.error is not None:
            finding = Finding.BAD
            text, alert = rules.error_facts(step.error)[1:]
            fault = f"depth={step.depth} error={text} cert={_dn(rules, step.certificate)}"
        elif step.depth == 0 and settings.names and not _has_name(step.certificate, settings.names):
            fault = _mismatch(settings, rules, step.certificate)
        else:
            continue
        row = settings.decides(settings.mode, finding)
        line = row.log.format(remote=settings.remote, during=settings.during, fault=fault)
        lines.append(line if settings.names_peer else line.removeprefix(f"[{settings.remote}] "))
        outcome = row.outcome
        if outcome is Session.REFUSED:
            error = VERIFY_FAILED[settings.library]
            return TlsVerdict(log_lines=tuple(lines), alert=alert, error=error, steps=steps[: position + 1])
    return TlsVerdict(
        verified=outcome is Session.VERIFIED, log_lines=tuple(lines), steps=steps, chain=found.chain
    )


def _has_name(leaf: Certificate, names: tuple[str, ...]) -> bool:
    return any(openssl_check_host(leaf, name) for name in names)


def _mismatch(settings: VerifySettings, rules: OpensslRules, leaf: Certificate) -> str:
    name = _dn(rules, leaf)
    if not settings.mismatch_names_host:
        return f'certificate name mismatch: "{name}"' + ("\n" if settings.mismatch_blank_line else "")
    return f'certificate name mismatch: DN="{name}" H="{":".join(settings.names)}"'


def _dn(rules: OpensslRules, cert: Certificate) -> str:
    return oneline(cert.subject, escaped=rules.escapes_names)


def _judge_gnutls(settings: VerifySettings, chain: tuple[bytes, ...], at: float) -> TlsVerdict:
    """verify_certificate() in tls-gnu.c.

    A DANE-TA match whose certificate has another name is no failure yet: the ordinary verification, without
    names, decides then.
    """
    if settings.verified_by is not VerifyMode.DANE:
        return _gnutls_ordinary(settings, settings.mode, settings.names, chain, at)
    dane = gnutls_verify.verify_dane(chain, settings.tlsa, at)
    finding = Finding.GOOD
    if dane.usage is None:
        finding = Finding.BAD
    elif dane.usage != DANE_EE and not gnutls_check_hostname(parse(chain[0]), settings.dane_name):
        finding = Finding.OTHER_NAME
    outcome = settings.decides(VerifyMode.DANE, finding).outcome
    if outcome is Session.ORDINARY:
        return _gnutls_ordinary(settings, VerifyMode.REQUIRED, (), chain, at)
    return _gnutls_verdict(outcome, dane.error)


def _gnutls_ordinary(
    settings: VerifySettings, mode: VerifyMode, names: tuple[str, ...], chain: tuple[bytes, ...], at: float
) -> TlsVerdict:
    finding, error = Finding.GOOD, ""
    if mode is VerifyMode.NONE:
        return _gnutls_verdict(settings.decides(mode, finding).outcome, error)
    anchors = settings.anchors or ()
    status = gnutls_ocsp.Status.NONE
    if settings.stapled is not None:
        status = gnutls_ocsp.check_status(settings.stapled, chain, anchors, at)
    validity = gnutls_verify.verify_peers(chain, anchors, at, settings.crls or ())
    if validity is not gnutls_verify.Validity.GOOD or status.is_fault:
        finding, error = Finding.BAD, "certificate invalid"
        if gnutls_verify.Validity.REVOKED is validity or status is gnutls_ocsp.Status.REVOKED:
            error = "certificate revoked"
    elif names and not any(gnutls_check_hostname(parse(chain[0]), name) for name in names):
        finding = Finding.OTHER_NAME
    verdict = _gnutls_verdict(settings.decides(mode, finding).outcome, error)
    return replace(verdict, status_checked=status is gnutls_ocsp.Status.GOOD)


def _gnutls_verdict(outcome: Session, error: str) -> TlsVerdict:
    if outcome is Session.REFUSED:
        return _refused_late(error)
    return TlsVerdict(
        verified=outcome in (Session.DANE, Session.VERIFIED), dane_verified=outcome is Session.DANE
    )


def _refused_late(error: str) -> TlsVerdict:
    """GnuTLS's way: the handshake is complete, every failure is the same alert, nothing is logged."""
    return TlsVerdict(alert=TlsAlert.BAD_CERTIFICATE, error=error, late=True)
