"""What goes to syslog, as Exim's test suite sees it: on standard error (write_syslog(), src/log.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from eximsim.mta.base.string import from_octets, octets

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_LONGEST = 870
"""Octets of a line; what is longer is cut into several."""


def write_syslog(process: Process, stamp: str, text: str) -> None:
    """Write what stands in a log behind its time stamp, as the options about syslog have it.

    A machine's own syslog is nothing that the model shows.
    """
    if not process.machine.test_harness:
        return
    options = process.config.main
    if not options.flag("syslog_pid"):
        text = text.removeprefix(f"[{process.pid}] ")
    if options.flag("syslog_timestamp"):
        text = f"{stamp} {text}"
    parts = list(_parts(octets(text)))
    for number, (part, ends_line) in enumerate(parts, 1):
        between = "\\" if ends_line else "/"
        mark = f"[{number}{between}{len(parts)}] " if len(parts) > 1 else ""
        process.err(f"SYSLOG: '{mark}{from_octets(part)}'\n")


def _parts(text: bytes) -> Iterator[tuple[bytes, bool]]:
    """The pieces that are written, each with whether the line ends there and others follow."""
    while text:
        line, newline, _ = text.partition(b"\n")
        part = line[:_LONGEST]
        ended = bool(newline) and len(part) == len(line)
        text = text[len(part) + ended :]
        yield part, ended and bool(text)
