from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import InputError, Unsupported
from eximsim.mta.certs.x509 import canonical_name, is_signed_by, key_identifier, parse, stand_in_issuer
from tests.mta.certificate_zoo import AT, HOST, Zoo, make


@pytest.fixture(scope="module")
def zoo() -> Zoo:
    return Zoo()


def name(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


def test_everything_a_verifier_asks_for_is_read(zoo: Zoo) -> None:
    cert = parse(zoo.leaf.der)
    issuer = parse(zoo.intermediate.der)
    assert cert.dns_names == (HOST,)
    assert cert.common_names == ("mx",)
    assert cert.not_before < AT < cert.not_after
    assert cert.spki == zoo.leaf.spki
    assert (cert.is_ca, issuer.is_ca, issuer.path_length) == (False, True, 0)
    assert cert.authority_key_id == issuer.subject_key_id == key_identifier(issuer.spki)
    assert cert.extended_key_usage == frozenset({"1.3.6.1.5.5.7.3.1"})
    assert (cert.key_kind, cert.signature_kind, cert.version) == ("ec", "ec", 3)


def test_a_certificate_is_parsed_once(zoo: Zoo) -> None:
    assert parse(zoo.leaf.der) is parse(bytes(bytearray(zoo.leaf.der)))


def test_signatures_are_checked_with_the_key_alone(zoo: Zoo) -> None:
    assert is_signed_by(zoo.leaf.der, zoo.intermediate.spki)
    assert not is_signed_by(zoo.leaf.der, zoo.root.spki)
    assert not is_signed_by(zoo.leaf.der, b"no key at all")


def test_names_are_compared_without_regard_to_case_and_blanks() -> None:
    one = name((NameOID.ORGANIZATION_NAME, "The  Exim Maintainers "), (NameOID.COMMON_NAME, "MX"))
    other = name((NameOID.ORGANIZATION_NAME, "the exim maintainers"), (NameOID.COMMON_NAME, "mx"))
    assert canonical_name(one) == canonical_name(other)
    assert canonical_name(one) != canonical_name(x509.Name(list(other)[::-1]))


def test_a_made_up_issuer_fits_what_it_was_made_for(zoo: Zoo) -> None:
    leaf = parse(zoo.leaf.der)
    issuer = stand_in_issuer(leaf, zoo.intermediate.spki)
    assert issuer.canonical_subject == leaf.canonical_issuer
    assert leaf.identifies_authority(issuer)
    assert not issuer.identifies_authority(issuer)
    assert is_signed_by(leaf.der, issuer.spki)


def test_name_constraints_are_refused_not_ignored() -> None:
    constraints = x509.NameConstraints([x509.DNSName("example")], None)
    ca = make("Constrained", ca=True, extra=[(constraints, True)])
    with pytest.raises(Unsupported, match="name constraints"):
        parse(ca.der)


@given(st.binary(max_size=200))
def test_what_is_no_certificate_is_an_input_error(data: bytes) -> None:
    with pytest.raises(InputError, match="expected a certificate"):
        parse(data)


@given(at=st.integers(0, 2000), octet=st.integers(0, 255))
def test_a_damaged_certificate_gives_an_error_of_our_own_or_none(at: int, octet: int) -> None:
    der = bytearray(DAMAGED)
    der[at % len(der)] = octet
    try:
        cert = parse(bytes(der))
    except (InputError, Unsupported):
        return
    assert cert.der == bytes(der)


DAMAGED = make("mx", names=[HOST]).der
