"""What of an answer fits into Exim's buffer, where that is a small one (MAXPACKET, src/exim.h).

The resolver fills the buffer and tells how long the answer was; Exim reads as far as the buffer goes
(``dns_basic_lookup()`` and ``dns_next_rr()``, src/dns.c).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.ports import DnsAnswer, DnsRecord

BUFFER = 2048
"""Octets."""

_HEADER = 12
_QUESTION = 4
_FIXED = 10
_POINTER = 2
_ADDRESSES = {"A": 4, "AAAA": 16}


def cut_to_buffer(answer: DnsAnswer, name: str) -> DnsAnswer:
    """The answer to a question for ``name`` as Exim sees it.

    Of a record that is cut, the data are read past the buffer, which is undefined; but the host of an MX
    record is a name, and one that cannot be read leaves the name of the record before it. Whatever follows,
    the authority section too, is not there.
    """
    for number, (data_at, end) in enumerate(places(answer, name)):
        if end > BUFFER:
            kept = answer.answers[:number]
            if data_at - _FIXED < BUFFER:
                kept += _half(answer.answers[number], kept, data_at)
            return replace(answer, answers=kept, authority=())
    return answer


def places(answer: DnsAnswer, name: str) -> Iterator[tuple[int, int]]:
    """Where in the message the data of each answer begin and end, in octets."""
    names = _Names()
    end = _HEADER + names.octets(name) + _QUESTION
    for record in answer.answers:
        data_at = end + names.octets(record.name) + _FIXED
        end = data_at + _data_octets(record, names)
        yield data_at, end


def _half(record: DnsRecord, before: tuple[DnsRecord, ...], data_at: int) -> tuple[DnsRecord, ...]:
    last = before[-1] if before else record
    match record.data, last.data:
        case (int() as preference, str()), (int(), str() as host) if data_at + _POINTER <= BUFFER and before:
            return (replace(record, data=(preference, host)),)
    raise UndefinedBehaviour(f"a DNS answer is read beyond the {BUFFER} octets that there are for it")


def _data_octets(record: DnsRecord, names: _Names) -> int:
    data = record.data
    if record.type in _ADDRESSES:
        return _ADDRESSES[record.type]
    if isinstance(data, bytes):
        return len(data)
    if isinstance(data, str):
        return names.octets(data)
    if len(data) == 2:
        return 2 + names.octets(data[1])
    return 6 + _plain_octets(data[3])  # RFC 2782: the target of an SRV record is not compressed


def _plain_octets(name: str) -> int:
    return len(name.rstrip(".")) + 2 if name.rstrip(".") else 1


class _Names:
    """Names that a message has had already, which later ones point to (RFC 1035, 4.1.4)."""

    def __init__(self) -> None:
        self._had: set[str] = set()

    def octets(self, name: str) -> int:
        """How many octets the name takes, with as much of it left to a pointer as can be."""
        labels = name.rstrip(".").lower().split(".")
        length = 0
        for number, label in enumerate(labels):
            tail = ".".join(labels[number:])
            if tail in self._had:
                return length + _POINTER
            self._had.add(tail)
            length += 1 + len(label)
        return length + 1
