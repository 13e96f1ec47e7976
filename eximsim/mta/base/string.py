"""Strings as Exim reads them: lists, escapes, printing, IP addresses (src/string.c).

Texts are ``str``. Octets that are not UTF-8 travel as surrogate escapes (PEP 383); ``octets()`` and
``from_octets()`` change sides where Exim counts or codes octets.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

SPACES = " \t\n\v\f\r"
"""What C's isspace() accepts."""

_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_PRINTED = {char: "\\" + letter for letter, char in _ESCAPES.items()}
_OCTAL = re.compile(r"[0-7]{1,3}")
_HEX = re.compile(r"[0-9A-Fa-f]{0,2}")
_UNPRINTABLE = re.compile(r"[^ -~\t]")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OCTET = r"(?:0|[1-9]\d{0,2})"
_IPV4 = re.compile(rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}", re.ASCII)
SMTP_CODE = re.compile(r"\d{3}\s(?:\d\.\d{1,3}\.\d{1,3}\s)?", re.ASCII)
"""``regex_smtp_code``: a code, perhaps an extended one, at the start of a message."""

_MASKED = re.compile(r"([^/%]*)(?:/([ \t\n\v\f\r]*\+?\d+|)|%([!-.0-~]*))?", re.ASCII)


def words(text: str) -> frozenset[str]:
    """The words of a table that is written as running text."""
    return frozenset(text.split())


def skip_spaces(text: str, position: int) -> int:
    """Where the text goes on after white space."""
    while position < len(text) and text[position] in SPACES:
        position += 1
    return position


def octets(text: str) -> bytes:
    """The octets that ``text`` stands for."""
    return text.encode("utf-8", "surrogateescape")


def from_octets(data: bytes) -> str:
    """The text that stands for ``data``; any octets are allowed."""
    return data.decode("utf-8", "surrogateescape")


def is_control(char: str) -> bool:
    """C's iscntrl() for one character."""
    return char < " " or char == "\x7f"


def strstric(text: bytes, part: bytes) -> bool:
    """Whether ``text`` has ``part`` in it, in whatever case, as strstric() in src/string.c finds it.

    That is not always: after a match that fails half-way it goes on where it failed, and so does not find
    ``aab`` in ``aaab``. Nothing is not found either.
    """
    text, part = text.lower(), part.lower()
    position = matched = 0
    while position < len(text) and matched < len(part):
        if text[position] == part[matched]:
            position += 1
            matched += 1
        elif matched:
            matched = 0
        else:
            position += 1
    return 0 < len(part) == matched


def _separates(char: str) -> bool:
    """Whether a list's separator can be changed to ``char``."""
    return char in _PUNCTUATION or is_control(char)


def split_separator(text: str) -> tuple[str, str]:
    """The separator of a list, a colon unless a sign (``<;``) changes it, and the text after that sign.

    Where the text ends with ``<``, the octet that ends it is the separator, and there are no items.
    """
    rest = text.lstrip(SPACES)
    if rest == "<":
        return "\0", ""
    if len(rest) > 1 and rest[0] == "<" and _separates(rest[1]):
        return rest[1], rest[2:]
    return ":", rest


def matchlist_parse_sep(text: str) -> tuple[str | None, str]:
    """The separator that a sign at the head of a list names, if there is one, and the text after that sign.

    As in an expansion, a backslash in the sign has a meaning (``<\\n``). Source: src/match.c.
    """
    rest = text.lstrip(SPACES)
    if not rest.startswith("<"):
        return None, text
    sign, end = interpret_escape(rest, 1) if rest[1:2] == "\\" else (rest[1:2], 2)
    if sign and _separates(sign):
        return sign, rest[end:]
    return None, text


def list_items(text: str, separator: str | None = None, *, escaped_space: bool = True) -> Iterator[str]:
    """The items of a list, as repeated calls of string_nextinlist() give them (src/string.c).

    White space around an item is dropped, but for one character behind a backslash (``escaped_space``: since
    4.95). A doubled separator stands for itself unless it is a control
    character. An item of nothing is an empty item, except after the last separator. With ``separator``
    given, ``<;`` at the start has no meaning.
    """
    if separator is None:
        separator, text = split_separator(text)
    doubles = not is_control(separator)
    position, end = 0, len(text)
    while True:
        while position < end and text[position] in SPACES and text[position] != separator:
            position += 1
        if position >= end:
            return
        parts: list[str] = []
        while True:
            cut = text.find(separator, position)
            if cut < 0:
                parts.append(text[position:])
                position = end
                break
            parts.append(text[position:cut])
            position = cut + 1
            if not (doubles and position < end and text[position] == separator):
                break
            parts.append(separator)
            position += 1
        whole = "".join(parts)
        item = whole.rstrip(SPACES)
        if escaped_space and item.endswith("\\"):
            item = whole[: len(item) + 1]
        yield item


