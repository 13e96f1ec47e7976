"""Regular expressions as Exim has them: PCRE2 over octets, with its own limits.

A match that takes more than 10,000,000 steps (PCRE2's default, which Exim leaves as it is) is given up. Exim
takes that for no match, and says so in its debugging output only; here it is in the trace of the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from functools import lru_cache
from typing import TYPE_CHECKING

import pcre2
from pcre2 import _cy

from eximsim.errors import Unsupported
from eximsim.mta.base.effort import REGEX
from eximsim.mta.base.string import from_octets, octets
from eximsim.quick_dataclass import dataclass
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.base.effort import Effort
    from eximsim.trace import Trace

REGULAR_EXPRESSION = Rule("regular expression", "src/exim.c regex_match_and_setup")
_QUICK = b"(*LIMIT_MATCH=100000)"
"""Most matches take fewer steps. Those that take more are remembered, and there are not many of them."""
_SHORT = 128
"""Characters of a text whose match is remembered: names and addresses are looked at again and again."""
_HEAP = b"(*LIMIT_HEAP=131072)"
"""KB that one match may use; Exim would take 20 GB."""
_TOO_MUCH_HEAP = "heap limit exceeded"

_NOT_EXIMS = 0x00000002 | 0x00100000
"""PCRE2_ALT_BSUX and PCRE2_NEVER_BACKSLASH_C, which the binding sets and Exim does not."""

_PCRE1_WORDS = {
    "missing closing parenthesis": "missing )",
    "quantifier does not follow a repeatable item": "nothing to repeat",
    "subpattern name must start with a non-digit": "group name must start with a non-digit",
    "missing ) after (?# comment": "missing ) after comment",
    "syntax error in subpattern name (missing terminator?)":
        "syntax error in subpattern name (missing terminator)",
    "unmatched closing parenthesis": "unmatched parentheses",
    "(*alpha_assertion) not recognized": "(*VERB) not recognized or malformed",
    "unknown property after \\P or \\p": "unknown property name after \\P or \\p",
    "two named subpatterns have the same name (PCRE2_DUPNAMES not set)":
        "two named subpatterns have the same name",
    "character code point value in \\x{} or \\o{} is too large":
        "character value in \\x{} or \\o{} is too large",
    "number after (?C is greater than 255": "number after (?C is > 255",
    "(?R (recursive pattern call) must be followed by a closing parenthesis":
        "(?R or (?[+-]digits must be followed by )",
    "a relative value of zero is not allowed": "a numbered reference must not be zero",
}  # fmt: skip
"""What PCRE says where it has other words than PCRE2."""

_AT = {
    "quantifier does not follow a repeatable item",
    "(*alpha_assertion) not recognized",
    "subpattern name must start with a non-digit",
    "unrecognized character after (? or (?-",
    "range out of order in character class",
    "unmatched closing parenthesis",
    "non-octal character in \\o{} (closing brace missing?)",
}
"""Errors whose offset is that of the octet at fault. The library of the binding gives the one after it."""

_PCRE1_AT = {
    "unknown property after \\P or \\p",
    "two named subpatterns have the same name (PCRE2_DUPNAMES not set)",
}
"""The same, of PCRE only."""


class RegexError(Exception):
    """A pattern that does not compile: the library's words, and the offset at which it gave up."""

    def __init__(self, reason: str, offset: int) -> None:
        self.reason = reason
        self.offset = offset
        super().__init__(f"{reason} at offset {offset}")

    def told(self, *, pcre2: bool) -> str:
        """Words and offset as a program says them that was built with PCRE2, or with PCRE."""
        reason = self.reason if pcre2 else _PCRE1_WORDS.get(self.reason, self.reason)
        past = self.reason in _AT or (not pcre2 and self.reason in _PCRE1_AT)
        return f"{reason} at offset {max(self.offset - past, 0)}"


Groups = tuple[str, ...]
"""``$0``, ``$1``, ... after a match; groups that took no part are empty, and left out at the end."""


