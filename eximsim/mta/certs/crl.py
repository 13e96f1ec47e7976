"""Certificate revocation lists (RFC 5280, section 5), and how OpenSSL checks a chain by them.

OpenSSL's part is check_revocation() in crypto/x509/x509_vfy.c with X509_V_FLAG_CRL_CHECK_ALL: every
certificate, trust anchors too, needs a list of its issuer. GnuTLS only looks for names and serial numbers
(_gnutls_x509_crt_check_revocation(); ``gnutls_verify.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from eximsim.errors import InputError, Unsupported
from eximsim.mta.certs.x509 import (
    CanonicalName,
    Certificate,
    Era,
    authority_fits,
    bears_signature,
    canonical_name,
    directory_name,
    era,
    load_key,
)
from eximsim.mta.certs.x509_errors import X509Error
from eximsim.quick_dataclass import dataclass

_NARROWING = frozenset({ExtensionOID.ISSUING_DISTRIBUTION_POINT, ExtensionOID.DELTA_CRL_INDICATOR})


@dataclass(frozen=True, slots=True)
class Crl:
    """One revocation list; times are seconds since the epoch, ``next_update`` infinite if there is none."""

    der: bytes
    issuer: CanonicalName
    this_update: float
    next_update: float
    revoked: frozenset[int]
    authority_key_id: bytes | None
    authority_serial: int | None
    authority_issuer: CanonicalName | None

    def names(self, cert: Certificate) -> bool:
        """Whether the list is by the certificate's issuer and has its serial number."""
        return self.issuer == cert.canonical_issuer and cert.serial in self.revoked

    def is_by(self, issuer: Certificate) -> bool:
        """Whether ``issuer`` has the name of the list's issuer, and its key identifier if that is given."""
        known_by = (self.authority_key_id, self.authority_serial, self.authority_issuer)
        return self.issuer == issuer.canonical_subject and authority_fits(*known_by, issuer)


@lru_cache(maxsize=64)
def parse_crl(der: bytes) -> Crl:
    """The list in ``der``.

    Raises ``InputError`` if it is none, ``Unsupported`` for one that covers only some certificates or
    reasons, changes an older list, or has critical extensions.
    """
    try:
        found = x509.load_der_x509_crl(der)
        extensions = found.extensions
        entries = tuple((entry.serial_number, entry.extensions) for entry in found)
    except (ValueError, TypeError, x509.DuplicateExtension) as error:
        raise InputError(f"expected a revocation list in DER form, found something else: {error}") from error
    if any(one.critical or one.oid in _NARROWING for one in extensions):
        raise Unsupported("a revocation list with a scope, of changes, or with critical extensions")
    if any(one.critical or _takes_back(one) for _, of_entry in entries for one in of_entry):
        raise Unsupported("a revocation list with entries that are critical, or that take one back")
    authority = next(
        (one.value for one in extensions if isinstance(one.value, x509.AuthorityKeyIdentifier)), None
    )
    until = found.next_update_utc
    return Crl(
        der=der,
        issuer=canonical_name(found.issuer),
        this_update=found.last_update_utc.timestamp(),
        next_update=float("inf") if until is None else until.timestamp(),
        revoked=frozenset(serial for serial, _ in entries),
        authority_key_id=None if authority is None else authority.key_identifier,
        authority_serial=None if authority is None else authority.authority_cert_serial_number,
        authority_issuer=None if authority is None else directory_name(authority.authority_cert_issuer),
    )


def _takes_back(extension: x509.Extension[x509.ExtensionType]) -> bool:
    value = extension.value
    return isinstance(value, x509.CRLReason) and value.reason is x509.ReasonFlags.remove_from_crl


@lru_cache(maxsize=256)
def _is_signed_by(der: bytes, spki: bytes) -> bool:
    found = x509.load_der_x509_crl(der)
    return bears_signature(found, found.tbs_certlist_bytes, spki)


def eras_of(crls: tuple[Crl, ...], at: float) -> tuple[Era, ...]:
    """Where ``at`` (seconds since the epoch) lies for each list (check_crl_time())."""
    return tuple(era(crl.this_update, crl.next_update, at) for crl in crls)


_ERA_ERRORS = {Era.EARLY: X509Error.CRL_NOT_YET_VALID, Era.LATE: X509Error.CRL_HAS_EXPIRED}


def check_revocation(
    chain: Sequence[Certificate], crls: Sequence[tuple[Crl, Era]]
) -> Iterator[tuple[int, X509Error]]:
    """What OpenSSL finds wrong by the lists in its store, as depth and error, from the leaf up."""
    for depth, cert in enumerate(chain):
        _refuse_narrow(cert)
        way_up = chain[min(depth + 1, len(chain) - 1) :]
        best = _best_crl(cert, way_up, crls)
        if best is None:
            yield depth, X509Error.UNABLE_TO_GET_CRL
            continue
        crl, when, issuer = best
        if not issuer.may("crl_sign"):
            yield depth, X509Error.KEYUSAGE_NO_CRL_SIGN
        if error := _ERA_ERRORS.get(when):
            yield depth, error
        if load_key(issuer.spki) is None:
            yield depth, X509Error.UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY
        elif not _is_signed_by(crl.der, issuer.spki):
            yield depth, X509Error.CRL_SIGNATURE_FAILURE
        if cert.serial in crl.revoked:
            yield depth, X509Error.CERT_REVOKED


def _best_crl(
    cert: Certificate, way_up: Sequence[Certificate], crls: Sequence[tuple[Crl, Era]]
) -> tuple[Crl, Era, Certificate] | None:
    """The list for ``cert``, and who has signed it (get_crl_score()).

    One that is valid now comes first, then one by the very issuer, then the newest.
    """
    fitting = list[tuple[tuple[bool, bool, float], Crl, Era, Certificate]]()
    for crl, when in crls:
        if crl.issuer != cert.canonical_issuer:
            continue
        signer = next((above for above in way_up if crl.is_by(above)), None)
        if signer is not None:
            score = (when is Era.VALID, signer is way_up[0], crl.this_update)
            fitting.append((score, crl, when, signer))
    best = max(fitting, key=lambda one: one[0], default=None)
    return None if best is None else best[1:]


def _refuse_narrow(cert: Certificate) -> None:
    """Hold that the certificate does not say that lists by others, or for some reasons only, are for it."""
    for extension in x509.load_der_x509_certificate(cert.der).extensions if cert.der else ():
        value = extension.value
        if isinstance(value, x509.CRLDistributionPoints) and any(p.reasons or p.crl_issuer for p in value):
            raise Unsupported("a certificate whose revocation lists are by others or for some reasons only")
