"""Operators of string expansion that make or take numbers (src/expand.c)."""

from __future__ import annotations

import re

from eximsim.mta.base.numbers import int32
from eximsim.mta.base.readtime import readconf_printtime, readconf_readtime
from eximsim.mta.base.string import octets
from eximsim.mta.expand.expand_eval import EvalError, eval_expr, expanded_string_integer
from eximsim.mta.expand.expand_text import compute_hash, compute_nhash, extract_substr
from eximsim.mta.expand.expander import Expander, ExpansionFailed, TextFunction

_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LARGEST = 0x7FFFFFFF
_MOST_DIGITS = 12
_MOST = (1 << 64) - 1
_UNSIGNED = re.compile(r"[ \t\n\v\f\r]*[+-]?[0-9]+")


def _eval(expander: Expander, text: str, arg: str | None, name: str) -> str:
    try:
        return str(eval_expr(text, decimal=name.startswith("eval10")))
    except EvalError as error:
        done = text[: error.position]
        raise ExpansionFailed(
            f'error in expression evaluation: {error.message} (after processing "{done}")'
        ) from None


def _decimal(expander: Expander, text: str, name: str) -> int:
    """The number as strtoul() reads it: blanks and a sign may precede it, and a negative one wraps around."""
    if text and not _UNSIGNED.fullmatch(text):
        raise ExpansionFailed(
            f"argument for {name} operator is {expander.told(text)}, which is not a decimal number"
        )
    value = int(text or "0")
    return _MOST if abs(value) > _MOST else value & _MOST


def _base32(expander: Expander, text: str, arg: str | None, name: str) -> str:
    number = _decimal(expander, text, "base32")
    out = ""
    while number:
        number, digit = divmod(number, 32)
        out = _BASE32[digit] + out
    return out


def _base62(expander: Expander, text: str, arg: str | None, name: str) -> str:
    number = _decimal(expander, text, "base62")
    out = ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        out = _BASE62[digit] + out
    return out


def _undo_base(expander: Expander, text: str, name: str, digits: str) -> str:
    number = 0
    for char in text:
        value = digits.find(char)
        if value < 0:
            what = f"which is not a base {len(digits)} number"
            raise ExpansionFailed(f"argument for {name} operator is {expander.told(text)}, {what}")
        number = number * len(digits) + value
    number &= (1 << 64) - 1
    return str(number - (1 << 64) if number >> 63 else number)


def _base32d(expander: Expander, text: str, arg: str | None, name: str) -> str:
    try:
        return _undo_base(expander, text, "base32d", _BASE32)
    except ExpansionFailed:
        message = f"argument for base32d operator is {expander.told(text)}, which is not a base 32 number"
        raise ExpansionFailed(message) from None


def _base62d(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return _undo_base(expander, text, "base62d", _BASE62)


def _randint(expander: Expander, text: str, arg: str | None, name: str) -> str:
    try:
        limit = expanded_string_integer(text, positive=True)
    except EvalError as error:
        raise ExpansionFailed(error.about(expander.told)) from None
    return str(expander.process.machine.rng.randrange(limit)) if limit > 0 else "0"


def _strlen(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return str(len(octets(text)))


def _time_eval(expander: Expander, text: str, arg: str | None, name: str) -> str:
    seconds = readconf_readtime(text)
    if seconds is None:
        raise ExpansionFailed(
            f'string {expander.told(text)} is not an Exim time interval in "{name}" operator'
        )
    return str(seconds)


def _time_interval(expander: Expander, text: str, arg: str | None, name: str) -> str:
    if text.strip("0123456789"):
        raise ExpansionFailed(f'string {expander.told(text)} is not a positive number in "{name}" operator')
    return readconf_printtime(int32(text or "0"))


def _values(expander: Expander, arg: str | None, name: str) -> tuple[int, int]:
    """The one or two numbers after the underscores; -1 for a second one that is missing."""
    if arg is None:
        raise ExpansionFailed(f"missing values after {name}")
    only_length = name.split("_")[0] in ("length", "l")
    negative = not only_length and name[0] == "s" and arg.startswith("-")
    first, underscore, second = arg[negative:].partition("_")
    if (only_length and underscore) or (underscore and not (first and second)):
        raise ExpansionFailed(f'non-digit after underscore in "{name}"')
    checked = expander.process.profile.operator_numbers_checked
    numbers = [_digits(first, name, checked), _digits(second, name, checked)]
    if only_length:
        return 0, numbers[0]
    return -numbers[0] if negative else numbers[0], numbers[1] if underscore else -1


def _digits(text: str, name: str, checked: bool) -> int:
    if text.strip("0123456789"):
        raise ExpansionFailed(f'non-digit after underscore in "{name}"')
    if not checked:
        return int32(text or "0")
    value = int(text[-_MOST_DIGITS:] or "0")
    if value > _LARGEST or len(text) > _MOST_DIGITS:
        raise ExpansionFailed(f'value too large in "{name}"')
    return value


def _substr(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return extract_substr(text, *_values(expander, arg, name))


def _hash(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return compute_hash(expander.process, text, *_values(expander, arg, name))


def _nhash(expander: Expander, text: str, arg: str | None, name: str) -> str:
    guarded = expander.process.profile.nhash_by_zero_refused
    return compute_nhash(text, *_values(expander, arg, name), guarded=guarded)


NUMBERS: dict[str, TextFunction] = {
    "base32": _base32,
    "base32d": _base32d,
    "base62": _base62,
    "base62d": _base62d,
    "eval": _eval,
    "eval10": _eval,
    "h": _hash,
    "hash": _hash,
    "l": _substr,
    "length": _substr,
    "nh": _nhash,
    "nhash": _nhash,
    "randint": _randint,
    "s": _substr,
    "strlen": _strlen,
    "substr": _substr,
    "time_eval": _time_eval,
    "time_interval": _time_interval,
}
"""The operators of this module by name."""
