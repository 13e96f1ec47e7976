"""Where found counterexamples are kept: Hypothesis' example databases, with printed lines as their values.

Lines hold whole scenarios and no choices of Hypothesis, so that what one machine found any other one can use,
under another version of Python or of Hypothesis too.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from hypothesis.database import (
    DirectoryBasedExampleDatabase,
    ExampleDatabase,
    MultiplexedDatabase,
    ReadOnlyDatabase,
)

from eximsim.errors import InputError
from eximsim.fuzz.scenario import Scenario, scenario_of
from eximsim.quick_dataclass import dataclass

KEY = b"eximsim fuzz"
"""The key under which the lines are."""

_REDIS = ("redis://", "rediss://", "unix://")


def open_database(own: str | None, shared: Iterable[str] = ()) -> ExampleDatabase | None:
    """The database at ``own``, which is written to, together with ``shared`` ones, which are only read.

    Each is a folder or the address of a Redis server (``redis://host:6379/0``). None if there is none at all.
    Raises ``InputError``. It serves ``hypothesis.settings(database=...)`` as well.
    """
    kept = [_one(own)] if own is not None else []
    known = [ReadOnlyDatabase(_one(place, must_exist=True)) for place in shared]
    return MultiplexedDatabase(*kept, *known) if kept or known else None


def _one(place: str, *, must_exist: bool = False) -> ExampleDatabase:
    if place.startswith(_REDIS):
        return _redis(place)
    if must_exist and not Path(place).is_dir():
        raise InputError("no such folder; expected one of examples", place)
    return DirectoryBasedExampleDatabase(place)


def _redis(place: str) -> ExampleDatabase:
    try:
        from hypothesis.extra.redis import RedisExampleDatabase
        from redis import Redis, RedisError
    except ImportError:
        raise InputError("a database in Redis needs its client: pip install 'eximsim[farm]'") from None
    try:
        server = Redis.from_url(place)
        server.ping()
    except (RedisError, ValueError) as problem:
        raise InputError(f"no Redis server answers: {problem}", place) from None
    return RedisExampleDatabase(server)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a database holds, always in the same order; ``unreadable`` counts what is none of our lines."""

    scenarios: tuple[Scenario, ...] = ()
    unreadable: int = 0


def stored(database: ExampleDatabase | None) -> Stored:
    """All scenarios of a database."""
    found: list[Scenario] = []
    lines = sorted(database.fetch(KEY)) if database is not None else []
    for line in lines:
        with suppress(InputError):
            found.append(scenario_of(line.decode("ascii", "replace")))
    return Stored(tuple(found), len(lines) - len(found))


def keep(database: ExampleDatabase | None, scenario: Scenario) -> None:
    """Store a counterexample, if there is a database to write to."""
    if database is not None:
        database.save(KEY, scenario.line().encode("ascii"))


def forget(database: ExampleDatabase | None, scenario: Scenario) -> None:
    """Take out a scenario that breaks nothing any more; shared databases keep it."""
    if database is not None:
        database.delete(KEY, scenario.line().encode("ascii"))
