"""How a process that runs into a segmentation violation ends (``segv_handler()``, src/exim.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.globals import ProcessDied
from eximsim.profiles import CrashLog

if TYPE_CHECKING:
    from eximsim.mta.globals import Process

SIGSEGV = 11


def null_pointer(process: Process, doing: str) -> ProcessDied:
    """The death of a process that follows a null pointer while it is ``doing`` something (set_process_info())."""
    words: tuple[str, ...] = ()
    log = process.profile.crash_log
    if log is CrashLog.SUPPOSITION:
        words = ("SIGSEGV (maybe attempt to write to immutable memory)",)
    elif log is not CrashLog.NOTHING:
        kind = ("SEGV_MAPERR",) if log is CrashLog.FACTS else ()
        words = (
            "SIGSEGV (fault address: 0x8)",
            *kind,
            "SIGSEGV (null pointer indirection)",
            f"SIGSEGV ({process.pid} {doing}\n)",
        )
    return ProcessDied(SIGSEGV, words)
