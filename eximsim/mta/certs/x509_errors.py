"""OpenSSL's verification errors, and the rules in which its series differ: data for ``x509_verify.py``."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from eximsim.errors import InputError
from eximsim.ports import TlsAlert
from eximsim.quick_dataclass import dataclass


class ErrorFacts(NamedTuple):
    """What OpenSSL says about one error: its number and text, and the alert that it makes a client send."""

    number: int
    text: str
    alert: TlsAlert


class X509Error(Enum):
    """X509_V_ERR_..., with OpenSSL 3's number, text and alert (x509_txt.c, ssl/statem/statem_lib.c)."""

    UNSPECIFIED = ErrorFacts(1, "unspecified certificate verification error", TlsAlert.INTERNAL_ERROR)
    UNABLE_TO_GET_ISSUER_CERT = ErrorFacts(2, "unable to get issuer certificate", TlsAlert.UNKNOWN_CA)
    UNABLE_TO_GET_CRL = ErrorFacts(3, "unable to get certificate CRL", TlsAlert.UNKNOWN_CA)
    UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY = ErrorFacts(
        6, "unable to decode issuer public key", TlsAlert.BAD_CERTIFICATE
    )
    CERT_SIGNATURE_FAILURE = ErrorFacts(7, "certificate signature failure", TlsAlert.DECRYPT_ERROR)
    CRL_SIGNATURE_FAILURE = ErrorFacts(8, "CRL signature failure", TlsAlert.DECRYPT_ERROR)
    CERT_NOT_YET_VALID = ErrorFacts(9, "certificate is not yet valid", TlsAlert.BAD_CERTIFICATE)
    CERT_HAS_EXPIRED = ErrorFacts(10, "certificate has expired", TlsAlert.CERTIFICATE_EXPIRED)
    CRL_NOT_YET_VALID = ErrorFacts(11, "CRL is not yet valid", TlsAlert.BAD_CERTIFICATE)
    CRL_HAS_EXPIRED = ErrorFacts(12, "CRL has expired", TlsAlert.CERTIFICATE_EXPIRED)
    DEPTH_ZERO_SELF_SIGNED_CERT = ErrorFacts(18, "self-signed certificate", TlsAlert.UNKNOWN_CA)
    SELF_SIGNED_CERT_IN_CHAIN = ErrorFacts(
        19, "self-signed certificate in certificate chain", TlsAlert.UNKNOWN_CA
    )
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY = ErrorFacts(
        20, "unable to get local issuer certificate", TlsAlert.UNKNOWN_CA
    )
    UNABLE_TO_VERIFY_LEAF_SIGNATURE = ErrorFacts(
        21, "unable to verify the first certificate", TlsAlert.UNKNOWN_CA
    )
    CERT_REVOKED = ErrorFacts(23, "certificate revoked", TlsAlert.CERTIFICATE_REVOKED)
    PATH_LENGTH_EXCEEDED = ErrorFacts(25, "path length constraint exceeded", TlsAlert.UNKNOWN_CA)
    INVALID_PURPOSE = ErrorFacts(26, "unsuitable certificate purpose", TlsAlert.UNSUPPORTED_CERTIFICATE)
    CERT_UNTRUSTED = ErrorFacts(27, "certificate not trusted", TlsAlert.BAD_CERTIFICATE)
    KEYUSAGE_NO_CERTSIGN = ErrorFacts(
        32, "key usage does not include certificate signing", TlsAlert.CERTIFICATE_UNKNOWN
    )
    UNHANDLED_CRITICAL_EXTENSION = ErrorFacts(
        34, "unhandled critical extension", TlsAlert.CERTIFICATE_UNKNOWN
    )
    KEYUSAGE_NO_CRL_SIGN = ErrorFacts(
        35, "key usage does not include CRL signing", TlsAlert.CERTIFICATE_UNKNOWN
    )
    HOSTNAME_MISMATCH = ErrorFacts(62, "hostname mismatch", TlsAlert.BAD_CERTIFICATE)
    INVALID_CA = ErrorFacts(79, "invalid CA certificate", TlsAlert.UNKNOWN_CA)


