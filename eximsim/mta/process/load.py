"""The load of the machine, and what queue_only_load makes of it (src/exim.c, src/daemon.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.process.log import log_write

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_STEP = 10


def load_average(process: Process) -> int:
    """The load in thousandths. Under Exim's own test suite a program finds 0.01 more each time it looks.

    Source: OS_GETLOADAVG() in macros.h.
    """
    if not process.machine.test_harness:
        return 0
    process.load_found += _STEP
    return process.load_found


def above_queue_only_load(process: Process) -> int | None:
    """The load, if it is higher than queue_only_load; None if it is not, or nobody asks."""
    most = process.config.main.number("queue_only_load")
    if most < 0 or (load := load_average(process)) <= most:
        return None
    return load


def log_queued_for_load(process: Process, load: int) -> None:
    """Say that a message that has come in waits."""
    text = f"no immediate delivery: load average {load / 1000:.2f}"
    log_write(process, text, when="delay_delivery")
