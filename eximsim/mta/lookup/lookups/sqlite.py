"""Databases of SQLite (src/lookups/sqlite.c); the file is only read, and in memory."""

from __future__ import annotations

import sqlite3
from itertools import count
from typing import TYPE_CHECKING

from eximsim.errors import TooMuch, Unsupported
from eximsim.mta.base.string import SPACES, from_octets, octets
from eximsim.mta.records.lookups import SearchResult, SearchType

if TYPE_CHECKING:
    from eximsim.mta.base.effort import Effort
    from eximsim.mta.process.globals import Process

_READING = frozenset(
    (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
)
_STEPS = 10_000_000
"""A query that takes more of the database's own steps is not followed to its end."""
_AT_ONCE = 20
"""Steps after which it is looked how much has been spent."""
_LARGEST = 1_000_000
"""Octets of all rows."""
_LARGEST_VALUE = 32_768
_PATTERN = 1_000
"""Octets of a pattern of LIKE or GLOB, which takes as many times the time of another step."""
_MEMORY = 128 * 1024 * 1024
_BY_CHANCE = frozenset(
    [
        *("current_date", "current_time", "current_timestamp", "date", "datetime", "julianday", "strftime"),
        *("time", "timediff", "unixepoch", "random", "randomblob"),
    ]
)
"""Functions that look at the clock of the machine, or draw a number."""
_SETTINGS = (
    "PRAGMA temp_store = MEMORY", f"PRAGMA hard_heap_limit = {_MEMORY}", "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
)  # fmt: skip
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
    return SearchResult(sqlite_find(process.world.read_file(file), sql, process.effort))


def sqlite_find(content: bytes, sql: str, effort: Effort) -> str | None:
    """The rows that a query selects; None for none, and for an error, as in Exim.

    Raises ``Unsupported`` for a query that does more than read, takes too long, gives too much, or depends
    on the clock or on chance.
    """
    if not sql.isascii() and octets(sql) != sql.encode("utf-8", "replace"):
        raise Unsupported(f"an SQL query that is not UTF-8: {sql}")
    database = sqlite3.connect(":memory:")
    try:
        database.text_factory = bytes
        if content:
            database.deserialize(content)
        for setting in _SETTINGS:
            database.execute(setting)
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
        database.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, _PATTERN)
        refused: list[str] = []
        database.set_authorizer(lambda action, _, name, *rest: _may(action, name, refused))
        looks = count(0, _AT_ONCE)
        database.set_progress_handler(lambda: next(looks) > _STEPS or effort.patience.is_over(), _AT_ONCE)
        with effort.patience.spending():
            return _rows(database, sql, refused)
    finally:
        database.close()


def _rows(database: sqlite3.Connection, sql: str, refused: list[str]) -> str | None:
    try:
        cursor = database.execute(sql)
        names = [column[0] for column in cursor.description or ()]
        rows, size = [], 0
        for row in cursor:
            rows.append(_row(names, row))
            size += len(rows[-1]) + 1
            if size > _LARGEST:
                raise TooMuch(f"an SQL query that gives more than {_LARGEST} octets: {sql}")
    except (MemoryError, UnicodeDecodeError):
        raise TooMuch(f"an SQL query that takes too much memory, or of text that is none: {sql}") from None
    except (sqlite3.Error, sqlite3.Warning) as error:
        if refused or "interrupted" in str(error):
            what = "an SQL query that does more than read, does not end, or is not the same every time"
            raise TooMuch(f"{what}: {sql}") from None
        if any(what in str(error) for what in _TOO_BIG):
            raise Unsupported(f"an SQL query with values or patterns this long: {sql}") from None
        if "one statement" in str(error):
            raise Unsupported(f"several SQL statements in one query: {sql}") from None
        return None
    return "\n".join(rows) if rows else None


_TOO_BIG = ("too big", "too complex", "out of memory")


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
