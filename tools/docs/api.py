"""The page about ``eximsim.testing``: what its docstrings say, with signatures."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import cached_property
from typing import Any, get_args

from eximsim import testing

_INTRODUCTION = """\
# The API of eximsim.testing

Written by `python -m tools.docs` from the docstrings. This is the whole public API: the types of the fixtures
of [policy tests](pytest.md), and `world()` for use without pytest. [Stability](stability.md) says what will
not change.
"""


def api_page() -> str:
    """``docs/api.md``: every public name of ``eximsim.testing``."""
    parts = [_INTRODUCTION.rstrip()]
    for name in testing.__all__:
        parts += _public(name, getattr(testing, name))
    return "\n\n".join(parts) + "\n"


def _public(name: str, one: object) -> Iterator[str]:
    yield f"## {name}"
    if words := get_args(one):
        yield "One of " + ", ".join(f"`{word!r}`" for word in words) + "."
        return
    if not inspect.isclass(one):
        assert callable(one)
        yield _call(name, one)
        yield _words(one)
        return
    yield _words(one)
    if is_dataclass(one):
        yield "\n".join(f"- `{field.name}`: `{field.type}`" for field in fields(one) if _shown(field.name))
    for member, value in _members(one):
        if isinstance(value, (property, cached_property)):
            yield f"### `.{member}`"
        else:
            yield f"### {_call(f'.{member}', value)}"
        yield _words(value)


def _members(owner: type) -> Iterator[tuple[str, Any]]:
    """What a class and its own ancestors offer, in the order in which it is written."""
    seen = set()
    for one in reversed(owner.__mro__):
        if not one.__module__.startswith("eximsim."):
            continue
        for name in vars(one):
            if name not in seen and (_shown(name) or name in ("__call__", "__getitem__")):
                value = inspect.getattr_static(owner, name)
                if isinstance(value, (property, cached_property)) or inspect.isfunction(value):
                    seen.add(name)
                    yield name, value


def _call(name: str, one: Callable[..., object]) -> str:
    signature = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(one)))
    signature = re.sub(r"\(self(, )?", "(", signature, count=1)
    if name == ".__getitem__":
        signature = re.sub(r"^\((.*)\)", r"[\1]", signature)
    return f"`{'' if name in ('.__call__', '.__getitem__') else name}{signature}`"


def _words(one: object) -> str:
    """A docstring as Markdown: what stands below ``Args:`` and ``Raises:`` becomes a list."""
    text = (inspect.getdoc(one) or "").replace("``", "`")
    text = re.sub(r"^(Args|Raises|Returns):$", r"\1:\n", text, flags=re.MULTILINE)
    return re.sub(r"^ {4}(\w+): ", r"- `\1`: ", text, flags=re.MULTILINE).replace("\n        ", "\n  ")


def _shown(name: str) -> bool:
    return not name.startswith("_")
