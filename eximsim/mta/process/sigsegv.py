"""How a process that runs into a segmentation violation ends (``segv_handler()``, src/exim.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.process.ends import ProcessDied
from eximsim.mta.process.log import log_write
from eximsim.profiles import CrashLog

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

SIGSEGV = 11


def null_pointer(process: Process, doing: str, *, address: str = "0x8", handled: bool = True) -> ProcessDied:
    """The death of a process that follows a null pointer while ``doing`` something (set_process_info()).

    ``address`` is what it gets to by that, as the log has it. The signal handler's lines are in main and
    panic log when this returns, unless it has been put off.
    """
    if not handled:
        if process.profile.replies_sent_at_once:
            process.flushing.flush()
        return ProcessDied(SIGSEGV)
    return _died(process, doing, address, "SEGV_MAPERR", "null pointer indirection")


def immutable_memory(process: Process, doing: str) -> ProcessDied:
    """The same of one that writes to its configuration, which is in memory that is only read."""
    return _died(process, doing, "0x7f6a2c4e1d30", "SEGV_ACCERR", _IMMUTABLE)


_IMMUTABLE = "maybe attempt to write to immutable memory"


def _died(process: Process, doing: str, address: str, code: str, why: str) -> ProcessDied:
    words: tuple[str, ...] = ()
    log = process.profile.crash_log
    if log is CrashLog.SUPPOSITION:
        words = (f"SIGSEGV ({_IMMUTABLE})",)
    elif log is not CrashLog.NOTHING:
        purpose = f"{process.purpose}: " if log is CrashLog.PURPOSE else ""
        words = (
            f"SIGSEGV (fault address: {address})",
            code,
            f"SIGSEGV ({why})",
            f"SIGSEGV ({purpose}{process.pid} {doing}\n)",
        )
    if process.profile.replies_sent_at_once:
        process.flushing.flush()
    for line in words:
        log_write(process, line, panic=True)
    return ProcessDied(SIGSEGV)
