"""The time of day in Exim's formats (src/tod.c)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eximsim.ports import World

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Tod(Enum):
    """A format of ``tod_stamp()``, under the name that Exim has for it."""

    LOG = "{0:%Y-%m-%d %H:%M:%S}"
    LOG_DATESTAMP_DAILY = "{0:%Y%m%d}"
    LOG_DATESTAMP_MONTHLY = "{0:%Y%m}"
    BSDIN = "{day} {month} {0:%d %H:%M:%S %Y}"
    FULL = "{day}, {0:%d} {month} {0:%Y %H:%M:%S} {zone}"
    MBX = "{0:%d}-{month}-{0:%Y %H:%M:%S} {zone}"
    ZONE = "{zone}"
    ZULU = "{0:%Y%m%d%H%M%SZ}"
    EPOCH = "{seconds}"
    EPOCH_L = "{seconds}{0:%f}"


def tod_stamp(world: World, style: Tod, offset: int) -> str:
    """Now, in ``style``; the local time is ``offset`` minutes east of UTC. Source: tod_stamp(), src/tod.c."""
    now = world.now()
    when = datetime.fromtimestamp(now + (0 if style is Tod.ZULU else offset * 60), UTC)
    return style.value.format(
        when,
        day=_DAYS[when.weekday()],
        month=_MONTHS[when.month - 1],
        seconds=int(now),
        zone=zone_text(offset),
    )


def zone_text(offset: int) -> str:
    """``+0530``: an offset as Exim writes it. The sign is the hours', which half an hour has none of."""
    hours = int(offset / 60)
    return f"{hours:+03d}{abs(offset - hours * 60):02d}"


_NAMED = {"EST": -300, "GMT": 0, "HST": -600, "MST": -420, "UTC": 0}
_POSIX = re.compile(r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)([+-]?)([0-9]|[01][0-9]|2[0-4])(?::([0-5][0-9]))?")


@cache
def utc_offset(zone: str) -> int | None:
    """The minutes that a time zone is east of UTC; None if that is not known, or not the same all the year.

    Without a name it is UTC, the machine's own.
    """
    if not zone or zone.upper() == "UTC":
        return 0
    match = _POSIX.fullmatch(zone)
    if match is None:
        return _NAMED.get(zone)
    west = 60 * int(match[2]) + int(match[3] or 0)
    return west if match[1] == "-" else -west