@dataclass(frozen=True, slots=True)
class Span:
    """One of several matches in a text: the octets before it since the last one, and its groups."""

    before: str
    groups: Groups


@dataclass(frozen=True, slots=True)
class Regex:
    """A compiled pattern. Matches are told to ``trace`` if they are given up, and cost ``effort``."""

    pattern: str
    caseless: bool
    _quick: pcre2.Pattern = field(compare=False)
    _whole: pcre2.Pattern = field(compare=False)

    def search(self, text: str, trace: Trace, effort: Effort) -> Groups | None:
        """The groups of the first match, or None."""
        effort.spend_on_searching(REGEX)
        try:
            return _short(self, text) if len(text) <= _SHORT else self.quickly(text)
        except pcre2.LibraryError:
            effort.spend_on_regex()
            groups, why = _hard(self, text)
            self._tell(why, text, trace)
            return groups

    def quickly(self, text: str) -> Groups | None:
        """The same, if it takes few steps; raises ``pcre2.LibraryError`` if it takes more."""
        found = self._quick.search(octets(text))
        return None if found is None else _groups(found)

    def spans(self, text: str, trace: Trace, effort: Effort) -> Iterator[Span]:
        """All matches, from left to right; the last one has what is left over, and no groups."""
        subject = octets(text)
        done, why = 0, ""
        matches = self._whole.finditer(subject)
        while True:
            effort.spend()
            try:
                found = next(matches, None)
            except pcre2.LibraryError as error:
                effort.spend_on_regex()
                found, why = None, _reason(error)
            if found is None:
                break
            yield Span(from_octets(subject[done : found.start()]), _groups(found))
            done = found.end()
        self._tell(why, text, trace)
        yield Span(from_octets(subject[done:]), ())

    def _tell(self, why: str, text: str, trace: Trace) -> None:
        if why:
            trace.record(REGULAR_EXPRESSION, f"no match: {why}", pattern=self.pattern, text=text)


@lru_cache(maxsize=256)
def _hard(regex: Regex, text: str) -> tuple[Groups | None, str]:
    """The groups of a match that takes many steps, or why there is none."""
    try:
        found = regex._whole.search(octets(text))
    except pcre2.LibraryError as error:
        return None, _reason(error)
    return (None if found is None else _groups(found)), ""


def _reason(error: pcre2.LibraryError) -> str:
    reason = str(error)
    if reason == _TOO_MUCH_HEAP:
        raise Unsupported("a match of a regular expression that needs more than 128 MB")
    return reason


@lru_cache(maxsize=512)
def compile_pattern(pattern: str, caseless: bool = False) -> Regex:
    """The compiled pattern; raises ``RegexError``.

    Source: regex_compile(), src/regex_cache.c (before 4.97 regex_must_compile(), src/exim.c).
    """
    whole = _compiled(_HEAP, pattern, caseless)
    return Regex(pattern, caseless, _compiled(_QUICK + _HEAP, pattern, caseless), whole)


def _compiled(limits: bytes, pattern: str, caseless: bool) -> pcre2.Pattern:
    flags = pcre2.IGNORECASE if caseless else pcre2.NOFLAG
    text = limits + octets(pattern)
    try:
        return pcre2.Pattern(_cy.compile(text, flags, _NOT_EXIMS), text, flags, False, None)
    except pcre2.PatternError as error:
        reason = error.msg.partition("; ")[2]
        if "is disabled" in reason:
            raise Unsupported("\\C in a regular expression") from None
        raise RegexError(reason, max(error.pos - len(limits), 0)) from None


@lru_cache(maxsize=4096)
def _short(regex: Regex, text: str) -> Groups | None:
    return regex.quickly(text)


def _groups(match: pcre2.Match) -> Groups:
    last = match.re.groups
    while last and match.start(last) < 0:
        last -= 1
    return tuple(from_octets(match[index] or b"") for index in range(last + 1))
