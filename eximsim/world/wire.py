"""DNS messages to and from octets, on dnslib's buffers.

dnslib packs and unpacks whole messages too, but refuses records that a test of a mail program needs (TLSA
data that is too short), and its compression of names breaks beyond 16 kilobytes.
"""

from __future__ import annotations

import struct

import dnslib
from dnslib.buffer import BufferError as WireBufferError
from dnslib.label import DNSBuffer, DNSLabel

from eximsim.ports import DnsAnswer, DnsRecord
from eximsim.quick_dataclass import dataclass
from eximsim.world import names, rdata
from eximsim.world.messages import CLASS_IN
from eximsim.world.messages import CLIENT_PAYLOAD as CLIENT_PAYLOAD
from eximsim.world.messages import Edns as Edns
from eximsim.world.messages import Message as Message
from eximsim.world.messages import Question as Question

MAX_UDP_WITHOUT_EDNS = 512
_HEADER = struct.Struct("!6H")
_QR, _AA, _TC, _RD, _RA, _AD, _CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010
"""The flags in the header's second word (RFC 1035, 4.1.1; RFC 4035, 3); opcode and RCODE lie between."""
_OPT = struct.Struct("!BHHIH")
_OPT_TYPE, _DO = 41, 0x8000
_MIN_RECORD = 11
_LAST_POINTER = 0x3FFF
_MAX_NAME = 255
_EXTENDED_RCODES = {16: "BADVERS"}
_EXTENDED_NUMBERS = {name: number for number, name in _EXTENDED_RCODES.items()}


class BadMessage(ValueError):
    """Octets that are not a DNS message."""


def size(name: str, type: str, answer: DnsAnswer) -> int:
    """The octets of a reply with ``answer`` to a client that offers EDNS."""
    edns = Edns(CLIENT_PAYLOAD, 0, dnssec_ok=True)
    question = Question(name, type)
    reply = Message(0, questions=(question,), answers=answer.answers, authority=answer.authority, edns=edns)
    return len(pack(reply))


class _Buffer(DNSBuffer):  # type: ignore[misc]
    """dnslib's buffer, made never to point to a name beyond the reach of a compression pointer."""

    def encode_name(self, name: DNSLabel) -> None:
        if self.offset < _LAST_POINTER - _MAX_NAME or tuple(name.label) in self.names:
            super().encode_name(name)
        else:
            self.encode_name_nocompress(name)


def header_id(octets: bytes) -> int | None:
    """The id of a query whose header, at least, is there to be answered; None for anything else."""
    if len(octets) < 12 or octets[2] & 0x80:
        return None
    return int.from_bytes(octets[:2], "big")


def pack(message: Message) -> bytes:
    """The octets of a message."""
    rcode = rcode_number(message.rcode)
    buffer = _Buffer()
    buffer.append(
        _HEADER.pack(
            message.id,
            _flags(message) | message.opcode << 11 | rcode & 0xF,
            len(message.questions),
            len(message.answers),
            len(message.authority),
            int(message.edns is not None),
        )
    )
    for question in message.questions:
        buffer.encode_name(DNSLabel(names.from_text(question.name)))
        buffer.pack("!HH", rdata.type_number(question.type), question.cls)
    for record in (*message.answers, *message.authority):
        dnslib.RR(
            DNSLabel(names.from_text(record.name)),
            rdata.type_number(record.type),
            ttl=record.ttl,
            rdata=rdata.to_wire(record.type, record.data),
        ).pack(buffer)
    if message.edns is not None:
        edns = message.edns
        flags = rcode >> 4 << 24 | edns.version << 16 | _DO * edns.dnssec_ok
        buffer.append(_OPT.pack(0, _OPT_TYPE, edns.payload, flags, 0))
    return bytes(buffer.data)


def _flags(message: Message) -> int:
    bits = (
        (message.response, _QR),
        (message.aa, _AA),
        (message.tc, _TC),
        (message.rd, _RD),
        (message.ra, _RA),
        (message.ad, _AD),
        (message.cd, _CD),
    )
    return sum(bit for is_set, bit in bits if is_set)


def unpack(octets: bytes) -> Message:
    """The message in ``octets``; raises ``BadMessage`` and nothing else."""
    try:
        return _unpack(DNSBuffer(octets))
    except (
        dnslib.DNSError,
        WireBufferError,
        names.BadName,
        rdata.BadData,
        struct.error,
        RecursionError,
    ) as error:
        raise BadMessage(str(error)) from None


def _unpack(buffer: DNSBuffer) -> Message:
    id, flags, asked, answered, above, added = buffer.unpack(_HEADER.format)
    if _MIN_RECORD * (answered + above + added) > buffer.remaining():
        raise BadMessage("fewer octets than its records need")
    questions = tuple(_question(buffer) for _ in range(asked))
    answers, _ = _records(buffer, answered)
    authority, _ = _records(buffer, above)
    _, opt = _records(buffer, added)
    edns = None if opt is None else Edns(opt.payload, opt.flags >> 16 & 0xFF, bool(opt.flags & _DO))
    rcode = flags & 0xF | (0 if opt is None else opt.flags >> 24 << 4)
    return Message(
        id,
        bool(flags & _QR),
        flags >> 11 & 0xF,
        bool(flags & _AA),
        bool(flags & _TC),
        bool(flags & _RD),
        bool(flags & _RA),
        bool(flags & _AD),
        bool(flags & _CD),
        rcode_name(rcode),
        questions,
        answers,
        authority,
        edns,
    )


def _question(buffer: DNSBuffer) -> Question:
    name = rdata.decode_name(buffer)
    type, cls = buffer.unpack("!HH")
    return Question(name, rdata.type_name(type), cls)


@dataclass(frozen=True, slots=True)
class _Opt:
    payload: int
    flags: int


def _records(buffer: DNSBuffer, count: int) -> tuple[tuple[DnsRecord, ...], _Opt | None]:
    """The records of one section, and the OPT record among them."""
    records: list[DnsRecord] = []
    opt: _Opt | None = None
    for _ in range(count):
        name = rdata.decode_name(buffer)
        number, cls, ttl, length = buffer.unpack("!HHIH")
        type = rdata.type_name(number)
        if type == "OPT":
            opt = _Opt(cls, ttl)
            buffer.get(length)
        elif cls == CLASS_IN:
            records.append(DnsRecord(name, type, rdata.from_wire(type, buffer, length), ttl))
        else:
            buffer.get(length)
    return tuple(records), opt


def rcode_name(number: int) -> str:
    """The mnemonic of an RCODE, extended or not; ``RCODE23`` for one without."""
    name = _EXTENDED_RCODES.get(number) or dnslib.RCODE.forward.get(number)
    return str(name) if name else f"RCODE{number}"


def rcode_number(name: str) -> int:
    """The number of an RCODE by its mnemonic; raises ``KeyError``."""
    return _EXTENDED_NUMBERS[name] if name in _EXTENDED_NUMBERS else int(dnslib.RCODE.reverse[name])
