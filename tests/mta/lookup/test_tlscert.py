from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import Unsupported
from eximsim.mta.certs.x509 import parse
from eximsim.mta.expand.expand import expand
from eximsim.mta.expand.expander import ExpansionFailed
from eximsim.mta.lookup.tlscert import from_pem, tls_field_from_dn, to_pem
from eximsim.profiles import profile, with_tls
from tests.mta.certificate_zoo import make
from tests.mta.scenario import NEWEST, Site

NAME = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "UK"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Exim, Ltd"),
        x509.NameAttribute(NameOID.COMMON_NAME, "mx.test.ex"),
    ]
)
CERT = make(NAME, make("Root", ca=True))
SERIAL = f"{CERT.cert.serial_number:x}"


def extracted(field: str, library: str = "openssl", pem: str | None = to_pem(CERT.der)) -> str:
    process = Site(release=with_tls(profile(NEWEST), library)).process()
    process.variables["tls_out_peercert"] = pem or ""
    return expand(process, f"${{certextract{{{field}}}{{$tls_out_peercert}}{{<$value>}}{{none}}}}")


FIELDS = {
    "version": ("2", "3"),
    "serial_number": (SERIAL.zfill(len(SERIAL) + len(SERIAL) % 2), SERIAL),
    "subject": (r"CN=mx.test.ex,O=Exim\, Ltd,C=UK", r"C=UK,O=Exim\, Ltd,CN=mx.test.ex"),
    "issuer": ("CN=Root", "CN=Root"),
    "subject,CN": ("mx.test.ex", "mx.test.ex"),
    "subject,O": ("Exim, Ltd", "Exim, Ltd"),
    "subject,OU": ("", ""),
    "subject,>;": ("CN=mx.test.ex;O=Exim, Ltd;C=UK", "C=UK;O=Exim, Ltd;CN=mx.test.ex"),
}
"""What OpenSSL's and GnuTLS's builds give for a field."""


@pytest.mark.parametrize("field", FIELDS)
def test_fields_of_a_certificate(field: str) -> None:
    openssl, gnutls = FIELDS[field]
    assert extracted(field) == f"<{openssl}>"
    assert extracted(field, "gnutls") == f"<{gnutls}>"


def test_no_certificate_has_no_field() -> None:
    assert extracted("subject", pem=None) == "none"


@pytest.mark.parametrize("field", ["notbefore", "notafter,int", "sig_algorithm", "signature"])
def test_dates_and_signature_are_in_the_form_of_the_library(field: str) -> None:
    openssl, gnutls = extracted(field), extracted(field, "gnutls")
    assert (openssl == gnutls) is (field == "notafter,int")


@pytest.mark.parametrize(
    ("release", "headed", "begin"),
    [("4.96", True, "    Signature Value:\n        "), ("4.96", False, "         "), ("4.97", True, "")],
)
def test_a_signature_is_as_openssl_prints_it_up_to_4_96(release: str, headed: bool, begin: str) -> None:
    process = Site(release=replace(profile(release), signature_headed=headed)).process()
    process.variables["tls_out_peercert"] = to_pem(CERT.der)
    told = expand(process, "${certextract{signature}{$tls_out_peercert}}")
    assert told.startswith(begin + CERT.cert.signature[:1].hex())
    assert told.endswith("\n") is bool(begin)
    assert {len(line.strip()) for line in told.split("\n")[1:-2]} <= {18 * 3, len("Signature Value:")}


def test_what_a_certificate_does_not_have_is_not_there() -> None:
    assert extracted("ocsp_uri") == extracted("crl_uri") == "none"


def test_an_extension_by_number_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="certextract of an extension"):
        extracted("2.5.29.17")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("${certextract{colour}{$tls_out_peercert}}", 'bad field selector "colour" for certextract'),
        ("${certextract{subject}{$tls_out_cipher}}", '"tls_out_cipher" is not a certificate'),
        ("${certextract{subject}{$no_such_thing}}", 'no variable named "no_such_thing"'),
    ],
)
def test_a_wrong_request_fails_the_expansion(text: str, why: str) -> None:
    process = Site(release=NEWEST).process()
    process.variables["tls_out_peercert"] = to_pem(CERT.der)
    with pytest.raises(ExpansionFailed, match=why):
        expand(process, text)


@given(st.binary(min_size=1, max_size=200))
def test_a_certificate_can_be_kept_as_text(der: bytes) -> None:
    assert from_pem(to_pem(der)) == der


def test_the_text_of_a_certificate_is_pem() -> None:
    assert to_pem(CERT.der).encode() == CERT.pem
    assert parse(from_pem(to_pem(CERT.der))).serial == CERT.cert.serial_number


def test_several_attributes_of_one_type_are_a_list() -> None:
    assert tls_field_from_dn("OU=a,CN=b,OU=c", "OU") == "a\nc"
    assert tls_field_from_dn("OU=a,CN=b,OU=c", ">:,OU") == "a:c"
