"""Certificates for test servers: chains of an authority, self-signed ones, and the shapes that fail.

Keys and serial numbers are new for each authority, so that nothing here may be compared byte for byte
between sessions; names and dates are fixed. ``load_chains`` reads chains that were made before.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache, partial
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from trustme import KeyType

from eximsim.errors import InputError
from eximsim.files import Folder
from eximsim.ports import TlsIdentity
from eximsim.quick_dataclass import dataclass
from eximsim.storage import store_below

__all__ = [
    "ALWAYS",
    "EXPIRED",
    "TEST_DOMAIN",
    "Authority",
    "ChainSet",
    "KeyType",
    "Sent",
    "Validity",
    "chains_for",
    "der_chain",
    "key_kind",
    "load_chains",
    "save_chains",
    "self_signed",
    "standard_chains",
]

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Subject = str | Sequence[tuple[str, str]]
"""A distinguished name: ``"/C=UK/O=Example/CN=a.example"`` or pairs; the order is kept."""

TEST_DOMAIN = "test.ex"
"""The domain whose hosts the standard chains certify."""

_CHAIN = ".chain.pem"
_ATTRIBUTES = {
    "C": NameOID.COUNTRY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "L": NameOID.LOCALITY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "CN": NameOID.COMMON_NAME,
    "emailAddress": NameOID.EMAIL_ADDRESS,
}


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a certificate is valid."""

    not_before: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    not_after: datetime = datetime(2999, 12, 31, tzinfo=UTC)


ALWAYS = Validity()
EXPIRED = Validity(not_after=datetime(2010, 1, 1, tzinfo=UTC))


class Sent(Enum):
    """How much of a chain the server sends."""

    LEAF = "the leaf alone"
    INTERMEDIATES = "the leaf and the intermediates"
    ROOT = "everything, the root too"


def _name(subject: Subject) -> x509.Name:
    pairs = _split_dn(subject) if isinstance(subject, str) else subject
    unknown = [attribute for attribute, _ in pairs if attribute not in _ATTRIBUTES]
    if unknown or not pairs:
        known = ", ".join(_ATTRIBUTES)
        raise InputError(f"name {subject!r}: expected /ATTRIBUTE=VALUE..., attributes being {known}")
    try:
        return x509.Name([x509.NameAttribute(_ATTRIBUTES[attribute], value) for attribute, value in pairs])
    except ValueError as error:
        raise InputError(f"name {subject!r}: {error}") from error


def _split_dn(text: str) -> list[tuple[str, str]]:
    parts = [part.partition("=") for part in text.removeprefix("/").split("/")]
    if not text.startswith("/") or not all(equals for _, equals, _ in parts):
        raise InputError(f"name {text!r}: expected the form /C=UK/O=Example/CN=a.example")
    return [(attribute, value) for attribute, _, value in parts]


def _new_key(key_type: KeyType) -> PrivateKey:
    if key_type is KeyType.RSA:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def _key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def _leaf_builder(
    key: PrivateKey, subject: x509.Name, issuer: x509.Name, hosts: Sequence[str], validity: Validity
) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.not_before)
        .not_valid_after(validity.not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
    )
    if not hosts:
        return builder
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
    return builder.add_extension(names, critical=False)


def self_signed(
    subject: Subject,
    hosts: Sequence[str] = (),
    *,
    validity: Validity = ALWAYS,
    key_type: KeyType = KeyType.RSA,
    key: PrivateKey | None = None,
) -> TlsIdentity:
    """A certificate that vouches for itself: ``subject`` in the given order, ``hosts`` as DNS names.

    Without a ``key`` a new one is made.
    """
    key, name = key or _new_key(key_type), _name(subject)
    certificate = _leaf_builder(key, name, name, hosts, validity).sign(key, hashes.SHA256())
    return TlsIdentity(certificate.public_bytes(Encoding.PEM), _key_pem(key))


