"""Stapled OCSP responses (RFC 6960), and how OpenSSL verifies one (OCSP_basic_verify()).

What Exim makes of the verdict is in ``transports/tls_status.py`` and ``reception/smtp_in_staple.py``.
"""

from __future__ import annotations

import hashlib
from enum import Enum
from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import SignatureAlgorithmOID

from eximsim.errors import Unsupported
from eximsim.mta.certs.x509 import (
    Certificate,
    bit_string_hash,
    canonical_name,
    key_identifier,
    load_key,
    parse_chain,
    verifies,
)
from eximsim.mta.certs.x509_errors import rules_of
from eximsim.mta.certs.x509_verify import Verification, eras, may_sign_certificates
from eximsim.quick_dataclass import dataclass

_OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"


class CertStatus(Enum):
    """What an authority says of a certificate."""

    GOOD = ocsp.OCSPCertStatus.GOOD
    REVOKED = ocsp.OCSPCertStatus.REVOKED
    UNKNOWN = ocsp.OCSPCertStatus.UNKNOWN


@dataclass(frozen=True, slots=True)
class Single:
    """The status of one certificate; times are seconds since the epoch.

    ``issuer`` is the hash algorithm with the hashes of the issuer's name and key. ``reason`` is the reason
    of a revocation as OCSP_crl_reason_str() words it.
    """

    serial: int
    issuer: tuple[str, bytes, bytes]
    status: CertStatus
    reason: str | None
    this_update: float
    next_update: float | None

    def is_current(self, at: float, skew: float) -> bool:
        """OCSP_check_validity() with no limit on the age; ``skew`` in seconds."""
        if self.this_update > at + skew:
            return False
        return self.next_update is None or (
            self.next_update >= at - skew and self.next_update >= self.this_update
        )

    def is_issued_by(self, cert: Certificate) -> bool:
        """Whether it is about a certificate that ``cert`` has issued (ocsp_match_issuerid())."""
        algorithm, name, key = self.issuer
        digest = hashlib.new(algorithm, cert.subject.public_bytes(), usedforsecurity=False).digest()
        return (digest, bit_string_hash(cert.spki, algorithm)) == (name, key)


@dataclass(frozen=True, slots=True)
class Response:
    """A response whose status is "successful"; ``certificates`` (DER) are those that came in it.

    ``responder`` is the name, or the hash of the key, of whoever has signed it.
    """

    responder: object
    singles: tuple[Single, ...]
    certificates: tuple[bytes, ...]
    signed: bytes
    signature: bytes
    algorithm: tuple[str, str]

    def is_responder(self, cert: Certificate) -> bool:
        """Whether the response names this certificate's subject or key as its signer."""
        return self.responder in (cert.canonical_subject, key_identifier(cert.spki))

    def is_signed_by(self, cert: Certificate) -> bool:
        """Whether the certificate's key verifies the signature."""
        return _is_signed_by(self, cert.spki)


class NotOcsp(Exception):
    """Not a response that can be read; ``unsuccessful``: it is one, but says that something went wrong."""

    def __init__(self, *, unsuccessful: bool) -> None:
        self.unsuccessful = unsuccessful
        super().__init__("not an OCSP response")


@lru_cache(maxsize=256)
def parse_response(der: bytes) -> Response:
    """The response in ``der``; raises ``NotOcsp``."""
    try:
        found = ocsp.load_der_ocsp_response(der)
        if found.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise NotOcsp(unsuccessful=True)
        name, digest = found.responder_name, found.signature_hash_algorithm
        return Response(
            responder=found.responder_key_hash if name is None else canonical_name(name),
            singles=tuple(_single(one) for one in found.responses),
            certificates=tuple(cert.public_bytes(Encoding.DER) for cert in found.certificates),
            signed=found.tbs_response_bytes,
            signature=found.signature,
            algorithm=(found.signature_algorithm_oid.dotted_string, digest.name if digest else ""),
        )
    except ValueError:
        raise NotOcsp(unsuccessful=False) from None
    except UnsupportedAlgorithm as problem:
        raise Unsupported(f"an OCSP response: {problem}") from None


