"""Moving a message to another place in the spool (src/spool_out.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.process.log import log_write

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.spool import Message


def spool_move_message(process: Process, message: Message, *, to: str = "", queue: str | None = None) -> None:
    """Move the message's files to the ``queue`` of that name, or to folders whose names begin with ``to``.

    In such folders it is on no queue any more. Source: spool_move_message(), src/spool_out.c.
    """
    process.spool.remove(message.id)
    into = process.queue_name if queue is None else queue
    if not to:
        process.machine.spool.queue(into).add(message)
    old, new = (f"({name}) " if name else "" for name in (process.queue_name, into))
    log_write(process, f"moved from {old}input, msglog to {new}{to}input, {to}msglog")
