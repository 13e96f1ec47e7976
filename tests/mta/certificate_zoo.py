"""Certificates for the tests of verification: small EC chains, made on the spot."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
"""The tests' present; certificates are valid around it."""

AT = NOW.timestamp()
DAY = datetime.timedelta(days=1)
HOST = "mx.dane.example"


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    cert: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @cached_property
    def der(self) -> bytes:
        return self.cert.public_bytes(Encoding.DER)

    @cached_property
    def spki(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @cached_property
    def pem(self) -> bytes:
        return self.cert.public_bytes(Encoding.PEM)


def make(
    name: str | x509.Name,
    issuer: Issued | None = None,
    *,
    ca: bool | None = False,
    path_length: int | None = None,
    names: Sequence[str] = (),
    days: tuple[int, int] = (-10, 10),
    key: ec.EllipticCurvePrivateKey | None = None,
    signing_key: ec.EllipticCurvePrivateKey | None = None,
    purposes: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.SERVER_AUTH,),
    cert_sign: bool | None = None,
    identifiers: bool = True,
    extra: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> Issued:
    """One certificate. ``ca`` None leaves basic constraints out, ``cert_sign`` None key usage."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    signer = signing_key or (issuer.key if issuer else key)
    subject = common_name(name) if isinstance(name, str) else name
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.cert.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + days[0] * DAY)
        .not_valid_after(NOW + days[1] * DAY)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length), critical=True)
    if cert_sign is not None:
        usage = x509.KeyUsage(True, False, False, False, False, cert_sign, False, False, False)
        builder = builder.add_extension(usage, critical=True)
    if identifiers:
        authority = (issuer.key if issuer else key).public_key()
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority), False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
    if purposes and not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), False)
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical)
    return Issued(builder.sign(signer, hashes.SHA256()), key)


def common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def ders(*chain: Issued) -> tuple[bytes, ...]:
    return tuple(issued.der for issued in chain)


class Zoo:
    """One root, one intermediate, and leaves good and bad."""

    def __init__(self) -> None:
        self.root = make("Zoo Root", ca=True)
        self.intermediate = make("Zoo Intermediate", self.root, ca=True, path_length=0)
        self.leaf = make("mx", self.intermediate, names=[HOST])
        self.wrong_name = make("other", self.intermediate, names=["mx.other.example"])
        self.expired = make("mx", self.intermediate, names=[HOST], days=(-10, -1))
        self.future = make("mx", self.intermediate, names=[HOST], days=(1, 10))
        self.self_signed = make("mx", names=[HOST])
        self.forged = make("mx", self.intermediate, names=[HOST], signing_key=self.root.key)
        self.old_root = make("Zoo Root", ca=True, key=self.root.key, days=(-10, -1))
        self.old_intermediate = make(
            "Zoo Intermediate", self.root, ca=True, key=self.intermediate.key, days=(-10, -1)
        )
        self.not_a_ca = make("Zoo Intermediate", self.root, ca=False, key=self.intermediate.key)
        self.stray = make("Stray Root", ca=True)

    def chain(self, *names: str) -> tuple[Issued, ...]:
        """Some of the animals, by name."""
        return tuple(getattr(self, name) for name in names)
