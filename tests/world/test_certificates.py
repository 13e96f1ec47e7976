from __future__ import annotations

import contextlib
import itertools
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import InputError
from eximsim.world.certificates import (
    EXPIRED,
    Authority,
    KeyType,
    Sent,
    der_chain,
    key_kind,
    load_chains,
    save_chains,
    self_signed,
    standard_chains,
)


def certificates(pem: bytes) -> list[x509.Certificate]:
    return [x509.load_der_x509_certificate(der) for der in der_chain(pem)]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority(("Root", "Upper", "Lower"), key_type=KeyType.ECDSA)


def test_a_self_signed_certificate_keeps_the_order_of_its_name() -> None:
    identity = self_signed("/C=UK/O=An Example/OU=Tests/CN=Phil", key_type=KeyType.ECDSA)
    (certificate,) = certificates(identity.chain)
    assert [attribute.value for attribute in certificate.subject] == ["UK", "An Example", "Tests", "Phil"]
    assert certificate.issuer == certificate.subject
    certificate.verify_directly_issued_by(certificate)


@pytest.mark.parametrize(
    ("sent", "length"),
    [(Sent.LEAF, 1), (Sent.INTERMEDIATES, 3), (Sent.ROOT, 4)],
    ids=lambda value: str(value),
)
def test_a_chain_is_sent_as_far_as_asked_and_each_link_holds(
    authority: Authority, sent: Sent, length: int
) -> None:
    chain = certificates(authority.issue("/CN=a.test.ex", ["a.test.ex"], sent=sent).chain)
    assert len(chain) == length
    for below, above in itertools.pairwise(chain):
        below.verify_directly_issued_by(above)


def test_validity_is_that_asked_for(authority: Authority) -> None:
    (leaf, *_) = certificates(authority.issue("/CN=a", validity=EXPIRED, key_type=KeyType.ECDSA).chain)
    assert leaf.not_valid_after_utc == EXPIRED.not_after


@pytest.mark.parametrize("kind", list(KeyType))
def test_the_kind_of_the_key_is_a_choice(kind: KeyType) -> None:
    assert key_kind(der_chain(self_signed("/CN=a", key_type=kind).chain)[0]) == kind.name


@pytest.mark.parametrize("subject", ["", "CN=a", "/", "/CN", "/XX=a", "/C=too long", ()])
def test_a_name_that_cannot_be_is_bad_input(subject: str) -> None:
    with pytest.raises(InputError):
        self_signed(subject, key_type=KeyType.ECDSA)


def test_the_standard_chains_are_made_once() -> None:
    kept = standard_chains(KeyType.ECDSA)
    assert kept is standard_chains(KeyType.ECDSA)
    assert {name: len(der_chain(identity.chain)) for name, identity in kept.chains.items()} == {
        "good": 3,
        "wrongname": 3,
        "expired": 3,
        "selfsigned": 1,
        "eeonly": 1,
    }
    assert der_chain(kept.chains["good"].chain)[-1:] == der_chain(kept.root)


def test_chains_survive_being_saved_and_loaded(tmp_path: Path) -> None:
    kept = standard_chains(KeyType.ECDSA)
    save_chains(kept, tmp_path / "new")
    loaded = load_chains(tmp_path / "new")
    assert loaded.root == kept.root
    assert loaded.chains == dict(kept.chains)


def test_a_chain_without_a_key_can_be_loaded(tmp_path: Path) -> None:
    save_chains(standard_chains(KeyType.ECDSA), tmp_path)
    (tmp_path / "good.key.pem").unlink()
    assert load_chains(tmp_path).chains["good"].key == b""


def test_folders_without_chains_are_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"root\.pem: expected certificate chains"):
        load_chains(tmp_path)
    (tmp_path / "root.pem").write_bytes(b"")
    (tmp_path / "good.chain.pem").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"good\.chain\.pem: expected a PEM certificate"):
        load_chains(tmp_path)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_octets_are_certificates_or_bad_input(before: bytes, inside: bytes) -> None:
    with contextlib.suppress(InputError):
        assert isinstance(
            der_chain(before + b"-----BEGIN CERTIFICATE-----" + inside + b"-----END CERTIFICATE-----"), tuple
        )
