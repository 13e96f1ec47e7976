"""Time intervals as Exim writes them, ``1w2d3h4m5s`` (src/readconf.c).

Exim adds them up as an int, which wraps around: what has become negative is no interval.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from eximsim.mta.base.numbers import c_int, read_long

_PART = re.compile(r"(\d+)([wdhms])", re.ASCII)
_WHOLE = re.compile(r"(?:\d+[wdhms])+", re.ASCII)
_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}


def readconf_readtime(text: str) -> int | None:
    """The seconds of an interval, or None if ``text`` is not one."""
    if not _WHOLE.fullmatch(text):
        return None
    return _positive(read_long(count) * _UNITS[unit] for count, unit in _PART.findall(text))


_FINE = re.compile(r"(\d+)(?:([wdhms])|(\.\d*)s)", re.ASCII)
_FINE_WHOLE = re.compile(r"(?:\d+(?:[wdhms]|\.\d*s))+", re.ASCII)


def readconf_readtime_fine(text: str) -> int | None:
    """The same in milliseconds; seconds may have a fraction then."""
    if not _FINE_WHOLE.fullmatch(text):
        return None
    return _positive(
        read_long(count) * _UNITS[unit or "s"] * 1000 + int(float(f"0{fraction}") * 1000)
        for count, unit, fraction in _FINE.findall(text)
    )


def _positive(parts: Iterable[int]) -> int | None:
    total = c_int(sum(parts), wrapped=True)
    return None if total < 0 else total


def readconf_printtime(seconds: int) -> str:
    """The interval of so many seconds; ``0s`` for none."""
    sign = "-" if seconds < 0 else ""
    rest = abs(seconds)
    text = ""
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            text += f"{count}{unit}"
    return sign + (text or "0s")
