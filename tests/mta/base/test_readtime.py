"""Time intervals: what Exim's programs make of long ones (measured with ``-be`` and ``-bP``)."""

from __future__ import annotations

import pytest

from eximsim.mta.base.readtime import readconf_readtime


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1w2d3h4m5s", 788645),
        ("2147483647s", 2147483647),
        ("2147483648s", None),
        ("4294967297s", 1),
        ("3551w", None),
        ("7102w", 322304),
        ("3551w3600w", 29957504),
        ("99999999999999999999s", None),
        (f"{'9' * 5000}w", None),
    ],
)
def test_an_interval_is_added_up_as_an_int(text: str, seconds: int | None) -> None:
    assert readconf_readtime(text) == seconds
