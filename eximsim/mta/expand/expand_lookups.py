"""What an expansion knows of lookups: their types, and how a text is quoted for one (src/search.c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eximsim.mta.base.string import octets
from eximsim.mta.expand.expander import ExpansionFailed
from eximsim.mta.records.lookups import SearchError, SearchType, find_type

_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "'": "\\'", '"': '\\"', "\\": "\\\\"}
_ESCAPES_OF: Mapping[str, Mapping[str, str]] = {
    "mysql": _ESCAPES,
    "oracle": _ESCAPES,
    "pgsql": {**_ESCAPES, "'": "''"},
    "sqlite": {"'": "''"},
    "nisplus": {'"': '""'},
    "redis": {char: f"\\{char}" for char in " \t\n\v\f\r\\"},
}
"""What ``${quote_type:`` makes of single characters."""

_LDAP_PLAIN = frozenset(b"!$'-._()*+")
_LDAP_QUOTED = frozenset(b"*()\\")
_LDAP_DN_QUOTED = frozenset(b',+"\\<>;')


def search_findtype_partial(
    text: str, lacks: tuple[str, ...], told: Callable[[str], str] = '"{}"'.format
) -> SearchType:
    """As ``find_type``, but raises ``ExpansionFailed``, with the type as ``told`` makes it."""
    try:
        return find_type(text, lacks)
    except SearchError as error:
        raise ExpansionFailed(error.about(told)) from None


def search_quote(kind: str, text: str, option: str | None, lacks: tuple[str, ...] = ()) -> str:
    """``text`` as ``${quote_kind:`` makes it; raises ``ExpansionFailed``."""
    search_findtype_partial(kind, lacks)
    if kind.startswith("ldap") and option in (None, "dn"):
        return eldap_quote(octets(text)) if option is None else eldap_quote_dn(octets(text))
    if option is not None:
        raise ExpansionFailed(f'"{option}" unrecognized after "${{quote_{kind}"')
    escapes = _ESCAPES_OF.get(kind)
    return text if escapes is None else "".join(escapes.get(char, char) for char in text)


def eldap_quote(data: bytes) -> str:
    """A value in an LDAP filter, which is part of a URL (eldap_quote(), src/lookups/ldap.c)."""
    return "".join(f"%5C{octet:02X}" if octet in _LDAP_QUOTED else _in_url(octet) for octet in data)


def eldap_quote_dn(data: bytes) -> str:
    """A value in a distinguished name, which is part of a URL (eldap_quote(), src/lookups/ldap.c)."""
    body = data.rstrip(b" ")
    rest = body.lstrip(b" #")
    start = "".join(f"%5C%{octet:02X}" for octet in body[: len(body) - len(rest)])
    middle = "".join(f"%5C{_in_url(octet)}" if octet in _LDAP_DN_QUOTED else _in_url(octet) for octet in rest)
    return f"{start}{middle}{'%5C%20' * (len(data) - len(body))}"


def _in_url(octet: int) -> str:
    plain = octet in _LDAP_PLAIN or (chr(octet).isascii() and chr(octet).isalnum())
    return chr(octet) if plain else f"%{octet:02X}"
