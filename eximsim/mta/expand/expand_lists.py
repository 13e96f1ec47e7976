"""The items of string expansion that make lists out of lists: filter, map, reduce and sort (src/expand.c)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import dropwhile
from typing import TYPE_CHECKING, Any

from eximsim.mta.base.effort import COMPARISON
from eximsim.mta.base.string import from_octets, in_quotes, octets
from eximsim.mta.config import expansion_names
from eximsim.mta.expand.expand_eval import EvalError, expanded_string_integer
from eximsim.mta.expand.expand_parse import parse_condition
from eximsim.mta.expand.expand_text import strcmpic
from eximsim.mta.expand.expand_tree import Item
from eximsim.mta.expand.expander import Expander, ExpansionFailed
from eximsim.mta.process.sigsegv import null_pointer

if TYPE_CHECKING:
    from eximsim.profiles import Profile


def _joined(items: Iterator[str], separator: str) -> str:
    """A list with separators doubled; an item that is empty or begins with one gets a space before it."""
    out = ""
    for item in items:
        if out and item[:1] in ("", separator):
            out += " "
        out += item.replace(separator, separator * 2) + separator
    return out[:-1]


def _put_together(items: Iterable[str], separator: str, profile: Profile) -> str:
    """A list of items whose separators are doubled. Source: string_append_listele(), src/string.c."""
    if profile.empty_items_spaced:
        items = (item or " " for item in items)
    elif not profile.empty_start_kept:
        items = dropwhile(lambda item: not item, items)
    return separator.join(item.replace(separator, separator * 2) for item in items)


def iterate_item(expander: Expander, item: Item, skipping: bool) -> str:
    """Evaluate ``${filter``, ``${map`` or ``${reduce``."""
    process = expander.process
    name = item.name
    saved_value = process.variables.get("value")
    separator, source = expander.list_argument(item.args[0], skipping=skipping) if item.args else (":", "")
    if name == "reduce" and len(item.args) > 1:
        initial = expander.string(item.args[1], skipping=skipping)
        if not skipping:
            expander.set_value(initial)
    _look_through(expander, item)
    if skipping:
        return ""
    with process.setting(item=process.variables.get("item")):
        items = expander.list_items(source, separator)
        try:
            if name == "filter":
                return _joined(_filtered(expander, item, items), separator)
            if name == "map":
                return _joined(_mapped(expander, item, items), separator)
            for text in _mapped(expander, item, items):
                expander.set_value(text)
            return process.variables.get("value", "")
        finally:
            expander.set_value(saved_value)


def _look_through(expander: Expander, item: Item) -> None:
    """What Exim does to find the end of the part that is evaluated for each item of the list."""
    try:
        if item.condition is not None:
            expander.condition(item.condition, skipping=True)
        elif len(item.args) > (2 if item.name == "reduce" else 1):
            expander.string(item.args[-1], skipping=True)
    except ExpansionFailed as error:
        raise ExpansionFailed(f'{error.message} inside "{item.name}" item') from None
    if item.fault is not None:
        raise expander.failure(item.fault)


def _filtered(expander: Expander, item: Item, items: Iterator[str]) -> Iterator[str]:
    assert item.condition is not None
    for text in items:
        expander.process.variables["item"] = text
        value = expander.process.variables.get("value")
        try:
            wanted = expander.condition(item.condition, skipping=False)
        except ExpansionFailed as error:
            raise _inside(expander, item, error, "condition") from None
        expander.set_value(value)
        if wanted:
            yield text


def _mapped(expander: Expander, item: Item, items: Iterator[str]) -> Iterator[str]:
    for text in items:
        expander.process.variables["item"] = text
        try:
            result = expander.string(item.args[-1])
        except ExpansionFailed as error:
            raise _inside(expander, item, error, "item") from None
        yield result


def _inside(expander: Expander, item: Item, error: ExpansionFailed, what: str) -> ExpansionFailed:
    message = in_quotes(error.message) if expander.process.profile.expansion_errors_quoted else error.message
    return ExpansionFailed(f'{message} inside "{item.name}" {what}', forced=error.forced, defer=error.defer)


_SORT_NUMERIC: dict[str, Callable[[int, int], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
_SORT_TEXTS: dict[str, Callable[[Any, Any], bool]] = {
    "lt": lambda left, right: left < right,
    "le": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "ge": lambda left, right: left >= right,
}


def _sorts_before(name: str, left: str, right: str) -> bool:
    if name in _SORT_NUMERIC:
        try:
            return _SORT_NUMERIC[name](expanded_string_integer(left), expanded_string_integer(right))
        except EvalError:
            return False
    if name.endswith("i"):
        return _SORT_TEXTS[name[:2]](strcmpic(left, right), 0)
    return _SORT_TEXTS[name](octets(left), octets(right))


def _comparator(expander: Expander, text: str, skipping: bool) -> str:
    """The name of the comparison (identify_operator())."""
    name = parse_condition(f"{text}{{}}{{}}").name if text[:1] not in (" ", "\t", "!", "\n") else ""
    if not name:
        found = from_octets(octets(text)[:16])
        raise ExpansionFailed(f'condition name expected, but found "{found}"')
    if name not in expansion_names.CONDITIONS or name in expander.lacking.conditions:
        raise ExpansionFailed("")
    if name not in _SORT_NUMERIC and name.removesuffix("i") not in _SORT_TEXTS:
        raise ExpansionFailed("comparator not handled for sort")
    return name


def _sort_key(expander: Expander, item: Item) -> str:
    told = expander.told(item.word)
    try:
        key = expander.string(item.args[2])
    except ExpansionFailed as error:
        message = f"field-extract in sort: {told}"
        raise ExpansionFailed(message, forced=error.forced, defer=error.defer) from None
    if not key:
        raise ExpansionFailed(f"field-extract in sort: {told}")
    return key


def _condition_holds(expander: Expander, comparator: str, left: str, right: str) -> bool:
    """What the condition says that is made of the texts, which are expanded once more."""
    text = f"{comparator}{{{left}}}{{{right}}}"
    try:
        return expander.condition(parse_condition(text), skipping=False)
    except ExpansionFailed as error:
        message = f"comparison in sort: {text}"
        raise ExpansionFailed(message, forced=error.forced, defer=error.defer) from None


def sort_item(expander: Expander, item: Item, skipping: bool) -> str:
    """Evaluate ``${sort``.

    It is an insertion sort with a comparator that need not be an order, so no other sort gives the same. What
    is sorted so far is kept as two lists, one of items and one of keys: empty items do not live through that
    everywhere, and what follows them is then sorted by keys of others.
    """
    process = expander.process
    separator, source = expander.list_argument(item.args[0], skipping=skipping) if item.args else (":", "")
    values = [expander.part(arg, skipping=skipping) for arg in item.args[1:2]]
    fixed = process.profile.sort_by_fixed_comparisons
    comparator = values[0] if values else ""
    if fixed and values:
        comparator = _comparator(expander, comparator, skipping)
    if len(item.args) > 2:
        expander.string(item.args[2], skipping=True)
    if item.fault is not None:
        raise expander.failure(item.fault)
    if skipping:
        return ""
    before = partial(_sorts_before if fixed else partial(_condition_holds, expander), comparator)
    texts = keys = ""
    with process.setting(item=process.variables.get("item")):
        for text in expander.list_items(source, separator):
            process.variables["item"] = text
            key = _sort_key(expander, item)
            ordered = list(expander.list_items(texts, separator))
            others = list(expander.list_items(keys, separator))
            if len(others) < len(ordered):
                raise ExpansionFailed("Internal error in sort (list mismatch)")
            place = next(
                (index for index in range(len(ordered)) if before(key, others[index])),
                len(ordered),
            )
            texts = _put_together([*ordered[:place], text, *ordered[place:]], separator, process.profile)
            others.insert(place, key)
            keys = _put_together(others[: len(ordered) + 1], separator, process.profile)
            process.effort.spend_on_searching(COMPARISON * (place + 1))
            if not texts and process.profile.nothing_appended_is_nothing:
                raise null_pointer(process, process.doing)
    return texts
