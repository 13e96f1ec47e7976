"""Moving a message to another place in the spool (src/spool_out.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.process.log import log_write

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.spool import Message


def spool_move_message(process: Process, message: Message, *, to: str) -> None:
    """Move the message's files into the folders whose names begin with ``to``: the queue has it no more.

    Source: spool_move_message(), src/spool_out.c.
    """
    process.machine.spool.remove(message.id)
    log_write(process, f"moved from input, msglog to {to}input, {to}msglog")
