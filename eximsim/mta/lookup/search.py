"""Lookups: which types there are, partial matching and defaults (src/search.c)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.ipaddr import host_is_in_net
from eximsim.mta.base.string import SPACES, string_is_ip_address
from eximsim.mta.expand.expander import ExpansionFailed
from eximsim.mta.lookup.lookups.dnsdb import dnsdb_find
from eximsim.mta.lookup.lookups.lsearch import Line, by_key, read_lines
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_SINGLE_KEY = frozenset(
    {
        "cdb", "dbm", "dbmjz", "dbmnz", "dsearch", "iplsearch", "json", "lmdb", "lsearch", "nis", "nis0",
        "nmh", "nwildlsearch", "spf", "testdb", "wildlsearch",
    }
)  # fmt: skip
_QUERY_STYLE = frozenset(
    {
        "dnsdb", "ibase", "ldap", "ldapdn", "ldapm", "mysql", "nisplus", "oracle", "passwd", "pgsql",
        "readsock", "redis", "sqlite", "whoson",
    }
)  # fmt: skip
_LINEAR = frozenset(("iplsearch", "lsearch", "nwildlsearch", "wildlsearch"))
_QUOTING = frozenset(["ldap", "ldapdn", "ldapm", "mysql", "nisplus", "oracle", "pgsql", "redis", "sqlite"])
_PARTIAL = re.compile(r"partial(\d*)(?:-|\(([!-'*-/:-@\[-`{-~]*)\))", re.ASCII)
_NOT_AN_IP = (
    '"{}" is not a valid iplsearch key (an IP address, with optional CIDR mask, is wanted): '
    "in a host list, use net-iplsearch as the search type"
)
_STAR = 1
_STARAT = 2


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
    """A lookup that cannot be done as it is written: search_error_message."""


@lru_cache(maxsize=256)
def find_type(text: str) -> SearchType:
    """The type that ``partial1-lsearch*@,ret=key`` and its like name; raises ``SearchError``.

    Source: search_findtype_partial(), src/search.c.
    """
    rest = text
    partial, affix = -1, ""
    if text.startswith("partial"):
        match = _PARTIAL.match(text)
        if match is None:
            raise SearchError(f'format error in lookup type "{text}"')
        partial = int(match[1]) if match[1] else 2
        affix = "*." if match[2] is None else match[2]
        rest = text[match.end() :]
    name, _, options = rest.partition(",")
    name, star, after = name.partition("*")
    flags = 0 if not star else _STARAT if after.startswith("@") else _STAR
    if name in _QUERY_STYLE and partial >= 0:
        raise SearchError(f'"partial" is not permitted for lookup type "{rest}"')
    if name in _QUERY_STYLE and flags:
        raise SearchError(f'defaults using "*" or "*@" are not permitted for lookup type "{rest}"')
    if name not in _SINGLE_KEY and name not in _QUERY_STYLE:
        raise SearchError(f'unknown lookup type "{name}"')
    return SearchType(name, partial, affix, flags, tuple(filter(None, options.split(","))))


def search_findtype_partial(text: str) -> SearchType:
    """As ``find_type``, but raises ``ExpansionFailed``."""
    try:
        return find_type(text)
    except SearchError as error:
        raise ExpansionFailed(str(error)) from None


def is_lacking(kind: SearchType) -> bool:
    """Whether Exim has this lookup type and the model does not."""
    return kind.name != "dnsdb" and kind.name not in _LINEAR


def search_quote(kind: str, text: str, option: str | None) -> str:
    """``text`` as ``${quote_kind:`` makes it; raises ``ExpansionFailed``."""
    search_findtype_partial(kind)
    if kind in _QUOTING:
        raise Unsupported(f"the expansion operator ${{quote_{kind}:")
    if option is not None:
        raise ExpansionFailed(f'"{option}" unrecognized after "${{quote_{kind}"')
    return text


def search_find(process: Process, kind: SearchType, key: str | None, query: str) -> SearchResult:
    """Look ``key`` up in the file ``query``, or answer ``query`` if the type takes no key.

    Raises ``ExpansionFailed`` if the file cannot be read, ``Unsupported`` for types that are not modelled.
    Source: search_open() and search_find(), src/search.c.
    """
    query = query.lstrip(SPACES)
    if kind.name == "dnsdb":
        found = dnsdb_find(process, query)
        return SearchResult(found.text if found.rc is Rc.OK else None, found.rc is Rc.DEFER, found.error)
    if kind.name not in _LINEAR or key is None:
        raise Unsupported(f"the lookup type {kind.name}")
    if kind.name == "iplsearch" and key != "*" and not string_is_ip_address(key, mask=True)[0]:
        return SearchResult(deferred=True, error=_NOT_AN_IP.format(key))
    try:
        lines = read_lines(process.world.read_file(query))
    except OSError as error:
        reason = error.strerror or "No such file or directory"
        raise ExpansionFailed(f"failed to open {query} for linear search: {reason}") from None
    return _Search(process, kind, lines, key).find()


@dataclass(frozen=True, slots=True)
class _Search:
    """One key in one file."""

    process: Process
    kind: SearchType
    lines: tuple[Line, ...]
    key: str

    def find(self) -> SearchResult:
        """The key itself, then its shortened forms, then the defaults."""
        key, kind = self.key, self.kind
        line = self.line(key)
        if line is not None:
            return self.result(line, (key, "", key) if kind.partial >= 0 else ())
        if kind.partial >= 0 and (found := self.partial()) is not None:
            return found
        if kind.star == _STARAT and (at := key.rfind("@")) > 0:
            line = self.line("*" + key[at:])
            if line is not None:
                return self.result(line, (key, key[:at], ""))
        if kind.star:
            line = self.line("*")
            if line is not None:
                return self.result(line, (key, key, ""))
        return SearchResult()

    def partial(self) -> SearchResult | None:
        """The key with the affix, then with one leading component less at a time."""
        key, affix = self.key, self.kind.affix
        if affix:
            line = self.line(affix + key)
            if line is not None:
                return self.result(line, (key, "", key))
        components = key.split(".")
        for dropped in range(1, len(components) + 1 - max(self.kind.partial, 0)):
            rest = components[dropped:]
            if not rest:
                break
            fixed = ".".join(rest)
            line = self.line(affix + fixed)
            if line is not None:
                return self.result(line, (key, ".".join(components[:dropped]), fixed))
        if self.kind.partial == 0 and affix:
            line = self.line(affix[:-1] if len(affix) > 1 and affix.endswith(".") else affix)
            if line is not None:
                return self.result(line, (key, key[:-1], ""))
        return None

    def result(self, line: Line, numeric: tuple[str, ...]) -> SearchResult:
        """What the options make of an entry."""
        options = self.kind.options
        value = self.key if "ret=key" in options else line.full if "ret=full" in options else line.data
        return SearchResult(value, numeric=numeric)

    def line(self, key: str) -> Line | None:
        """The first entry that matches, in the way of the type."""
        if self.kind.name == "lsearch":
            wanted = key.lower()
            return next((line for name, line in by_key(self.lines) if name == wanted), None)
        if self.kind.name == "iplsearch":
            return next((line for line in self.lines if _is_in(key, line.key)), None)
        return self.wild(key)

    def wild(self, key: str) -> Line | None:
        """Keys of the file as items of a list; those of wildlsearch are expanded."""
        from eximsim.mta.lookup import match  # src/match.c and src/search.c need each other

        expanding = self.kind.name == "wildlsearch"
        for line in self.lines:
            found = match.match_isinlist(
                self.process, key, line.key, match.Kind.STRING, expanding=expanding, single=True
            )
            if found.rc is Rc.OK:
                self.process.numeric = ()
                return line
            if found.rc is Rc.DEFER:
                raise ExpansionFailed(f'lookup of "{key}" gave DEFER: {found.error}', defer=True)
        return None


def _is_in(key: str, net: str) -> bool:
    if "*" in (key, net):
        return key == net
    return bool(string_is_ip_address(net, mask=True)[0] and string_is_ip_address(key)[0]) and host_is_in_net(
        key, net
    )
