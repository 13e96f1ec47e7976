"""A name server on real sockets: a thin shell around ``Zones.answer()``.

It speaks like a recursive resolver: RA is set, AD only for a question that had AD or DO (RFC 6840, 5.7 and
5.8). One question a message, class IN, opcode QUERY (NOTIMP otherwise); questions about everything (ANY) and
for transfers are REFUSED (RFC 8482). A query that cannot be read is FORMERR, and dropped if not even its
header is there.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Self

from eximsim.errors import InputError
from eximsim.ports import Action, Close, DnsAnswer, Endpoint, Send, TlsSession, Wait
from eximsim.quick_dataclass import dataclass
from eximsim.world import wire
from eximsim.world.accepting import Acceptor, Crowd, Limits, listening_socket
from eximsim.world.loop import READ, Loop, Ready
from eximsim.world.messages import MAX_PAYLOAD, Message, Question, response, truncated
from eximsim.world.reply import Reply, Zones

_REFUSED_TYPES = frozenset({"ANY", "AXFR", "IXFR", "TYPE253", "TYPE254"})
_MAX_TCP = 0xFFFF
_MAX_UDP = 0xFFFF
_BIND_ATTEMPTS = 16
_LENGTH = struct.Struct("!H")
_ID = 2
"""The octets of a message that are not looked at, but repeated."""
_AT_ONCE = 256
"""How many datagrams are answered before connections get their turn."""
_KEPT_RESPONSES = 1024
_KEPT_QUERY, _KEPT_RESPONSE = 512, 4096
"""Octets that a query and its response have at most, to be kept."""
_KEPT_QUERIES = 10_000
_TCP_LIMITS = Limits(connections=500, step=5.0, total=120.0)


@dataclass(frozen=True, slots=True)
class Query:
    """A question that arrived: name as it was asked (no final dot), type, and ``"udp"`` or ``"tcp"``."""

    name: str
    type: str
    protocol: str


@dataclass(frozen=True, slots=True)
class Response:
    """What the server does about a message: send ``octets`` (None: nothing) after ``delay`` seconds."""

    octets: bytes | None
    query: Query | None = None
    reply: Reply | None = None

    @property
    def delay(self) -> float:
        """Seconds to wait before sending."""
        return self.reply.delay if self.reply else 0.0


def respond(zones: Zones, octets: bytes, protocol: str) -> Response:
    """The response to a message: all of the server but its sockets and its clock."""
    id = wire.header_id(octets)
    if id is None:
        return Response(None)
    try:
        request = wire.unpack(octets)
    except wire.BadMessage:
        return Response(wire.pack(Message(id, response=True, ra=True, rcode="FORMERR")))
    if len(request.questions) != 1:
        return Response(wire.pack(response(request, DnsAnswer("FORMERR"))))
    question = request.questions[0]
    query = Query(question.name, question.type, protocol)
    error = _refusal(request, question)
    reply = Reply(DnsAnswer(error)) if error else zones.answer(question.name, question.type)
    if reply.drop:
        return Response(None, query, reply)
    return Response(_fit(response(request, reply.answer), reply, request, protocol), query, reply)


def _refusal(request: Message, question: Question) -> str | None:
    """The RCODE for what the server does not do, or None."""
    if request.opcode != 0:
        return "NOTIMP"
    if request.edns is not None and request.edns.version > 0:
        return "BADVERS"
    if question.cls != 1 or question.type in _REFUSED_TYPES:
        return "REFUSED"
    return None


def _fit(message: Message, reply: Reply, request: Message, protocol: str) -> bytes:
    """Pack the message; what does not fit is cut to nothing with TC over UDP, and SERVFAIL over TCP."""
    octets = wire.pack(message)
    if protocol == "tcp":
        failure = replace(message, rcode="SERVFAIL", ad=False, answers=(), authority=())
        return octets if len(octets) <= _MAX_TCP else wire.pack(failure)
    asked = request.edns.payload if request.edns is not None else 0
    if reply.truncate or len(octets) > min(max(asked, wire.MAX_UDP_WITHOUT_EDNS), MAX_PAYLOAD):
        return wire.pack(truncated(message))
    return octets


def check_loopback(address: str, *, allow_nonloopback: bool = False) -> None:
    """Hold that servers listen on 127.0.0.0/8 or ::1 unless told otherwise; raises ``InputError``."""
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        raise InputError(f"{address!r} is not an IP address; expected one such as 127.0.0.1") from None
    if not loopback and not allow_nonloopback:
        raise InputError(f"{address} is not a loopback address; expected 127.0.0.0/8 or ::1")


class Responder:
    """What is said to messages, for one set of zones: the same to the same question, so that it is kept."""

    def __init__(self, zones: Zones) -> None:
        self.zones = zones
        self._kept: dict[str, dict[bytes, Response]] = {"udp": {}, "tcp": {}}

    def respond(self, octets: bytes, protocol: str) -> Response:
        """The response to a message that came over ``protocol``."""
        kept, question = self._kept[protocol], octets[_ID:]
        found = kept.get(question)
        if found is not None and found.octets is not None:
            return Response(octets[:_ID] + found.octets[_ID:], found.query, found.reply)
        found = respond(self.zones, octets, protocol)
        if found.octets is not None and len(octets) <= _KEPT_QUERY and len(found.octets) <= _KEPT_RESPONSE:
            if len(kept) >= _KEPT_RESPONSES:
                kept.clear()
            kept[question] = found
        return found


OnQuery = Callable[[Query, Reply], None]


class NameService:
    """A name server on two sockets, in a loop; it closes neither of them.

    ``zones`` may be exchanged at any time. ``on_query`` is called in the loop, with each query and its reply
    as they arrive. ``time_scale`` says how much of a reply's delay really happens.
    """

    def __init__(
        self,
        loop: Loop,
        zones: Zones,
        udp: socket.socket,
        tcp: socket.socket,
        *,
        on_query: OnQuery,
        time_scale: float = 1.0,
    ) -> None:
        self._loop = loop
        self._responder = Responder(zones)
        self._udp = udp
        self._on_query = on_query
        self._time_scale = time_scale
        self._crowd = Crowd(loop, _TCP_LIMITS, time_scale=time_scale)
        self._acceptor = Acceptor(loop, self._crowd.welcome, self._crowd.make_room)
        udp.setblocking(False)
        loop.call(lambda: loop.watch(udp, READ, Ready(self._datagrams)))
        self._acceptor.take(tcp, lambda: _Stream(self), Endpoint(*tcp.getsockname()[:2]))

    @property
    def zones(self) -> Zones:
        """What is answered from."""
        return self._responder.zones

    @zones.setter
    def zones(self, zones: Zones) -> None:
        self._responder = Responder(zones)

    def close(self) -> None:
        """Stop serving."""
        self._loop.call(lambda: self._loop.forget(self._udp))
        self._acceptor.close()
        self._loop.call(self._crowd.close)

    def _datagrams(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                octets, peer = self._udp.recvfrom(_MAX_UDP)
            except BlockingIOError:
                return
            except OSError:
                continue  # the kernel tells of a client that has gone
            response = self._responder.respond(octets, "udp")
            self.note(response)
            if response.octets is None:
                continue
            if delay := response.delay * self._time_scale:
                self._later(delay, response.octets, peer)
            else:
                self._send(response.octets, peer)

    def _later(self, delay: float, octets: bytes, peer: tuple[str, int]) -> None:
        self._loop.later(delay, lambda: self._send(octets, peer))

    def _send(self, octets: bytes, peer: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):  # who asked has gone, or does not read
            self._udp.sendto(octets, peer)

    def message(self, octets: bytes) -> Response:
        """The response to a message that came over TCP, noted."""
        response = self._responder.respond(octets, "tcp")
        self.note(response)
        return response

    def note(self, response: Response) -> None:
        """Tell of a query."""
        if response.query is not None and response.reply is not None:
            self._on_query(response.query, response.reply)


class _Stream:
    """A connection of a name server (a ``Session``): any number of messages, in any pieces (RFC 7766)."""

    def __init__(self, service: NameService) -> None:
        self._service = service
        self._buffer = bytearray()

    def on_connect(self, client: Endpoint, server: Endpoint) -> Iterable[Action]:
        """See ``Session``."""
        return ()

    def on_data(self, data: bytes) -> Iterator[Action]:
        """See ``Session``: each message that is whole is answered, one after the other."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._buffer)[0]
            if len(self._buffer) < end:
                return
            octets = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            response = self._service.message(octets)
            if response.octets is None:
                yield Close()
                return
            if response.delay:
                yield Wait(response.delay)
            yield Send(_LENGTH.pack(len(response.octets)) + response.octets)

    def on_tls(self, session: TlsSession) -> Iterable[Action]:
        """See ``Session``; there is no TLS here."""
        return ()

    def on_tls_failure(self, reason: str) -> Iterable[Action]:
        """See ``Session``."""
        return ()

    def on_eof(self, *, cut: bool = False) -> Iterable[Action]:
        """See ``Session``."""
        return ()

    def on_close(self) -> None:
        """See ``Session``."""


