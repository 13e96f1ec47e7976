"""The order in which a queue run takes the messages: an affair of chance, which is taken out of logs.

Without ``queue_run_in_order`` Exim shuffles them by the bits of the time (``queue_get_spool_list()`` in
src/queue.c). With it they go by their ids, in which messages of one second differ by the number of the
process that took them. So a log of a real program and one of the model are compared in one order: within a
queue run, message by message, as the messages are first mentioned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_START = re.compile(r"^\S+ \S+(?: [+-]\d{4})?(?: \[\d+\])? Start queue run: (?P<run>pid=\w+\b(?! -qq).*)$")
_ID = re.compile(
    r"^\S+ \S+(?: [+-]\d{4})?(?: \[\d+\])? "
    r"(?P<id>[0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4}))\b"
)


def in_order_of_arrival(log: str) -> str:
    """The log with the messages of each queue run in the order in which the log first mentions them.

    Runs in two stages stay as they are: there each message comes twice. A line without a message's id goes
    with the line before it.
    """
    lines = log.splitlines(keepends=True)
    first: dict[str, int] = {}
    for line in lines:
        if (found := _ID.match(line)) is not None:
            first.setdefault(found["id"], len(first))
    return "".join(_ordered(lines, first))


def _ordered(lines: Sequence[str], first: dict[str, int]) -> Iterator[str]:
    position = 0
    while position < len(lines):
        end = _end(lines, position)
        yield lines[position]
        position += 1
        if end is not None:
            yield from _by_message(lines[position:end], first)
            position = end


def _end(lines: Sequence[str], position: int) -> int | None:
    """Where the queue run that begins at a line ends; None if none does, or has no end."""
    start = _START.match(lines[position].rstrip("\n"))
    if start is None:
        return None
    last = f" End queue run: {start['run']}\n"
    return next((at for at in range(position, len(lines)) if lines[at].endswith(last)), None)


def _by_message(lines: Sequence[str], first: dict[str, int]) -> Iterator[str]:
    place, keyed = -1, []
    for line in lines:
        found = _ID.match(line)
        place = first[found["id"]] if found is not None else place
        keyed.append((place, line))
    yield from (line for _, line in sorted(keyed, key=lambda item: item[0]))
