"""A name server on real sockets: a thin shell around ``Zones.answer()``.

It speaks like a recursive resolver: RA is set, AD only for a question that had AD or DO (RFC 6840, 5.7 and
5.8). One question a message, class IN, opcode QUERY (NOTIMP otherwise); questions about everything (ANY) and
for transfers are REFUSED (RFC 8482). A query that cannot be read is FORMERR, and dropped if not even its
header is there.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from dnslib import DNSError
from dnslib.server import DNSHandler, TCPServer, UDPServer

from eximsim.errors import InputError
from eximsim.ports import DnsAnswer
from eximsim.world import wire
from eximsim.world.messages import MAX_PAYLOAD, Message, Question, response, truncated
from eximsim.world.reply import Reply, Zones

_REFUSED_TYPES = frozenset({"ANY", "AXFR", "IXFR", "TYPE253", "TYPE254"})
_MAX_TCP = 0xFFFF
_TCP_SECONDS = 5.0
_POLL_SECONDS = 0.02
_BIND_ATTEMPTS = 16


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


class NameServer:
    """Serves zones on UDP and TCP, both on the same port, while it is entered as a context manager.

    ``port`` 0 takes a free one. ``on_query`` is called with each query and its reply, in the thread that
    serves it. ``sleep`` waits for a reply's delay. Raises ``InputError`` for an address that is not on the
    loopback interface (without ``allow_nonloopback``) or cannot be had.
    """

    def __init__(
        self,
        zones: Zones,
        address: str = "127.0.0.1",
        port: int = 0,
        *,
        allow_nonloopback: bool = False,
        on_query: Callable[[Query, Reply], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        check_loopback(address, allow_nonloopback=allow_nonloopback)
        self.zones = zones
        self.address = address
        self.port = port
        self._on_query = on_query
        self._sleep = sleep
        self._lock = threading.Lock()
        self._queries: list[Query] = []
        self._servers: tuple[_UdpServer | _TcpServer, ...] = ()
        self._threads: tuple[threading.Thread, ...] = ()

    @property
    def queries(self) -> tuple[Query, ...]:
        """Every question that has arrived, in order, answered or dropped."""
        with self._lock:
            return tuple(self._queries)

    def __enter__(self) -> Self:
        self._servers = self._bind()
        self.port = self._servers[0].server_address[1]
        self._threads = tuple(
            threading.Thread(
                target=server.serve_forever, args=(_POLL_SECONDS,), name="nameserver", daemon=True
            )
            for server in self._servers
        )
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.shutdown()
        for thread in self._threads:
            thread.join()
        for server in self._servers:
            server.server_close()

    def handle(self, octets: bytes, protocol: str) -> bytes | None:
        """Answer one message, waiting as long as the reply says; None to stay silent."""
        response = respond(self.zones, octets, protocol)
        if response.query is not None:
            with self._lock:
                self._queries.append(response.query)
            if self._on_query is not None and response.reply is not None:
                self._on_query(response.query, response.reply)
        if response.delay:
            self._sleep(response.delay)
        return response.octets

    def _bind(self) -> tuple[_UdpServer, _TcpServer]:
        """Both sockets on one port; another one is tried if TCP has lost a free one to somebody else."""
        attempts = 1 if self.port else _BIND_ATTEMPTS
        failure: OSError | None = None
        for _ in range(attempts):
            try:
                udp = _UdpServer((self.address, self.port), _Handler)
            except OSError as error:
                failure = error
                break
            try:
                tcp = _TcpServer((self.address, udp.server_address[1]), _Handler)
            except OSError as error:
                failure = error
                udp.server_close()
                continue
            udp.owner = tcp.owner = self
            return udp, tcp
        why = failure.strerror if failure is not None else "no free port"
        raise InputError(f"cannot listen on {self.address} port {self.port}: {why}")


def serve(
    zones: Zones,
    address: str,
    port: int,
    *,
    allow_nonloopback: bool = False,
    as_json: bool = False,
    report: Callable[[str], None] = print,
) -> None:
    """Serve zones until interrupted (Ctrl-C); ``report`` gets a line on the address, then one per query.

    With ``as_json`` each line is an object. Raises ``InputError`` as ``NameServer`` does.
    """

    def on_query(query: Query, reply: Reply) -> None:
        report(json.dumps(as_object(query, reply)) if as_json else describe(query, reply))

    with (
        contextlib.suppress(KeyboardInterrupt),
        NameServer(zones, address, port, allow_nonloopback=allow_nonloopback, on_query=on_query) as server,
    ):
        place = {"listening": {"address": server.address, "port": server.port}}
        text = f"listening on {server.address} port {server.port}, UDP and TCP"
        report(json.dumps(place) if as_json else text)
        threading.Event().wait()


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


class _Quiet:
    """The logger that dnslib's handler wants; the server keeps its own log."""

    def log_recv(self, handler: DNSHandler, octets: bytes) -> None:
        """Nothing."""

    log_send = log_recv

    def log_error(self, handler: DNSHandler, error: object) -> None:
        """Nothing."""


class _Handler(DNSHandler):  # type: ignore[misc]
    """Framing is dnslib's; a reply that is not to be sent ends like a message that cannot be read."""

    def setup(self) -> None:
        if isinstance(self.server, _TcpServer):
            self.request.settimeout(_TCP_SECONDS)

    def get_reply(self, octets: bytes) -> bytes:
        owner: NameServer = self.server.owner
        reply = owner.handle(bytes(octets), self.protocol)
        if reply is None:
            raise DNSError("nothing to send")
        return reply


class _UdpServer(UDPServer):  # type: ignore[misc]
    logger = _Quiet()
    owner: NameServer

    def server_bind(self) -> None:
        # With SO_REUSEADDR, Linux lets two UDP sockets share a port: a second server would go unnoticed.
        self.allow_reuse_address = False
        super().server_bind()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone is no event here."""


class _TcpServer(TCPServer):  # type: ignore[misc]
    logger = _Quiet()
    owner: NameServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone is no event here."""
