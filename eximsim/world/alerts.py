"""TLS alerts: what each is called on the wire, by OpenSSL, and how a client comes to send it."""

from __future__ import annotations

import struct

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from eximsim.errors import Unsupported
from eximsim.ports import TlsAlert
from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """``code`` on the wire (RFC 8446, 6); ``reason`` as the receiving OpenSSL names it.

    ``verify_error`` is an X509_V_ERR number for which OpenSSL sends this alert when a verify callback
    leaves it behind (ssl/statem/statem_lib.c, the table of ``ssl_x509err2alert``).
    """

    code: int
    reason: str
    verify_error: int


ALERTS: dict[TlsAlert, AlertFacts] = {
    TlsAlert.HANDSHAKE_FAILURE: AlertFacts(40, "SSLV3_ALERT_HANDSHAKE_FAILURE", 50),
    TlsAlert.BAD_CERTIFICATE: AlertFacts(42, "SSLV3_ALERT_BAD_CERTIFICATE", 28),
    TlsAlert.UNSUPPORTED_CERTIFICATE: AlertFacts(43, "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", 26),
    TlsAlert.CERTIFICATE_REVOKED: AlertFacts(44, "SSLV3_ALERT_CERTIFICATE_REVOKED", 23),
    TlsAlert.CERTIFICATE_EXPIRED: AlertFacts(45, "SSLV3_ALERT_CERTIFICATE_EXPIRED", 10),
    TlsAlert.CERTIFICATE_UNKNOWN: AlertFacts(46, "SSLV3_ALERT_CERTIFICATE_UNKNOWN", 30),
    TlsAlert.UNKNOWN_CA: AlertFacts(48, "TLSV1_ALERT_UNKNOWN_CA", 20),
    TlsAlert.DECRYPT_ERROR: AlertFacts(51, "TLSV1_ALERT_DECRYPT_ERROR", 7),
    TlsAlert.INTERNAL_ERROR: AlertFacts(80, "TLSV1_ALERT_INTERNAL_ERROR", 1),
    TlsAlert.DECODE_ERROR: AlertFacts(50, "TLSV1_ALERT_DECODE_ERROR", 0),
    TlsAlert.NO_APPLICATION_PROTOCOL: AlertFacts(120, "TLSV1_ALERT_NO_APPLICATION_PROTOCOL", 0),
    TlsAlert.CERTIFICATE_REQUIRED: AlertFacts(116, "TLSV13_ALERT_CERTIFICATE_REQUIRED", 0),
    TlsAlert.UNRECOGNIZED_NAME: AlertFacts(112, "TLSV1_UNRECOGNIZED_NAME", 0),
    TlsAlert.BAD_STATUS: AlertFacts(113, "TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE", 0),
}

_FATAL = 2
_ALERT_RECORD = 21
_TLS12 = b"\x03\x03"
_TAG_LENGTH = 16


def reason_name(text: str) -> str:
    """OpenSSL's reason text as its symbol: ``"tlsv1 alert unknown ca"`` gives ``TLSV1_ALERT_UNKNOWN_CA``.

    OpenSSL 3.2 and 4.0 changed the words of the alerts that SSL 3.0 had, not their symbols.
    """
    for prefix in ("ssl/tls alert ", "tls alert "):
        if text.startswith(prefix):
            text = f"sslv3 alert {text.removeprefix(prefix)}"
    return text.upper().replace(" ", "_")


# OpenSSL's interface has no way to send an alert of one's own choice once the handshake is complete, as
# GnuTLS's does. So the record is sealed here, under the keys of the session (RFC 8446, 5.2 and 7.3;
# RFC 5246, 6.3; RFC 5288, 3; RFC 7905, 2).


def seal_tls13_alert(alert: TlsAlert, cipher: str, secret: bytes, sequence: int = 0) -> bytes:
    """The record with a fatal ``alert``, under a TLS 1.3 application traffic secret of the sender.

    ``cipher`` is OpenSSL's name of the cipher, ``sequence`` the number of records sent under the secret.
    """
    algorithm = hashes.SHA384() if cipher.endswith("SHA384") else hashes.SHA256()
    key = _expand_label(algorithm, secret, b"key", _key_length(cipher))
    iv = _expand_label(algorithm, secret, b"iv", 12)
    plain = bytes((_FATAL, ALERTS[alert].code, _ALERT_RECORD))
    header = b"\x17" + _TLS12 + struct.pack("!H", len(plain) + _TAG_LENGTH)
    return header + _aead(cipher, key).encrypt(_xor_sequence(iv, sequence), plain, header)


def seal_tls12_alert(alert: TlsAlert, cipher: str, master: bytes, randoms: tuple[bytes, bytes]) -> bytes:
    """The record with a fatal ``alert`` that a client sends first after a TLS 1.2 handshake.

    ``randoms`` are the client's and the server's. Raises ``Unsupported`` for a cipher that is not AEAD.
    """
    sequence = 1  # the client's Finished was record 0 under these keys
    client, server = randoms
    algorithm = hashes.SHA384() if cipher.endswith("SHA384") else hashes.SHA256()
    aead_iv = 12 if "CHACHA20" in cipher else 4
    size = _key_length(cipher)
    block = _prf(algorithm, master, b"key expansion" + server + client, 2 * (size + aead_iv))
    iv = block[2 * size : 2 * size + aead_iv]
    explicit = b"" if aead_iv == 12 else struct.pack("!Q", sequence)
    nonce = _xor_sequence(iv, sequence) if aead_iv == 12 else iv + explicit
    plain = bytes((_FATAL, ALERTS[alert].code))
    authenticated = struct.pack("!QB", sequence, _ALERT_RECORD) + _TLS12 + struct.pack("!H", len(plain))
    sealed = explicit + _aead(cipher, block[:size]).encrypt(nonce, plain, authenticated)
    return bytes((_ALERT_RECORD,)) + _TLS12 + struct.pack("!H", len(sealed)) + sealed


def _key_length(cipher: str) -> int:
    return 16 if "AES128" in cipher or "AES_128" in cipher else 32


def _aead(cipher: str, key: bytes) -> AESGCM | ChaCha20Poly1305:
    if "CHACHA20" in cipher:
        return ChaCha20Poly1305(key)
    if "GCM" not in cipher:
        raise Unsupported(f"a late alert under the cipher {cipher}")
    return AESGCM(key)


def _xor_sequence(iv: bytes, sequence: int) -> bytes:
    return (int.from_bytes(iv, "big") ^ sequence).to_bytes(len(iv), "big")


def _expand_label(algorithm: hashes.HashAlgorithm, secret: bytes, label: bytes, length: int) -> bytes:
    full = b"tls13 " + label
    info = struct.pack("!HB", length, len(full)) + full + b"\x00"
    return HKDFExpand(algorithm, length, info).derive(secret)


def _prf(algorithm: hashes.HashAlgorithm, secret: bytes, seed: bytes, length: int) -> bytes:
    def digest(data: bytes) -> bytes:
        mac = hmac.HMAC(secret, algorithm)
        mac.update(data)
        return mac.finalize()

    chained, output = seed, b""
    while len(output) < length:
        chained = digest(chained)
        output += digest(chained + seed)
    return output[:length]
