"""Certificates as the verifiers see them: parsed once from DER, immutable, compared by their octets.

Nothing here decides anything; ``x509_verify.py`` (OpenSSL) and ``gnutls_verify.py`` do. What a certificate
may hold and this model does not judge (name constraints, proxy certificates) is refused, never ignored.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace
from enum import Enum
from functools import lru_cache
from hashlib import new as new_hash
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509.oid import ExtensionOID as Ext
from cryptography.x509.oid import NameOID

from eximsim.errors import InputError, Unsupported
from eximsim.quick_dataclass import dataclass

CanonicalName = tuple[frozenset[tuple[str, str]], ...]
"""A distinguished name for comparison: attribute type and value, case and runs of blanks ignored."""

_AnyExtension = TypeVar("_AnyExtension", bound=x509.ExtensionType)

_KEY_KINDS: tuple[tuple[type, str], ...] = (
    (rsa.RSAPublicKey, "rsa"),
    (ec.EllipticCurvePublicKey, "ec"),
    (ed25519.Ed25519PublicKey, "ed25519"),
    (ed448.Ed448PublicKey, "ed448"),
    (dsa.DSAPublicKey, "dsa"),
)

_SIGNATURE_KINDS: tuple[tuple[str, str], ...] = (
    ("1.2.840.113549.1.1.", "rsa"),
    ("1.2.840.10045.4.", "ec"),
    ("1.3.101.112", "ed25519"),
    ("1.3.101.113", "ed448"),
    ("1.2.840.10040.4.", "dsa"),
    ("2.16.840.1.101.3.4.3.", "dsa"),
)

_KNOWN_CRITICAL = frozenset(
    {
        Ext.BASIC_CONSTRAINTS,
        Ext.KEY_USAGE,
        Ext.EXTENDED_KEY_USAGE,
        Ext.SUBJECT_ALTERNATIVE_NAME,
        Ext.CERTIFICATE_POLICIES,
        Ext.POLICY_CONSTRAINTS,
        Ext.POLICY_MAPPINGS,
        Ext.INHIBIT_ANY_POLICY,
        Ext.CRL_DISTRIBUTION_POINTS,
        Ext.AUTHORITY_KEY_IDENTIFIER,
        Ext.SUBJECT_KEY_IDENTIFIER,
        Ext.ISSUER_ALTERNATIVE_NAME,
    }
)
"""Critical extensions that a verifier understands (X509_supported_extension(), RFC 5280 section 4.2)."""

_REFUSED: tuple[tuple[x509.ObjectIdentifier, str], ...] = (
    (Ext.NAME_CONSTRAINTS, "name constraints"),
    (x509.ObjectIdentifier("1.3.6.1.5.5.7.1.14"), "proxy information"),
)

_USAGE_BITS = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """One certificate, or the stand-in that Exim builds for a bare trust anchor key (then ``der`` is empty).

    Times are seconds since the epoch. ``None`` stands for an extension that is absent; ``key_usage`` holds
    RFC 5280's bit names, ``extended_key_usage`` dotted object identifiers. Two certificates are equal if
    they are the same octets.
    """

    der: bytes
    subject: x509.Name
    issuer: x509.Name
    canonical_subject: CanonicalName
    canonical_issuer: CanonicalName
    serial: int
    version: int
    not_before: float
    not_after: float
    spki: bytes
    key_kind: str
    signature_kind: str
    is_ca: bool | None
    path_length: int | None
    key_usage: frozenset[str] | None
    extended_key_usage: frozenset[str] | None
    subject_key_id: bytes | None
    authority_key_id: bytes | None
    authority_serial: int | None
    authority_issuer: CanonicalName | None
    dns_names: tuple[str, ...]
    other_names: tuple[x509.GeneralName, ...]
    unknown_critical: bool

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and self.der == other.der and self.spki == other.spki

    def __hash__(self) -> int:
        return hash(self.der)

    @property
    def self_issued(self) -> bool:
        """Subject and issuer are the same name (RFC 5280, 3.2)."""
        return self.canonical_subject == self.canonical_issuer

    @property
    def common_names(self) -> tuple[str, ...]:
        """Every CN of the subject, in order."""
        return tuple(str(a.value) for a in self.subject.get_attributes_for_oid(NameOID.COMMON_NAME))

    def may(self, *usages: str) -> bool:
        """Whether the key usage extension is absent or allows one of ``usages``."""
        return self.key_usage is None or not self.key_usage.isdisjoint(usages)

    def identifies_authority(self, issuer: Certificate) -> bool:
        """Whether this certificate's authority key identifier, if any, fits."""
        return authority_fits(self.authority_key_id, self.authority_serial, self.authority_issuer, issuer)


