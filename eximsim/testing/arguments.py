"""What a test gives to a fixture, looked at before it is used, so that a slip is one clear line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eximsim.errors import InputError
from eximsim.shapes import check


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
