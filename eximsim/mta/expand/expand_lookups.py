"""What an expansion knows of lookups: their types, and how a text is quoted for one (src/search.c)."""

from __future__ import annotations

from eximsim.errors import Unsupported
from eximsim.mta.expand.expander import ExpansionFailed
from eximsim.mta.records.lookups import SearchError, SearchType, find_type

_QUOTING = frozenset(["ldap", "ldapdn", "ldapm", "mysql", "nisplus", "oracle", "pgsql", "redis", "sqlite"])


def search_findtype_partial(text: str) -> SearchType:
    """As ``find_type``, but raises ``ExpansionFailed``."""
    try:
        return find_type(text)
    except SearchError as error:
        raise ExpansionFailed(str(error)) from None


def search_quote(kind: str, text: str, option: str | None) -> str:
    """``text`` as ``${quote_kind:`` makes it; raises ``ExpansionFailed``."""
    search_findtype_partial(kind)
    if kind in _QUOTING:
        raise Unsupported(f"the expansion operator ${{quote_{kind}:")
    if option is not None:
        raise ExpansionFailed(f'"{option}" unrecognized after "${{quote_{kind}"')
    return text