@lru_cache(maxsize=16)
def bare_certificate(subject: str, since: float) -> TlsIdentity:
    """A self-signed certificate without extensions that is good for two hours, from ``since`` on.

    ``since`` is in seconds since the epoch.
    """
    key, name = _scratch_key(), _name(subject)
    start = datetime.fromtimestamp(int(since), UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(hours=2))
    certificate = builder.sign(key, hashes.SHA256())
    return TlsIdentity(certificate.public_bytes(Encoding.PEM), _key_pem(key))


@lru_cache(maxsize=1)
def _scratch_key() -> PrivateKey:
    return _new_key(KeyType.RSA)


class Authority:
    """A root with a line of intermediates below it; the lowest one signs.

    ``names`` are the organisational units of the authorities, root first. The root's own certificate is
    ``root`` (PEM), those of the intermediates ``intermediates`` (lowest first, as a server sends them).
    """

    def __init__(
        self,
        names: Sequence[str] = ("Test Root", "Test Intermediate"),
        *,
        organization: str = "eximsim",
        key_type: KeyType = KeyType.RSA,
    ) -> None:
        if not names:
            raise InputError("an authority needs at least the name of its root")
        signers: list[trustme.CA] = []
        for depth, name in enumerate(names):
            signers.append(
                trustme.CA(
                    parent_cert=signers[-1] if signers else None,
                    path_length=len(names) - 1 - depth,
                    organization_name=organization,
                    organization_unit_name=name,
                    key_type=key_type,
                )
            )
        pems = [signer.cert_pem.bytes() for signer in signers]
        self.root: bytes = pems[0]
        self.intermediates: tuple[bytes, ...] = tuple(reversed(pems[1:]))
        self._certificate = x509.load_pem_x509_certificate(pems[-1])
        self._key = load_pem_private_key(signers[-1].private_key_pem.bytes(), None)
        assert isinstance(self._key, PrivateKey)

    def issue(
        self,
        subject: Subject,
        hosts: Sequence[str] = (),
        *,
        sent: Sent = Sent.INTERMEDIATES,
        validity: Validity = ALWAYS,
        key_type: KeyType = KeyType.RSA,
        key: PrivateKey | None = None,
    ) -> TlsIdentity:
        """A leaf for ``hosts``, together with as much of the chain as ``sent`` says.

        Without a ``key`` a new one is made.
        """
        key = key or _new_key(key_type)
        identifier = self._certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
        builder = _leaf_builder(key, _name(subject), self._certificate.subject, hosts, validity)
        assert isinstance(self._key, PrivateKey)
        leaf = builder.add_extension(authority, critical=False).sign(self._key, hashes.SHA256())
        above = {
            Sent.LEAF: (),
            Sent.INTERMEDIATES: self.intermediates,
            Sent.ROOT: (*self.intermediates, self.root),
        }[sent]
        return TlsIdentity(leaf.public_bytes(Encoding.PEM) + b"".join(above), _key_pem(key))


@dataclass(frozen=True, slots=True)
class ChainSet:
    """Chains by name, and the root (PEM) that a client has to trust for those that are good."""

    root: bytes
    chains: Mapping[str, TlsIdentity]

    def certificate(self, name: str) -> bytes:
        """A certificate (DER) by name: the leaf of the chain ``name``, ``"root"``, or ``"int"``, the
        intermediate of the chain ``"good"``; raises ``KeyError``.
        """
        if name == "root":
            return der_chain(self.root)[0]
        if name == "int":
            return der_chain(self.chains["good"].chain)[1]
        return der_chain(self.chains[name].chain)[0]


@lru_cache(maxsize=2)
def standard_chains(key_type: KeyType = KeyType.RSA) -> ChainSet:
    """The chains that the named behaviours of the test server use, for ``*.test.ex``; made once in a process.

    ``good`` with intermediate and root; ``wrongname`` mail.other.ex; ``expired``; ``selfsigned``; ``eeonly``,
    where only the leaf is sent.
    """
    return chains_for((f"*.{TEST_DOMAIN}",), key_type)


