"""UTF-8 and A-labels. Expected texts are those of ``exim -be``, with libidn2 2.3.3 and libidn 1.41."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import Unsupported
from eximsim.mta.base import utf8

LONG = "a" * 64


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("Example.COM", "Example.COM"),
        ("stra\u00dfe.de", "xn--strae-oqa.de"),
        ("Stra\u00dfe_x.DE", "xn--strae_x-3va.de"),
        ("a..\u00e4.de.", "a..xn--4ca.de."),
        ("a\u0308.de", "xn--4ca.de"),
        ("\u00e4\u3002de", "xn--4ca.de"),
        ("\u2167.de", "viii.de"),
        ("\u1e9e.de", "ss.de"),
        ("a\u00b7b.de", "xn--ab-0ea.de"),
        ("\udcd9\udc84.com", "xn--ghb.com"),
        ("\u00e4.a!b", "xn--4ca.a!b"),
    ],
)
def test_a_domain_goes_to_the_dns_as_a_labels(domain: str, expected: str) -> None:
    assert utf8.domain_utf8_to_alabel(domain) == expected


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        ("\u00e4\u2603.de", "string contains a disallowed character"),
        ("\udcff.de", "string encoding error"),
        ("-\u00e4.de", "string start/ends with forbidden hyphen"),
        ("-c.\u00e4.de", "string start/ends with forbidden hyphen"),
        ("ab--\u00e4.de", "string contains forbidden two hyphens pattern"),
        ("\u0308a.de", "string contains a forbidden leading combining character"),
        ("\u05d0a.de", "string has forbidden bi-directional properties"),
        ("\u200da.de", "string contains a forbidden context-j character"),
        ("xn--zzzzzzzz9.\u00e4", "string contains invalid punycode data"),
        (f"\u00e4{LONG}.de", "punycode encoded data will be too large"),
        (f"{LONG}.\u00e4", "domain label longer than 63 characters"),
        ("\u00e4" + f".{LONG[:50]}" * 6, "domain name longer than 255 characters"),
        ("\u00e4 b.de", "A-label roundtrip failed"),
    ],
)
def test_a_domain_that_idna_does_not_know_is_told_in_the_librarys_words(domain: str, words: str) -> None:
    with pytest.raises(utf8.ConversionError) as raised:
        utf8.domain_utf8_to_alabel(domain)
    assert str(raised.value) == words


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("xn--strae-oqa.de", "stra\u00dfe.de"),
        ("XN--strae-oqa.de", "XN--strae-oqa.de"),
        ("a..xn--4ca.de", "a..xn--4ca.de"),
        ("a:b.c", "a:b.c"),
    ],
)
def test_only_labels_with_the_prefix_in_lower_case_are_decoded(domain: str, expected: str) -> None:
    assert utf8.domain_alabel_to_utf8(domain) == expected


def test_a_domain_without_labels_ends_exim_and_is_not_modelled() -> None:
    with pytest.raises(Unsupported):
        utf8.domain_alabel_to_utf8("")


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("xn--4ca", "\u00e4"),
        ("xn--", ""),
        ("xn--a-", "a"),
        ("xn--4!a", "\u021f"),
        ("xn--4 a", "\u01fc"),
        ("xn--Proprostnemluvesky-uyb24dma41a", "Pro\u010dprost\u011bnemluv\u00ed\u010desky"),
    ],
)
def test_a_local_part_is_decoded_as_libidn_does(local: str, expected: str) -> None:
    assert utf8.localpart_alabel_to_utf8(local) == expected


@pytest.mark.parametrize(
    ("local", "words"),
    [
        ("abc", "bad alabel prefix"),
        ("XN--4ca", "bad alabel prefix"),
        ("xn---", "Invalid input"),
        ("xn--9", "Invalid input"),
        ("xn--!!", "Invalid input"),
        ("xn--4_a", "Invalid input"),
        ("xn--99999999", "String size limit exceeded"),
    ],
)
def test_what_is_no_coded_local_part_is_told_in_the_librarys_words(local: str, words: str) -> None:
    with pytest.raises(utf8.ConversionError) as raised:
        utf8.localpart_alabel_to_utf8(local)
    assert str(raised.value) == words


@given(st.text(st.characters(codec="utf-8", min_codepoint=1)))
def test_a_local_part_survives_the_way_there_and_back(local: str) -> None:
    code = utf8.localpart_utf8_to_alabel(local)
    assert code == local if local.isascii() else utf8.localpart_alabel_to_utf8(code) == local


def test_the_first_at_sign_parts_an_address() -> None:
    assert utf8.address_utf8_to_alabel("\u00e4@\u00e4.ex") == "xn--4ca@xn--4ca.ex"
    assert utf8.address_utf8_to_alabel("") == ""
