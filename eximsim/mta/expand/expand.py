"""String expansion (src/expand.c): what the rest of the model calls.

A text is read once (``expand_parse``) and evaluated as often as needed (``expander``); items, conditions
and operators have a module each, with a table from name to function.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eximsim.bounds import BEYOND, beyond
from eximsim.errors import Unsupported
from eximsim.mta.base.string import from_octets, octets
from eximsim.mta.config.places import placed
from eximsim.mta.expand.expand_conditions import CONDITIONS
from eximsim.mta.expand.expand_items import ITEMS
from eximsim.mta.expand.expand_operators import run_operator
from eximsim.mta.expand.expand_parse import parse, parse_condition
from eximsim.mta.expand.expander import Expander, ExpansionFailed
from eximsim.mta.process.upward import expand_string

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

__all__ = ["ExpansionFailed", "expand", "expand_condition", "is_true"]

_SURROGATE = re.compile("[\ud800-\udfff]")


class PlainExpander(Expander):
    """The engine with Exim's items, conditions and operators."""

    __slots__ = ()

    items = ITEMS
    conditions = CONDITIONS
    operators = run_operator


@expand_string.answer
def expand(process: Process, text: str) -> str:
    """``text`` with all variables, items and escapes replaced.

    Raises ``ExpansionFailed``, or ``Unsupported``, with file and line, for what the model does not have.
    Source: expand_string(), src/expand.c.
    """
    return evaluate(process, text)


def evaluate(process: Process, text: str, expander: Expander | None = None) -> str:
    """As ``expand``, by another engine if one is given."""
    if "$" not in text and "\\" not in text:
        return text
    try:
        template = parse(text)
        constant = template.constant
        result = constant if constant is not None else (expander or PlainExpander(process)).string(template)
    except BEYOND as error:
        unsupported = beyond(error, "an expansion")
        if unsupported is None:
            raise
        raise placed(unsupported, process.config, text) from None
    except Unsupported as problem:
        raise placed(problem, process.config, text) from None
    return from_octets(octets(result)) if _SURROGATE.search(result) else result


def expand_condition(process: Process, text: str) -> bool:
    """Whether a condition without its ``${if`` (``eq {a}{b}``) holds: ``-be`` has no such thing, filters do.

    Raises as ``expand`` does. Source: eval_condition(), src/expand.c.
    """
    return PlainExpander(process).condition(parse_condition(text), skipping=False)


def is_true(value: str) -> bool:
    """The lax reading of an expanded condition: not empty, ``0``, ``no`` or ``false``."""
    return value not in ("", "0") and value.lower() not in ("no", "false")