def _single(one: ocsp.OCSPSingleResponse) -> Single:
    reason, upto = one.revocation_reason, one.next_update_utc
    return Single(
        serial=one.serial_number,
        issuer=(one.hash_algorithm.name, one.issuer_name_hash, one.issuer_key_hash),
        status=CertStatus(one.certificate_status),
        reason=None if reason is None else reason.value,
        this_update=one.this_update_utc.timestamp(),
        next_update=None if upto is None else upto.timestamp(),
    )


_RSA = frozenset(
    one.dotted_string
    for one in (
        SignatureAlgorithmOID.RSA_WITH_SHA1,
        SignatureAlgorithmOID.RSA_WITH_SHA224,
        SignatureAlgorithmOID.RSA_WITH_SHA256,
        SignatureAlgorithmOID.RSA_WITH_SHA384,
        SignatureAlgorithmOID.RSA_WITH_SHA512,
    )
)
_ECDSA = "1.2.840.10045.4."
_EDWARDS = ("1.3.101.112", "1.3.101.113")
_DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # what old responses are signed with
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


@lru_cache(maxsize=256)
def _is_signed_by(response: Response, spki: bytes) -> bool:
    oid, name = response.algorithm
    digest = _DIGESTS.get(name)
    how: object = None
    if oid in _RSA:
        how = padding.PKCS1v15()
    elif oid.startswith(_ECDSA) and digest is not None:
        how = ec.ECDSA(digest)
    elif oid not in _EDWARDS:
        raise Unsupported(f"an OCSP response with a signature of the kind {oid}")
    return verifies(response.signature, response.signed, how, digest, load_key(spki))


# ---- OpenSSL ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trust:
    """What a response is verified by (OCSP_basic_verify()).

    ``others`` may hold the signer, and the way from it to the ``store``. ``verified`` tells that a signer
    among them needs no further looking at (OCSP_NOVERIFY), ``partial`` that any certificate of the store is
    an anchor (OCSP_PARTIAL_CHAIN), ``explicit`` that a signer of another authority must be trusted for that
    explicitly (no OCSP_NOEXPLICIT).
    """

    others: tuple[Certificate, ...]
    store: tuple[Certificate, ...] = ()
    verified: bool = False
    partial: bool = False
    explicit: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a response cannot be trusted: OpenSSL's reason, and the data that it adds."""

    reason: str
    data: str = ""


class _SignerChain(Verification):
    """The chain of a signer: its purpose is looked at later (check_purpose_ocsp_helper())."""

    def _fits_purpose(self, depth: int, cert: Certificate) -> bool:
        return depth == 0 or may_sign_certificates(cert)

    def _is_trusted(self, anchor: Certificate) -> bool:
        return self.explicit_trust or super()._is_trusted(anchor)


def basic_verify(response: Response, trust: Trust, at: float, library: str) -> Fault | None:
    """What OpenSSL finds wrong with a response at ``at`` (seconds since the epoch), None for nothing."""
    inside = parse_chain(response.certificates)
    signer = next((cert for cert in (*trust.others, *inside) if response.is_responder(cert)), None)
    if signer is None:
        return Fault("signer certificate not found")
    if not response.is_signed_by(signer):
        return Fault("signature failure")
    if trust.verified:
        return None
    untrusted = (*inside, *trust.others)
    dated = (signer, *untrusted, *trust.store)
    when = dict(zip(dated, eras(dated, at), strict=True))
    rules = rules_of(library)
    run = _SignerChain(rules, signer, untrusted, trust.store, when, explicit_trust=trust.partial)
    for step in (*run.build(), *run.check_extensions(), *run.internal_verify()):
        if step.error is not None:
            return Fault("certificate verify error", f"Verify error:{rules.error_facts(step.error)[1]}")
    return _check_issuer(response, run.chain, explicit=trust.explicit)


def _check_issuer(response: Response, chain: list[Certificate], *, explicit: bool) -> Fault | None:
    """Whether the signer may speak for the authority (ocsp_check_issuer()).

    One that is not known to may is no fault as such.
    """
    if not response.singles:
        return Fault("response contains no revocation data")
    one_issuer = len({single.issuer for single in response.singles}) == 1
    if one_issuer:
        first = response.singles[0]
        if len(chain) > 1 and first.is_issued_by(chain[1]):
            usages = chain[0].extended_key_usage
            if usages is None or _OCSP_SIGNING not in usages:
                return Fault("missing ocspsigning usage")
            return None
        if first.is_issued_by(chain[0]):
            return None
    return Fault("root ca not trusted") if explicit else None
