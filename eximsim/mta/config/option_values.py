"""From the text of a setting to its value: readconf_handle_option() and its helpers in src/readconf.c.

Every function raises ``Malformed`` with one line in Exim's words; the caller knows the place.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from eximsim.errors import Malformed
from eximsim.mta.base.readtime import readconf_readtime
from eximsim.mta.base.string import SPACES, string_dequote
from eximsim.mta.config.optionlist import Kind, Option, Value

_FIXED = re.compile(r"([0-9]+)(?:\.([0-9]*))?")
_SIGNED_FIXED = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)(?:\.([0-9]*))?[ \t\n\v\f\r]*")
_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|[0-9]+)")
_OCTAL = re.compile(r"[ \t\n\v\f\r]*([+-]?)([0-7]+)")
_WORD = re.compile(r"[ \t\n\v\f\r]*((?:[A-Za-z][A-Za-z0-9_]*)?)[ \t\n\v\f\r]*")

_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}
_SUFFIXES = {letter: 1024**power for power, letter in enumerate("kmgtpez", 1)}
_OF_INTEGERS = "kmgt"
_INT_MAX = 2**31 - 1
_LONG_MAX = 2**63 - 1
_MAX_TIMES = 10


def readconf_readname(text: str, position: int = 0) -> tuple[str, int]:
    """The name at ``position`` ("" if there is none), and where the next thing begins."""
    match = _WORD.match(text, position)
    assert match is not None
    return match[1], match.end()


def readconf_readfixed(text: str) -> int:
    """A number with up to three decimal places, times 1000, or -1 if ``text`` is not one."""
    match = _FIXED.fullmatch(text)
    return -1 if match is None else _thousandths(match)


def read_string(text: str, name: str) -> str:
    """A string value: the rest of the line as it is, or one string in quotes with escapes."""
    if not text.startswith('"'):
        return text
    value, end = string_dequote(text, 0)
    if end == 1 or text[end - 1] != '"':
        raise Malformed(f"missing quote at end of string value for {name}")
    if end < len(text):
        raise _extra_characters(text[end:], f"string value for {name}")
    return value


def read_value(option: Option, text: str, negated: bool) -> Value:
    """The value that ``text`` (what follows ``=``, "" if nothing does) gives to ``option``."""
    return _READERS[option.kind](option, text, not negated)


def _read_text(option: Option, text: str, wanted: bool) -> Value:
    return read_string(text, option.name)


def _read_flag(option: Option, text: str, wanted: bool) -> Value:
    if not text:
        return wanted
    word, end = readconf_readname(text)
    value = _BOOLEANS.get(word.lower())
    if value is None:
        raise Malformed(f'"{word}" is not a valid value for the "{option.name}" option', "yes or no expected")
    if end < len(text):
        raise _extra_characters(text[end:], f'"{word}" for boolean option {option.name}')
    return value


def _read_flag_or_text(option: Option, text: str, wanted: bool) -> Value:
    return read_string(text, option.name) if "$" in text else _read_flag(option, text, wanted)


def _read_integer(option: Option, text: str, wanted: bool) -> Value:
    octal = option.kind is Kind.OCTAL
    inttype = "octal " if octal else ""
    match = (_OCTAL if octal else _INTEGER).match(text)
    if match is None:
        raise Malformed(f"{inttype}integer expected for {option.name}")
    sign, digits = match[1], match[2]
    end = match.end()
    if octal or (digits.startswith("0") and digits[1:2] not in ("x", "X")):
        accepted = len(digits) - len(digits.lstrip("01234567"))
        end -= len(digits) - accepted
        number = int(digits[:accepted][:30], 8)
    else:
        number = int(digits[:30], 16 if digits[1:2] in ("x", "X") else 10)
    suffix = text[end : end + 1].lower()
    kilo = option.kind is Kind.KILO
    scaled = suffix in (_SUFFIXES if kilo else _OF_INTEGERS) and suffix != ""
    if scaled:
        number *= _SUFFIXES[suffix]
        end += 1
    if kilo:
        number = number // 1024 if scaled else (number + 512) // 1024
    if number > (_LONG_MAX if kilo else _INT_MAX):
        raise Malformed(f'absolute value of integer "{text}" is too large (overflow)')
    rest = text[end:].lstrip(SPACES)
    if rest:
        raise _extra_characters(rest, f"{inttype}integer value for {option.name}")
    return -number if sign == "-" else number


def _read_fixed(option: Option, text: str, wanted: bool) -> Value:
    match = _SIGNED_FIXED.match(text)
    if match is None:
        raise Malformed(f"fixed-point number expected for {option.name}")
    number = _thousandths(match)
    if not 0 <= number <= _INT_MAX:
        raise Malformed(f'integer "{text}" is too large (overflow)')
    if match.end() < len(text):
        raise _extra_characters(text[match.end() :], f"fixed-point value for {option.name}")
    return number


def _thousandths(match: re.Match[str]) -> int:
    return int(match[1][:18]) * 1000 + int(f"{(match[2] or '')[:3]:0<3}")


def _read_time(option: Option, text: str, wanted: bool) -> Value:
    value = readconf_readtime(text)
    if value is None or value > _INT_MAX:
        raise Malformed(f"invalid time value for {option.name}", "something like 1w2d3h4m5s expected")
    return value


def _read_time_or_text(option: Option, text: str, wanted: bool) -> Value:
    return text if text.startswith("$") else _read_time(option, text, wanted)


def _read_times(option: Option, text: str, wanted: bool) -> Value:
    times: list[int] = []
    for item in text.split(":") if text else ():
        value = readconf_readtime(item.strip(SPACES))
        if value is None or value > _INT_MAX:
            raise Malformed(f"invalid time value for {option.name}", "something like 4h:8h expected")
        if times and value <= times[-1]:
            raise Malformed(f"time value out of order for {option.name}")
        times.append(value)
    if len(times) > _MAX_TIMES:
        raise Malformed(f"too many time values for {option.name}")
    return () if times[:1] == [0] else tuple(times)


def _extra_characters(rest: str, where: str) -> Malformed:
    comment = " (# is comment only at line start)" if rest.startswith("#") else ""
    return Malformed(f"extra characters follow {where}{comment}")


_READERS: dict[Kind, Callable[[Option, str, bool], Value]] = {
    Kind.TEXT: _read_text,
    Kind.TEXT_AND: _read_text,
    Kind.TEXT_LIST: _read_text,
    Kind.NAMES: _read_text,
    Kind.REWRITE: _read_text,
    Kind.FLAG: _read_flag,
    Kind.FLAG_PAIR: _read_flag,
    Kind.FLAG_OR_TEXT: _read_flag_or_text,
    Kind.INTEGER: _read_integer,
    Kind.KILO: _read_integer,
    Kind.OCTAL: _read_integer,
    Kind.FIXED: _read_fixed,
    Kind.TIME: _read_time,
    Kind.TIME_OR_TEXT: _read_time_or_text,
    Kind.TIME_LIST: _read_times,
}
