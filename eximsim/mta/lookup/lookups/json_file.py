"""Files of JSON: the key is a list of names and indices on the way to a value (src/lookups/json.c)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isfinite
from typing import NoReturn

from eximsim.errors import Unsupported
from eximsim.mta.base.kept import Kept
from eximsim.mta.base.string import from_octets, list_items

_MOST = 1_000_000
"""Values of a file, and of all that are kept."""
_INTEGERS = range(-(2**63), 2**63)
"""The whole numbers that jansson reads."""


def json_find(content: bytes, key: str) -> str | None:
    """The value at ``key``; None if there is none, or what is read is no JSON. Source: json_find().

    Raises ``Unsupported`` for what goes very deep, of which jansson reads 2048 levels, and for very much.
    """
    if _values(content) > _MOST:
        raise Unsupported(f"a JSON file of more than {_MOST:,} values")
    try:
        return _find(content, key)
    except ValueError:
        return None
    except RecursionError:
        raise Unsupported("a JSON file with values so deep in others") from None


def _find(content: bytes, key: str) -> str | None:
    found = _KEPT.of(content, _read)[0]
    for name in list_items(key):
        if all(char in "0123456789" for char in name):
            index = int(name[:20] or "0")
            if not isinstance(found, list) or index >= len(found):
                return None
            found = found[index]
        elif isinstance(found, dict) and name in found:
            found = found[name]
        else:
            return None
    return _written(found)


def _values(content: bytes) -> int:
    """How many values there are at most."""
    return content.count(b",") + content.count(b"[") + content.count(b"{")


def _read(content: bytes) -> tuple[object, int]:
    """The whole of a file, which is an object or an array, and its size; raises ``ValueError``."""
    text = content.decode("utf-8")
    read = json.loads(text, parse_constant=_no_number, parse_int=_integer, parse_float=_real)
    if not isinstance(read, (dict, list)):
        raise ValueError("neither an object nor an array")
    return read, _values(content)


_KEPT: Kept[tuple[object, int]] = Kept(_MOST, lambda read: read[1])


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _integer(text: str) -> int:
    number = int(text)
    return number if number in _INTEGERS else _no_number(text)


def _real(text: str) -> float:
    number = float(text)
    return number if isfinite(number) else _no_number(text)


def _written(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:f}"
    if any(isinstance(part, float) for part in _parts(value)):
        raise Unsupported("a JSON array or object with a number that is not whole, as jansson writes it")
    return from_octets(json.dumps(value, ensure_ascii=False).encode())


def _parts(value: object) -> Iterator[object]:
    if isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _parts(part)
    else:
        yield value
