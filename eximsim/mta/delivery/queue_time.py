"""How long a message has been on the queue (test_harness_fudged_queue_time() in src/deliver.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.readtime import readconf_readtime

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.spool import Message


def message_age(process: Process, message: Message) -> int:
    """Seconds since a message came in, or what Exim's test suite wants to be taken for that."""
    given = readconf_readtime(process.fudged_queue_times.partition("/")[0])
    if given is not None and process.machine.test_harness:
        return given
    return int(process.world.now()) - int(message.received_time)
