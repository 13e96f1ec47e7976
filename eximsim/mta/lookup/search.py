"""Lookups: which types there are, partial matching and defaults (src/search.c)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.effort import ITEM, REGEX
from eximsim.mta.base.errnos import EISDIR, ENOTDIR, strerror
from eximsim.mta.base.ip_syntax import read_ip_address
from eximsim.mta.base.ipaddr import host_is_in_net
from eximsim.mta.base.string import SPACES, string_is_ip_address, words
from eximsim.mta.expand.expander import ExpansionFailed
from eximsim.mta.expand.marks import QuotedText, Taint, taint_of
from eximsim.mta.lookup import match
from eximsim.mta.lookup.lookups import dnsdb, dsearch
from eximsim.mta.lookup.lookups.asked import asked_find
from eximsim.mta.lookup.lookups.cdb import HEADER_SIZE
from eximsim.mta.lookup.lookups.lsearch import Line, by_key, read_lines
from eximsim.mta.lookup.lookups.sqlite import sqlite_lookup
from eximsim.mta.lookup.lookups.testdb import testdb_find
from eximsim.mta.process import upward
from eximsim.mta.process.log import log_write
from eximsim.mta.process.reading import open_failed, read_file
from eximsim.mta.records.lists import Kind
from eximsim.mta.records.lookups import LINEAR, STARAT, TEST_DATABASES, SearchResult, SearchType
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process

_NOT_AN_IP = (
    '"{}" is not a valid iplsearch key (an IP address, with optional CIDR mask, is wanted): '
    "in a host list, use net-iplsearch as the search type"
)


@upward.search_find.answer
def search_find(process: Process, kind: SearchType, key: str | None, query: str) -> SearchResult:
    """Look ``key`` up in the file ``query``, or answer ``query`` if the type takes no key.

    Databases, and files of types that are not read, are asked for (``World.ask``). Raises
    ``ExpansionFailed`` if a file cannot be read, ``Unanswered`` if an answer is not given. Source:
    search_open() and search_find(), src/search.c.
    """
    if kind.single_key and process.profile.tainted_search_refused:
        _refuse_tainted(process, query)
    if process.profile.unquoted_query_logged and _has_quoter(process, kind):
        _tell_unquoted(process, kind, query)
    process.search_error = ""
    process.effort.spend_on_searching(REGEX)
    try:
        found = _found(process, kind, key, query.lstrip(SPACES))
    except ExpansionFailed as failed:
        process.search_error = failed.message
        raise
    if found.deferred:
        process.search_error = found.error
    _forget(process, kind, query, found)
    return found


_READING = words("call desc describe explain select show table values with")
"""What the queries begin with that bring rows, be it none; all others change something."""


def _changes(kind: str, query: str, found: SearchResult) -> bool:
    """Whether a query empties the cache of its database: those that SQLite finds nothing for do, too."""
    if kind in ("mysql", "pgsql"):
        text = query.partition(";")[2] if query.lstrip(SPACES).startswith("servers") else query
        first = text.replace("(", " ").split(maxsplit=1)[:1]
        return not _READING.issuperset(word.lower() for word in first)
    return kind in ("redis", "sqlite") and not found.value


def _forget(process: Process, kind: SearchType, query: str, found: SearchResult) -> None:
    """What was asked before is not kept if something was changed, nor is a query that could not be asked."""
    told = process.searched.told
    if not told:
        return
    if found.deferred:
        told -= {(kind.name, query)}
    elif _changes(kind.name, query, found):
        told = frozenset(one for one in told if one[0] != kind.name)
    if told != process.searched.told:
        process.searched = replace(process.searched, told=told)


def _found(process: Process, kind: SearchType, key: str | None, query: str) -> SearchResult:
    if key is None and not query:
        return SearchResult()
    if kind.name == "dnsdb":
        return _dnsdb_find(process, query)
    if kind.name in TEST_DATABASES:
        return testdb_find(query)
    if kind.name == "sqlite":
        return sqlite_lookup(process, kind, query)
    if key is None:
        said = process.world.ask(kind.name, query)
        return SearchResult(said.value, said.deferred, said.error)
    if kind.name == "dsearch":
        if process.world.path_kind(query) == "file":
            raise ExpansionFailed(_no_folder(process, query))
        return dsearch.dsearch_find(process, kind, query, key) if key else SearchResult()
    if kind.name == "cdb":
        _refuse_cdb(process, query)
    if kind.name == "json" and process.world.path_kind(query) == "folder":
        raise ExpansionFailed(f"{query} is not a regular file (json lookup)")
    if kind.name not in LINEAR:
        return _Search(process, kind, (), key, query).find()
    if process.world.path_kind(query) == "folder":
        raise ExpansionFailed(f"{query} is not a regular file (lsearch lookup)")
    try:
        lines = read_lines(read_file(process, query))
    except OSError as error:
        raise ExpansionFailed(open_failed(f"{query} for linear search", error, process.reader)) from None
    if (
        kind.name == "iplsearch"
        and key not in ("", "*")
        and not read_ip_address(key, process.profile.ip_syntax)
    ):
        return SearchResult(deferred=True, error=_NOT_AN_IP.format(key))
    try:
        return _Search(process, kind, lines, key).find()
    except _UndecidedError:
        return SearchResult(deferred=True)


def _refuse_cdb(process: Process, name: str) -> None:
    """What is no constant database cannot be opened (cdb_open(), src/lookups/cdb.c)."""
    kind = process.world.path_kind(name)
    if kind == "folder":
        raise ExpansionFailed(
            f"failed to open cannot read header from {name} for cdb lookup: {strerror(EISDIR)}"
        )
    if kind == "file" and len(process.world.read_file(name)) < HEADER_SIZE:
        raise ExpansionFailed(f"failed to open {name} too short for cdb lookup: Success")


def _no_folder(process: Process, name: str) -> str:
    if process.profile.dsearch_folder_looked_at:
        return f"{name} is not a directory (dsearch lookup)"
    return f"failed to open {name} for directory search: {strerror(ENOTDIR)}"


def _dnsdb_find(process: Process, query: str) -> SearchResult:
    """The DNS is not asked again for as long as the records of its answer live."""
    now, known = int(process.world.now()), process.searched.answers.get(query)
    if known is not None and now < known[1]:
        return known[0]
    found = dnsdb.dnsdb_find(process, query)
    result = SearchResult(found.text if found.rc is Rc.OK else None, found.rc is Rc.DEFER, found.error)
    if not result.deferred:
        answers = {**process.searched.answers, query: (result, now + found.seconds)}
        process.searched = replace(process.searched, answers=answers)
    return result


class _UndecidedError(Exception):
    """A key of the file, as an item of a list, could not be looked at; why is not told."""


def _refuse_tainted(process: Process, name: str) -> None:
    """A file whose name comes from outside is not opened: the search fails with the words of the last one."""
    taint = taint_of(name)
    if taint is Taint.UNKNOWN:
        raise Unsupported(f"whether the name {name} is tainted")
    if taint is Taint.TAINTED:
        log_write(process, f"Tainted filename for search: '{name}'", panic=True)
        raise ExpansionFailed("NULL" if process.search_error is None else process.search_error)


_QUOTING = frozenset(
    ("ibase", "ldap", "ldapdn", "ldapm", "mysql", "nisplus", "oracle", "pgsql", "redis", "sqlite")
)
"""The types that have an operator to quote what goes into a query."""


def _has_quoter(process: Process, kind: SearchType) -> bool:
    tested = kind.name in TEST_DATABASES and kind.name != "testdb_nq"
    return kind.name in _QUOTING or (tested and process.profile.test_database_quotes)


def _tell_unquoted(process: Process, kind: SearchType, query: str) -> None:
    """Log a query with text that comes from outside and is not quoted; what was asked before is cached."""
    asked = (kind.name, query)
    quoted = isinstance(query, QuotedText)
    if (taint_of(query) is not Taint.TAINTED and not quoted) or asked in process.searched.told:
        return
    process.searched = replace(process.searched, told=process.searched.told | {asked})
    if quoted:
        return
    shown = query
    if query.startswith("servers") and process.profile.query_servers_hidden:
        shown = query.partition(";")[2].lstrip(SPACES)
    what = f"tainted search query is not properly quoted{_asker(process)}: {shown}"
    log_write(process, what, panic="transport_name" not in process.variables)


def _asker(process: Process) -> str:
    """Who asks: an ACL goes before a transport, and that before a router."""
    if process.acl_verb is not None:
        return f" ({process.acl_verb})"
    name = process.variables.get("transport_name")
    if name is not None:
        return _named("transport", process.config.transports[name])
    name = process.variables.get("router_name")
    return "".join(_named("router", router) for router in process.config.routers if router.name == name)


def _named(what: str, driver: DriverInstance) -> str:
    return f" ({what} {driver.name}, {driver.path} {driver.line})"


@dataclass(frozen=True, slots=True)
class _Search:
    """One key in one file."""

    process: Process
    kind: SearchType
    lines: tuple[Line, ...]
    key: str
    file: str = ""
    """The file, if it is one that is not read but asked about."""

    def find(self) -> SearchResult:
        """The key itself, then its shortened forms, then the defaults."""
        key, kind = self.key, self.kind
        line = self.line(key)
        if line is not None:
            return self.result(line, (key, "", key) if kind.partial >= 0 else ())
        if kind.partial >= 0 and (found := self.partial()) is not None:
            return found
        if kind.star == STARAT and (at := key.rfind("@")) > 0:
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
        """The first entry that matches, in the way of the type; nothing does if the key is empty."""
        if not key:
            return None
        self.process.effort.spend_on_searching(
            len(self.lines) * (ITEM if self.kind.name == "iplsearch" else 1)
        )
        if self.file:
            return asked_find(self.process, self.kind.name, self.file, key)
        if self.kind.name == "lsearch":
            wanted = key.lower()
            return next((line for name, line in by_key(self.lines) if name == wanted), None)
        if self.kind.name == "iplsearch":
            return next((line for line in self.lines if _is_in(key, line.key)), None)
        return self.wild(key)

    def wild(self, key: str) -> Line | None:
        """Keys of the file as items of a list; those of wildlsearch are expanded."""
        expanding = self.kind.name == "wildlsearch"
        for line in self.lines:
            found = match.match_isinlist(
                self.process, key, line.key, Kind.STRING, expanding=expanding, single=True
            )
            if found.rc is Rc.OK:
                self.process.numeric = ()
                return line
            if found.rc is Rc.DEFER:
                raise _UndecidedError
        return None


def _is_in(key: str, net: str) -> bool:
    if "*" in (key, net):
        return key == net
    return bool(string_is_ip_address(net, mask=True)[0] and string_is_ip_address(key)[0]) and host_is_in_net(
        key, net
    )
