"""Transport filters: a command that the message goes through (``transport_write_message()``, transport.c)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.mta.transports.command import set_up_command
from eximsim.piped import PipedCommand
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address
    from eximsim.mta.transports.local import LocalRun

_EXEC_FAILED = 127
"""EX_EXECFAILED."""


class FilterFailed(Exception):
    """The filter ended with a status that is not 0 (below 0: a signal), or not in time (None)."""

    def __init__(self, status: int | None) -> None:
        self.status = status
        super().__init__(status)

    @property
    def shown(self) -> tuple[int, str]:
        """What messages show of it."""
        status = -256 if self.status is None else self.status
        return status, ": unable to execute command" if status == _EXEC_FAILED else ""


def set_up_filter(
    process: Process,
    transport: DriverInstance,
    addrs: list[Address],
    *,
    failed: Rc,
    what: str,
    run: LocalRun | None = None,
) -> None:
    """Note the filter of a transport, if it has one, in the process. Raises ``Stop``."""
    process.transport_filter = None
    text = transport.options.text("transport_filter")
    if text is None:
        return
    words = set_up_command(process, text, addrs, expands=True, failed=failed, what=what)
    if not words or not words[0]:
        return
    command = PipedCommand(
        tuple(words),
        environment=process.environment,
        umask=0o077,
        seconds=transport.options.seconds("transport_filter_timeout"),
    )
    if run is not None:
        command = replace(command, uid=run.uid, gid=run.gid, directory=run.directory)
    process.transport_filter = command


def filtered(process: Process, text: bytes) -> bytes:
    """What the process's filter makes of the message. Raises ``FilterFailed``."""
    command = process.transport_filter
    if command is None:
        return text
    ended = process.world.run_command(replace(command, stdin=text))
    process.world.sleep(ended.seconds)
    if ended.status != 0:
        raise FilterFailed(ended.status)
    return ended.output
