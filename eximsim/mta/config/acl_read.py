"""Access control lists as they are written: acl_read() and acl_getline() in src/acl.c."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from functools import lru_cache

from eximsim.errors import InputError
from eximsim.mta.base.string import SPACES
from eximsim.mta.config.config_lines import ConfigLine
from eximsim.mta.config.option_values import readconf_readname
from eximsim.quick_dataclass import dataclass

VERBS = frozenset({"accept", "defer", "deny", "discard", "drop", "require", "warn"})

_CONDITIONS = """
    acl atrn_domains authenticated condition dcc decode demime dkim_signers dkim_status dmarc_status
    dnslists domains encrypted hosts local_parts malware mime_regex ratelimit recipients regex seen
    sender_domains senders spam spf spf_guess verify
"""
_MODIFIERS = """
    add_header bmi_optin continue control delay endpass log_message log_reject_target logwrite message
    queue remove_header set udpsend
"""
CONDITIONS = frozenset(_CONDITIONS.split())
"""Names that are tested; ``!`` in front turns the result round."""

MODIFIERS = frozenset(_MODIFIERS.split())
"""Names that do something when they are reached."""

_VARIABLE = re.compile(r"(?:acl_[cm][0-9_][A-Za-z0-9_]*|dkim_verify_(?:status|reason))(?=[ \t\n\v\f\r]*=)")
_OF_DKIM = ("dkim_verify_status", "dkim_verify_reason")


@dataclass(frozen=True, slots=True)
class AclCondition:
    """One condition or modifier, its argument unexpanded; that of ``set`` is ``variable = value``."""

    name: str
    argument: str
    negated: bool
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class AclVerb:
    """A verb with its conditions and modifiers in order; ``line`` is the last of a line that is continued."""

    verb: str
    conditions: tuple[AclCondition, ...]
    path: str
    line: int


def acl_read(
    lines: Callable[[], ConfigLine | None], absent: Container[str]
) -> tuple[tuple[AclVerb, ...], ConfigLine | None]:
    """The verbs of one ACL, and the line that ended it: the start of another ACL, or None at the end.

    ``absent`` holds the names that the release does not have (``"acl.seen"``). Raises ``InputError``, in
    Exim's words, for anything that is not a verb, condition or modifier, and for wrong use of them.
    """
    verbs: list[tuple[ConfigLine, str, list[AclCondition]]] = []
    while (line := lines()) is not None:
        rest = line.text.lstrip(SPACES)
        negated = rest.startswith("!")
        name, position = readconf_readname(rest, 1 if negated else 0)
        after = rest[position : position + 1]
        if after == ":" or (after == "=" and name[:1].isupper()):
            break
        if name in VERBS:
            if negated:
                raise _error(line, f'malformed ACL line "{line.text}"')
            verbs.append((line, name, []))
            rest = rest[position:]
            if not rest:
                continue
            negated = rest.startswith("!")
            name, position = readconf_readname(rest, 1 if negated else 0)
        elif not verbs:
            raise _error(line, f'unknown ACL verb "{name}" in "{line.text}"')
        _, verb, conditions = verbs[-1]
        conditions.append(_condition(line, verb, name, rest[position:], negated, absent))
    read = tuple(AclVerb(verb, tuple(found), at.path, at.last or at.line) for at, verb, found in verbs)
    return read, line


def _condition(
    line: ConfigLine, verb: str, name: str, rest: str, negated: bool, absent: Container[str]
) -> AclCondition:
    modifier = name in MODIFIERS
    if not (modifier or name in CONDITIONS) or f"acl.{name}" in absent:
        raise _error(line, f'unknown ACL condition/modifier in "{line.text}"')
    if negated and modifier:
        raise _error(line, f'ACL error: negation is not allowed with "{name}"')
    if name == "endpass":
        if verb not in ("accept", "discard"):
            raise _error(line, f'ACL error: "endpass" is not allowed with "{verb}"')
        return AclCondition(name, "", False, line.path, line.line)
    if name == "set":
        if problem := _wrong_variable(rest, dkim="acl.set_dkim" not in absent):
            raise _error(line, problem)
        return AclCondition(name, rest, False, line.path, line.line)
    if not rest.startswith("="):
        raise _error(line, f'"=" missing after ACL "{name}" {"modifier" if modifier else "condition"}')
    return AclCondition(name, rest[1:].lstrip(SPACES), negated, line.path, line.line)


def _wrong_variable(rest: str, *, dkim: bool) -> str | None:
    """What is wrong with ``VARIABLE = VALUE`` after ``set``: acl_varname_to_cond() in src/acl.c."""
    invalid = 'invalid variable name after "set" in ACL modifier'
    if _VARIABLE.match(rest) and (dkim or not rest.startswith(_OF_DKIM)):
        return None
    if dkim and rest.startswith(_OF_DKIM):
        if rest[18:19].isalnum():
            which = " or ".join(f'"{name}"' for name in _OF_DKIM)
            return f'{invalid} "set {rest}" (only {which} permitted)'
    elif not rest.startswith(("acl_c", "acl_m")):
        return f'{invalid} "set {rest}" (must start "acl_c" or "acl_m")'
    elif not (rest[5:6].isdigit() or rest[5:6] == "_"):
        return f'{invalid} "set {rest}" (digit or underscore must follow acl_c or acl_m)'
    elif odd := re.match(r"acl_[cm][A-Za-z0-9_]*([^A-Za-z0-9_=\s])", rest):
        return f'invalid character "{odd[1]}" in variable name in ACL modifier "set {rest}"'
    return '"=" missing after ACL "set" modifier'


@lru_cache(maxsize=256)
def read_inline(text: str, path: str = "", line: int = 0) -> tuple[AclVerb, ...]:
    """The verbs of an ACL that is given as text, as in ``acl_smtp_rcpt = accept``.

    Names of all releases are taken: the text may come out of an expansion. Raises ``InputError``.
    """
    source = _inline_lines(text, path, line)
    verbs, _ = acl_read(lambda: next(source, None), frozenset())  # what would begin another ACL ends it
    return verbs


def _inline_lines(text: str, path: str, line: int) -> Iterator[ConfigLine]:
    """Logical lines of ``text``; a comment inside a continued line is passed over (``acl_getline()``)."""
    logical = ""
    for physical in text.split("\n"):
        content = physical.lstrip(SPACES)
        if content.startswith("#") or not (content or logical):
            continue
        logical += content
        if (begun := logical.rstrip(SPACES)).endswith("\\"):
            logical = begun[:-1]
            continue
        yield ConfigLine(logical, path, line)
        logical = ""
    if logical:
        yield ConfigLine(logical, path, line)


def _error(line: ConfigLine, message: str) -> InputError:
    return InputError(f"error in ACL: {message}", line.path or None, line.line or None)
