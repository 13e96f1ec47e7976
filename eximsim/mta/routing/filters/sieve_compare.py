"""Comparators and match types of Sieve (compare(), src/sieve.c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eximsim.mta.routing.filters.sieve_scanner import SieveError, SieveScanner

COMPARATORS: Mapping[bytes, str] = {
    b"i;octet": "octet",
    b"i;ascii-casemap": "casemap",
    b"en;ascii-casemap": "casemap",
    b"i;ascii-numeric": "numeric",
}


def compare(scanner: SieveScanner, needle: bytes, hay: bytes, comparator: str, match: str) -> bool:
    """Whether ``needle`` fits ``hay``; raises ``SieveError`` for what does not go together."""
    if comparator == "numeric":
        if match != "is":
            raise SieveError("comparator does not offer specified matchtype")
        scanner.require("comparator-i;ascii-numeric")
        return _digits(needle) == _digits(hay)
    if comparator == "casemap":
        needle, hay = needle.lower(), hay.lower()
    return _MATCHES[match](needle, hay)


def _digits(text: bytes) -> bytes:
    return text[: len(text) - len(text.lstrip(b"0123456789"))]


def _contains(needle: bytes, hay: bytes) -> bool:
    """Nothing is in a text that is not empty."""
    return bool(hay) and needle in hay


def _globs(needle: bytes, hay: bytes) -> bool:
    """``*`` is any octets, ``?`` one, and a backslash takes the meaning off. Source: eq_glob().

    A text that ends within a part of the pattern does not fit, wherever that part might begin.
    """
    place = at = 0
    free = False
    while place < len(needle):
        if needle[place : place + 1] == b"*":
            place, free = place + 1, True
            continue
        found = _part(needle, place, hay, at)
        while found is None or (free and found[0] == len(needle) and found[1] < len(hay)):
            if not free and found is None:
                return False
            at += 1
            found = _part(needle, place, hay, at)
        if found == _OVER:
            return False
        place, at = found
        free = False
    return free or at == len(hay)


_OVER = (-1, -1)
"""The text ended within a part of the pattern."""


def _part(needle: bytes, place: int, hay: bytes, at: int) -> tuple[int, int] | None:
    """Where the part of the pattern up to the next star, and what fits it, end; None if nothing does."""
    while place < len(needle) and needle[place : place + 1] != b"*":
        any_octet = needle[place : place + 1] == b"?"
        if needle[place : place + 1] == b"\\":
            place += 1
            if place == len(needle):
                raise SieveError("syntactically invalid pattern")
        if at >= len(hay):
            return _OVER
        if not any_octet and hay[at] != needle[place]:
            return None
        place, at = place + 1, at + 1
    return place, at


_MATCHES: Mapping[str, Callable[[bytes, bytes], bool]] = {
    "is": bytes.__eq__,
    "contains": _contains,
    "matches": _globs,
}
