"""The ACL modifier ``control = debug``: which debug log there is (src/acl.c, src/log.c).

What stands in it is not modelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.process.log import debug_log_path
from eximsim.mta.records.logs import DebugLog
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.acl.acl_run import AclRun
    from eximsim.mta.process.globals import Process


@dataclass(slots=True)
class _Wanted:
    tag: str | None = None
    opts: bool = False
    kill: bool = False
    stop: bool = False


def debug(run: AclRun, options: str | None) -> None:
    """Begin a debug log, end it, or take it away."""
    process, wanted = run.process, _Wanted()
    for option in (options or "").split("/"):
        if option.startswith("tag="):
            wanted.tag = option[4:]
        elif option.startswith("opts="):
            wanted.opts = True
        elif option.startswith("kill"):
            wanted.kill = process.profile.debug_control_kills
        elif option.startswith("stop"):
            wanted.stop = process.profile.debug_control_stops
    if wanted.kill or wanted.stop:
        _stop(process, kill=wanted.kill)
    elif wanted.tag is not None or wanted.opts or not process.profile.debug_control_needs_words:
        _start(process, wanted.tag or "")


def _open(process: Process) -> str | None:
    """The path of the log that this process writes to."""
    logs = ((path, log) for path, log in process.machine.files.items() if isinstance(log, DebugLog))
    return next((path for path, log in logs if log.pid == process.pid), None)


def _start(process: Process, tag: str) -> None:
    if _open(process) is not None:
        return
    path = debug_log_path(process, tag)
    if path is None:
        raise Unsupported("control = debug where all logs go to syslog")
    process.machine.files[path] = DebugLog(process.pid)


def _stop(process: Process, *, kill: bool) -> None:
    path = _open(process)
    if path is None:
        return
    if kill:
        del process.machine.files[path]
    else:
        process.machine.files[path] = DebugLog(0)
