"""What a text would need if all of it were evaluated: what is asked for, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from eximsim.bounds import BEYOND, beyond
from eximsim.mta.config.expansion_names import LACKING_VARIABLES
from eximsim.mta.expand import expand_conditions, expand_items
from eximsim.mta.expand.expand_parse import parse
from eximsim.mta.expand.expand_tree import Condition, Item, Node, Operator, Template, Variable
from eximsim.mta.records.lookups import SearchError, find_type, is_asked

_LIST_LOOKUP = re.compile(r"(?:^|[\s:!<>{}])([a-z][a-z0-9]*+(?:-[a-z]++)?[*@]*(?:,[\w=,]+)?)[ \t]*;")


class Need(NamedTuple):
    """Something in a text, in words; ``asked``: it is answered by somebody, and not just missing."""

    item: str
    asked: bool = False


def needs(text: str) -> Iterator[Need]:
    """The items, conditions, operators, variables and lookups of ``text`` that the model alone cannot do."""
    if "$" in text:
        try:
            yield from list(_template(parse(text)))
        except BEYOND as error:
            if beyond(error, "") is None:
                raise
            yield Need("an expansion that is nested this deeply")
    for match in _LIST_LOOKUP.finditer(text):
        yield from _lookup(match[1])


def _lookup(word: str) -> Iterator[Need]:
    try:
        kind = find_type(word)
    except SearchError:
        return
    if is_asked(kind):
        yield Need(f"the lookup type {kind.name}", asked=True)


def _template(template: Template) -> Iterator[Need]:
    for node in template.nodes:
        yield from _node(node)


def _node(node: Node) -> Iterator[Need]:
    match node:
        case Variable():
            if node.name in LACKING_VARIABLES:
                yield Need(f"the variable ${node.name}", asked=True)
        case Operator():
            if node.name == "stat":
                yield Need("the expansion operator ${stat:", asked=True)
            yield from _template(node.body)
        case Item():
            yield from _item(node)


def _item(item: Item) -> Iterator[Need]:
    if item.name in expand_items.ASKED:
        yield Need(f"the expansion item ${{{item.name}", asked=True)
    if item.name == "lookup":
        yield from _lookup(item.word)
    for part in item.args:
        yield from _template(part)
    if item.condition is not None:
        yield from _condition(item.condition)
    if item.answer is not None:
        for branch in (item.answer.yes, item.answer.no):
            if branch is not None:
                yield from _template(branch)


def _condition(condition: Condition) -> Iterator[Need]:
    if condition.name in expand_conditions.ASKED:
        yield Need(f"the condition {condition.name}", asked=True)
    if isinstance(condition.subject, Variable):
        yield from _node(condition.subject)
    for argument in condition.args:
        yield from _template(argument)
    for part in condition.parts:
        yield from _condition(part)
