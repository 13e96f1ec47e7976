"""Keys: signing with private ones, checking with public ones (src/miscmods/pdkim/signing.c)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_private_key

from eximsim.errors import Unsupported
from eximsim.mta.base.effort import REGEX
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.profiles import Profile

_HASHES = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256(), "sha512": hashes.SHA512()}
_ED25519_OCTETS = 32
_ED25519_BITS = {"openssl": 253, "gnutls": 256}
_SEQUENCE = 0x30
_LARGEST_PEM = 8_000
"""A key of 4,096 bits has 3,300."""


class KeyFault(Exception):
    """A key or a signature is no good; ``args[0]`` is what the library says, empty for a plain mismatch."""


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key to sign with: ``rsa`` or ``ed25519``."""

    keytype: str
    key: RSAPrivateKey | Ed25519PrivateKey

    @property
    def work(self) -> int:
        """What reading it and signing with it costs, as ``Effort`` counts it."""
        bits = self.key.key_size if isinstance(self.key, RSAPrivateKey) else 0
        return REGEX * (1 + (bits // 1024) ** 3)

    def sign(self, data: bytes, hashtype: str) -> bytes:
        """The signature of ``data``; with an Ed25519 key that of its digest (RFC 8463).

        Source: exim_dkim_sign().
        """
        if isinstance(self.key, Ed25519PrivateKey):
            return self.key.sign(hashlib.new(hashtype, data, usedforsecurity=False).digest())
        return self.key.sign(data, PKCS1v15(), _HASHES[hashtype])


def signing_init(pem: bytes, profile: Profile) -> PrivateKey:
    """Read a private key; raises ``KeyFault``. Source: exim_dkim_signing_init()."""
    if len(pem) > _LARGEST_PEM:
        raise Unsupported(f"a private key for DKIM of more than {_LARGEST_PEM} octets")
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyFault(_no_private_key(pem, profile)) from None
    if isinstance(key, RSAPrivateKey):
        return PrivateKey("rsa", key)
    if isinstance(key, Ed25519PrivateKey) and profile.dkim_ed25519:
        return PrivateKey("ed25519", key)
    raise Unsupported("a private key for DKIM that is neither RSA nor Ed25519")


def _no_private_key(pem: bytes, profile: Profile) -> str:
    if b"-----BEGIN" in pem:
        raise Unsupported("a private key for DKIM that is damaged")
    if profile.tls_library == "gnutls":
        return "privkey PEM-block import: The requested data were not available."
    code = (
        "1E08010C:DECODER routines::unsupported"
        if profile.tls_library == "openssl-3"
        else ("0909006C:PEM routines:get_name:no start line")
    )
    return f"privkey PEM-block import: error:{code}"


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A key to check signatures with, and how many bits it has."""

    key: RSAPublicKey | Ed25519PublicKey
    bits: int
    library: str
    silent: bool = True
    """A plain mismatch is told by nothing."""

    def verify(self, digest: bytes, signature: bytes, hashtype: str) -> None:
        """Check the signature of what has that ``digest``; raises ``KeyFault``.

        Source: exim_dkim_verify().
        """
        try:
            if isinstance(self.key, Ed25519PublicKey):
                self.key.verify(signature, digest)
            else:
                self.key.verify(signature, digest, PKCS1v15(), Prehashed(_HASHES[hashtype]))
        except InvalidSignature:
            raise KeyFault(self._mismatch(signature)) from None

    def _mismatch(self, signature: bytes) -> str:
        """What the library says; GnuTLS's plain mismatch is told by nothing."""
        if self.library == "gnutls":
            return "" if self.silent else "Public key signature verification has failed."
        if isinstance(self.key, Ed25519PublicKey):
            return "error:00000000:lib(0)::reason(0)"
        if len(signature) != (self.bits + 7) // 8:
            return "error:02000077:rsa routines::wrong signature length"
        return "error:02000068:rsa routines::bad signature"


def verify_init(key: bytes, keytype: str, profile: Profile) -> VerifyingKey:
    """Read a public key as the DNS has it; raises ``KeyFault``. Source: exim_dkim_verify_init().

    Ed25519 keys are taken bare, or as the end of a structure that wraps them.
    """
    library, silent = profile.tls_library, profile.dkim_mismatch_silent
    if keytype == "ed25519":
        try:
            bare = Ed25519PublicKey.from_public_bytes(key[-_ED25519_OCTETS:])
        except ValueError:
            raise Unsupported("an Ed25519 key of a wrong size in the DNS") from None
        return VerifyingKey(bare, _ED25519_BITS[library.partition("-")[0]], library, silent)
    try:
        public = load_der_public_key(key)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFault(_no_public_key(key, library)) from None
    if isinstance(public, RSAPublicKey):
        return VerifyingKey(public, public.key_size, library, silent)
    if isinstance(public, Ed25519PublicKey):
        return VerifyingKey(public, _ED25519_BITS[library.partition("-")[0]], library, silent)
    raise Unsupported("a public key for DKIM that is neither RSA nor Ed25519")


def _no_public_key(key: bytes, library: str) -> str:
    if library == "gnutls":
        return "ASN1 parser: Error in DER parsing."
    if not key:
        return "error:068000E0:asn1 encoding routines::too small"
    if key[0] != _SEQUENCE:
        return "error:068000A8:asn1 encoding routines::wrong tag"
    raise Unsupported("what the library says of a public key for DKIM that is damaged")
