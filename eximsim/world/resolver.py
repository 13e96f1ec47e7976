"""The client's side of DNS on real sockets: the shell of ``world.stub_resolver``."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable

from eximsim.ports import DnsAnswer
from eximsim.world import loop, names, wire
from eximsim.world.messages import Message, Question
from eximsim.world.stub_resolver import SHORTEST, Ask, Done, Lookup, Settings, Step, Wait

_MAX_DATAGRAM = 65535
_Address = tuple[str, int]
_Ready = Callable[[socket.socket, int, float], bool]
"""Waits until a socket can be read or written, no longer than so many seconds; whether it can."""


def query(
    server_address: str,
    server_port: int,
    name: str,
    type: str,
    *,
    timeout: float,
    tries: int,
    dnssec: bool,
    ready: _Ready = loop.ready,
) -> DnsAnswer:
    """Ask a name server one question as the C library does, over UDP and if need be over TCP.

    ``timeout`` is in seconds, for each of the ``tries`` and for the TCP connection. ``dnssec`` sets the DO
    bit; AD is always set, as the C library does for a resolver that is trusted (``options trust-ad``; RFC
    6840, 5.7), so that the answer's ``ad`` does not depend on it. The RCODE is ``"TIMEOUT"`` if no try got an
    answer, and ``"FORMERR"`` for a name or a type that no question can hold. ``ready`` does the waiting,
    and may drive the server meanwhile.
    """
    try:
        lookup = Lookup(
            Question(names.canonical(name), type),
            secrets.randbelow(0x10000),
            Settings(timeout, tries, dnssec),
        )
        wire.pack(lookup.query)
    except (names.BadName, KeyError):
        return DnsAnswer("FORMERR")
    with _Client((server_address, server_port), timeout, ready) as client:
        step = lookup.start()
        while not isinstance(step, Done):
            assert isinstance(step, Ask)
            step = client.over_tcp(lookup, step) if step.tcp else client.over_udp(lookup, step)
        return step.answer


class _Client:
    """The sockets of one lookup."""

    def __init__(self, server: _Address, timeout: float, ready: _Ready) -> None:
        self._server = server
        self._timeout = timeout
        self._ready = ready
        self._udp: socket.socket | None = None

    def __enter__(self) -> _Client:
        return self

    def __exit__(self, *_: object) -> None:
        if self._udp is not None:
            self._udp.close()

    def over_udp(self, lookup: Lookup, ask: Ask) -> Step:
        """Carry out one try."""
        deadline = time.monotonic() + (ask.seconds or 0)
        try:
            sock = self._socket(ask)
            sock.send(wire.pack(ask.query))
            while (left := deadline - time.monotonic()) > 0:
                if not self._ready(sock, loop.READ, left):
                    break
                octets = sock.recv(_MAX_DATAGRAM)
                if len(octets) < SHORTEST:
                    return lookup.failed()
                message = _read(octets)
                step = lookup.datagram(message) if message else Wait()
                if not isinstance(step, Wait):
                    return step
        except OSError:
            return lookup.failed()
        return lookup.timed_out()

    def _socket(self, ask: Ask) -> socket.socket:
        if self._udp is not None and not ask.fresh:
            return self._udp
        if self._udp is not None:
            self._udp.close()
        self._udp = socket.socket(_family(self._server[0]), socket.SOCK_DGRAM)
        self._udp.connect(self._server)
        return self._udp

    def over_tcp(self, lookup: Lookup, ask: Ask) -> Step:
        """Ask on a connection of its own; the C library has no limit of time there, this has one."""
        octets = wire.pack(ask.query)
        deadline = time.monotonic() + self._timeout
        try:
            with socket.create_connection(self._server, self._timeout) as sock:
                sock.sendall(len(octets).to_bytes(2, "big") + octets)
                step: Step = Wait()
                while isinstance(step, Wait):
                    length = int.from_bytes(self._receive(sock, 2, deadline), "big")
                    message = _read(self._receive(sock, length, deadline))
                    step = lookup.stream(message) if message else Wait()
                return step
        except OSError:
            return lookup.stream(None)

    def _receive(self, sock: socket.socket, count: int, deadline: float) -> bytes:
        """Exactly ``count`` octets; raises ``OSError`` if the peer or the time ends before."""
        octets = b""
        while len(octets) < count:
            if not self._ready(sock, loop.READ, deadline - time.monotonic()):
                raise TimeoutError("the name server takes too long")
            part = sock.recv(count - len(octets))
            if not part:
                raise ConnectionError("the name server closed the connection")
            octets += part
        return octets


def _read(octets: bytes) -> Message | None:
    """The message; None for octets that are none, which can have neither the id nor the question wanted."""
    try:
        return wire.unpack(octets)
    except wire.BadMessage:
        return None


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
