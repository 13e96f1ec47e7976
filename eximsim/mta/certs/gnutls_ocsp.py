"""How GnuTLS verifies a stapled OCSP response: check_ocsp_response(), lib/x509/ocsp.c."""

from __future__ import annotations

import hashlib
from enum import Enum

from eximsim.mta.certs.gnutls_verify import chain_is_valid
from eximsim.mta.certs.ocsp import CertStatus, NotOcsp, Response, Single, parse_response
from eximsim.mta.certs.x509 import Certificate, is_signed_by, parse_chain

_OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"
_MAX_AGE = 15 * 24 * 3600.0
"""How long a response without an end counts, in seconds (MAX_OCSP_VALIDITY_SECS)."""


class Status(Enum):
    """What a response says about a server's certificate; ``is_fault`` makes the chain invalid."""

    NONE = "there is no response"
    GOOD = "good"
    REVOKED = "revoked"
    INVALID = "cannot be trusted, or is of another certificate, or too old"

    @property
    def is_fault(self) -> bool:
        """Whether the certificate is refused for it."""
        return self in (Status.REVOKED, Status.INVALID)


def check_status(stapled: bytes, sent: tuple[bytes, ...], anchors: tuple[bytes, ...], at: float) -> Status:
    """A response (DER) for the leaf of a chain (DER), at ``at`` (seconds since the epoch)."""
    leaf, *issuers = parse_chain(sent)
    try:
        response = parse_response(stapled)
    except NotOcsp:
        return Status.INVALID
    single = response.singles[0] if response.singles else None
    if single is None or not is_about(single, leaf):
        return Status.INVALID
    if not _is_trusted(response, tuple(issuers), anchors, at):
        return Status.INVALID
    if single.status is CertStatus.REVOKED:
        return Status.REVOKED
    return Status.GOOD if valid_until(single, at) is not None else Status.INVALID


def is_about(single: Single, cert: Certificate) -> bool:
    """gnutls_ocsp_resp_check_crt(): by the serial number and the hash of the issuer's name."""
    algorithm, name, _ = single.issuer
    digest = hashlib.new(algorithm, cert.issuer.public_bytes(), usedforsecurity=False).digest()
    return single.serial == cert.serial and digest == name


def valid_until(single: Single, at: float) -> float | None:
    """The end of a response's validity, None if it is over (_gnutls_ocsp_get_validity())."""
    if single.next_update is None:
        return None if at - single.this_update > _MAX_AGE else at + _MAX_AGE
    return None if single.next_update < at else single.next_update


def _is_trusted(
    response: Response, issuers: tuple[Certificate, ...], anchors: tuple[bytes, ...], at: float
) -> bool:
    """gnutls_ocsp_resp_verify() by the trust store, or gnutls_ocsp_resp_verify_direct() by an issuer."""
    known = (*parse_chain(anchors), *issuers)
    inside = parse_chain(response.certificates)
    signer = next((cert for cert in inside if response.is_responder(cert)), None)
    if signer is None:
        return any(response.is_responder(cert) and response.is_signed_by(cert) for cert in known)
    if not response.is_signed_by(signer):
        return False
    if signer in known:
        return True
    if signer.extended_key_usage is None or _OCSP_SIGNING not in signer.extended_key_usage:
        return False
    direct = any(
        cert.canonical_subject == signer.canonical_issuer and is_signed_by(signer.der, cert.spki)
        for cert in issuers
    )
    return (direct and signer.not_before <= at <= signer.not_after) or chain_is_valid(
        (signer.der,), anchors, at
    )
