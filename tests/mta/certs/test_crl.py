from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from eximsim.errors import InputError, Unsupported
from eximsim.mta.certs.crl import parse_crl
from eximsim.mta.certs.gnutls_verify import Validity, verify_peers
from eximsim.mta.certs.x509_errors import X509Error
from eximsim.mta.certs.x509_verify import verify_chain
from tests.mta.certificate_zoo import AT, DAY, NOW, Issued, Zoo, ders, make
from tests.mta.chain_server import needs_openssl

E = X509Error


class CrlZoo(Zoo):
    """A chain with revocation lists, good and bad."""

    def __init__(self) -> None:
        super().__init__()
        no_signs = x509.KeyUsage(True, False, False, False, False, True, False, False, False)
        self.mute_root = make("Mute Root", ca=True, extra=[(no_signs, True)])
        self.mute_leaf = make("mx", self.mute_root)
        self.of_root = revoke(self.root)
        self.of_intermediate = revoke(self.intermediate, self.stray)
        self.revokes_leaf = revoke(self.intermediate, self.leaf)
        self.revokes_intermediate = revoke(self.root, self.intermediate)
        self.revokes_root = revoke(self.root, self.root)
        self.old = revoke(self.intermediate, self.leaf, days=(-9, -1))
        self.early = revoke(self.intermediate, days=(1, 9))
        self.forged_list = revoke(self.intermediate, self.leaf, key=self.stray.key)
        self.other_key = revoke(self.intermediate, self.leaf, key=self.stray.key, key_id=self.stray)
        self.of_mute = revoke(self.mute_root)


def revoke(
    issuer: Issued,
    *revoked: Issued,
    days: tuple[int, int] = (-1, 9),
    key: ec.EllipticCurvePrivateKey | None = None,
    key_id: Issued | None = None,
    extra: Iterable[tuple[x509.ExtensionType, bool]] = (),
) -> bytes:
    builder = x509.CertificateRevocationListBuilder(
        issuer.cert.subject, NOW + days[0] * DAY, NOW + days[1] * DAY
    )
    for one in revoked:
        serial = one.cert.serial_number
        entry = x509.RevokedCertificateBuilder(serial, NOW - DAY)
        builder = builder.add_revoked_certificate(entry.build())
    if key_id is not None:
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(key_id.key.public_key())
        builder = builder.add_extension(authority, False)
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical)
    return builder.sign(key or issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)


ZOO = CrlZoo()

CASES: tuple[tuple[str, tuple[str, ...], E | None], ...] = (
    ("leaf", (), E.UNABLE_TO_GET_CRL),
    ("leaf", ("of_intermediate",), E.UNABLE_TO_GET_CRL),
    ("leaf", ("of_intermediate", "of_root"), None),
    ("leaf", ("revokes_leaf", "of_root"), E.CERT_REVOKED),
    ("leaf", ("of_intermediate", "revokes_intermediate"), E.CERT_REVOKED),
    ("leaf", ("of_intermediate", "revokes_root"), E.CERT_REVOKED),
    ("leaf", ("old", "of_root"), E.CRL_HAS_EXPIRED),
    ("leaf", ("early", "of_root"), E.CRL_NOT_YET_VALID),
    ("leaf", ("old", "of_intermediate", "of_root"), None),
    ("leaf", ("of_intermediate", "old", "of_root"), None),
    ("leaf", ("forged_list", "of_root"), E.CRL_SIGNATURE_FAILURE),
    ("leaf", ("other_key", "of_root"), E.UNABLE_TO_GET_CRL),
    ("expired", ("of_intermediate", "of_root"), E.CERT_HAS_EXPIRED),
    ("mute_leaf", ("of_mute",), E.KEYUSAGE_NO_CRL_SIGN),
)


def lists(names: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(getattr(ZOO, name) for name in names)


@needs_openssl
@pytest.mark.parametrize(("leaf", "crls", "first"), CASES)
def test_the_first_error_is_that_of_openssl(
    tmp_path: Path, leaf: str, crls: tuple[str, ...], first: E | None
) -> None:
    anchors = ZOO.chain("root", "mute_root")
    found = verify_chain(ders(*ZOO.chain(leaf, "intermediate")), ders(*anchors), AT, crls=lists(crls))
    errors = [(step.depth, step.error) for step in found.errors]
    assert (errors[0][1] if errors else None) is first
    assert _openssl(tmp_path, leaf, crls) == [
        (depth, error.value.number) for depth, error in errors[:1] if error
    ]


def _openssl(folder: Path, leaf: str, crls: tuple[str, ...]) -> list[tuple[int, int]]:
    """Depth and number of the first error that the command finds."""
    files = {
        "-CAfile": [ZOO.root.pem, ZOO.mute_root.pem],
        "-untrusted": [ZOO.intermediate.pem],
        "-CRLfile": [x509.load_der_x509_crl(der).public_bytes(Encoding.PEM) for der in lists(crls)],
        "": [getattr(ZOO, leaf).pem],
    }
    words = ["openssl", "verify", "-crl_check_all"]
    for option, pems in files.items():
        if pems:
            file = folder / f"file{option}.pem"
            file.write_bytes(b"".join(pems))
            words += [option, str(file)] if option else [str(file)]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stderr
    found = re.search(r"^error (\d+) at (\d+) depth", said, re.M)
    return [(int(found[2]), int(found[1]))] if found else []


def test_a_revoked_certificate_is_told_of_at_its_depth_and_the_check_goes_on() -> None:
    crls = lists(("revokes_leaf", "revokes_intermediate"))
    found = verify_chain(ders(*ZOO.chain("leaf", "intermediate")), ders(ZOO.root), AT, crls=crls)
    assert [(step.depth, step.error) for step in found.steps] == [
        (0, E.CERT_REVOKED),
        (1, E.CERT_REVOKED),
        (2, None),
        (1, None),
        (0, None),
    ]


@pytest.mark.parametrize(
    ("crls", "expected"),
    [
        ((), Validity.GOOD),
        (("of_intermediate",), Validity.GOOD),
        (("revokes_leaf",), Validity.REVOKED),
        (("revokes_intermediate",), Validity.REVOKED),
        (("revokes_root",), Validity.GOOD),
        (("old",), Validity.REVOKED),
        (("forged_list",), Validity.REVOKED),
    ],
)
def test_gnutls_believes_every_list_and_does_not_look_at_anchors(
    crls: tuple[str, ...], expected: Validity
) -> None:
    sent = ders(*ZOO.chain("leaf", "intermediate", "root"))
    assert verify_peers(sent, ders(ZOO.root), AT, lists(crls)) is expected


def test_a_chain_that_is_not_good_is_not_looked_for_in_lists() -> None:
    sent = ders(*ZOO.chain("leaf", "intermediate"))
    assert verify_peers(sent, ders(ZOO.stray), AT, lists(("revokes_leaf",))) is Validity.BAD


@pytest.mark.parametrize(
    ("extension", "critical"),
    [
        (x509.DeltaCRLIndicator(1), True),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True),
        (x509.IssuingDistributionPoint(None, None, True, False, None, False, False), False),
    ],
)
def test_a_list_that_covers_less_than_all_is_refused(extension: x509.ExtensionType, critical: bool) -> None:
    with pytest.raises(Unsupported):
        parse_crl(revoke(ZOO.root, extra=[(extension, critical)]))


def test_what_is_no_list_is_bad_input() -> None:
    with pytest.raises(InputError):
        parse_crl(ZOO.root.der)