_AS_IN_1_0_2: Mapping[X509Error, ErrorFacts] = MappingProxyType(
    {
        X509Error.DEPTH_ZERO_SELF_SIGNED_CERT: ErrorFacts(18, "self signed certificate", TlsAlert.UNKNOWN_CA),
        X509Error.SELF_SIGNED_CERT_IN_CHAIN: ErrorFacts(
            19, "self signed certificate in certificate chain", TlsAlert.UNKNOWN_CA
        ),
        X509Error.INVALID_CA: ErrorFacts(24, "invalid CA certificate", TlsAlert.UNKNOWN_CA),
        X509Error.INVALID_PURPOSE: ErrorFacts(
            26, "unsupported certificate purpose", TlsAlert.UNSUPPORTED_CERTIFICATE
        ),
        X509Error.HOSTNAME_MISMATCH: ErrorFacts(62, "Hostname mismatch", TlsAlert.CERTIFICATE_UNKNOWN),
    }
)
"""Where OpenSSL 1.0.2 differs (x509_txt.c, and ssl_verify_alarm_type() in s3_both.c)."""


@dataclass(frozen=True, slots=True)
class OpensslRules:
    """How one series of OpenSSL verifies. ``RULES`` has them by the name of a profile's TLS library."""

    trusted_first: bool
    """An issuer is looked for in the trust store before the peer's chain (default since 1.1.0)."""
    self_signed_needs_cert_sign: bool
    """A self-issued certificate that may not sign certificates is not self-signed (up to 1.1.1)."""
    key_kinds_must_agree: bool
    """An issuer's key must be of the kind that the signature algorithm needs (since 1.1.1)."""
    issuer_needs_cert_sign: bool
    """An issuer without keyCertSign is not found, instead of an error once found (up to 1.1.1)."""
    prefers_valid_issuer: bool
    """Of several issuers one that is valid now is taken (since 1.1.0)."""
    anchors_are_judged: bool
    """Extensions and purpose of trust store certificates are checked too (since 1.1.0)."""
    lone_leaf_goes_on: bool
    """After "unable to verify the first certificate" dates and name are checked still (since 1.1.0)."""
    trusted_top_is_silent: bool
    """Exim reports the success of a DANE trust anchor that is not self-issued itself (before 1.1.0)."""
    escapes_names: bool
    """X509_NAME_oneline() marks slashes and plus signs in values (since 3.0)."""
    silent_failure: TlsAlert
    """The alert if the application refuses without an error having been set."""
    facts: Mapping[X509Error, ErrorFacts]
    """Numbers, texts and alerts that are not those of ``X509Error``."""

    def error_facts(self, error: X509Error) -> ErrorFacts:
        """Number, text and alert of ``error`` in this series."""
        return self.facts.get(error, error.value)


RULES: Mapping[str, OpensslRules] = MappingProxyType(
    {
        "openssl-1.0.2": OpensslRules(
            trusted_first=False,
            self_signed_needs_cert_sign=True,
            key_kinds_must_agree=False,
            issuer_needs_cert_sign=True,
            prefers_valid_issuer=False,
            anchors_are_judged=False,
            lone_leaf_goes_on=False,
            trusted_top_is_silent=True,
            escapes_names=False,
            silent_failure=TlsAlert.CERTIFICATE_UNKNOWN,
            facts=_AS_IN_1_0_2,
        ),
        "openssl-3": OpensslRules(
            trusted_first=True,
            self_signed_needs_cert_sign=False,
            key_kinds_must_agree=True,
            issuer_needs_cert_sign=False,
            prefers_valid_issuer=True,
            anchors_are_judged=True,
            lone_leaf_goes_on=True,
            trusted_top_is_silent=False,
            escapes_names=True,
            silent_failure=TlsAlert.INTERNAL_ERROR,
            facts=MappingProxyType({}),
        ),
    }
)


def rules_of(library: str) -> OpensslRules:
    """The rules of a profile's ``tls_library``; raises ``InputError`` if it is not an OpenSSL."""
    try:
        return RULES[library]
    except KeyError:
        raise InputError(f"TLS library {library!r}: expected one of {', '.join(RULES)}") from None
