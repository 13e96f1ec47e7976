"""Whether the conditions of an Exim filter hold (test_condition(), src/filter.c)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from eximsim.mta.base.parse import AddressError, parse_find_address_end
from eximsim.mta.base.regex_cache import RegexError, compile_pattern
from eximsim.mta.base.string import octets, strstric
from eximsim.mta.process.extract import extract_address
from eximsim.mta.routing.filters.numbers import read_long, to_int
from eximsim.mta.routing.filters.personal import filter_personal
from eximsim.mta.routing.filters.running import Filtering
from eximsim.mta.routing.filters.syntax import Condition, FilterError

_SUFFIX = re.compile(r"([kK]?)([mM]?)[ \t\n\v\f\r]*")


def test_condition(run: Filtering, condition: Condition) -> bool:
    """Whether the condition comes to what is wanted of it; raises ``FilterError``."""
    run.process.effort.spend()
    decide = _CONDITIONS.get(condition.kind, _compare)
    return decide(run, condition) is condition.wanted


def _and(run: Filtering, condition: Condition) -> bool:
    return all(test_condition(run, part) for part in condition.parts)


def _or(run: Filtering, condition: Condition) -> bool:
    return any(test_condition(run, part) for part in condition.parts)


def _personal(run: Filtering, condition: Condition) -> bool:
    return not run.system and filter_personal(run.process, condition.aliases, scan_cc=False)


def _delivered(run: Filtering, condition: Condition) -> bool:
    return run.delivered


def _error_message(run: Filtering, condition: Condition) -> bool:
    return bool(run.process.message_id) and not run.process.variables.get("sender_address")


def _first_delivery(run: Filtering, condition: Condition) -> bool:
    message = run.process.message
    return run.testing or message is None or message.deliver_firsttime


def _manually_thawed(run: Filtering, condition: Condition) -> bool:
    message = run.process.message
    return message is not None and message.manual_thaw


def _for_any_address(run: Filtering, condition: Condition) -> bool:
    """Whether the inner condition holds for an address of the list; that is then ``$thisaddress``.

    An error with one address does not keep Exim from trying the next; the last one counts.
    """
    text = run.expand(condition.left, "filter file")
    position, in_group, held = 0, False, False
    error: FilterError | None = None
    while position < len(text) and not held:
        end = parse_find_address_end(text, position)
        try:
            found = extract_address(run.process, text[position:end], group=True, in_group=in_group)
            in_group = found.in_group
            run.process.variables["thisaddress"] = found.address
            held = test_condition(run, condition.parts[0])
        except AddressError as problem:
            in_group = problem.in_group
            run.process.variables.pop("thisaddress", None)
        except FilterError as problem:
            error = problem
        if not text.startswith(",", end):
            break
        position = end + 1
    if error is not None:
        raise error
    return held


def _compare(run: Filtering, condition: Condition) -> bool:
    left = run.expand(condition.left, "filter file")
    right = run.expand(condition.right, "filter file")
    return _COMPARISONS[condition.kind](run, left, right)


_Comparison = Callable[[Filtering, str, str], bool]


def _plainly(compare: Callable[[bytes, bytes], bool], *, caseless: bool) -> _Comparison:
    def test(run: Filtering, left: str, right: str) -> bool:
        if caseless:
            return compare(octets(left).lower(), octets(right).lower())
        return compare(octets(left), octets(right))

    return test


def _contains(run: Filtering, left: str, right: str) -> bool:
    return strstric(octets(left), octets(right))


def _matching(*, caseless: bool) -> _Comparison:
    def test(run: Filtering, left: str, right: str) -> bool:
        process = run.process
        try:
            regex = compile_pattern(right, caseless)
        except RegexError as error:
            told = error.told(pcre2=process.profile.pcre2)
            if process.profile.filter_regex_cached:
                raise FilterError(f"regular expression error in {run.quoted(right)}: {told}") from None
            raise FilterError(f'error while compiling regular expression "{right}": {told}') from None
        groups = regex.search(left, process.trace, process.effort)
        if groups is not None:
            process.numeric = groups
        return groups is not None

    return test


def _number(run: Filtering, text: str) -> int:
    """A number with K or M behind it, as an int of C holds it. Source: get_number()."""
    found = read_long(text)
    suffix = _SUFFIX.fullmatch(text, found[1]) if found is not None else None
    if found is None or suffix is None:
        raise FilterError(f"malformed numerical string {run.quoted(text)}")
    return to_int(found[0] * (1024 if suffix[1] else 1) * (1024 * 1024 if suffix[2] else 1))


def _above(run: Filtering, left: str, right: str) -> bool:
    return _number(run, left) > _number(run, right)


def _below(run: Filtering, left: str, right: str) -> bool:
    return _number(run, left) < _number(run, right)


_CONDITIONS: Mapping[str, Callable[[Filtering, Condition], bool]] = {
    "and": _and,
    "delivered": _delivered,
    "error_message": _error_message,
    "first_delivery": _first_delivery,
    "foranyaddress": _for_any_address,
    "manually_thawed": _manually_thawed,
    "or": _or,
    "personal": _personal,
}

_COMPARISONS: Mapping[str, _Comparison] = {
    "BEGINS": _plainly(bytes.startswith, caseless=False),
    "CONTAINS": _plainly(bytes.__contains__, caseless=False),
    "ENDS": _plainly(bytes.endswith, caseless=False),
    "IS": _plainly(bytes.__eq__, caseless=False),
    "MATCHES": _matching(caseless=False),
    "above": _above,
    "begins": _plainly(bytes.startswith, caseless=True),
    "below": _below,
    "contains": _contains,
    "ends": _plainly(bytes.endswith, caseless=True),
    "is": _plainly(bytes.__eq__, caseless=True),
    "matches": _matching(caseless=True),
}