def join_items(items: list[str], separator: str) -> str:
    """A list made of ``items``, with separators in them doubled (string_append_listele())."""
    return separator.join(
        f" {item}" if index and item[:1] in ("", separator) else item
        for index, item in enumerate(item.replace(separator, separator * 2) for item in items)
    )


def interpret_escape(text: str, position: int) -> tuple[str, int]:
    """The octet that the backslash at ``position`` introduces, and where the text goes on.

    Source: string_interpret_escape(), src/string.c. A backslash at the end stands for itself.
    """
    position += 1
    if position >= len(text):
        return "\\", position
    char = text[position]
    if octal := _OCTAL.match(text, position):
        return _octet(int(octal[0], 8) & 255), octal.end()
    if char == "x":
        digits = _HEX.match(text, position + 1)
        assert digits is not None
        return _octet(int(digits[0] or "0", 16)), digits.end()
    return _ESCAPES.get(char, char), position + 1


def string_unprinting(text: str) -> str:
    """The text that ``string_printing`` was given."""
    made, position = "", 0
    while (found := text.find("\\", position)) >= 0:
        octet, following = interpret_escape(text, found)
        made, position = made + text[position:found] + octet, following
    return made + text[position:]


def _octet(value: int) -> str:
    return chr(value) if value < 128 else chr(0xDC00 + value)


def string_dequote(text: str, position: int) -> tuple[str, int]:
    """One word, or one string in double quotes with escapes, from ``position``, and where it ends."""
    end = len(text)
    if position >= end or text[position] != '"':
        start = position
        while position < end and text[position] not in SPACES:
            position += 1
        return text[start:position], position
    position += 1
    parts: list[str] = []
    while position < end and text[position] != '"':
        if text[position] == "\\":
            char, position = interpret_escape(text, position)
        else:
            char, position = text[position], position + 1
        parts.append(char)
    return "".join(parts), min(position + 1, end)


def is_printing(octet: int, *, top: bool) -> bool:
    """Whether an octet is a printing character or a tab, with ``top`` one above 127 (mac_isprint())."""
    return 32 <= octet < 127 or octet == ord("\t") or (octet > 127 and top)


def string_printing(text: str, *, escaped: str = "", top: bool = False) -> str:
    """``text`` with what is neither printing ASCII nor a tab as ``\\n``, ``\\r``, ... or in octal digits.

    ``escaped`` names tabs, blanks and quotes that are to be escaped, too (``string_printing2()``). With
    ``top``, octets above 127 stay as they are.
    """
    if not (text.isascii() and text.isprintable()):
        text = (_CONTROLS if top else _UNPRINTABLE).sub(_print_one, text)
    for char in escaped:
        text = text.replace(char, _PRINTED.get(char) or ("\\040" if char == " " else f"\\{char}"))
    return text


def in_quotes(text: str, *, top: bool = False) -> str:
    """``text`` in double quotes, as printed, with the quotes in it escaped (the ``%q`` of newer releases)."""
    return f'"{string_printing(text, escaped=_IN_QUOTES, top=top)}"'


_IN_QUOTES = '\t"'


def _print_one(match: re.Match[str]) -> str:
    known = _PRINTED.get(match[0])
    return known if known is not None else "".join(f"\\{octet:03o}" for octet in octets(match[0]))


def string_is_ip_address(text: str, *, mask: bool = False) -> tuple[int, int]:
    """4 or 6 with the offset of the slash before a mask (0: none), or 0 if ``text`` is no IP address.

    With ``mask`` a final ``/n`` is allowed; its size is not checked. IPv6 may end in ``%scope``.
    Source: string_is_ip_address(), src/string.c.
    """
    parts = _MASKED.fullmatch(text)
    if parts is None or (parts[2] is not None and not mask):
        return 0, 0
    address = parts[1]
    offset = 0 if parts[2] is None else len(address)
    if _IPV4.fullmatch(address):
        valid = parts[3] is None and all(int(octet) < 256 for octet in address.split("."))
        return (4, offset) if valid else (0, 0)
    if ":" not in address:
        return 0, 0
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        return 0, 0
    return 6, offset


_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def string_base62(value: int, digits: int = 6) -> str:
    """``value`` in base 62, the last ``digits`` digits of it (src/string.c)."""
    text = ""
    for _ in range(digits):
        value, digit = divmod(value, 62)
        text = _BASE62[digit] + text
    return text
