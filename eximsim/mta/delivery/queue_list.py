"""Listing the queue as -bp does (queue_list(), src/queue.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eximsim.mta.delivery.queue import listed

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.spool import Message


def queue_list(process: Process, option: str, ids: Sequence[str]) -> None:
    """Print the queue as -bp does, with ``ids`` only those messages. ``option`` has the letters after it.

    They are a: generated addresses too, i: ids only, r: unsorted, u: undelivered only. Source: queue_list(),
    src/queue.c.
    """
    now = process.world.now()
    wanted = ids or listed(process, randomize="r" in option)
    if "i" in option:
        process.out("".join(f"{message_id}\n" for message_id in wanted))
        return
    for message_id in wanted:
        message = process.spool.get(message_id)
        if message is None:
            if ids:
                process.out(
                    f"      {message_id}\n    *** spool read error: No such file or directory ***\n\n"
                )
            continue
        process.out(f"{_age(int(now - message.received_time) // 60)} {string_format_size(message.size)} ")
        user = f" ({message.originator_login})" if message.sender_set_untrusted else ""
        frozen = " *** frozen ***" if message.frozen else ""
        process.out(f"{message.id} <{message.sender}>{user}{frozen}\n")
        _list_recipients(process, message, option)


def _list_recipients(process: Process, message: Message, option: str) -> None:
    done = {*message.nonrecipients, *message.journal}
    for address in message.addresses():
        if address not in done or "u" not in option:
            process.out(f"        {'D' if address in done else ' '} {address}\n")
    if "a" in option:
        for address in sorted(done - set(message.addresses())):
            process.out(f"       +D {address}\n")
    process.out("\n")


def _age(minutes: int) -> str:
    if minutes <= 90:
        return f"{minutes:2d}m"
    hours = (minutes + 30) // 60
    return f"{hours:2d}h" if hours <= 72 else f"{(hours + 12) // 24:2d}d"


def string_format_size(size: int) -> str:
    """A size in five columns: octets, K or M (src/string.c)."""
    if size == 0:
        return "     "
    if size < 1024:
        return f"{size:5d}"
    if size < 10 * 1024:
        return f"{size / 1024:4.1f}K"
    if size < 1024 * 1024:
        return f"{(size + 512) // 1024:4d}K"
    if size < 10 * 1024 * 1024:
        return f"{size / (1024 * 1024):4.1f}M"
    return f"{(size + 512 * 1024) // (1024 * 1024):4d}M"
