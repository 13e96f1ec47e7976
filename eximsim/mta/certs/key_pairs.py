"""Whether a file has a certificate, another its key, and the two belong together."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

_FORM = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


class KeyFault(Enum):
    """What is wrong with a pair."""

    NO_CERTIFICATE = "no certificate in the file"
    NO_KEY = "no key in the file"
    MISMATCH = "the key of another certificate"


@lru_cache(maxsize=64)
def check_pair(chain: bytes, key: bytes | None) -> KeyFault | None:
    """What is wrong with a chain and its key (both PEM; no key: not looked at yet), None for nothing.

    As in OpenSSL's X509_check_private_key() only the public halves are compared: whether the
    numbers of an RSA key are sound is a long calculation that Exim's libraries leave out here.
    """
    try:
        leaf = x509.load_pem_x509_certificates(chain)[0]
    except ValueError:
        return KeyFault.NO_CERTIFICATE
    if key is None:
        return None
    try:
        public = load_pem_private_key(key, None, unsafe_skip_rsa_key_validation=True).public_key()
    except (ValueError, TypeError):
        return KeyFault.NO_KEY
    if public.public_bytes(*_FORM) != leaf.public_key().public_bytes(*_FORM):
        return KeyFault.MISMATCH
    return None
