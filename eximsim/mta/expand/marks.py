"""The marks of texts that come from outside (``is_tainted()``, src/store.c): see ``taint.py``."""

from __future__ import annotations

from enum import IntEnum


class Taint(IntEnum):
    """Whether a text comes from outside; the worst of its parts counts."""

    NONE = 0
    QUOTED = 1
    """It does, but what does so is quoted for a lookup."""
    UNKNOWN = 2
    """It depends on what is not followed here."""
    TAINTED = 3


class MarkedText(str):
    """A text that is not sure to be untainted, so that it is known wherever it is kept."""

    __slots__ = ()


class TaintedText(MarkedText):
    """A text that is tainted."""

    __slots__ = ()


class QuotedText(TaintedText):
    """A text that is tainted, and whose tainted parts are quoted for a lookup."""

    __slots__ = ()


_MARKS: dict[Taint, type[MarkedText]] = {
    Taint.QUOTED: QuotedText,
    Taint.UNKNOWN: MarkedText,
    Taint.TAINTED: TaintedText,
}


class CleanText(str):
    """A text that is not tainted although what has it mostly is."""

    __slots__ = ()


def marked(text: str, level: Taint) -> str:
    """The text with a mark, as it needs one."""
    if level is Taint.NONE:
        return text
    return _MARKS[level](text)


def marked_like(text: str, whole: str) -> str:
    """A part of a text, with the mark of the whole."""
    return type(whole)(text) if isinstance(whole, MarkedText) else text


def taint_of(text: str) -> Taint:
    """What the mark of a text says; one that is quoted for a lookup is tainted all the same."""
    if isinstance(text, MarkedText):
        return Taint.TAINTED if isinstance(text, TaintedText) else Taint.UNKNOWN
    return Taint.NONE
