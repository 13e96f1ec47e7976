"""Addresses in header lines and on the command line."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.mta.base.parse import (
    AddressError,
    addresses_of,
    local_part_quote,
    parse_extract_address,
    parse_find_address_end,
)
from eximsim.mta.base.phrase import parse_fix_phrase

READ = [
    ("a@b.ex", "a@b.ex"),
    ("<a@b.ex>", "a@b.ex"),
    ("Some One <a@b.ex>", "a@b.ex"),
    ('"One, Some" <a@b.ex>', "a@b.ex"),
    ("a@b.ex (comment)", "a@b.ex"),
    ("(comment) a (x) @ (y) b.ex", "a@b.ex"),
    ('"a b"@c.ex', '"a b"@c.ex'),
    ("<@one.ex,@two.ex:a@b.ex>", "a@b.ex"),
    ("a", "a"),
    ("<>", ""),
]


@pytest.mark.parametrize(("text", "address"), READ)
def test_the_address_is_taken_out_of_its_surroundings(text: str, address: str) -> None:
    found = parse_extract_address(text, allow_null=True)
    assert found.address == address
    assert bool(found.domain_at) is ("@" in address)


BAD = [
    ("", "empty address"),
    ("<>", "missing or malformed local part"),
    ("a@", "domain missing or malformed"),
    ("@b.ex", "no local part"),
    ("a b", 'missing or malformed local part (expected word or "<")'),
    ("a@b.ex c", "malformed address: c may not follow a@b.ex"),
    ("<a@b.ex", "'>' missing at end of address"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_what_is_no_address_is_explained(text: str, message: str) -> None:
    with pytest.raises(AddressError) as failure:
        parse_extract_address(text)
    assert message in failure.value.message


def test_a_list_is_cut_at_the_commas_outside_quotes_and_comments() -> None:
    text = 'a@b.ex, "x, y" <c@d.ex>, (a, comment) e@f.ex'
    assert [part.strip() for part in addresses_of(text)] == [
        "a@b.ex",
        '"x, y" <c@d.ex>',
        "(a, comment) e@f.ex",
    ]
    assert text[parse_find_address_end(text)] == ","


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_an_error(text: str) -> None:
    end = parse_find_address_end(text)
    assert 0 <= end <= len(text)
    with suppress(AddressError):
        found = parse_extract_address(text, allow_null=True, allow_domain_literals=True)
        assert 0 <= found.start <= found.end <= len(text)


QUOTED = [("a", "a"), ("a.b", "a.b"), ("a b", '"a b"'), ('a"b', '"a\\"b"'), ("", ""), (".a", '".a"')]


@pytest.mark.parametrize(("local", "quoted"), QUOTED)
def test_local_parts_are_quoted_where_they_must_be(local: str, quoted: str) -> None:
    assert local_part_quote(local) == quoted


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12))
def test_a_quoted_local_part_is_read_back(local: str) -> None:
    found = parse_extract_address(f"{local_part_quote(local)}@b.ex")
    assert found.address.rpartition("@")[0] == local_part_quote(local)


PHRASES = [
    ("Some One", "Some One"),
    ("  J. R. User", '"J. R. User"'),
    ('"Ready"', '"Ready"'),
    ('"open', '"open"'),
    ("a (b.c) d", "a (b.c) d"),
    ('J. (x) "q" y', '"J. (x)" "q" y'),
    ('A "B" C. D', 'A "B" "C." D'),
    ('a. (a "b) c', '"a." (a "b) c'),
    ("a\\", '"a\\"'),
    ("J\u00f6rg", "=?iso-8859-1?Q?J=C3=B6rg?="),
]


@pytest.mark.parametrize(("phrase", "fixed"), PHRASES)
def test_names_are_made_fit_for_a_header(phrase: str, fixed: str) -> None:
    assert parse_fix_phrase(phrase, "iso-8859-1", first_longer=False) == fixed


@given(st.text(st.sampled_from('ab ."(\\)'), max_size=12))
def test_any_phrase_can_be_made_fit(phrase: str) -> None:
    assert len(parse_fix_phrase(phrase, "UTF-8", first_longer=False)) >= len(phrase.lstrip()) - phrase.count(
        " "
    )
