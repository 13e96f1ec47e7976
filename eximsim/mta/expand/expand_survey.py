"""What a text would need of the expansion if all of it were evaluated, and the model does not have."""

from __future__ import annotations

from collections.abc import Iterator

from eximsim.bounds import BEYOND, beyond
from eximsim.mta.config.expansion_names import LACKING_VARIABLES
from eximsim.mta.expand import expand_conditions, expand_items, expand_operators
from eximsim.mta.expand.expand_parse import parse
from eximsim.mta.expand.expand_tree import Condition, Item, Node, Operator, Template, Variable


def lacking(text: str) -> Iterator[str]:
    """The items, conditions, operators, variables and lookups of ``text`` that are not modelled, in words."""
    if "$" in text:
        try:
            yield from list(_template(parse(text)))
        except BEYOND as error:
            if beyond(error, "") is None:
                raise
            yield "an expansion that is nested this deeply"


def _template(template: Template) -> Iterator[str]:
    for node in template.nodes:
        yield from _node(node)


def _node(node: Node) -> Iterator[str]:
    match node:
        case Variable():
            if node.name in LACKING_VARIABLES:
                yield f"the variable ${node.name}"
        case Operator():
            if node.name in expand_operators.LACKING:
                yield f"the expansion operator ${{{node.name}:"
            yield from _template(node.body)
        case Item():
            yield from _item(node)


def _item(item: Item) -> Iterator[str]:
    if item.name in expand_items.LACKING:
        yield f"the expansion item ${{{item.name}"
    for part in item.args:
        yield from _template(part)
    if item.condition is not None:
        yield from _condition(item.condition)
    if item.answer is not None:
        for branch in (item.answer.yes, item.answer.no):
            if branch is not None:
                yield from _template(branch)


def _condition(condition: Condition) -> Iterator[str]:
    if condition.name in expand_conditions.LACKING:
        yield f"the condition {condition.name}"
    if isinstance(condition.subject, Variable):
        yield from _node(condition.subject)
    for argument in condition.args:
        yield from _template(argument)
    for part in condition.parts:
        yield from _condition(part)
