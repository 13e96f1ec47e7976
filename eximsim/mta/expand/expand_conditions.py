"""The conditions of ``${if`` (eval_condition(), src/expand.c)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from eximsim.mta.base.string import SPACES, matchlist_parse_sep, octets, split_separator
from eximsim.mta.config import expansion_names
from eximsim.mta.config.expansion_names import COMPARISONS, ITERATIONS
from eximsim.mta.expand.expand_address import address_of, copies_addresses
from eximsim.mta.expand.expand_eval import EvalError, expanded_string_integer
from eximsim.mta.expand.expand_json import dewrap, json_nextinlist
from eximsim.mta.expand.expand_outside import authentication, crypteq
from eximsim.mta.expand.expand_srs import inbound_srs
from eximsim.mta.expand.expand_text import ascii_lower, strcmpic
from eximsim.mta.expand.expand_tree import Condition, Header, Variable
from eximsim.mta.expand.expand_variables import find_header, find_variable, is_known, unknown_variable_hint
from eximsim.mta.expand.expander import ConditionFunction, Expander, ExpansionFailed
from eximsim.mta.expand.marks import marked_like
from eximsim.mta.process import upward
from eximsim.mta.process.log import quoted
from eximsim.mta.process.reading import is_there
from eximsim.mta.process.sigsegv import immutable_memory, null_pointer
from eximsim.mta.records.lists import Kind
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.lists import ListMatch

_Test = Callable[[Expander, str, str], bool]


def _args(expander: Expander, condition: Condition, skipping: bool, *, marked: bool = False) -> list[str]:
    """The condition's strings, expanded, ``marked`` where from outside; raises what reading it raised."""
    read = expander.marked if marked else expander.part
    values = [read(arg, skipping=skipping) for arg in condition.args]
    if condition.fault is not None:
        raise expander.failure(condition.fault)
    return values


# ---- of one name ------------------------------------------------------------------------------------------


def _def(expander: Expander, condition: Condition, skipping: bool) -> bool:
    subject = condition.subject
    if subject is None:
        _args(expander, condition, skipping)
        return False
    if isinstance(subject, Header):
        found = expander.header(subject) is not None
        return not skipping and found == condition.wanted
    value = _defined(expander.process, subject, skipping)
    return not skipping and bool(value) == condition.wanted


def _defined(process: Process, subject: Variable, skipping: bool) -> str:
    name = subject.name
    if skipping:
        value = "" if is_known(process, name) else None
    elif name in ("message_headers", "message_headers_raw"):
        value = find_header(process, None, raw=True)
    else:
        if name == "reply_address":
            _trim_reply_address(process)
        value = find_variable(process, name)
    if value is None:
        if not name:
            raise ExpansionFailed('variable name omitted after "def:"')
        raise ExpansionFailed(f'unknown variable "{name}" after "def:"{unknown_variable_hint(name)}')
    return value


def _trim_reply_address(process: Process) -> None:
    """That a header is there is told by a constant, which is then trimmed as if it were the address."""
    if find_header(process, "reply-to:", raw=True) is None:
        if process.profile.missing_reply_address_dies:
            raise null_pointer(process, process.doing, address="(nil)")
        if find_header(process, "from:", raw=True) is None:
            return
    raise immutable_memory(process, process.doing)


def _first_delivery(expander: Expander, condition: Condition, skipping: bool) -> bool:
    message = expander.process.message
    return not skipping and (message is not None and message.deliver_firsttime) == condition.wanted


def _queue_running(expander: Expander, condition: Condition, skipping: bool) -> bool:
    return not skipping and expander.process.queue_running == condition.wanted


# ---- of one string ----------------------------------------------------------------------------------------


def _exists(expander: Expander, condition: Condition, skipping: bool) -> bool:
    (path,) = _args(expander, condition, skipping)
    if skipping:
        return False
    try:
        return is_there(expander.process, path) == condition.wanted
    except NotADirectoryError:
        return not condition.wanted


_FAMILIES = {"isip": (4, 6), "isip4": (4,), "isip6": (6,)}


def _isip(expander: Expander, condition: Condition, skipping: bool) -> bool:
    marked = copies_addresses(expander.process.profile)
    (text,) = _args(expander, condition, skipping, marked=marked)
    if skipping:
        return False
    found = address_of(expander, text)
    return (found is not None and found.version in _FAMILIES[condition.name]) == condition.wanted


def _bool(expander: Expander, condition: Condition, skipping: bool) -> bool:
    (text,) = _args(expander, condition, skipping)
    if skipping and not expander.process.profile.skipped_text_kept:
        return False
    holds = _truth(expander, text.strip(SPACES), condition.name == "bool_lax") == condition.wanted
    return holds and not skipping


