"""How a process that runs into a segmentation violation ends (``segv_handler()``, src/exim.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.process.ends import ProcessDied
from eximsim.mta.process.log import log_write
from eximsim.profiles import CrashLog

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

SIGSEGV = 11


def null_pointer(process: Process, doing: str) -> ProcessDied:
    """The death of a process that follows a null pointer while ``doing`` something (set_process_info()).

    The signal handler's lines are in main and panic log when this returns.
    """
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
    for line in words:
        log_write(process, line, panic=True)
    return ProcessDied(SIGSEGV)
