"""Numbers as C reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.mta.base.numbers import read_long, read_unsigned


@given(number=st.integers(-(2**63), 2**63 - 1), rest=st.sampled_from(["", " 7", "x", "\u0663"]))
def test_a_number_is_read_up_to_what_is_no_digit(number: int, rest: str) -> None:
    assert read_long(f" \t{number}{rest}") == number
    assert read_unsigned(f"{number}{rest}") == number % 2**64


@pytest.mark.parametrize(
    ("text", "signed", "unsigned"),
    [
        ("", 0, 0),
        ("x1", 0, 0),
        ("+-1", 0, 0),
        ("0007", 7, 7),
        ("0" * 5000 + "7", 7, 7),
        ("9" * 5000, 2**63 - 1, 2**64 - 1),
        ("-" + "9" * 5000, -(2**63), 2**64 - 1),
        (str(2**64), 2**63 - 1, 2**64 - 1),
    ],
)
def test_what_is_too_big_is_the_nearest(text: str, signed: int, unsigned: int) -> None:
    assert (read_long(text), read_unsigned(text)) == (signed, unsigned)