def chains_for(hosts: Sequence[str], key_type: KeyType = KeyType.ECDSA, *, one_key: bool = False) -> ChainSet:
    """Chains of the names of ``standard_chains``, for these hosts together.

    With ``one_key`` all leaves have the same key, as a server keeps its key when its certificate expires or
    is for another name; else each has its own.
    """
    authority = Authority(key_type=key_type)
    subject, other = f"/CN={hosts[0]}", "mail.other.ex"
    key = _new_key(key_type) if one_key else None
    issue = partial(authority.issue, key_type=key_type, key=key)
    chains = {
        "good": issue(subject, hosts, sent=Sent.ROOT),
        "wrongname": issue(f"/CN={other}", (other,), sent=Sent.ROOT),
        "expired": issue(subject, hosts, sent=Sent.ROOT, validity=EXPIRED),
        "selfsigned": self_signed(subject, hosts, key_type=key_type, key=key),
        "eeonly": issue(subject, hosts, sent=Sent.LEAF),
    }
    return ChainSet(authority.root, chains)


def load_chains(folder: Path | Folder, below: str = ".") -> ChainSet:
    """The chains in a folder, or in one ``below`` it: ``root.pem``, ``NAME.chain.pem``, and ``NAME.key.pem``
    if there is one.

    A chain without a key will do in the memory world. Raises ``InputError``.
    """
    seen = Folder(folder) if isinstance(folder, Path) else folder
    names = [name.removesuffix(_CHAIN) for name in seen.names(below) if name.endswith(_CHAIN)]
    try:
        root = seen.read(f"{below}/root.pem")
        chains = {
            name: TlsIdentity(seen.read(f"{below}/{name}{_CHAIN}"), _key(seen, f"{below}/{name}.key.pem"))
            for name in names
        }
    except OSError as error:
        raise InputError(f"expected certificate chains: {error.strerror}", str(error.filename)) from error
    for name, identity in chains.items():
        if not der_chain(identity.chain):
            raise InputError("expected a PEM certificate", str(seen.path / below / f"{name}{_CHAIN}"))
    return ChainSet(root, chains)


def pem_files(folder: Path, shown: str) -> dict[str, bytes]:
    """The PEM files of a folder as files of a scenario below ``shown``; raises ``InputError``."""
    seen = Folder(folder)
    try:
        return {f"{shown}/{name}": seen.read(name) for name in seen.names() if name.endswith(".pem")}
    except OSError as error:
        raise InputError(f"expected certificates: {error.strerror}", str(error.filename)) from None


def save_chains(kept: ChainSet, folder: Path) -> None:
    """Write chains as ``load_chains`` reads them, keys readable by the owner only; raises ``InputError``.

    The intermediate of the chain ``good`` becomes ``int.pem``.
    """
    store_below(folder, "root.pem", kept.root)
    if "good" in kept.chains:
        store_below(folder, "int.pem", _pem(kept.certificate("int")))
    for name, identity in kept.chains.items():
        store_below(folder, f"{name}.key.pem", identity.key, mode=0o600)
        store_below(folder, f"{name}{_CHAIN}", identity.chain)


def _pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


def _key(folder: Folder, name: str) -> bytes:
    return folder.read(name) if folder.is_file(name) else b""


@lru_cache(maxsize=256)
def der_chain(pem: bytes) -> tuple[bytes, ...]:
    """The certificates of ``pem`` as DER, in order; raises ``InputError`` for a broken one."""
    begin, end = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
    try:
        return tuple(base64.b64decode(part.partition(end)[0]) for part in pem.split(begin)[1:])
    except ValueError as error:
        raise InputError(f"not a PEM certificate: {error}") from error


@lru_cache(maxsize=256)
def key_kind(der: bytes) -> str:
    """``"RSA"`` or ``"ECDSA"``: how the holder of this certificate (DER) signs, as cipher names have it."""
    key = x509.load_der_x509_certificate(der).public_key()
    return "ECDSA" if isinstance(key, ec.EllipticCurvePublicKey) else "RSA"
