"""PCRE patterns on Python's engine: what Exim's regex_must_compile() and regex_match_and_setup() do.

The two languages agree on nearly all that mail configurations use. ``translate`` carries over what differs
in writing only (``\\Q..\\E``, ``[[:alpha:]]``, ``\\z``, ``\\h``, ``(?<name>``, options in the middle); what
has no counterpart raises ``Unsupported``.
"""

from __future__ import annotations

import re
from functools import lru_cache

from eximsim.errors import Unsupported

_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t-\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_ESCAPES = {
    "z": r"\Z",
    "Z": r"(?=\n?\Z)",
    "h": r"[ \t]",
    "H": r"[^ \t]",
    "R": r"(?:\r\n|[\n\x0b\f\r])",
    "N": r"[^\n]",
    "e": r"\x1b",
}
_SAME = frozenset("\\AbBdDsSwWnrtfvaxu0123456789")
_CLASS = re.compile(r"\[:(\^?)([a-z]+):\]")
_OPTIONS = re.compile(r"\(\?([a-zA-Z]*)(?:-([a-zA-Z]+))?\)")
_HEX = re.compile(r"\\x\{([0-9A-Fa-f]+)\}")
_UNKNOWN_GROUPS = ("(?R", "(?0", "(?&", "(?P>", "(?|", "(?C", "(*")


class RegexError(Exception):
    """A pattern that does not compile: the engine's words and the offset at which it gave up."""

    def __init__(self, reason: str, offset: int) -> None:
        self.reason = reason
        self.offset = offset
        super().__init__(f"{reason} at offset {offset}")


def translate(pattern: str) -> str:
    """The Python pattern that matches what PCRE's ``pattern`` matches; raises ``Unsupported``."""
    out: list[str] = []
    opened: list[str] = [""]
    position, end = 0, len(pattern)
    while position < end:
        char = pattern[position]
        if char == "\\":
            piece, position = _escape(pattern, position)
        elif char == "[":
            piece, position = _bracket(pattern, position)
        elif char == "(":
            piece, position = _group(pattern, position, opened)
        elif char == ")" and len(opened) > 1:
            piece, position = ")" * opened.pop().count("(") + ")", position + 1
        elif char == "|":
            piece, position = ")" * opened[-1].count("(") + "|" + opened[-1], position + 1
        else:
            piece, position = char, position + 1
        out.append(piece)
    return "".join(out) + ")" * opened[0].count("(")


def _escape(pattern: str, position: int) -> tuple[str, int]:
    following = pattern[position + 1 : position + 2]
    if following == "Q":
        close = pattern.find("\\E", position + 2)
        close = len(pattern) if close < 0 else close
        return re.escape(pattern[position + 2 : close]), close + 2
    if following == "E":
        return "", position + 2
    if code := _HEX.match(pattern, position):
        return re.escape(chr(int(code[1], 16))), code.end()
    if following in _ESCAPES:
        return _ESCAPES[following], position + 2
    if following in "GKXpPgkCyY" and following:
        raise Unsupported(f"\\{following} in a regular expression")
    if following.isascii() and following.isalpha() and following not in _SAME:
        return following, position + 2
    return pattern[position : position + 2], position + 2


def _bracket(pattern: str, position: int) -> tuple[str, int]:
    start = position
    position += 1
    out = ["["]
    if pattern.startswith("^", position):
        out.append("^")
        position += 1
    if pattern.startswith("]", position):
        out.append("\\]")
        position += 1
    while position < len(pattern) and pattern[position] != "]":
        if named := _CLASS.match(pattern, position):
            if named[1] or named[2] not in _POSIX:
                raise Unsupported(f"{named[0]} in a regular expression")
            out.append(_POSIX[named[2]])
            position = named.end()
        elif pattern[position] == "\\":
            piece, position = _escape(pattern, position)
            out.append(r" \t" if piece == _ESCAPES["h"] else piece)
        else:
            plain = pattern[position]
            doubled = plain == "-" and pattern.startswith("-", position + 1)
            out.append("\\" + plain if plain in "[&~|" or doubled else plain)
            position += 1
    if position >= len(pattern):
        return pattern[start:], position
    return "".join(out) + "]", position + 1


def _group(pattern: str, position: int, opened: list[str]) -> tuple[str, int]:
    if pattern.startswith(_UNKNOWN_GROUPS, position):
        raise Unsupported(f"{pattern[position : position + 3]} in a regular expression")
    if options := _OPTIONS.match(pattern, position):
        on, off = options[1], options[2] or ""
        if set(on + off) - set("imsx"):
            raise Unsupported(f"{options[0]} in a regular expression")
        opener = f"(?{on}{'-' if off else ''}{off}:"
        opened[-1] += opener
        return opener, options.end()
    if pattern.startswith("(?#", position):
        close = pattern.find(")", position)
        return "", len(pattern) if close < 0 else close + 1
    opened.append("")
    if pattern.startswith("(?<", position) and pattern[position + 3 : position + 4] not in ("=", "!", ""):
        return "(?P<", position + 3
    return "(", position + 1


@lru_cache(maxsize=512)
def compile_pattern(pattern: str, caseless: bool = False) -> re.Pattern[str]:
    """The compiled pattern; raises ``RegexError`` or ``Unsupported``.

    Source: regex_compile(), src/regex_cache.c (before 4.97 regex_must_compile(), src/exim.c).
    """
    flags = re.ASCII | (re.IGNORECASE if caseless else 0)
    try:
        return re.compile(translate(pattern), flags)
    except re.error as error:
        raise RegexError(error.msg, error.pos or 0) from None
    except (OverflowError, RecursionError) as error:
        raise RegexError(str(error), 0) from None


def groups_of(match: re.Match[str]) -> tuple[str, ...]:
    """``$0``, ``$1``, ... after a match; groups that took no part are empty, and left out at the end."""
    last = match.re.groups
    while last and match.start(last) < 0:
        last -= 1
    return tuple(match[index] or "" for index in range(last + 1))
