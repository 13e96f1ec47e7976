"""What a test gives to a fixture, looked at before it is used, so that a slip is one clear line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar

from eximsim.errors import InputError
from eximsim.shapes import check

_Fixture = TypeVar("_Fixture", bound=type)


def told_where_called(fixture: _Fixture) -> _Fixture:
    """Have each slip in the use of a class told at the line of the test, without lines of ours below it."""
    for name, method in list(vars(fixture).items()):
        if isinstance(method, FunctionType) and (name == "__call__" or not name.startswith("_")):
            setattr(fixture, name, _told_where_called(method))
    return fixture


def _told_where_called(method: Callable[..., object]) -> Callable[..., object]:
    @wraps(method)
    def call(*args: object, **named: object) -> object:
        __tracebackhide__ = True
        try:
            return method(*args, **named)
        except InputError as slip:
            raise slip.with_traceback(None) from None

    return call


def check_arguments(shape: Mapping[str, Any], **given: object) -> None:
    """Raise ``InputError`` for the first argument that does not have the ``shape`` of its name, or has none.

    Shapes are those of ``eximsim.shapes``; a name that ends in ``?`` may be None. Paths count as texts.
    """
    known = [name.removesuffix("?") for name in shape]
    for name in given:
        if name not in known:
            raise InputError(f"{name}: expected {', '.join(known)}")
    check({name: _plain(value) for name, value in given.items() if value is not None}, dict(shape))


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
