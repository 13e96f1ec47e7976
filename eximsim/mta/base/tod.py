"""The time of day in Exim's formats (src/tod.c)."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
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
    FULL = "{day}, {0:%d} {month} {0:%Y %H:%M:%S} +0000"
    ZONE = "+0000"
    ZULU = "{0:%Y%m%d%H%M%SZ}"
    EPOCH = "{seconds}"
    EPOCH_L = "{seconds}{0:%f}"


def tod_stamp(world: World, style: Tod) -> str:
    """Now, in ``style``. The world's local time is UTC. Source: tod_stamp(), src/tod.c."""
    now = world.now()
    when = datetime.fromtimestamp(now, UTC)
    return style.value.format(
        when, day=_DAYS[when.weekday()], month=_MONTHS[when.month - 1], seconds=int(now)
    )