def authority_fits(
    key_id: bytes | None, serial: int | None, issued_by: CanonicalName | None, issuer: Certificate
) -> bool:
    """Whether an authority key identifier, in its three parts, is that of ``issuer`` (X509_check_akid())."""
    if key_id and issuer.subject_key_id and key_id != issuer.subject_key_id:
        return False
    if serial is not None and serial != issuer.serial:
        return False
    return issued_by is None or issued_by == issuer.canonical_issuer


class Era(Enum):
    """A moment as seen from a time of validity."""

    EARLY = "not yet valid"
    VALID = "valid"
    LATE = "expired"


def era(begin: float, end: float, at: float) -> Era:
    """Where ``at`` lies (X509_cmp_time()); the last second counts as expired already."""
    return Era.EARLY if at < begin else Era.LATE if at >= end else Era.VALID


@lru_cache(maxsize=4096)
def parse(der: bytes) -> Certificate:
    """The certificate in ``der``.

    Raises ``InputError`` if it is not one, ``Unsupported`` if it has name constraints or is a proxy
    certificate. What the library only warns of, as a serial number that is not positive, is none of Exim's
    business: OpenSSL and GnuTLS take it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _from_library(x509.load_der_x509_certificate(der), der)
    except (ValueError, TypeError, x509.DuplicateExtension, x509.InvalidVersion) as error:
        raise InputError(f"expected a certificate in DER form, found something else: {error}") from error


@lru_cache(maxsize=1024)
def parse_chain(chain: tuple[bytes, ...]) -> tuple[Certificate, ...]:
    """The certificates of a chain, in the same order; raises as ``parse``."""
    return tuple(parse(der) for der in chain)


def _from_library(cert: x509.Certificate, der: bytes) -> Certificate:
    extensions = cert.extensions
    present = {extension.oid for extension in extensions}
    for oid, what in _REFUSED:
        if oid in present:
            raise Unsupported(f"a certificate with {what} ({cert.subject.rfc4514_string()})")
    constraints = _extension(extensions, x509.BasicConstraints)
    usage = _extension(extensions, x509.KeyUsage)
    purposes = _extension(extensions, x509.ExtendedKeyUsage)
    key_id = _extension(extensions, x509.SubjectKeyIdentifier)
    authority = _extension(extensions, x509.AuthorityKeyIdentifier)
    names = _extension(extensions, x509.SubjectAlternativeName)
    spki = _spki(cert.tbs_certificate_bytes)
    return Certificate(
        der=der,
        subject=cert.subject,
        issuer=cert.issuer,
        canonical_subject=canonical_name(cert.subject),
        canonical_issuer=canonical_name(cert.issuer),
        serial=cert.serial_number,
        version=cert.version.value + 1,
        not_before=cert.not_valid_before_utc.timestamp(),
        not_after=cert.not_valid_after_utc.timestamp(),
        spki=spki,
        key_kind=key_kind(spki),
        signature_kind=_signature_kind(cert.signature_algorithm_oid.dotted_string),
        is_ca=None if constraints is None else constraints.ca,
        path_length=None if constraints is None else constraints.path_length,
        key_usage=None if usage is None else frozenset(bit for bit in _USAGE_BITS if getattr(usage, bit)),
        extended_key_usage=None if purposes is None else frozenset(oid.dotted_string for oid in purposes),
        subject_key_id=None if key_id is None else key_id.digest,
        authority_key_id=None if authority is None else authority.key_identifier,
        authority_serial=None if authority is None else authority.authority_cert_serial_number,
        authority_issuer=None if authority is None else directory_name(authority.authority_cert_issuer),
        dns_names=() if names is None else tuple(names.get_values_for_type(x509.DNSName)),
        other_names=tuple(name for name in names or () if not isinstance(name, x509.DNSName)),
        unknown_critical=any(e.critical and e.oid not in _KNOWN_CRITICAL for e in extensions),
    )


def _extension(extensions: x509.Extensions, kind: type[_AnyExtension]) -> _AnyExtension | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def directory_name(names: Iterable[x509.GeneralName] | None) -> CanonicalName | None:
    """The first name among ``names`` that is a distinguished one."""
    for name in names or ():
        if isinstance(name, x509.DirectoryName):
            return canonical_name(name.value)
    return None


def canonical_name(name: x509.Name) -> CanonicalName:
    """``name`` as X509_NAME_cmp() compares it (RFC 5280, 7.1)."""
    return tuple(
        frozenset((a.oid.dotted_string, " ".join(str(a.value).lower().split())) for a in rdn)
        for rdn in name.rdns
    )


def _spki(tbs: bytes) -> bytes:
    """The SubjectPublicKeyInfo just as it stands in the certificate: TLSA records match these octets."""
    start, _ = _der_content(tbs, 0)
    if tbs[start] == 0xA0:
        start = sum(_der_content(tbs, start))
    for _ in range(5):  # serial, signature, issuer, validity, subject
        start = sum(_der_content(tbs, start))
    return tbs[start : sum(_der_content(tbs, start))]


def _der_content(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at ``at`` begins, and its length (X.690, 8.1.3)."""
    length, start = data[at + 1], at + 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[at + 2 : start], "big")
    return start, length


