"""The name server of the memory world: what its zones say."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from eximsim.ports import DnsAnswer
from eximsim.world import names
from eximsim.world.messages import Message, response, truncated
from eximsim.world.network import Sent
from eximsim.world.reply import Zones

_RECORD = 20
_NEVER_TOO_LONG = 800
"""Octets of records, each with ``_RECORD`` of its own, that any answer has room for beside its question."""


class ZoneServer:
    """The world's name server: what ``zones`` are by then says, over UDP and TCP."""

    def __init__(self, zones: Callable[[], Zones]) -> None:
        self._zones = zones

    def udp(self, query: Message, socket: int) -> Iterable[Sent]:
        """See ``Server``."""
        question = query.questions[0]
        reply = self._zones().answer(question.name, question.type)
        if reply.drop:
            return ()
        message = response(query, reply.answer)
        if reply.truncate or too_long(question.name, question.type, reply.answer):
            message = truncated(message)
        return (Sent(reply.delay, message, socket),)

    def tcp(self, query: Message) -> tuple[float, Message | None]:
        """See ``Server``."""
        question = query.questions[0]
        reply = self._zones().answer(question.name, question.type)
        return reply.delay, None if reply.drop else response(query, reply.answer)


def too_long(name: str, type: str, answer: DnsAnswer) -> bool:
    """Whether the answer does not fit into a datagram, so that it is asked for again over TCP."""
    most = sum(len(record.name) + len(str(record.data)) + _RECORD for record in answer.answers)
    if most < _NEVER_TOO_LONG:
        return False
    from eximsim.world import wire  # dnslib is slow to load

    return wire.size(name, type, answer) > wire.CLIENT_PAYLOAD


def askable(name: str) -> bool:
    """Whether a question can hold the name."""
    try:
        names.canonical(name)
    except names.BadName:
        return False
    return True
