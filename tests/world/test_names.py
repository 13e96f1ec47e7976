"""Domain names: text form and labels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.world import names

labels = st.lists(
    st.text(min_size=1, max_size=15).map(str.encode).filter(lambda b: len(b) <= 63), max_size=4
).map(tuple)


@given(labels)
def test_text_form_gives_the_labels_back(labels: names.Labels) -> None:
    assert names.from_text(names.to_text(labels)) == labels


@given(labels)
def test_text_form_is_canonical_and_ascii(labels: names.Labels) -> None:
    text = names.to_text(labels)
    assert names.canonical(text) == text
    assert text.isascii()


@given(st.text())
def test_any_text_is_a_name_or_a_bad_name(text: str) -> None:
    for read in (names.from_text, names.from_raw):
        try:
            labels = read(text)
        except names.BadName:
            continue
        assert names.check(labels) == labels


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Mx.Test.EX", "Mx.Test.EX"),
        ("mx.test.ex.", "mx.test.ex"),
        (".", ""),
        ("", ""),
        (r"a\.b.ex", r"a\.b.ex"),
        (r"\097.ex", "a.ex"),
        ("s/lash.ex", "s/lash.ex"),
        ("a b.ex", r"a\032b.ex"),
        ("π.ex", r"\207\128.ex"),
        (r"\207\128.ex", r"\207\128.ex"),
    ],
)
def test_canonical_form_is_what_dn_expand_gives(text: str, canonical: str) -> None:
    assert names.canonical(text) == canonical


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a..b", "empty label"),
        (".a", "empty label"),
        ("x" * 64, "more than 63"),
        ("x." * 128, "longer than 255"),
        ("a\\", "lone backslash"),
        (r"\256", "not the code"),
        (r"\255", "not UTF-8"),
        ("\ud800", "UTF-8"),
    ],
)
def test_what_is_no_name_says_why(text: str, why: str) -> None:
    with pytest.raises(names.BadName, match=why):
        names.canonical(text)


def test_key_folds_ascii_letters_only() -> None:
    assert names.key("MX.Test") == "mx.test"
    assert names.key("Π.ex") != names.key("π.ex")


def test_longest_name_is_255_octets_on_the_wire() -> None:
    longest = ".".join(["x" * 63] * 3 + ["y" * 61])
    assert names.from_text(longest)
    with pytest.raises(names.BadName):
        names.from_text(longest + "y")


def test_parents_end_at_the_root_and_respect_escapes() -> None:
    assert names.parents(r"a\.b.c") == [r"a\.b.c", "c", ""]
    assert names.parents("") == [""]


def test_raw_names_take_a_backslash_for_a_letter() -> None:
    assert names.from_raw(r"a\.b") == (b"a\\", b"b")
    assert names.from_raw(".") == ()
