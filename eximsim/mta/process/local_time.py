"""The time of day where the configuration says that we are (the option timezone; src/tod.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.tod import Tod, tod_stamp, utc_offset

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


def offset(process: Process) -> int:
    """The minutes that the local time is ahead of UTC."""
    return utc_offset(process.config.main.text("timezone") or "") or 0


def local_stamp(process: Process, style: Tod) -> str:
    """Now, in ``style``."""
    return tod_stamp(process.world, style, offset(process))
