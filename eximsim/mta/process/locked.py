"""A message on the spool that another process is at (``spool_open_datafile()``, src/spool_in.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.process.log import log_write

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


def say_locked(process: Process, message_id: str) -> None:
    """Log that the message cannot be had. The line belongs to the message that the process itself is at."""
    file = f"Spool file for {message_id}" if process.profile.locked_message_named else "Spool file"
    log_write(process, f"{file} is locked (another process is handling this message)", when="skip_delivery")
