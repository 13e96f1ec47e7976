"""What -d asks for: ``decode_bits()`` in src/exim.c, as far as it tells whether there is debugging output."""

from __future__ import annotations

import re

from eximsim.errors import Unsupported
from eximsim.quick_dataclass import dataclass

_WORDS = re.compile(r"(?:[+-][a-z_0-9]+)*")
_WORD = re.compile(r"([+-])([a-z_0-9]+)")
_NUMBER = re.compile(r"=(?:0[xX][0-9a-fA-F]+|\d+)", re.ASCII)


class BadSelector(Exception):
    """What the program says of a selector that is none."""


@dataclass(frozen=True, slots=True)
class Debugging:
    """Whether anything is shown, and whether that has what -v shows."""

    any: bool
    verbose: bool


def debug_selector(text: str) -> Debugging:
    """What the letters after -d choose; raises ``BadSelector``, and ``Unsupported`` for a number."""
    words = text.removeprefix("d")
    if words.startswith("="):
        if _NUMBER.fullmatch(words):
            raise Unsupported(f"debugging output by its number (-d{text})")
        raise BadSelector(f"malformed numeric debug_selector setting: {words}")
    named = _WORDS.match(words)
    assert named is not None
    if rest := words[named.end() :]:
        raise BadSelector(f'malformed debug_selector setting: + or - expected but found "{rest}"')
    chosen = {"default"}
    for sign, name in _WORD.findall(words):
        if name == "all":
            chosen.clear()
        if sign == "+":
            chosen.add(name)
        else:
            chosen.discard(name)
    return Debugging(bool(chosen), "all" in chosen or "default" in chosen)
