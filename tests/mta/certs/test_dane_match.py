from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.mta.certs.dane_match import Tlsa, data_of, matchable_records, parse_tlsa, usable_records
from eximsim.mta.certs.x509 import parse
from tests.mta.certificate_zoo import HOST, make

LEAF = make("mx", names=[HOST])
DIGEST = bytes(range(32))


def usable(rdata: bytes, library: str, *, skip_short: bool = True) -> bool:
    return usable_records([rdata], library, skip_short=skip_short) != ()


@pytest.mark.parametrize(
    ("rdata", "openssl", "gnutls"),
    [
        (b"\3\1\1" + DIGEST, True, True),
        (b"\2\0\2" + DIGEST * 2, True, True),
        (b"\3\0\0" + b"anything", True, True),
        (b"\0\1\1" + DIGEST, False, False),
        (b"\1\1\1" + DIGEST, False, False),
        (b"\4\1\1" + DIGEST, False, False),
        (b"\xff\1\1" + DIGEST, False, False),
        (b"\3\1\x09" + DIGEST, False, False),
        (b"\3\7\1" + DIGEST, True, False),
        (b"\3\1\1" + DIGEST[:20], True, False),
        (b"\3\1\1", False, False),
    ],
)
def test_what_each_library_takes_for_usable(rdata: bytes, openssl: bool, gnutls: bool) -> None:
    assert usable(rdata, "openssl-3") is usable(rdata, "openssl-1.0.2") is openssl
    assert usable(rdata, "gnutls") is gnutls


@pytest.mark.parametrize("rdata", [b"\3\1", b"\3\1\1", b"\2"])
def test_short_records_are_taken_by_old_releases_with_openssl_and_never_match(rdata: bytes) -> None:
    (record,) = usable_records([rdata], "openssl-1.0.2", skip_short=False)
    assert matchable_records([record]) == ()
    assert not usable(rdata, "openssl-1.0.2")
    assert not usable(rdata, "gnutls", skip_short=False)


@pytest.mark.parametrize("usage", [2, 3])
@pytest.mark.parametrize("selector", [0, 1])
def test_full_data_must_be_a_certificate_or_key_from_end_to_end(usage: int, selector: int) -> None:
    whole = LEAF.spki if selector else LEAF.der
    for data, good in ((whole, True), (whole + b"\0", False), (whole[:-1], False), (b"x", False)):
        record = Tlsa(usage, selector, 0, data, len(data) + 3)
        assert (matchable_records([record]) != ()) is good


def test_a_record_matches_by_selector_and_matching_type() -> None:
    cert = parse(LEAF.der)
    for selector, selected in enumerate((LEAF.der, LEAF.spki)):
        digests = (selected, hashlib.sha256(selected).digest(), hashlib.sha512(selected).digest())
        for mtype, data in enumerate(digests):
            assert parse_tlsa(bytes((3, selector, mtype)) + data).matches(cert)
            assert not parse_tlsa(bytes((3, 1 - selector, mtype)) + data).matches(cert)


@given(st.binary(max_size=80))
def test_any_rdata_is_read_and_sorted_without_an_error(rdata: bytes) -> None:
    record = parse_tlsa(rdata)
    assert bytes((record.usage, record.selector, record.mtype)) + record.data == rdata.ljust(3, b"\0")
    for library in ("openssl-3", "gnutls"):
        matchable_records(usable_records([rdata], library, skip_short=False))


@pytest.mark.parametrize("selector", range(4))
@pytest.mark.parametrize("mtype", range(5))
def test_a_record_can_be_made_from_a_certificate_if_selector_and_matching_type_are_known(
    selector: int, mtype: int
) -> None:
    cert = parse(LEAF.der)
    data = data_of(cert, selector, mtype)
    if selector > 1 or mtype > 2:
        assert data is None
    else:
        assert data is not None
        assert parse_tlsa(bytes((3, selector, mtype)) + data).matches(cert)


def test_a_short_record_is_read_on_into_the_next_one() -> None:
    """Of a record of two octets the matching type is the first octet behind it: of a name, or of nothing."""
    short = b"\3\1"
    for rdatas, usable in (((short,), 1), ((short, b"\1\1\1" + bytes(32)), 0), ((b"\1\1\1", short), 1)):
        assert len(usable_records(rdatas, "openssl-1.0.2", skip_short=False)) == usable
