"""The name server of a private namespace: on sockets that were made inside, for any number of scenarios.

What it says is ``world.nameserver.respond()``; here are only the sockets. One thread reads questions that
come over UDP, so that they are noted in the order in which they were asked.
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress

from eximsim.subjects.namespace import Namespace
from eximsim.world.nameserver import Response, respond
from eximsim.world.reply import Zones
from eximsim.world.rrsets import rrset_zones

_TCP_SECONDS = 5.0
_MAX_UDP = 65535
_LENGTH = struct.Struct("!H")


def resolver(inside: Namespace) -> Resolver:
    """A name server on port 53 of a namespace."""
    udp, tcp = (inside.socket(kind, "127.0.0.1", 53) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM))
    return Resolver(udp, tcp)


class Resolver:
    """Serves ``zones``, which may be exchanged at any time, until it is closed.

    ``questions`` are those that have arrived, as ``"TYPE name"``, answered or not.
    """

    def __init__(self, udp: socket.socket, tcp: socket.socket) -> None:
        self.zones: Zones = rrset_zones(())
        self.questions: list[str] = []
        self._udp, self._tcp = udp, tcp
        self._threads = [
            threading.Thread(target=serve, name="resolver", daemon=True)
            for serve in (self._serve_udp, self._serve_tcp)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop serving."""
        for wire in (self._udp, self._tcp):
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._udp.close()
        self._tcp.close()

    def _serve_udp(self) -> None:
        while True:
            octets, peer = self._udp.recvfrom(_MAX_UDP)
            if not octets and not peer:
                return  # shut down
            response = self._respond(octets, "udp")
            if response.octets is None:
                continue
            if response.delay:
                late = threading.Timer(response.delay, self._send, (response.octets, peer))
                late.daemon = True
                late.start()
            else:
                self._send(response.octets, peer)

    def _send(self, octets: bytes, peer: tuple[str, int]) -> None:
        with suppress(OSError):  # who asked has gone
            self._udp.sendto(octets, peer)

    def _serve_tcp(self) -> None:
        while True:
            try:
                wire, _ = self._tcp.accept()
            except OSError:
                return  # shut down
            threading.Thread(target=self._serve_stream, args=(wire,), name="resolver", daemon=True).start()

    def _serve_stream(self, wire: socket.socket) -> None:
        wire.settimeout(_TCP_SECONDS)
        with wire, suppress(OSError), wire.makefile("rb") as stream:
            while len(header := stream.read(_LENGTH.size)) == _LENGTH.size:
                response = self._respond(stream.read(_LENGTH.unpack(header)[0]), "tcp")
                if response.octets is None:
                    return
                if response.delay:
                    threading.Event().wait(response.delay)
                wire.sendall(_LENGTH.pack(len(response.octets)) + response.octets)

    def _respond(self, octets: bytes, protocol: str) -> Response:
        response = respond(self.zones, octets, protocol)
        if response.query is not None:
            self.questions.append(f"{response.query.type} {response.query.name}")
        return response
