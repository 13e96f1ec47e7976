"""Lookups that take longer than slow_lookup_log, and are logged (log_long_lookup(), src/host.c)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eximsim.mta.process.log import log_write

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


@contextmanager
def timed(process: Process, what: str, name: str) -> Iterator[None]:
    """Log that a lookup of ``what`` took long, once it is over."""
    begin = int(process.world.now() * 1000)
    yield
    limit, took = process.config.main.number("slow_lookup_log"), int(process.world.now() * 1000) - begin
    if 0 < limit < took:
        what = what if process.profile.long_lookup_named else "name"
        log_write(process, f"Long {what} lookup for '{name}': {took} msec")
