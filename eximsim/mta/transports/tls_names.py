"""The names that the standards give to ciphers (``cipher_stdname()``, src/tls.c)."""

from __future__ import annotations

import re

from eximsim.mta.certs.x509 import parse

_PARTS = re.compile(r"((?:ECDHE|DHE|ADH|AECDH)(?:-(?:RSA|ECDSA|PSK|DSS))?-)?([A-Z]+?)(\d+)((?:-[A-Z0-9]+)+)")
_ANONYMOUS = {"ADH": "DH_anon", "AECDH": "ECDH_anon"}
_WITHOUT_DIGEST = {"CCM": "CCM", "CCM8": "CCM_8"}


def gnutls_stdname(cipher: str, leaf: bytes) -> str:
    """The name that a build with GnuTLS shows: for a suite of TLS 1.3 that of the like one of TLS 1.2.

    It is looked up by key exchange, which depends on the server's certificate (``leaf``, DER), and cipher.
    Source: cipher_stdname_kcm() in src/tls-gnu.c.
    """
    if cipher.startswith("TLS_"):
        kind = "ECDSA" if leaf and parse(leaf).key_kind == "ec" else "RSA"
        return f"TLS_ECDHE_{kind}_WITH_{cipher.removeprefix('TLS_')}"
    return cipher_stdname(cipher)


def cipher_stdname(cipher: str) -> str:
    """IANA's name for a cipher by its name in OpenSSL; empty if it is none that is known."""
    if cipher.startswith("TLS_"):
        return cipher
    match = _PARTS.fullmatch(cipher)
    if match is None:
        return ""
    exchange = (match[1] or "RSA-").rstrip("-")
    exchange = _ANONYMOUS.get(exchange, exchange.replace("-", "_"))
    algorithm, bits, rest = match[2], match[3], match[4].lstrip("-").split("-")
    if algorithm == "CHACHA":
        return f"TLS_{exchange}_WITH_CHACHA20_POLY1305_SHA256"
    if rest[0] in _WITHOUT_DIGEST:
        return f"TLS_{exchange}_WITH_{algorithm}_{bits}_{_WITHOUT_DIGEST[rest[0]]}"
    mode = "_".join(rest if rest[0] == "GCM" else ("CBC", *rest))
    return f"TLS_{exchange}_WITH_{algorithm}_{bits}_{mode}"
