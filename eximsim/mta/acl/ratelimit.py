"""``ratelimit``: how often a client comes, by what the hints database remembers (acl_ratelimit(), src/acl.c).

Where a machine's hints are not known, the rate is asked for (``World.ask``).
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.errors import Unanswered
from eximsim.mta.acl.acl_run import IN_MESSAGE, AclRun, Where
from eximsim.mta.base.readtime import readconf_readtime
from eximsim.mta.base.string import list_items, octets
from eximsim.mta.records.hints import Rate
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.config.acl_read import AclCondition
    from eximsim.ports import Told

_NUMBER = re.compile(
    r"\s*([-+]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?|inf(?:inity)?))", re.IGNORECASE
)
_UNITS = {"k": 1024.0, "m": 1024.0**2, "g": 1024.0**3}
_SMALLEST_FILTER = 40
"""``sizeof(dbdb->bloom)``."""
_LEAST_TIME = 1e-6
"""Seconds that lie at least between two events: the clock counts microseconds. Here work costs no time."""
_WHOLE_LIST = frozenset({Where.PREDATA, Where.DATA, Where.PRDR, Where.NOTSMTP})
_FLAGS = ("leaky", "strict", "noupdate", "readonly")


class _BadArgument(Exception):
    """What is wrong with the argument."""


@dataclass(slots=True)
class _Wanted:
    """The argument, read."""

    limit: float
    period: int
    shown_period: str
    count: float = 1.0
    key: str | None = None
    unique: str | None = None
    mode: str = ""
    misplaced: bool = False
    leaky: bool = False
    strict: bool = False
    noupdate: bool = False
    readonly: bool = False


def ratelimit(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """OK if the rate is at or over the limit."""
    try:
        said = run.process.world.ask("ratelimit", text)
    except Unanswered as problem:
        if not run.process.machine.hints_known:
            raise problem.at(condition.path, condition.line) from None
        return _by_database(run, text)
    return _as_given(run, text, said)


def _as_given(run: AclRun, text: str, said: Told) -> Rc:
    limit, _, rest = text.partition("/")
    variables = run.process.variables
    variables.update(sender_rate_limit=limit.strip(), sender_rate_period=rest.partition("/")[0].strip())
    if said.deferred:
        run.log_message = said.error or None
        return Rc.DEFER
    variables["sender_rate"] = said.value or "0.0"
    return Rc.FAIL if said.value is None else Rc.OK


def _by_database(run: AclRun, text: str) -> Rc:
    try:
        wanted = _read(run, text)
        _settle(run, wanted)
    except _BadArgument as bad:
        run.log_message = f'error in arguments to "ratelimit" condition: {bad}'
        return Rc.ERROR
    key = wanted.key if wanted.key is not None else run.reception.get("sender_host_address") or ""
    unique = "" if wanted.unique is None else "unique/"
    key = f"{wanted.shown_period}/{wanted.mode}/{unique}{key}"
    run.trace(f"ratelimit condition count={wanted.count:.0f} {wanted.limit:.1f}/{key}")
    known = _remembered(run, wanted)
    if key in known:
        rate = known[key]
        run.trace(f"ratelimit found pre-computed rate {rate:.1f}")
    else:
        rate = known[key] = _computed(run, wanted, key)
        run.trace(f"ratelimit computed rate {rate:.1f}")
    run.process.variables["sender_rate"] = f"{rate:.1f}"
    return Rc.FAIL if rate < wanted.limit else Rc.OK


# ---- the argument ----------------------------------------------------------------------------------


def _quoted(text: str) -> str:
    return f'"{text}"'


def _read(run: AclRun, text: str) -> _Wanted:
    items = list(list_items(text, "/"))
    limit = _limit(run, items)
    shown = items[1] if len(items) > 1 else ""
    run.process.variables["sender_rate_period"] = shown
    period = readconf_readtime(shown)
    if not period:
        nothing = "<NULL>" if run.process.profile.nothing_quoted_bare else '"NULL"'
        raise _BadArgument(f"{nothing if len(items) < 2 else _quoted(shown)} is not a time value")
    wanted = _Wanted(limit, period, shown)
    for item in items[2:]:
        _option(run, wanted, item)
    return wanted


def _limit(run: AclRun, items: list[str]) -> float:
    if not items:
        raise _BadArgument("sender rate limit not set")
    run.process.variables["sender_rate_limit"] = items[0]
    limit, rest = _strtod(items[0])
    unit = _UNITS.get(rest[:1].lower())
    if limit < 0 or (rest if unit is None else rest[1:]):
        raise _BadArgument(f'"{items[0]}" is not a positive number')
    return limit * (unit or 1.0)


def _strtod(text: str) -> tuple[float, str]:
    """The number at the start of a text, and the rest; without one it is 0, as in C."""
    found = _NUMBER.match(text)
    return (0.0, text) if found is None else (float(found[1]), text[found.end() :])


def _option(run: AclRun, wanted: _Wanted, item: str) -> None:
    name = item.lower()
    if name in _FLAGS:
        setattr(wanted, name, True)
    elif name in _PER:
        _PER[name](run, wanted)
    elif name.startswith("count="):
        wanted.count, rest = _strtod(item[6:])
        if wanted.count < 0 or rest:
            raise _BadArgument(f'"{item}" is not a positive number')
    elif name.startswith("unique="):
        wanted.unique = item[7:]
    else:
        wanted.key = item if wanted.key is None else f"{wanted.key}/{item}"


def _set_mode(wanted: _Wanted, mode: str) -> None:
    wanted.mode = "?" if wanted.mode else mode


def _per_cmd(run: AclRun, wanted: _Wanted) -> None:
    _set_mode(wanted, "per_cmd")


def _per_conn(run: AclRun, wanted: _Wanted) -> None:
    _set_mode(wanted, "per_conn")
    wanted.misplaced |= run.where in (Where.NOTSMTP, Where.NOTSMTP_START)


def _per_mail(run: AclRun, wanted: _Wanted) -> None:
    _set_mode(wanted, "per_mail")
    wanted.misplaced |= run.where not in IN_MESSAGE


def _per_rcpt(run: AclRun, wanted: _Wanted) -> None:
    if run.where is Where.RCPT:
        _set_mode(wanted, "per_rcpt")
    elif run.where in _WHOLE_LIST:
        _set_mode(wanted, "per_allrcpts")
        wanted.count = float(len(run.reception.envelope.recipients))
    else:
        _set_mode(wanted, "per_rcpt")
        wanted.misplaced = True


def _per_byte(run: AclRun, wanted: _Wanted) -> None:
    _set_mode(wanted, "per_mail")
    if run.where in IN_MESSAGE:
        wanted.count = float(max(int(run.reception.get("message_size") or 0), 0))
    else:
        wanted.misplaced = True


def _per_addr(run: AclRun, wanted: _Wanted) -> None:
    _set_mode(wanted, "per_rcpt")
    if run.where is Where.RCPT:
        wanted.unique = f"{run.reception.get('local_part')}@{run.reception.get('domain')}"
    else:
        wanted.misplaced, wanted.unique = True, "*"


_PER = {
    "per_addr": _per_addr,
    "per_byte": _per_byte,
    "per_cmd": _per_cmd,
    "per_conn": _per_conn,
    "per_mail": _per_mail,
    "per_rcpt": _per_rcpt,
}


def _settle(run: AclRun, wanted: _Wanted) -> None:
    """Refuse what contradicts itself, and choose what is not said."""
    if wanted.mode == "?":
        raise _BadArgument("conflicting per_* options")
    if wanted.leaky + wanted.strict + wanted.readonly > 1:
        raise _BadArgument("conflicting update modes")
    if wanted.misplaced and (wanted.leaky or wanted.strict) and not wanted.noupdate:
        raise _BadArgument(
            f'"{wanted.mode}" must not have /leaky or /strict option, or cannot be used in '
            f"{run.where.label} ACL"
        )
    if wanted.noupdate:
        wanted.readonly, wanted.leaky, wanted.strict = True, False, False
    wanted.readonly |= wanted.misplaced
    if wanted.readonly:
        wanted.count = 0.0
    if not wanted.strict and not wanted.readonly:
        wanted.leaky = True
    wanted.mode = wanted.mode or "per_mail"
    if wanted.mode == "per_allrcpts":
        wanted.mode = "per_rcpt"
        wanted.misplaced = False


# ---- the rate --------------------------------------------------------------------------------------


def _remembered(run: AclRun, wanted: _Wanted) -> dict[str, float]:
    """Where a rate is kept that has been computed for this command, message or connection."""
    if wanted.readonly or wanted.mode == "per_cmd":
        return run.rates
    if wanted.mode == "per_conn":
        return run.reception.rates
    if wanted.mode == "per_rcpt" and run.where is Where.RCPT:
        return run.rates
    return run.reception.envelope.rates


def _computed(run: AclRun, wanted: _Wanted, key: str) -> float:
    stored = run.process.machine.hints.ratelimit
    now = run.process.world.now()
    found = stored.get(key)
    record = _record(run, wanted, found, now)
    if wanted.unique is not None and not wanted.readonly:
        record = _counted(run, wanted, record)
    record = replace(record, time=now, rate=_new_rate(run, wanted, found, now))
    if (record.rate < wanted.limit and wanted.leaky) or wanted.strict:
        stored[key] = record
        run.trace("ratelimit db updated")
    else:
        why = "readonly mode" if wanted.readonly else "over the limit, but leaky"
        run.trace(f"ratelimit db not updated: {why}")
    return record.rate


def _record(run: AclRun, wanted: _Wanted, found: Rate | None, now: float) -> Rate:
    """The record to go on with: what is known, or a new one, with a filter if events are counted once."""
    kept = found
    if found is not None:
        run.trace("ratelimit found key in database")
        if wanted.unique is not None and int(now) > found.epoch + wanted.period:
            run.trace("ratelimit discarding old Bloom filter")
            kept = None
        elif wanted.unique is not None and not found.bloom:
            run.trace("ratelimit discarding undersize Bloom filter")
            kept = None
    if kept is not None:
        return kept
    if wanted.unique is None:
        run.trace("ratelimit creating new rate data block")
        return Rate(now, 0.0)
    run.trace("ratelimit creating new Bloom filter")
    return Rate(now, 0.0, int(now), bytes(max(int(wanted.limit) * 2, _SMALLEST_FILTER)))


def _counted(run: AclRun, wanted: _Wanted, record: Rate) -> Rate:
    """An event that the filter knows does not count; one that is new is added to it."""
    assert wanted.unique is not None
    run.trace(f"ratelimit checking uniqueness of {wanted.unique}")
    digest = hashlib.md5(octets(wanted.unique), usedforsecurity=False).digest()
    value, step = int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")
    bloom, seen = bytearray(record.bloom), True
    for _ in range(8):
        bit, place = 1 << (value % 8), (value // 8) % len(bloom)
        if not bloom[place] & bit:
            bloom[place] |= bit
            seen = False
        value = (value + step) & 0xFFFFFFFF
    if seen:
        run.trace("ratelimit event found in Bloom filter")
        wanted.count = 0.0
    else:
        run.trace("ratelimit event added to Bloom filter")
    return replace(record, bloom=bytes(bloom))


def _new_rate(run: AclRun, wanted: _Wanted, found: Rate | None, now: float) -> float:
    """An average in which what is long ago counts less and less."""
    if found is None:
        run.trace("ratelimit initializing new key's rate data")
        return wanted.count
    share = max(now - found.time, _LEAST_TIME) / wanted.period
    past = math.exp(-share)
    rate = -math.expm1(-share) * wanted.count / share + past * found.rate
    return max(rate, wanted.count)
