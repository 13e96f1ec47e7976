"""Which texts are IP addresses: Exim read them by hand before it asked the C library (src/string.c).

Read by hand, what is no address at all could be one: octets with blanks, a sign or zeros before them; groups
of more than four hexadecimal digits after one that is full; a slash and whatever follows behind ``::``.
"""

from __future__ import annotations

import re
from functools import reduce
from ipaddress import IPv4Address

from eximsim.mta.base.numbers import read_long
from eximsim.mta.base.string import string_is_ip_address
from eximsim.quick_dataclass import dataclass
from eximsim.switch_values import IpSyntax

_HEX = "0123456789abcdefABCDEF"
_GROUP = re.compile(rf"[{_HEX}]{{1,4}}")
_DIGITS = re.compile(r"\d{1,3}", re.ASCII)
_NUMBER = re.compile(r"[ \t\n\v\f\r]*[+-]?\d+", re.ASCII)
_BITS = re.compile(r"(?:[ \t\n\v\f\r]*\+?\d+)?", re.ASCII)
_LONGEST = 255
_MASK = re.compile(r".+/(?=\d+\Z)", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class IpAddress:
    """A text that is an address: 4 or 6, the address as everybody writes it, and what follows a slash."""

    version: int
    address: str
    mask: str | None = None


def read_ip_address(text: str, syntax: IpSyntax, *, mask: bool = False) -> IpAddress | None:
    """The address that ``text`` is, with ``mask`` also one with a mask; None if it is none.

    Source: string_is_ip_address(), and host_aton() for the value.
    """
    if syntax in (IpSyntax.COPIED, IpSyntax.LIBRARY):
        version, slash = string_is_ip_address(text, mask=mask)
        if not version:
            return None
        address = text[:slash] if slash else text.partition("%")[0]
        return IpAddress(version, address, text[slash + 1 :] if slash else None)
    found = _MASK.match(text) if mask else None
    bits = None if found is None else text[found.end() :]
    if ":" not in text:
        quad = _quad(text if bits is None else text.partition("/")[0], syntax)
        return None if quad is None else IpAddress(4, quad, bits)
    rest = _after_groups(text, masked=found is not None)
    if rest is None:
        return None
    quad = ""
    if rest:
        known = _quad(rest if bits is None else rest.partition("/")[0], syntax)
        if known is None:
            return None
        quad = known
    return IpAddress(6, _value(text, quad), bits)


def is_copied(text: str, *, mask: bool = False) -> bool:
    """Whether the C library is given a copy of what is before a mask, or before the ID of an interface."""
    address, slash, bits = text.partition("/")
    if slash:
        return mask and "%" not in text and _BITS.fullmatch(bits) is not None and len(address) <= _LONGEST
    address, percent, interface = text.partition("%")
    return bool(percent) and all("!" <= char <= "~" for char in interface) and len(address) <= _LONGEST


def _quad(text: str, syntax: IpSyntax) -> str | None:
    """Four numbers between dots, one that is too great carried over to the one before."""
    numbers = text.split(".")
    if syntax is IpSyntax.DIGITS:
        fits = all(_DIGITS.fullmatch(one) for one in numbers)
        values = [int(one) for one in numbers] if fits else []
    else:
        fits = all(len(one) <= 3 and _NUMBER.fullmatch(one) for one in numbers)
        values = [read_long(one) for one in numbers] if fits else []
        fits = fits and all(0 <= one < 256 for one in values)
    if not fits or len(numbers) != 4:
        return None
    value = reduce(lambda before, one: before * 256 + one, values) & 0xFFFFFFFF
    return str(IPv4Address(value))


def _after_groups(text: str, *, masked: bool) -> str | None:
    """What follows the groups of an IPv6 address: an IPv4 address, or nothing; None if it is none."""
    doubled = False
    if text[0] == ":":
        text = text[1:]
        if text[:1] != ":":
            return None
    for count in range(8):
        if text[:1] in ("", "%", "/"):
            return "" if doubled else None
        if text[0] == ":":
            if doubled:
                return None
            doubled, text = True, text[1:]
            continue
        if ":" not in text and "." in text:
            return None if (count > 6 if doubled else count != 6) else text
        group = _GROUP.match(text)
        if group is None:
            return None
        text = text[group.end() :]
        if text == ":":
            return None
        text = text.removeprefix(":")
    return "" if text[:1] in ("", "%") or (text[0] == "/" and masked) else None


def _value(text: str, quad: str) -> str:
    """The address as everybody writes it; of each group the last four digits count."""
    text = re.split("[%/]", text, maxsplit=1)[0]
    groups = text.split(":")
    if groups[-1] == "" != groups[-2]:  # a colon before a mask
        del groups[-1]
    if quad:
        groups[-1] = quad
    return ":".join(one if "." in one else f"{int(one, 16) & 0xFFFF:x}" if one else "" for one in groups)