def _truth(expander: Expander, text: str, lax: bool) -> bool:
    if not text:
        return False
    digits = text.removeprefix("-")
    if not digits.strip("0123456789"):
        return bool(digits.strip("0")) or (lax and len(text) > 1)
    word = text.lower()
    if word in ("true", "yes"):
        return True
    if word in ("false", "no"):
        return False
    if not lax:
        raise ExpansionFailed(f"unrecognised boolean value {expander.told(text)}")
    return True


# ---- of two strings ---------------------------------------------------------------------------------------


def _comparison(expander: Expander, condition: Condition, skipping: bool) -> bool:
    numeric = not condition.name[0].isalpha()
    profile = expander.process.profile
    read_again = "inlist" in condition.name and profile.list_separator_read_first
    is_address = condition.name == "match_ip" and copies_addresses(profile)
    numbers: list[int] = []
    texts: list[str] = []
    for arg in condition.args:
        value = expander.marked if (read_again if texts else is_address) else expander.string
        texts.append(value(arg, skipping=skipping))
        if numeric and not skipping:
            numbers.append(_number(expander, texts[-1]))
    if condition.fault is not None:
        raise expander.failure(condition.fault)
    if skipping:
        return False
    if numeric:
        return _NUMERIC[condition.name](*numbers) == condition.wanted
    return _TESTS[condition.name](expander, *texts) == condition.wanted


def _number(expander: Expander, text: str) -> int:
    try:
        return expanded_string_integer(text) if text else 0
    except EvalError as error:
        raise ExpansionFailed(error.about(expander.told)) from None


_NUMERIC: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "==": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
}


def _ordered(compare: Callable[[Any, Any], bool], caseless: bool) -> _Test:
    """Texts are compared octet by octet."""

    def test(expander: Expander, left: str, right: str) -> bool:
        if caseless:
            return compare(strcmpic(left, right), 0)
        return compare(octets(left), octets(right))

    return test


def _eq(expander: Expander, left: str, right: str) -> bool:
    return left == right


def _eqi(expander: Expander, left: str, right: str) -> bool:
    return ascii_lower(left) == ascii_lower(right)


def _match(expander: Expander, text: str, pattern: str) -> bool:
    found = expander.regex(pattern).search(text, expander.process.trace, expander.process.effort)
    if found is None:
        return False
    expander.process.numeric = found
    return True


def _inlist(expander: Expander, text: str, items: str) -> bool:
    return _find_item(expander, text, items, lambda item: item)


def _inlisti(expander: Expander, text: str, items: str) -> bool:
    return _find_item(expander, ascii_lower(text), items, ascii_lower)


def _find_item(expander: Expander, text: str, items: str, form: Callable[[str], str]) -> bool:
    separator: str | None = None
    if expander.process.profile.list_separator_read_first:
        separator, rest = matchlist_parse_sep(items)
        items = expander.expand_again(marked_like(rest, items)) if "$" in rest or "\\" in rest else rest
    for item in expander.list_items(items, separator):
        if form(item) == text:
            if expander.process.profile.list_match_sets_value:
                expander.set_value(item)
            return True
    return False


def _match_list(expander: Expander, text: str, items: str, kind: Kind) -> bool:
    return _listed(expander, items, upward.match_isinlist(expander.process, text, items, kind))


def _match_domain(expander: Expander, text: str, items: str) -> bool:
    return _match_list(expander, text, items, Kind.DOMAIN)


def _match_local_part(expander: Expander, text: str, items: str) -> bool:
    return _match_list(expander, text, items, Kind.LOCALPART)


def _match_address(expander: Expander, text: str, items: str) -> bool:
    return _match_list(expander, text, items, Kind.ADDRESS)


def _match_ip(expander: Expander, address: str, items: str) -> bool:
    if address and address_of(expander, address) is None:
        raise ExpansionFailed(f"{expander.told(address)} is not an IP address")
    return _listed(expander, items, upward.match_ip(expander.process, address, items))


def _listed(expander: Expander, items: str, found: ListMatch) -> bool:
    if found.rc is Rc.DEFER:
        error = found.error or ("NULL" if expander.process.search_error is None else "")
        raise ExpansionFailed(f"unable to complete match against {expander.told(items)}: {error}")
    if expander.process.profile.list_match_sets_value:
        expander.set_value(found.value)
    return found.rc is Rc.OK


_TESTS: dict[str, _Test] = {
    "crypteq": crypteq,
    "eq": _eq,
    "eqi": _eqi,
    "ge": _ordered(operator.ge, False),
    "gei": _ordered(operator.ge, True),
    "gt": _ordered(operator.gt, False),
    "gti": _ordered(operator.gt, True),
    "inlist": _inlist,
    "inlisti": _inlisti,
    "le": _ordered(operator.le, False),
    "lei": _ordered(operator.le, True),
    "lt": _ordered(operator.lt, False),
    "lti": _ordered(operator.lt, True),
    "match": _match,
    "match_address": _match_address,
    "match_domain": _match_domain,
    "match_ip": _match_ip,
    "match_local_part": _match_local_part,
}


