"""Databases of SQLite (src/lookups/sqlite.c); the file is only read, and in memory."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.string import SPACES, from_octets
from eximsim.mta.records.lookups import SearchResult, SearchType

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_READING = frozenset(
    (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
)
_STEPS = 10_000_000
"""A query that takes more of the database's own steps is not followed to its end."""
_LARGEST = 1_000_000
"""Octets of a value, and of all rows."""
_BY_CHANCE = frozenset(
    [
        *("current_date", "current_time", "current_timestamp", "date", "datetime", "julianday", "strftime"),
        *("time", "timediff", "unixepoch", "random", "randomblob"),
    ]
)
"""Functions that look at the clock of the machine, or draw a number."""
_NO_FILE = 'absolute file name expected for "sqlite" lookup'


def sqlite_lookup(process: Process, kind: SearchType, query: str) -> SearchResult:
    """The rows of a query, one in a line; asked about if the world does not have the file.

    The file is named by an option of the lookup, before the query, or by sqlite_dbfile. Source:
    search_args(), sqlite_open(), sqlite_find().
    """
    file = next((option[5:] for option in kind.options if option.startswith("file=")), "")
    sql = query
    if not file and query.startswith("/"):
        file, _, sql = query.partition(next((char for char in query if char in SPACES), " "))
        sql = sql.lstrip(SPACES)
    file = file or process.config.main.text("sqlite_dbfile") or ""
    if process.world.path_kind(file) != "file":
        if not file.startswith("/"):
            return SearchResult(deferred=True, error=_NO_FILE)
        said = process.world.ask("sqlite", query)
        return SearchResult(said.value, said.deferred, said.error)
    return SearchResult(sqlite_find(process.world.read_file(file), sql))


def sqlite_find(content: bytes, sql: str) -> str | None:
    """The rows that a query selects; None for none, and for an error, as in Exim.

    Raises ``Unsupported`` for a query that does more than read, takes too long, gives too much, or depends
    on the clock or on chance.
    """
    database = sqlite3.connect(":memory:")
    try:
        database.text_factory = bytes
        if content:
            database.deserialize(content)
        database.execute("PRAGMA temp_store = MEMORY")
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST)
        refused: list[str] = []
        database.set_authorizer(lambda action, _, name, *rest: _may(action, name, refused))
        database.set_progress_handler(lambda: 1, _STEPS)
        try:
            cursor = database.execute(sql)
            names = [column[0] for column in cursor.description or ()]
            rows, size = [], 0
            for row in cursor:
                rows.append(_row(names, row))
                size += len(rows[-1]) + 1
                if size > _LARGEST:
                    raise Unsupported(f"an SQL query that gives more than {_LARGEST} octets: {sql}")
        except (sqlite3.Error, sqlite3.Warning) as error:
            if refused or "interrupted" in str(error):
                what = "an SQL query that does more than read, does not end, or is not the same every time"
                raise Unsupported(f"{what}: {sql}") from None
            if "too big" in str(error):
                raise Unsupported(f"an SQL query with values of more than {_LARGEST} octets: {sql}") from None
            if "one statement" in str(error):
                raise Unsupported(f"several SQL statements in one query: {sql}") from None
            return None
        return "\n".join(rows) if rows else None
    finally:
        database.close()


def _may(action: int, name: str | None, refused: list[str]) -> int:
    if action in _READING and not (action == sqlite3.SQLITE_FUNCTION and name in _BY_CHANCE):
        return sqlite3.SQLITE_OK
    refused.append(str(action))
    return sqlite3.SQLITE_DENY


def _row(names: list[str], row: tuple[object, ...]) -> str:
    """One row: its field alone, or each with its name."""
    if len(row) == 1:
        return _shown(row[0])
    return "".join(f"{name}={_quoted(_shown(value))} " for name, value in zip(names, row, strict=True))


def _shown(value: object) -> str:
    if isinstance(value, float):
        raise Unsupported("a number that is not whole, out of an SQLite database")
    return "<NULL>" if value is None else from_octets(value) if isinstance(value, bytes) else str(value)


def _quoted(value: str) -> str:
    """A field's value (lf_quote())."""
    if value and not any(char in " \t\n\r" for char in value) and not value.startswith('"'):
        return value
    return '"' + "".join("\\" + char if char in '"\\' else char for char in value) + '"'
