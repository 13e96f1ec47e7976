"""Durations as log lines have them (``string_timediff()``, src/string.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.readtime import readconf_printtime
from eximsim.mta.process.log import selector

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_EXACT_BELOW = 5


def string_timediff(process: Process, seconds: float) -> str:
    """So many seconds as an interval; short ones have three decimals if log_selector wants them."""
    if seconds >= _EXACT_BELOW or not selector(process, "millisec"):
        return readconf_printtime(int(seconds))
    return f"{int(seconds)}.{int(seconds % 1 * 1000):03d}s"