def one_port(address: str, port: int) -> tuple[socket.socket, socket.socket]:
    """A UDP socket, and a TCP socket that listens, on one port (0: a free one); raises ``OSError``.

    UDP has no SO_REUSEADDR: with it, Linux lets two sockets share a port, and a second server would go
    unnoticed. If TCP has lost a free port to somebody else, another one is tried.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for left in reversed(range(1 if port else _BIND_ATTEMPTS)):
        udp = socket.socket(family, socket.SOCK_DGRAM)
        try:
            udp.bind((address, port))
            return udp, listening_socket(address, udp.getsockname()[1])
        except OSError as error:
            udp.close()
            if not left or error.errno != errno.EADDRINUSE:
                raise
    raise AssertionError


class NameServer:
    """Serves zones on UDP and TCP, both on the same port, while it is entered as a context manager.

    ``port`` 0 takes a free one. ``on_query`` is called with each query and its reply, in the thread that
    serves. ``time_scale`` says how much of a reply's delay really happens. Raises ``InputError`` for an
    address that is not on the loopback interface (without ``allow_nonloopback``) or cannot be had.
    """

    def __init__(
        self,
        zones: Zones,
        address: str = "127.0.0.1",
        port: int = 0,
        *,
        allow_nonloopback: bool = False,
        on_query: OnQuery | None = None,
        time_scale: float = 1.0,
    ) -> None:
        check_loopback(address, allow_nonloopback=allow_nonloopback)
        self._zones = zones
        self._service: NameService | None = None
        self.address = address
        self.port = port
        self._on_query = on_query
        self._time_scale = time_scale
        self._queries: deque[Query] = deque(maxlen=_KEPT_QUERIES)
        self._stack = contextlib.ExitStack()

    @property
    def zones(self) -> Zones:
        """What is answered from; it may be exchanged at any time."""
        return self._zones

    @zones.setter
    def zones(self, zones: Zones) -> None:
        self._zones = zones
        if self._service is not None:
            self._service.zones = zones

    @property
    def queries(self) -> tuple[Query, ...]:
        """The last 10,000 questions that have arrived, in order, answered or dropped."""
        return tuple(self._queries)

    def __enter__(self) -> Self:
        try:
            wires = one_port(self.address, self.port)
        except OSError as error:
            raise InputError(f"cannot listen on {self.address} port {self.port}: {error.strerror}") from error
        with contextlib.ExitStack() as stack:
            udp, _tcp = (stack.enter_context(wire) for wire in wires)
            self.port = udp.getsockname()[1]
            loop = Loop()
            stack.callback(loop.close)
            self._service = service = NameService(
                loop, self.zones, *wires, on_query=self._note, time_scale=self._time_scale
            )
            stack.callback(service.close)
            loop.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _note(self, query: Query, reply: Reply) -> None:
        self._queries.append(query)
        if self._on_query is not None:
            self._on_query(query, reply)


def describe(query: Query, reply: Reply) -> str:
    """One line on a query and what came of it: ``udp MX test.ex: NOERROR, 2 records, AD``."""
    answer = reply.answer
    count = len(answer.answers)
    words = (
        "no answer" if reply.drop else answer.rcode,
        f"{count} record{'' if count == 1 else 's'}" if count else "no data" * (answer.rcode == "NOERROR"),
        "AD" if answer.ad else "",
        f"after {reply.delay:g} s" if reply.delay else "",
        "truncated" if reply.truncate and query.protocol == "udp" else "",
    )
    return f"{query.protocol} {query.type} {query.name or '.'}: {', '.join(filter(None, words))}"


def as_object(query: Query, reply: Reply) -> dict[str, object]:
    """The same as ``describe`` says, for machines; ``rcode`` is None if the query gets no answer."""
    return {
        "protocol": query.protocol,
        "type": query.type,
        "name": query.name,
        "rcode": None if reply.drop else reply.answer.rcode,
        "records": len(reply.answer.answers),
        "ad": reply.answer.ad,
        "delay": reply.delay,
        "truncated": reply.truncate and query.protocol == "udp",
    }
