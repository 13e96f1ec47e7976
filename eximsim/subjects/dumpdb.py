"""A hints database as ``exim_dumpdb`` prints it (src/exim_dbutil.c)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from eximsim.errors import Unsupported
from eximsim.mta.records.hints import Hints, RetryRecord, WaitRecord


def dump(hints: Hints, database: str) -> str:
    """The records of ``database``: ``retry``, ``seen``, or ``wait-TRANSPORT``.

    Raises ``Unsupported`` for another, and where the order of records is the database library's.
    """
    if database == "retry":
        return "".join(_retry(key, record) for key, record in hints.retry.items())
    if database.startswith("wait-"):
        records = hints.wait.get(database.removeprefix("wait-"))
        if records is None:
            raise Unsupported(f"script command 'dump {database}' of a database that is not there")
        return _wait(records)
    if database == "seen":
        if len(hints.seen) > 1:
            raise Unsupported("the order of several records of what was seen")
        return "".join(f"{key}\t{_time(stamp)}\n" for key, stamp in hints.seen.items())
    raise Unsupported(f"script command 'dump {database}'")


def _retry(key: str, record: RetryRecord) -> str:
    times = (_time(time) for time in (record.first_failed, record.last_try, record.next_try))
    expired = "*" if record.expired else ""
    return f"  {key} {record.basic_errno} {record.more_errno} {record.text}\n{'  '.join(times)} {expired}\n"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%d-%b-%Y %H:%M:%S")


def _wait(records: Mapping[str, WaitRecord]) -> str:
    if len(records) > 1:
        raise Unsupported("the order of several records of messages that wait")
    return "".join(f"{host} {''.join(f'{one} ' for one in record.ids)}\n" for host, record in records.items())