# ---- of conditions ----------------------------------------------------------------------------------------


def _group(expander: Expander, condition: Condition, skipping: bool) -> bool:
    name = condition.name
    every = name == "and"
    decided = skipping
    combined = every
    for part in condition.parts:
        result = _inner(expander, part, decided, f'inside "{name}{{...}}" condition')
        if not decided:
            combined = result
            decided = result != every
    if condition.fault is not None:
        raise expander.failure(condition.fault)
    return not skipping and combined == condition.wanted


def _inner(expander: Expander, part: Condition, skipping: bool, where: str) -> bool:
    try:
        return expander.condition(part, skipping=skipping)
    except ExpansionFailed as error:
        raise ExpansionFailed(f"{error.message} {where}", forced=error.forced, defer=error.defer) from None


def _iteration(expander: Expander, condition: Condition, skipping: bool) -> bool:
    name = condition.name
    json = "json" in name
    if skipping:
        texts = [expander.part(arg, skipping=True) for arg in condition.args]
        lists = [(":", text) if json else split_separator(text) for text in texts]
    elif json:
        lists = [(":", expander.string(arg)) for arg in condition.args]
    else:
        lists = [expander.list_argument(arg) for arg in condition.args]
    where = f'inside "{name}" condition'
    for part in condition.parts:
        _inner(expander, part, True, where)
    if condition.fault is not None:
        raise expander.failure(condition.fault)
    any_will_do = name.startswith("forany")
    (part,) = condition.parts
    holds = not condition.wanted
    variables = expander.process.variables
    with expander.process.setting(item=variables.get("item")):
        separator, text = lists[0]
        items = _json_items(expander, name, text) if json else expander.list_items(text, separator)
        for item in items:
            variables["item"] = item
            result = _inner(expander, part, False, where)
            holds = result == condition.wanted
            if result == any_will_do:
                break
    return holds and not skipping


def _json_items(expander: Expander, name: str, source: str) -> Iterator[str]:
    try:
        inner = dewrap(source, "[]")
    except ExpansionFailed:
        raise null_pointer(expander.process, expander.process.doing, address="(nil)") from None
    for item in json_nextinlist(inner, texts_keep_commas=expander.process.profile.json_texts_keep_commas):
        yield (
            dewrap(item, '""', "{} wrapping string result for extract jsons") if name.endswith("s") else item
        )


# ---- calls ------------------------------------------------------------------------------------------------


def _acl(expander: Expander, condition: Condition, skipping: bool) -> bool:
    values = _args(expander, condition, skipping)
    if skipping:
        return False
    result, message = run_acl(expander.process, values)
    expander.set_value(message)
    return result == condition.wanted


def run_acl(process: Process, values: list[str]) -> tuple[bool, str | None]:
    """Run the ACL ``values[0]`` with the rest as ``$acl_arg1``...: whether it accepts, and its message.

    Raises ``ExpansionFailed``, forced if the ACL defers. Source: eval_acl(), src/expand.c.
    """
    args = values[1:]
    settings: dict[str, str | None] = {
        f"acl_arg{index}": args[index - 1] if index <= len(args) else None for index in range(1, 10)
    }
    with process.setting(**settings, acl_narg=str(len(args))):
        evaluate = process.acl_eval or partial(upward.acl_eval, process)
        rc, message, drop = evaluate(values[0])
    if rc in (Rc.OK, Rc.FAIL) and not drop:
        return rc is Rc.OK, message
    name = "FAIL_DROP" if drop else rc.name
    if not process.profile.acl_failure_named:
        name = "error"
    raise ExpansionFailed(f"{name} from acl {quoted(process, values[0])}", forced=rc is Rc.DEFER)


def _unreadable(expander: Expander, condition: Condition, skipping: bool) -> bool:
    _args(expander, condition, skipping)
    return False


class _Conditions(dict[str, ConditionFunction]):
    """A name that is none has a fault in its tree."""

    def __missing__(self, name: str) -> ConditionFunction:
        return _unreadable


CONDITIONS = _Conditions(
    {
        **dict.fromkeys(COMPARISONS, _comparison),
        **dict.fromkeys(ITERATIONS, _iteration),
        "acl": _acl,
        "and": _group,
        "bool": _bool,
        "bool_lax": _bool,
        "def": _def,
        "exists": _exists,
        "first_delivery": _first_delivery,
        "inbound_srs": inbound_srs,
        "isip": _isip,
        "isip4": _isip,
        "isip6": _isip,
        "ldapauth": authentication,
        "or": _group,
        "pam": authentication,
        "pwcheck": authentication,
        "queue_running": _queue_running,
        "radius": authentication,
        "saslauthd": authentication,
    }
)
"""Every condition by name."""
expansion_names.complete(CONDITIONS, expansion_names.CONDITIONS)

ASKED = frozenset(("crypteq", *(name for name, act in CONDITIONS.items() if act is authentication)))
"""Conditions that reach out of the program."""
