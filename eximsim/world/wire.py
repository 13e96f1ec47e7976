"""DNS messages to and from octets, on dnslib's buffers.

dnslib packs and unpacks whole messages too, but refuses records that a test of a mail program needs (TLSA
data that is too short), and its compression of names breaks beyond 16 kilobytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import dnslib
from dnslib.buffer import BufferError as WireBufferError
from dnslib.label import DNSBuffer, DNSLabel

from eximsim.ports import DnsAnswer, DnsRecord
from eximsim.world import names, rdata
from eximsim.world.messages import CLASS_IN
from eximsim.world.messages import CLIENT_PAYLOAD as CLIENT_PAYLOAD
from eximsim.world.messages import Edns as Edns
from eximsim.world.messages import Message as Message
from eximsim.world.messages import Question as Question

MAX_UDP_WITHOUT_EDNS = 512
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
    header = dnslib.DNSHeader(
        id=message.id,
        bitmap=0,
        qr=message.response,
        opcode=message.opcode,
        aa=message.aa,
        tc=message.tc,
        rd=message.rd,
        ra=message.ra,
        ad=message.ad,
        cd=message.cd,
        rcode=rcode & 0xF,
        q=len(message.questions),
        a=len(message.answers),
        auth=len(message.authority),
        ar=int(message.edns is not None),
    )
    buffer = _Buffer()
    header.pack(buffer)
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
        dnslib.EDNS0(
            ext_rcode=rcode >> 4,
            version=edns.version,
            flags="do" if edns.dnssec_ok else "",
            udp_len=edns.payload,
        ).pack(buffer)
    return bytes(buffer.data)


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
    header = dnslib.DNSHeader.parse(buffer)
    if _MIN_RECORD * (header.a + header.auth + header.ar) > buffer.remaining():
        raise BadMessage("fewer octets than its records need")
    questions = tuple(_question(buffer) for _ in range(header.q))
    answers, _ = _records(buffer, header.a)
    authority, _ = _records(buffer, header.auth)
    _, opt = _records(buffer, header.ar)
    edns = None if opt is None else Edns(opt.payload, opt.flags >> 16 & 0xFF, bool(opt.flags & 0x8000))
    rcode = header.rcode | (0 if opt is None else opt.flags >> 24 << 4)
    return Message(
        header.id,
        bool(header.qr),
        header.opcode,
        bool(header.aa),
        bool(header.tc),
        bool(header.rd),
        bool(header.ra),
        bool(header.ad),
        bool(header.cd),
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
