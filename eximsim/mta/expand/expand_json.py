"""The little JSON that expansions read (src/expand.c)."""

from __future__ import annotations

from collections.abc import Iterator

from eximsim.mta.base.string import SPACES
from eximsim.mta.expand.expander import ExpansionFailed

_CHANGES = {"[": 1, "{": 1, "]": -1, "}": -1}


def dewrap(text: str, wrap: str, message: str = "{}") -> str:
    """What stands between the two characters of ``wrap``; what follows is dropped.

    Raises ``ExpansionFailed`` with ``message`` around Exim's own words. Source: dewrap().
    """
    inner, _ = dewrap_rest(text, wrap, message)
    return inner


def dewrap_rest(text: str, wrap: str, message: str = "{}") -> tuple[str, str]:
    """As ``dewrap``, and what follows the closing character."""
    opener, closer = wrap[0], wrap[1]
    rest = text.lstrip(SPACES)
    if not rest.startswith(opener):
        raise ExpansionFailed(message.format(f"missing '{opener}'"))
    depth = 0
    position = 1
    while position < len(rest):
        char = rest[position]
        if char == "\\":
            position += 1
        elif char == opener != closer:
            depth += 1
        elif char == closer:
            if depth == 0:
                return rest[1:position], rest[position + 1 :]
            depth -= 1
        position += 1
    raise ExpansionFailed(message.format(f"missing '{closer}'"))


def json_nextinlist(text: str, *, texts_keep_commas: bool) -> Iterator[str]:
    """The elements of an array or object, without its brackets. Source: json_nextinlist()."""
    position = 0
    while True:
        while position < len(text) and text[position] in SPACES:
            position += 1
        start = min(position, len(text))
        position = _element_end(text, start, texts_keep_commas)
        if position == start:
            return
        yield text[start:position]
        position += 1


def _element_end(text: str, position: int, texts_keep_commas: bool) -> int:
    depth = 0
    quoted = False
    while position < len(text):
        char = text[position]
        if quoted:
            if char == "\\":
                position += 1
            elif char == '"':
                quoted = False
        elif char == '"' and texts_keep_commas:
            quoted = True
        elif char == "," and depth == 0:
            return position
        else:
            depth += _CHANGES.get(char, 0)
        position += 1
    return min(position, len(text))
