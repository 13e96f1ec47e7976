"""What is known of each switch, from the words under it and its history (``switches.py``)."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from eximsim.history import Step, switches_of
from eximsim.switches import Profile


@cache
def switch_words() -> Mapping[str, str]:
    """What the docstring under each field says, on one line."""
    parts = [one for one in Profile.__mro__ if one is not object]
    return MappingProxyType({name: words for part in parts for name, words in _words(part).items()})


def _words(part: type) -> dict[str, str]:
    (body,) = ast.parse(inspect.getsource(part)).body
    assert isinstance(body, ast.ClassDef)
    words: dict[str, str] = {}
    for field, following in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            match following:
                case ast.Expr(ast.Constant(str(text))):
                    words[field.target.id] = " ".join(text.split())
    return words


@cache
def switch_docs() -> Mapping[str, str]:
    """What is known of each switch, on one line: its words, its commits, where Exim has it."""
    switches = switches_of(Profile)
    return MappingProxyType(
        {
            name: f"{words} {_history(switches[name].steps)}: {switches[name].where}."
            if name in switches
            else words
            for name, words in switch_words().items()
        }
    )


def _history(steps: tuple[Step, ...]) -> str:
    told = [step.origin(step.release) if step.commit else f"measured ({step.release})" for step in steps]
    if not isinstance(steps[0].value, bool):
        return f"Changed by {', '.join(told)}"
    if len(told) == 1:
        return f"{'Since' if steps[0].value else 'Ended by'} {told[0]}"
    return f"From {told[0]} to {told[1]}"


def first_sentence(text: str) -> str:
    """What a text says first; a dot within a name or a number does not end a sentence."""
    head, dot, _ = text.partition(". ")
    return f"{head}." if dot else text
