"""How the TLS libraries word what went wrong: OpenSSL's error strings, GnuTLS's names of alerts.

Reasons are named by OpenSSL's symbols, as the worlds report them, whichever library a program has.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from eximsim.errors import Unsupported
from eximsim.mta.base import errnos
from eximsim.mta.certs.key_pairs import KeyFault
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.ports import HandshakeFault

_NUMBERS: Mapping[str, int] = MappingProxyType(
    {
        "INVALID_COMMAND": 280,
        "WRONG_VERSION_NUMBER": 267,
        "UNSUPPORTED_PROTOCOL": 258,
        "CERTIFICATE_VERIFY_FAILED": 134,
        "NO_CIPHER_MATCH": 185,
        "CALLBACK_FAILED": 234,
        "NO_APPLICATION_PROTOCOL": 235,
        "NO_SHARED_CIPHER": 193,
        "PEER_DID_NOT_RETURN_A_CERTIFICATE": 199,
        "UNEXPECTED_EOF_WHILE_READING": 294,
        "INVALID_STATUS_RESPONSE": 328,
        "SSLV3_ALERT_HANDSHAKE_FAILURE": 1040,
        "SSLV3_ALERT_BAD_CERTIFICATE": 1042,
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": 1043,
        "SSLV3_ALERT_CERTIFICATE_REVOKED": 1044,
        "SSLV3_ALERT_CERTIFICATE_EXPIRED": 1045,
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN": 1046,
        "TLSV1_ALERT_UNKNOWN_CA": 1048,
        "TLSV1_ALERT_DECODE_ERROR": 1050,
        "TLSV1_ALERT_DECRYPT_ERROR": 1051,
        "TLSV1_ALERT_PROTOCOL_VERSION": 1070,
        "TLSV1_ALERT_INTERNAL_ERROR": 1080,
        "TLSV1_UNRECOGNIZED_NAME": 1112,
        "TLSV1_ALERT_NO_APPLICATION_PROTOCOL": 1120,
        "TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE": 1113,
        "TLSV13_ALERT_CERTIFICATE_REQUIRED": 1116,
    }
)
"""OpenSSL's numbers of reasons; that of an alert is 1000 and the alert's own."""

_FUNCTIONS: Mapping[str, int] = MappingProxyType(
    {
        "ssl3_read_bytes": 0x148,
        "SSL23_GET_SERVER_HELLO": 0x119,
        "ssl3_get_cert_status": 0x121,
        "SSL_CTX_set_cipher_list": 0x10D,
    }
)
"""OpenSSL 1.0.2's numbers of the functions that its errors name, in SSL routines."""

GNUTLS_ALERTS: Mapping[str, str] = MappingProxyType(
    {
        "SSLV3_ALERT_BAD_CERTIFICATE": "Certificate is bad",
        "SSLV3_ALERT_CERTIFICATE_REVOKED": "Certificate was revoked",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED": "Certificate was expired",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "Unknown certificate",
        "SSLV3_ALERT_HANDSHAKE_FAILURE": "Handshake failed",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "Certificate is not supported",
        "TLSV1_ALERT_DECRYPT_ERROR": "Decrypt error",
        "TLSV1_ALERT_INTERNAL_ERROR": "Internal error",
        "TLSV1_ALERT_PROTOCOL_VERSION": "Error in protocol version",
        "TLSV1_ALERT_UNKNOWN_CA": "CA is unknown",
        "TLSV1_ALERT_DECODE_ERROR": "Decode error",
        "TLSV1_ALERT_NO_APPLICATION_PROTOCOL": "No supported application protocol could be negotiated",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED": "Certificate is required",
        "TLSV1_UNRECOGNIZED_NAME": "The server name sent was not recognized",
    }
)
"""gnutls_alert_get_name() of an alert, by OpenSSL's symbol for receiving it."""


SPOILT: Mapping[tuple[str, HandshakeFault], str] = MappingProxyType(
    {
        ("openssl-1.0.2", HandshakeFault.CLOSED): "error:00000000:lib(0):func(0):reason(0)",
        ("openssl-1.0.2", HandshakeFault.RESET): "error:00000000:lib(0):func(0):reason(0)",
        (
            "openssl-1.0.2",
            HandshakeFault.NOT_TLS,
        ): "error:140770FC:SSL routines:SSL23_GET_SERVER_HELLO:unknown protocol",
        ("openssl-3", HandshakeFault.CLOSED): "error:0A000126:SSL routines::unexpected eof while reading",
        ("openssl-3", HandshakeFault.RESET): "error:00000000:lib(0)::reason(0)",
        ("openssl-3", HandshakeFault.NOT_TLS): "error:0A00010B:SSL routines::wrong version number",
        (GNUTLS, HandshakeFault.CLOSED): "The TLS connection was non-properly terminated.",
        (GNUTLS, HandshakeFault.RESET): "Error in the pull function.",
        (GNUTLS, HandshakeFault.NOT_TLS): "An unexpected TLS packet was received.",
    }
)
"""The library's words for a handshake that the peer spoilt."""


def openssl_error(reason: str, library: str, function: str) -> str:
    """ERR_error_string() of ``reason``; ``function`` is what OpenSSL 1.0.2 names with it.

    Raises ``Unsupported`` for a reason of which the number is not known.
    """
    words = reason.lower().replace("_", " ")
    if reason not in _NUMBERS:
        raise Unsupported(f"OpenSSL's number of the error {words!r}")
    number = _NUMBERS[reason]
    if library == "openssl-1.0.2":
        return f"error:14{_FUNCTIONS[function] << 12 | number:06X}:SSL routines:{function}:{words}"
    return f"error:0A{number:06X}:SSL routines::{words}"


_FILE_FAULTS: Mapping[str, Mapping[KeyFault, str]] = MappingProxyType(
    {
        "openssl-1.0.2": {
            KeyFault.NO_CERTIFICATE: "error:0906D06C:PEM routines:PEM_read_bio:no start line",
            KeyFault.NO_KEY: "error:0906D06C:PEM routines:PEM_read_bio:no start line",
            KeyFault.MISMATCH: (
                "error:0B080074:x509 certificate routines:X509_check_private_key:key values mismatch"
            ),
        },
        "openssl-3": {
            KeyFault.NO_CERTIFICATE: "error:0480006C:PEM routines::no start line",
            KeyFault.NO_KEY: "error:1E08010C:DECODER routines::unsupported",
            KeyFault.MISMATCH: "error:05800074:x509 certificate routines::key values mismatch",
        },
    }
)


def file_fault(library: str, fault: KeyFault | int) -> str:
    """OpenSSL's words for a file that is not there (the system's error) or does not have what it should."""
    if isinstance(fault, KeyFault):
        return _FILE_FAULTS[library][fault]
    if library == "openssl-3":
        return f"error:8{fault:07X}:system library::{errnos.strerror(fault)}"
    return f"error:02001{fault:03X}:system library:fopen:{errnos.strerror(fault)}"
