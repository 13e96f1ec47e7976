"""The types of lookups: what their names say, and what comes of one (src/search.c)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from eximsim.quick_dataclass import dataclass
from eximsim.status import DnsResult

_SINGLE_KEY = frozenset(
    {
        "cdb", "dbm", "dbmjz", "dbmnz", "dsearch", "iplsearch", "json", "lmdb", "lsearch", "nis", "nis0",
        "nmh", "nwildlsearch", "spf", "wildlsearch",
    }
)  # fmt: skip
_QUERY_STYLE = frozenset(
    {
        "dnsdb", "ibase", "ldap", "ldapdn", "ldapm", "mysql", "nisplus", "oracle", "passwd", "pgsql",
        "readsock", "redis", "sqlite", "testdb", "testdb2", "testdb_nq", "whoson",
    }
)  # fmt: skip
LOOKUPS = _SINGLE_KEY | _QUERY_STYLE
LINEAR = frozenset(("iplsearch", "lsearch", "nwildlsearch", "wildlsearch"))
TEST_DATABASES = frozenset(("testdb", "testdb2", "testdb_nq"))
"""What only Exim's own tests have."""
_PARTIAL = re.compile(r"partial(\d*)(?:-|\(([!-'*-/:-@\[-`{-~]*)\))", re.ASCII)
STAR = 1
STARAT = 2


@dataclass(frozen=True, slots=True)
class SearchType:
    """A lookup type with what stands around its name.

    ``partial`` is the number of components that must stay, -1 without partial matching; ``affix`` goes
    before a shortened key. ``star`` is 1 for ``type*``, 2 for ``type*@``. ``options`` follow a comma.
    """

    name: str
    partial: int = -1
    affix: str = ""
    star: int = 0
    options: tuple[str, ...] = ()

    @property
    def single_key(self) -> bool:
        """Whether it looks up a key in a file, not a whole query."""
        return self.name in _SINGLE_KEY


@dataclass(frozen=True, slots=True)
class SearchResult:
    """``value`` is None if nothing was found; ``numeric`` is ``$0``... if the match was partial."""

    value: str | None = None
    deferred: bool = False
    error: str = ""
    numeric: tuple[str, ...] = ()


class SearchError(Exception):
    """A lookup that cannot be done as it is written: search_error_message, with its type between quotes."""

    def __init__(self, message: str, kind: str = "") -> None:
        self.kind = kind
        super().__init__(message)

    def about(self, told: Callable[[str], str]) -> str:
        """The message with the type as ``told`` makes it."""
        return str(self).replace(f'"{self.kind}"', told(self.kind), 1)


@lru_cache(maxsize=256)
def find_type(text: str, lacks: tuple[str, ...] = ()) -> SearchType:
    """The type that ``partial1-lsearch*@,ret=key`` and its like name; raises ``SearchError``.

    ``lacks``: what the program was built without (``Profile.build_lacks``).

    Source: search_findtype_partial(), src/search.c.
    """
    rest = text
    partial, affix = -1, ""
    if text.startswith("partial"):
        match = _PARTIAL.match(text)
        if match is None:
            raise SearchError(f'format error in lookup type "{text}"', text)
        partial = int(match[1]) if match[1] else 2
        affix = "*." if match[2] is None else match[2]
        rest = text[match.end() :]
    name, _, options = rest.partition(",")
    name, star, after = name.partition("*")
    flags = 0 if not star else STARAT if after.startswith("@") else STAR
    if name in _QUERY_STYLE and partial >= 0:
        raise SearchError(f'"partial" is not permitted for lookup type "{rest}"', rest)
    if name in _QUERY_STYLE and flags:
        raise SearchError(f'defaults using "*" or "*@" are not permitted for lookup type "{rest}"', rest)
    if (name not in _SINGLE_KEY and name not in _QUERY_STYLE) or f"lookup.{name}" in lacks:
        raise SearchError(f'unknown lookup type "{name}"', name)
    return SearchType(name, partial, affix, flags, tuple(filter(None, options.split(","))))


def is_asked(kind: SearchType) -> bool:
    """Whether a lookup is answered by something that the model has to be told about."""
    return kind.name not in ("dnsdb", *LINEAR, *TEST_DATABASES)


@dataclass(slots=True)
class Listing:
    """What the DNS said of a list in it (``dnsbl_cache_block``), and of the ``text``, once asked for."""

    result: DnsResult
    addresses: tuple[str, ...]
    expiry: float
    text: str | None = None
    text_asked: bool = False
