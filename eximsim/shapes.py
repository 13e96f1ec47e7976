"""What values that were read from JSON must look like, said as a value: ``{"id": str, "log": [str]}``.

A shape is a type (``str``, ``int``, ``float``, ``bool``, ``object`` for anything), a list with one shape for
all items, a dict with a shape for each key, ``Map`` for any keys, or a tuple of shapes for one of them. Keys
that end in ``?`` may be absent. ``None`` stands for null.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eximsim.errors import InputError

_WORDS = {
    str: "a text", int: "a whole number", float: "a number", bool: "true or false", list: "a list",
    dict: "an object", type(None): "null", tuple: "", object: "anything",
}  # fmt: skip


_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Map:
    """An object with any keys, and one shape for all values."""

    of: Any


def check(value: object, shape: Any, path: str | None = None, line: int | None = None) -> None:
    """Raise ``InputError`` if ``value`` does not have the shape: it names the first place where."""
    for where, found, wanted in _faults(value, shape, ""):
        shown = "not there" if found is _ABSENT else repr(found)
        shown = shown if len(shown) <= 60 else f"{shown[:60]}..."
        raise InputError(f"{where or 'this'} is {shown}; expected {_word(wanted)}", path, line)


def _faults(value: object, shape: Any, where: str) -> Iterator[tuple[str, object, Any]]:
    if isinstance(shape, tuple):
        if not any(next(_faults(value, one, where), None) is None for one in shape):
            yield where, value, shape
    elif isinstance(shape, list):
        if isinstance(value, list):
            for number, item in enumerate(value):
                yield from _faults(item, shape[0], f"{where}[{number}]")
        else:
            yield where, value, list
    elif isinstance(shape, dict | Map):
        if isinstance(value, dict):
            yield from _of_object(value, shape, where)
        else:
            yield where, value, dict
    elif not _is(value, shape):
        yield where, value, shape


def _of_object(value: dict[str, Any], shape: Any, where: str) -> Iterator[tuple[str, object, Any]]:
    if isinstance(shape, Map):
        for key, one in value.items():
            yield from _faults(one, shape.of, f"{where}.{key}" if where else key)
        return
    for name, inner in shape.items():
        key = name.removesuffix("?")
        place = f"{where}.{key}" if where else key
        if key in value:
            yield from _faults(value[key], inner, place)
        elif key == name:
            yield place, _ABSENT, inner


def _is(value: object, shape: Any) -> bool:
    if shape is object:
        return True
    if shape is None:
        return value is None
    if isinstance(value, bool):
        return shape is bool
    if shape is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, shape)


def _word(shape: Any) -> str:
    if isinstance(shape, tuple):
        return " or ".join(dict.fromkeys(map(_word, shape)))
    if shape is None:
        return "null"
    kind = shape if isinstance(shape, type) else dict if isinstance(shape, Map) else type(shape)
    return _WORDS[kind]
