"""Decimal numbers at the start of a text, as C reads them; what follows them does not matter."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?)0*([0-9]*)")
_LONG, _UNSIGNED = 2**63, 2**64
_DIGITS = 20
"""More digits than that no number of 64 bits has."""


def read_long(text: str) -> int:
    """``strtol()``: 0 without a number; one that is too big for 64 bits becomes the nearest that is not."""
    sign, value = _parts(text)
    return max(-_LONG, -value) if sign == "-" else min(_LONG - 1, value)


def read_unsigned(text: str) -> int:
    """``strtoul()``: 0 without a number, the greatest for one that is too big; a minus turns it round."""
    sign, value = _parts(text)
    if value >= _UNSIGNED:
        return _UNSIGNED - 1
    return -value % _UNSIGNED if sign == "-" else value


def _parts(text: str) -> tuple[str, int]:
    found = _NUMBER.match(text)
    assert found is not None
    digits = found[2]
    return found[1], _UNSIGNED if len(digits) > _DIGITS else int(digits or "0")


def int32(digits: str) -> int:
    """The number as a C int, which wraps around: the last 32 decimal digits decide the last 32 bits."""
    return c_int(int(digits[-32:]), wrapped=True)


def c_int(value: int, *, wrapped: bool = False) -> int:
    """The number as a C int; as a long, which it was before, it has a largest and a smallest value."""
    if not wrapped:
        value = min(max(value, -1 << 63), (1 << 63) - 1)
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value
