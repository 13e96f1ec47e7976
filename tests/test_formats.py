import gzip
import json
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim import formats
from eximsim.errors import InputError
from eximsim.formats import json_lines, parse_json, parse_toml, unpacked

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(VALUES)
def test_json_is_read_as_it_is(value: object) -> None:
    assert parse_json(json.dumps(value), "f", "JSON") == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "f:1: Expecting value; expected JSON"),
        ("\n{", "f:2: Expecting property name"),
        ("[" * 65, "f: nested more than 64 deep"),
        ('{"a":' * 100_000, "f: nested more than 64 deep"),
        ("9" * 5000, "f: a number without end"),
        ("[NaN]", "f:1: NaN is no number"),
        ("[-Infinity]", "f:1: -Infinity is no number"),
        ("[1]" + "," * 3_000_000, "f: more than 3,000,000 values"),
    ],
)
def test_json_that_is_none_or_without_end_is_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_json(text, "f", "JSON")
    assert str(raised.value).startswith(message)


def test_brackets_in_texts_are_no_nests() -> None:
    assert parse_json(json.dumps(["[" * 100, '\\"[' * 100]), "f", "JSON")[0] == "[" * 100


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1\nb", "f:2: "),
        ("a = " + "[" * 2000, "f: tables or lists are nested too deeply"),
        ("a = " + "{a=" * 2000, "f: tables or lists are nested too deeply"),
        (".".join("a" * 5000) + " = 1", "f: tables or lists are nested too deeply"),
        ("a = " + "9" * 5000, "f: a number without end"),
        ("#" * 1_000_001, "f: more than 1,000,000 characters of TOML"),
    ],
)
def test_toml_that_is_none_or_without_end_is_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_toml(text, "f")
    assert str(raised.value).startswith(message)


def test_gzip_is_unpacked_members_and_all() -> None:
    assert unpacked(b"plain", "f") == b"plain"
    assert unpacked(gzip.compress(b"a" * 1000) + gzip.compress(b"b"), "f") == b"a" * 1000 + b"b"


def test_gzip_of_very_many_members_is_given_up() -> None:
    member = gzip.compress(b"{}\n")
    assert unpacked(member * 5_000, "f") == b"{}\n" * 5_000
    with pytest.raises(InputError, match="more than 10,000 parts"):
        unpacked(member * 200_000, "f")


def test_gzip_that_unpacks_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "LARGEST", 1024 * 1024)
    bomb = gzip.compress(bytes(1024 * 1024 + 1))
    for content in (bomb, gzip.compress(bytes(600_000)) * 2):
        with pytest.raises(InputError, match="f: unpacks to more than 1 MB"):
            unpacked(content, "f")


@given(st.binary(max_size=40), st.integers(0, 60), st.integers(0, 255))
def test_gzip_that_is_damaged_is_bad_input_or_whole(tail: bytes, at: int, octet: int) -> None:
    whole = gzip.compress(b'{"a": 1}\n', mtime=0) + tail
    damaged = whole[:at] + bytes([octet]) + whole[at + 1 :]
    for content in (whole[:at], damaged):
        with suppress(InputError):
            unpacked(content, "f")


def test_lines_have_numbers() -> None:
    content = b'{"a": 1}\n\n{"b": "\xe2\x80\xa8"}\n'
    assert list(json_lines(zlib.compress(content, wbits=31), "f")) == [(1, {"a": 1}), (3, {"b": "\u2028"})]
    with pytest.raises(InputError, match="f:2: expected one JSON object a line"):
        list(json_lines(b"{}\n5\n", "f"))
    with pytest.raises(InputError, match="f: expected JSON lines, found an empty file"):
        list(json_lines(b" \n", "f"))
