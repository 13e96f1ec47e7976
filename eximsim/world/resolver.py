"""The client's side of DNS on real sockets: one question, as a stub resolver asks it."""

from __future__ import annotations

import secrets
import socket
import time

from eximsim.mta.world import DnsAnswer
from eximsim.world import names, wire

_MAX_DATAGRAM = 65535


def query(
    server_address: str,
    server_port: int,
    name: str,
    type: str,
    *,
    timeout: float,
    tries: int,
    dnssec: bool,
) -> DnsAnswer:
    """Ask a name server one question over UDP, and again over TCP if the reply is truncated.

    ``timeout`` is in seconds, for each of the ``tries``. ``dnssec`` sets the DO bit; AD is always set, as the
    C library does for a resolver that is trusted (``options trust-ad``; RFC 6840, 5.7), so that the answer's
    ``ad`` does not depend on it. The RCODE is ``"TIMEOUT"`` if no try got an answer, and ``"FORMERR"`` for a
    name or a type that no question can hold. Datagrams with another id or question, or that are no DNS
    replies, are left alone and waited past. A reply with any RCODE ends the query.
    """
    try:
        question = wire.Question(names.canonical(name), type)
        request = wire.Message(
            secrets.randbelow(0x10000),
            rd=True,
            ad=True,
            questions=(question,),
            edns=wire.Edns(wire.CLIENT_PAYLOAD, 0, dnssec),
        )
        octets = wire.pack(request)
    except (names.BadName, KeyError):
        return DnsAnswer("FORMERR")
    for _ in range(tries):
        reply = _ask_udp((server_address, server_port), octets, request, timeout)
        if reply is not None and reply.tc:
            reply = _ask_tcp((server_address, server_port), octets, request, timeout)
        if reply is not None:
            return DnsAnswer(reply.rcode, reply.ad, reply.aa, reply.answers, reply.authority)
    return DnsAnswer("TIMEOUT")


def _ask_udp(
    server: tuple[str, int], octets: bytes, request: wire.Message, timeout: float
) -> wire.Message | None:
    deadline = time.monotonic() + timeout
    with socket.socket(_family(server[0]), socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(server)
            sock.send(octets)
            while (left := deadline - time.monotonic()) > 0:
                sock.settimeout(left)
                reply = _reply_to(request, sock.recv(_MAX_DATAGRAM))
                if reply is not None:
                    return reply
        except OSError:
            pass
    return None


def _ask_tcp(
    server: tuple[str, int], octets: bytes, request: wire.Message, timeout: float
) -> wire.Message | None:
    deadline = time.monotonic() + timeout
    try:
        with socket.create_connection(server, timeout) as sock:
            sock.sendall(len(octets).to_bytes(2, "big") + octets)
            length = int.from_bytes(_read(sock, 2, deadline), "big")
            return _reply_to(request, _read(sock, length, deadline))
    except OSError:
        return None


def _read(sock: socket.socket, count: int, deadline: float) -> bytes:
    """Exactly ``count`` octets; raises ``OSError`` if the peer or the time ends before."""
    octets = b""
    while len(octets) < count:
        sock.settimeout(max(deadline - time.monotonic(), 0.001))
        part = sock.recv(count - len(octets))
        if not part:
            raise ConnectionError("the name server closed the connection")
        octets += part
    return octets


def _reply_to(request: wire.Message, octets: bytes) -> wire.Message | None:
    """The message, if it is the reply to the request.

    A reply without a question is taken for an error that the server could not say more about (FORMERR).
    """
    try:
        reply = wire.unpack(octets)
    except wire.BadMessage:
        return None
    if not reply.response or reply.id != request.id:
        return None
    if not reply.questions:
        return reply if reply.rcode != "NOERROR" else None
    same = len(reply.questions) == 1 and _folded(reply.questions[0]) == _folded(request.questions[0])
    return reply if same else None


def _folded(question: wire.Question) -> tuple[str, str, int]:
    return question.name.lower(), question.type, question.cls


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
