"""DNS messages as plain data, and what of a response follows from its request."""

from __future__ import annotations

from dataclasses import replace

from eximsim.ports import DnsAnswer, DnsRecord
from eximsim.quick_dataclass import dataclass

CLASS_IN = 1

MAX_PAYLOAD = 1232
"""The UDP payload that servers offer and keep to (DNS flag day 2020: no fragments on any path)."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; ``name`` in text form, ``cls`` the number of the class (1 is IN)."""

    name: str
    type: str
    cls: int = CLASS_IN


@dataclass(frozen=True, slots=True)
class Edns:
    """The OPT record of a message (RFC 6891): how much UDP payload its sender takes, version, DO bit."""

    payload: int
    version: int = 0
    dnssec_ok: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message as far as it matters here. Records of classes other than IN are left out."""

    id: int
    response: bool = False
    opcode: int = 0
    aa: bool = False
    tc: bool = False
    rd: bool = False
    ra: bool = False
    ad: bool = False
    cd: bool = False
    rcode: str = "NOERROR"
    questions: tuple[Question, ...] = ()
    answers: tuple[DnsRecord, ...] = ()
    authority: tuple[DnsRecord, ...] = ()
    edns: Edns | None = None


CLIENT_PAYLOAD = 1200
"""The UDP payload that clients offer: what the GNU C library does (RESOLV_EDNS_BUFFER_SIZE)."""


def response(request: Message, answer: DnsAnswer) -> Message:
    """What a recursive resolver sends: with RA, and AD if AD or DO was asked for (RFC 6840, 5.7 and 5.8)."""
    wants_ad = request.ad or (request.edns is not None and request.edns.dnssec_ok)
    return Message(
        request.id,
        response=True,
        opcode=request.opcode,
        aa=answer.aa,
        rd=request.rd,
        ra=True,
        ad=answer.ad and wants_ad,
        cd=request.cd,
        rcode=answer.rcode,
        questions=request.questions,
        answers=answer.answers,
        authority=answer.authority,
        edns=request.edns and Edns(MAX_PAYLOAD, 0, request.edns.dnssec_ok),
    )


def truncated(message: Message) -> Message:
    """What is sent of a message that does not fit into a datagram: nothing but that."""
    return replace(message, tc=True, ad=False, answers=(), authority=())
