"""What values that were read from JSON must look like, said as a value: ``{"id": str, "log": [str]}``.

A shape is a type (``str``, ``int``, ``float``, ``bool``, ``object`` for anything), a list with one shape for
all items, a dict with a shape for each key, ``Map`` for any keys, or a tuple of shapes for one of them. Keys
that end in ``?`` may be absent. ``None`` stands for null.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from eximsim.errors import InputError
from eximsim.quick_dataclass import dataclass

_WORDS = {
    str: "a text", int: "a whole number", float: "a number", bool: "true or false", list: "a list",
    dict: "an object", type(None): "null", tuple: "", object: "anything",
}  # fmt: skip


_LARGEST = sys.float_info.max
_ABSENT = object()
_Fault = tuple[str, object, Any]
"""Where it is, what is there, what was expected."""


@dataclass(frozen=True, slots=True)
class Map:
    """An object with any keys, and one shape for all values."""

    of: Any


def check(value: object, shape: Any, path: str | None = None, line: int | None = None) -> None:
    """Raise ``InputError`` if ``value`` does not have the shape: it names the first place where."""
    fault = _fault(value, shape)
    if fault is not None:
        where, found, wanted = fault
        shown = "not there" if found is _ABSENT else repr(found)
        shown = shown if len(shown) <= 60 else f"{shown[:60]}..."
        raise InputError(f"{where or 'this'} is {shown}; expected {_word(wanted)}", path, line)


def _fault(value: object, shape: Any) -> _Fault | None:
    if type(value) is shape and shape is not float:
        return None
    if isinstance(shape, dict):
        return _in_object(value, shape) if isinstance(value, dict) else ("", value, dict)
    if isinstance(shape, list):
        return _in_items(enumerate(value), shape[0]) if isinstance(value, list) else ("", value, list)
    if isinstance(shape, tuple):
        return None if any(_fault(value, one) is None for one in shape) else ("", value, shape)
    if isinstance(shape, Map):
        return _in_items(value.items(), shape.of) if isinstance(value, dict) else ("", value, dict)
    return None if _is(value, shape) else ("", value, shape)


def _in_items(items: Iterable[tuple[object, object]], shape: Any) -> _Fault | None:
    for key, one in items:
        if type(one) is not shape or shape is float:
            fault = _fault(one, shape)
            if fault is not None:
                return _below(key, fault)
    return None


def _in_object(value: dict[str, Any], shape: dict[str, Any]) -> _Fault | None:
    for name, inner in shape.items():
        key = name.removesuffix("?")
        if key in value:
            fault = _fault(value[key], inner)
            if fault is not None:
                return _below(key, fault)
        elif key == name:
            return key, _ABSENT, inner
    return None


def _below(key: object, fault: _Fault) -> _Fault:
    """The same fault, seen from one list or object further out."""
    where, found, wanted = fault
    step = f"[{key}]" if isinstance(key, int) else str(key)
    return f"{step}.{where}" if where and not where.startswith("[") else f"{step}{where}", found, wanted


def _is(value: object, shape: Any) -> bool:
    if shape is object:
        return True
    if shape is None:
        return value is None
    if isinstance(value, bool):
        return shape is bool
    if shape is float:
        return isinstance(value, int | float) and -_LARGEST <= value <= _LARGEST
    return isinstance(value, shape)


def _word(shape: Any) -> str:
    if isinstance(shape, tuple):
        return " or ".join(dict.fromkeys(map(_word, shape)))
    if shape is None:
        return "null"
    kind = shape if isinstance(shape, type) else dict if isinstance(shape, Map) else type(shape)
    return _WORDS[kind]
