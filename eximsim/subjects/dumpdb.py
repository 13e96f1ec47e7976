"""A hints database as ``exim_dumpdb`` prints it (src/exim_dbutil.c)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

from eximsim.errors import Unsupported
from eximsim.mta.base.string import octets
from eximsim.mta.records.hints import Cached, CalloutRecord, EtrnRun, Hints, RetryRecord, WaitRecord


def dump(hints: Hints, database: str, now: float = 0.0) -> str | None:
    """The records of ``database``: ``retry``, ``callout``, ``seen``, ``wait-TRANSPORT``; None: no file.

    Of ``tls`` the keys; of ``misc`` the command that ETRN has begun and that still runs ``now``, as the head
    after 4.99 has it.

    Raises ``Unsupported`` for another, and where the order of records is the database library's and nobody
    sorts them.
    """
    if database == "retry":
        return "".join(_retry(key, record) for key, record in hints.retry.items())
    if database.startswith("wait-"):
        records = hints.wait.get(database.removeprefix("wait-"))
        return None if records is None else _wait(records)
    if database == "callout":
        return "".join(_callout(key, record) for key, record in hints.callout.items())
    if database == "seen":
        return "".join(f"{key}\t{_time(stamp)}\n" for key, stamp in hints.seen.items())
    if database == "tls":
        return "".join(f"  {key}\n" for key in sorted(hints.tls))  # the keys alone, as with -k
    running = {argument: run for argument, run in hints.etrn.items() if now < run.over}
    if database == "misc" and len(running) == 1 and not hints.ehlo:
        return "".join(_etrn(argument, run) for argument, run in running.items())
    raise Unsupported(f"script command 'dump {database}'")


def _etrn(argument: str, run: EtrnRun) -> str:
    key = hashlib.md5(octets(argument), usedforsecurity=False).hexdigest()
    return f"{_time(run.begun)} etrn-{key}\nserialize etrn: 1 running\n"


def _retry(key: str, record: RetryRecord) -> str:
    times = (_time(time) for time in (record.first_failed, record.last_try, record.next_try))
    expired = "*" if record.expired else ""
    return f"  {key} {record.basic_errno} {record.more_errno} {record.text}\n{'  '.join(times)} {expired}\n"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%d-%b-%Y %H:%M:%S")


_RESULTS = {
    Cached.UNKNOWN: "unknown",
    Cached.ACCEPT: "accept",
    Cached.REJECT: "reject",
    Cached.REJECT_MFNULL: "unknown",
}


def _callout(key: str, record: CalloutRecord) -> str:
    kind, _, name = key.partition(":")
    told = f"{_time(record.time_stamp)} {name} callout={_RESULTS[record.result]}"
    if kind == "domain":
        for what, result, stamp in (
            ("postmaster", record.postmaster_result, record.postmaster_stamp),
            ("random", record.random_result, record.random_stamp),
        ):
            told += f" {what}={_RESULTS[result]}"
            if result is not Cached.UNKNOWN:
                told += f" ({_time(stamp)})"
    return f"{told}\n"


def _wait(records: Mapping[str, WaitRecord]) -> str:
    if len(records) > 1:
        raise Unsupported("the order of several records of messages that wait")
    return "".join(f"{host} {''.join(f'{one} ' for one in record.ids)}\n" for host, record in records.items())