def _signature_kind(oid: str) -> str:
    return next((kind for prefix, kind in _SIGNATURE_KINDS if oid.startswith(prefix)), oid)


@lru_cache(maxsize=1024)
def load_key(spki: bytes) -> PublicKeyTypes | None:
    """The public key in a SubjectPublicKeyInfo, or None if it is none, or of an unknown kind."""
    try:
        return load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        return None


def key_kind(spki: bytes) -> str:
    """``"rsa"``, ``"ec"``, ``"ed25519"``, ``"ed448"``, ``"dsa"``, or ``"?"``."""
    key = load_key(spki)
    return next((kind for cls, kind in _KEY_KINDS if isinstance(key, cls)), "?")


@lru_cache(maxsize=4096)
def is_signed_by(der: bytes, spki: bytes) -> bool:
    """Whether the certificate ``der`` bears a signature that the key ``spki`` verifies."""
    cert = x509.load_der_x509_certificate(der)
    return bears_signature(cert, cert.tbs_certificate_bytes, spki)


def bears_signature(
    signed: x509.Certificate | x509.CertificateRevocationList, content: bytes, spki: bytes
) -> bool:
    """Whether the key ``spki`` verifies the signature of a certificate or a list over its ``content``."""
    try:
        how, digest = signed.signature_algorithm_parameters, signed.signature_hash_algorithm
    except (UnsupportedAlgorithm, TypeError, ValueError):
        return False
    return verifies(signed.signature, content, how, digest, load_key(spki))


def verifies(
    signature: bytes,
    signed: bytes,
    how: object,
    digest: hashes.HashAlgorithm | None,
    key: PublicKeyTypes | None,
) -> bool:
    """Whether ``key`` verifies a signature; ``how`` has the padding of RSA, or what ECDSA needs to know."""
    try:
        _verify(signature, signed, how, digest, key)
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False
    return True


def _verify(
    signature: bytes,
    signed: bytes,
    how: object,
    digest: hashes.HashAlgorithm | None,
    key: PublicKeyTypes | None,
) -> None:
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        key.verify(signature, signed)
    elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(how, ec.ECDSA):
        key.verify(signature, signed, how)
    elif isinstance(key, rsa.RSAPublicKey) and isinstance(how, padding.AsymmetricPadding) and digest:
        key.verify(signature, signed, how, digest)
    elif isinstance(key, dsa.DSAPublicKey) and digest:
        key.verify(signature, signed, digest)
    else:
        raise InvalidSignature


def key_identifier(spki: bytes) -> bytes:
    """SHA-1 of the key's bit string (RFC 5280, 4.2.1.2, method 1)."""
    return bit_string_hash(spki, "sha1")


def bit_string_hash(spki: bytes, algorithm: str) -> bytes:
    """A hash of the key's bit string, without its tag, length and number of unused bits."""
    start, _ = _der_content(spki, 0)
    bits, length = _der_content(spki, sum(_der_content(spki, start)))
    return new_hash(algorithm, spki[bits + 1 : bits + length], usedforsecurity=False).digest()


def stand_in_issuer(subject: Certificate, spki: bytes) -> Certificate:
    """The CA certificate that Exim makes up around a trust anchor's key (dane-openssl.c, wrap_issuer()).

    It bears the name, the key identifier and the serial number by which ``subject`` knows its issuer, is
    valid at any time that matters, and never counts as self-signed.
    """
    return replace(
        subject,
        der=b"",
        subject=subject.issuer,
        canonical_subject=subject.canonical_issuer,
        canonical_issuer=subject.authority_issuer or subject.canonical_issuer,
        serial=subject.serial + 1 if subject.authority_serial is None else subject.authority_serial,
        version=3,
        not_before=float("-inf"),
        not_after=float("inf"),
        spki=spki,
        key_kind=key_kind(spki),
        signature_kind="?",
        is_ca=True,
        path_length=None,
        key_usage=None,
        extended_key_usage=None,
        subject_key_id=subject.authority_key_id or key_identifier(spki),
        authority_key_id=b"\1" if subject.authority_key_id == b"\0" else b"\0",
        authority_serial=None,
        authority_issuer=None,
        dns_names=(),
        other_names=(),
        unknown_critical=False,
    )
