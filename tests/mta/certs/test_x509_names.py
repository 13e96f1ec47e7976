from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import assume, given
from hypothesis import strategies as st

from eximsim.errors import Unsupported
from eximsim.mta.certs.x509 import Certificate, parse
from eximsim.mta.certs.x509_names import (
    dane_check_names,
    gnutls_check_hostname,
    gnutls_text,
    oneline,
    openssl_check_host,
)
from tests.mta.certificate_zoo import make

KEY = make("any").key


def cert(*dns_names: str, cn: Sequence[str] = ("cn.example.org",), **kind: object) -> Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, value) for value in cn])
    return parse(make(subject, names=dns_names, key=KEY, **kind).der)  # type: ignore[arg-type]


# ---- distinguished names -------------------------------------------------------------------------------


MIXED = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "UK"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, 'A/B, "C"+D'),
        x509.NameAttribute(NameOID.COMMON_NAME, "Zoë"),
        x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@b"),
    ]
)


def test_oneline_follows_the_library() -> None:
    assert oneline(MIXED, escaped=True) == '/C=UK/O=A\\/B, "C"\\+D/CN=Zo\\xC3\\xAB/emailAddress=a@b'
    assert oneline(MIXED, escaped=False) == '/C=UK/O=A/B, "C"+D/CN=Zo\\xC3\\xAB/emailAddress=a@b'


def test_oneline_marks_a_second_attribute_of_one_rdn_since_openssl_3() -> None:
    pair = [x509.NameAttribute(NameOID.COMMON_NAME, "a"), x509.NameAttribute(NameOID.SERIAL_NUMBER, "1")]
    name = x509.Name([x509.RelativeDistinguishedName(pair)])
    assert sorted(oneline(name, escaped=True)) == sorted("/CN=a+serialNumber=1")
    assert sorted(oneline(name, escaped=False)) == sorted("/CN=a/serialNumber=1")


def test_oneline_leaves_out_what_does_not_fit_into_exims_buffer() -> None:
    long = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "x" * 60) for _ in range(5)]
    assert oneline(x509.Name(long), escaped=True) == f"/OU={'x' * 60}" * 3


def test_gnutls_quotes_as_rfc_4514_but_keeps_the_order() -> None:
    assert gnutls_text(MIXED) == 'C=UK,O=A/B\\, \\"C\\"\\+D,CN=Zoë,EMAIL=a@b'
    blanks = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, " #x ")])
    assert gnutls_text(blanks) == "CN=\\ #x\\ "


def test_gnutls_text_refuses_an_attribute_it_has_no_name_for() -> None:
    name = x509.Name([x509.NameAttribute(x509.ObjectIdentifier("1.2.3.4"), "x")])
    with pytest.raises(Unsupported, match=r"1\.2\.3\.4"):
        gnutls_text(name)


# ---- host names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "host", "openssl", "dane", "gnutls"),
    [
        ("mx.example.org", "mx.example.org", True, True, True),
        ("MX.Example.org", "mx.exAMPLE.org", True, True, True),
        ("mx.example.org", "my.example.org", False, False, False),
        ("*.example.org", "mx.example.org", True, True, True),
        ("*.example.org", "a.mx.example.org", False, False, False),
        ("*.example.org", "example.org", False, False, False),
        ("*.org", "example.org", False, True, False),
        ("m*.example.org", "mx.example.org", False, False, False),
        ("*x.example.org", "mx.example.org", False, False, True),
        ("mx.*.org", "mx.example.org", False, False, False),
        ("*.example.org", "m_x.example.org", False, True, True),
        ("*.exam_ple.org", "mx.exam_ple.org", False, False, True),
        ("*", "mx.example.org", False, False, False),
    ],
)
def test_three_rules_for_wildcards(pattern: str, host: str, openssl: bool, dane: bool, gnutls: bool) -> None:
    subject = cert(pattern)
    assert openssl_check_host(subject, host) is openssl
    assert dane_check_names(subject, [host]) is dane
    assert gnutls_check_hostname(subject, host) is gnutls


def test_the_common_name_counts_only_without_dns_names() -> None:
    for check in (openssl_check_host, lambda c, n: dane_check_names(c, [n]), gnutls_check_hostname):
        assert check(cert(), "cn.example.org")
        assert not check(cert("other.example.org"), "cn.example.org")


def test_of_several_common_names_openssl_takes_any_dane_the_first_gnutls_none() -> None:
    subject = cert(cn=("a.example.org", "b.example.org"))
    verdicts = [
        (
            openssl_check_host(subject, host),
            dane_check_names(subject, [host]),
            gnutls_check_hostname(subject, host),
        )
        for host in ("a.example.org", "b.example.org")
    ]
    assert verdicts == [(True, True, False), (True, False, False)]


def test_gnutls_takes_no_common_name_from_a_certificate_that_is_not_for_servers() -> None:
    client = cert(purposes=[ExtendedKeyUsageOID.CLIENT_AUTH])
    assert not gnutls_check_hostname(client, "cn.example.org")
    assert openssl_check_host(client, "cn.example.org")


def test_a_malformed_dns_name_still_hides_the_common_name_from_dane() -> None:
    assert not dane_check_names(cert("under_score.example.org"), ["cn.example.org"])


def test_a_name_with_a_leading_dot_stands_for_what_is_below_it() -> None:
    assert openssl_check_host(cert("mx.example.org"), ".example.org")
    assert not openssl_check_host(cert("a.mx.example.org"), ".example.org")
    assert dane_check_names(cert("a.mx.example.org"), [".example.org"])


def test_gnutls_looks_for_an_address_among_the_addresses_only() -> None:
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ip_address("10.0.0.1"))])
    assert gnutls_check_hostname(cert(extra=[(addresses, False)]), "10.0.0.1")
    assert not gnutls_check_hostname(cert("10.0.0.1"), "10.0.0.1")


LABEL = st.text("abcxyz0-", min_size=1, max_size=4)


@given(labels=st.lists(LABEL, min_size=2, max_size=4), wanted=st.lists(LABEL, min_size=2, max_size=4))
def test_without_wildcards_a_host_matches_itself_and_nothing_else(
    labels: list[str], wanted: list[str]
) -> None:
    assume(not all(label.isdigit() for label in wanted))  # an address is no host name
    subject, host = cert(".".join(labels)), ".".join(wanted)
    assert openssl_check_host(subject, host) == (labels == wanted)
    assert gnutls_check_hostname(subject, host) == (labels == wanted)
    assert dane_check_names(subject, [host]) == (labels == wanted)
