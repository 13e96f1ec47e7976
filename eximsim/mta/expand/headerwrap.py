"""Long header lines folded: ``${headerwrap_COLUMNS_LIMIT:text}`` (wrap_header(), src/header.c)."""

from __future__ import annotations

from eximsim.errors import Unsupported
from eximsim.mta.base.numbers import read_long
from eximsim.mta.base.string import from_octets, list_items, octets
from eximsim.mta.expand.expander import Expander
from eximsim.mta.process.globals import UndefinedBehaviour

_COLUMNS, _LIMIT = 80, 998
_INDENT, _INDENT_COLUMNS = b"\t", 8
_KEPT = 10
"""A line is never broken before so many octets of what is left."""
_MOST = 2**31 - 1
_INT = 0xFFFFFFFF
_SPACES = b" \t\n\v\f\r"


def headerwrap(expander: Expander, text: str, arg: str | None, name: str) -> str:
    """The operator; the numbers are columns for a line and octets in all, 0 for any."""
    numbers = [read_long(part) & _INT for part in list_items(arg or "", "_")]
    columns, limit = (*numbers, *(_COLUMNS, _LIMIT)[len(numbers) :])[:2]
    return from_octets(wrap_header(octets(text), columns or _MOST, limit or _MOST))


def wrap_header(text: bytes, columns: int, limit: int) -> bytes:
    """``text`` in lines, the second and later ones with a tab in front.

    Raises ``UndefinedBehaviour`` where Exim reads beyond the end of the text, for want of counting newlines.
    """
    made, at, left, width = b"", 0, len(text), 0
    while text:
        end, newline = _line_end(text, at, left)
        if width + end - at > columns:
            cut = _last_space(text, at, at + columns - width)
            if cut is not None:
                made += text[at:cut].rstrip(_SPACES) if text[at:cut].strip(_SPACES) else text[at : at + 1]
                after = cut + 1
                while after < len(text) and text[after] in _SPACES:
                    after += 1
                taken, at = after - at, after
            else:
                taken = max(columns - width, 0)
                if not taken and limit == _MOST:
                    raise Unsupported("headerwrap to fewer columns than its indentation: it never ends")
                made, at = made + text[at : at + taken], at + taken
        else:
            taken = end - at
            if end > len(text):
                raise UndefinedBehaviour("headerwrap reads beyond the end of its text, after a newline")
            made, at = made + text[at:end], end + newline
        if at >= len(text):
            return made
        if len(made) >= limit:
            return made[:limit]
        left -= taken
        made += b"\n" + _INDENT
        width = _INDENT_COLUMNS
    return made


def _line_end(text: bytes, at: int, left: int) -> tuple[int, int]:
    """Where the line ends, and how long the newline is: one, or a backslash and an ``n``."""
    escape, newline = text.find(b"\\", at), text.find(b"\n", at)
    if escape >= 0 and text[escape + 1 : escape + 2] == b"n":
        return escape, 2
    return (newline, 1) if newline >= 0 else (at + left, 0)


def _last_space(text: bytes, at: int, last: int) -> int | None:
    return next((u for u in range(min(last, len(text) - 1), at + _KEPT, -1) if text[u] in _SPACES), None)
