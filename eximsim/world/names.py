"""Domain names: text to labels and back, in the one text form that zones, wire and model share.

The text form is what ``dn_expand()`` hands to Exim: labels joined by dots, no final dot, and a backslash
before what a zone file would read as syntax (``\\.``) or three decimal digits for what is not printable
ASCII (``\\207``). The root is the empty string. Case is kept; ``key()`` is for comparing.
"""

from __future__ import annotations

import re
from functools import lru_cache

Labels = tuple[bytes, ...]

_PLAIN = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}")
_PLAIN_LABEL = re.compile(rb"[A-Za-z0-9_-]+")
_PART = re.compile(r"\\(\d{3})|\\(.)|([^\\])", re.DOTALL)
_SPECIAL = frozenset(b'".;\\()@$')
_MAX_WIRE = 255
MAX_LABEL = 63


class BadName(ValueError):
    """Text that cannot be a domain name; the message says why."""


def from_text(text: str) -> Labels:
    """The labels of a name in text form; a final dot is allowed and means nothing.

    Raises ``BadName`` for an empty label, one of more than 63 octets, a name of more than 255 octets, a
    broken escape, or a label that is not UTF-8 (RFC 1035, 3.1 and 5.1).
    """
    if text in ("", "."):
        return ()
    if len(text) < _MAX_WIRE - 1 and _PLAIN.fullmatch(text):
        return tuple(text.encode().split(b"."))
    labels: list[bytearray] = [bytearray()]
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if match is None:
            raise BadName(f"{text!r} ends in a lone backslash")
        position = match.end()
        code, escaped, plain = match.groups()
        if code is not None:
            if int(code) > 255:
                raise BadName(f"\\{code} in {text!r} is not the code of an octet")
            labels[-1].append(int(code))
        elif plain == ".":
            labels.append(bytearray())
        else:
            labels[-1] += _octets(escaped or plain, text)
    if not labels[-1]:
        labels.pop()
    return check(tuple(bytes(label) for label in labels))


def from_raw(text: str) -> Labels:
    """The labels of a name in which a backslash is a letter like any other, as Exim's fakens reads it."""
    parts = text.removesuffix(".").split(".") if text != "." else []
    return check(tuple(_octets(part, text) for part in parts))


def to_text(labels: Labels) -> str:
    """The text form of a name (``ns_name_ntop()`` without a final dot)."""
    return ".".join(map(_label_text, labels))


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """``text`` in the module's text form, case kept; raises ``BadName``."""
    if len(text) < _MAX_WIRE - 1 and _PLAIN.fullmatch(text):
        return text
    return to_text(from_text(text))


def key(text: str) -> str:
    """What equal names have in common: the text form in lower case; raises ``BadName``."""
    return canonical(text).lower()


def parents(name: str) -> list[str]:
    """The name itself and every name above it, the root last; ``name`` is in text form."""
    found = [name]
    position = 0
    while position < len(name):
        if name[position] == "\\":
            position += 1
        elif name[position] == ".":
            found.append(name[position + 1 :])
        position += 1
    if name:
        found.append("")
    return found


def _octets(text: str, name: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise BadName(f"{name!r} is not text that UTF-8 can carry") from None


def check(labels: Labels) -> Labels:
    """The labels themselves, if they are a domain name; raises ``BadName`` as ``from_text()`` does."""
    if all(0 < len(label) <= MAX_LABEL for label in labels) and _wire_length(labels) <= _MAX_WIRE:
        try:
            b"".join(labels).decode()
        except UnicodeDecodeError:
            raise BadName(f"{to_text(labels)!r} is not UTF-8") from None
        return labels
    if not all(labels):
        raise BadName(f"{to_text(labels)!r} has an empty label")
    if _wire_length(labels) > _MAX_WIRE:
        raise BadName(f"{to_text(labels)!r} is longer than {_MAX_WIRE} octets")
    raise BadName(f"{to_text(labels)!r} has a label of more than {MAX_LABEL} octets")


def _wire_length(labels: Labels) -> int:
    return sum(map(len, labels)) + len(labels) + 1


def _label_text(label: bytes) -> str:
    if _PLAIN_LABEL.fullmatch(label):
        return label.decode()
    return "".join(_escape(octet) for octet in label)


def _escape(octet: int) -> str:
    if octet in _SPECIAL:
        return f"\\{chr(octet)}"
    if 0x20 < octet < 0x7F:
        return chr(octet)
    return f"\\{octet:03d}"
