"""Time intervals as Exim writes them, ``1w2d3h4m5s`` (src/readconf.c)."""

from __future__ import annotations

import re

_PART = re.compile(r"(\d+)([wdhms])", re.ASCII)
_WHOLE = re.compile(r"(?:\d+[wdhms])+", re.ASCII)
_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}


def readconf_readtime(text: str) -> int | None:
    """The seconds of an interval, or None if ``text`` is not one."""
    if not _WHOLE.fullmatch(text):
        return None
    return sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(text))


_FINE = re.compile(r"(\d+)(?:([wdhms])|(\.\d*)s)", re.ASCII)
_FINE_WHOLE = re.compile(r"(?:\d+(?:[wdhms]|\.\d*s))+", re.ASCII)


def readconf_readtime_fine(text: str) -> int | None:
    """The same in milliseconds; seconds may have a fraction then."""
    if not _FINE_WHOLE.fullmatch(text):
        return None
    return sum(
        int(count) * _UNITS[unit or "s"] * 1000 + int(float(f"0{fraction}") * 1000)
        for count, unit, fraction in _FINE.findall(text)
    )


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
