"""What the switches of a profile say of themselves: the docstrings under the fields of ``Profile``."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from eximsim.profile import Profile


@cache
def switch_docs() -> Mapping[str, str]:
    """The docstring of each field, on one line; a field that has none is left out."""
    (body,) = ast.parse(inspect.getsource(Profile)).body
    assert isinstance(body, ast.ClassDef)
    docs: dict[str, str] = {}
    for field, following in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            match following:
                case ast.Expr(ast.Constant(str(text))):
                    docs[field.target.id] = " ".join(text.split())
    return MappingProxyType(docs)


def first_sentence(text: str) -> str:
    """What a docstring says first; a dot within a name or a number does not end a sentence."""
    head, dot, _ = text.partition(". ")
    return f"{head}." if dot else text
