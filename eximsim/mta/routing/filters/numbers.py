"""Numbers as C reads them from a filter: strtol() and sscanf() with base 0, and an int to keep them in."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))", re.A)
_LONG = 2**63
_DIGITS = 100
"""More digits than a long can have."""


def read_long(text: str) -> tuple[int, int] | None:
    """The number at the start of ``text`` and where it ends; None if there is none.

    One that is too big for a long becomes the nearest that is not.
    """
    found = _NUMBER.match(text)
    if found is None:
        return None
    sign, hexadecimal, octal, decimal = found.groups()
    digits, base = (hexadecimal, 16) if hexadecimal else (octal, 8) if octal else (decimal, 10)
    value = _LONG if len(digits.lstrip("0")) > _DIGITS else int(digits, base)
    return (max(-value, -_LONG) if sign == "-" else min(value, _LONG - 1)), found.end()


def to_int(value: int) -> int:
    """What an int of 32 bits keeps of a number."""
    return (value + 2**31) % 2**32 - 2**31
