"""Whether the disks have room for a message (receive_check_fs(), src/receive.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.process.log import log_write

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_ROOM = 1024**3
"""What there is on the disks of this machine, in KiB; of inodes nobody counts how many there are."""

_OVERHEAD = 5000
"""Octets that a message takes besides its own."""


def receive_check_fs(process: Process, message_size: int) -> bool:
    """Whether what check_spool_space and check_log_space ask for is there; that it is not is logged.

    ``message_size`` is what the client has announced in octets, -1: nothing.
    """
    options, size = process.config.main, 0
    if options.flag("smtp_check_spool_space") and message_size >= 0:
        size = message_size + _OVERHEAD
    for option, folder, more in (("check_spool_space", "spool", size // 1024), ("check_log_space", "log", 0)):
        if _ROOM + more < options.number(option):
            log_write(process, f"{folder} directory space check failed: space={_ROOM} inodes=-1")
            return False
    return True
