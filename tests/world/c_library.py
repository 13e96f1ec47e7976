"""The C library's resolver, asked on loopback: what the stub resolver is held against."""

from __future__ import annotations

import ctypes
import platform
import socket
import struct
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from eximsim.world import wire
from eximsim.world.messages import Message
from eximsim.world.network import Sent, Server

_RES_USE_EDNS0, _RES_USE_DNSSEC, _RES_TRUSTAD = 0x00100000, 0x00800000, 0x04000000
_STATE = struct.Struct("=iiQi")
"""How ``struct __res_state`` begins on 64-bit Linux: retrans, retry, options, nscount; then nsaddr_list."""
_STATE_SIZE = 4096
_BUFFER = 65536
_LENGTH = struct.Struct("!H")
H_ERRNO = {1: "HOST_NOT_FOUND", 2: "TRY_AGAIN", 3: "NO_RECOVERY", 4: "NO_DATA"}


class NoLibrary(Exception):
    """This C library is not the one that is modelled."""


def _library() -> Any:
    if platform.libc_ver()[0] != "glibc" or struct.calcsize("P") != 8:
        raise NoLibrary("the GNU C Library on a 64-bit machine is needed")
    return ctypes.CDLL("libresolv.so.2")


def _function(library: Any, name: str) -> Any:
    """A function, where the release has it: since 2.34 most are in libc itself."""
    for place in (library, ctypes.CDLL(None)):
        for spelling in (name, f"__{name}"):
            if hasattr(place, spelling):
                return getattr(place, spelling)
    raise NoLibrary(f"it has no {name}")


def _one_port() -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket on one port; somebody else may have that of TCP."""
    while True:
        tcp, udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            tcp.bind(("127.0.0.1", 0))
            udp.bind(tcp.getsockname())
        except OSError:
            tcp.close()
            udp.close()
        else:
            return udp, tcp


class Answering:
    """A name server on sockets that does what a simulated one does; ``asked`` counts queries by protocol."""

    def __init__(self, server: Server, *, listens: bool) -> None:
        self._server = server
        self.asked = {"udp": 0, "tcp": 0}
        self._udp, self._tcp = _one_port()
        self.port = self._udp.getsockname()[1]
        self._threads = [threading.Thread(target=self._serve_udp, daemon=True)]
        if listens:
            self._tcp.listen()
            self._threads.append(threading.Thread(target=self._serve_tcp, daemon=True))
        self._late: list[threading.Timer] = []
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop serving."""
        for late in self._late:
            late.cancel()
        for wire_end in (self._udp, self._tcp):
            with suppress(OSError):
                wire_end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._udp.close()
        self._tcp.close()

    def _serve_udp(self) -> None:
        while True:
            with suppress(ConnectionRefusedError):
                octets, peer = self._udp.recvfrom(_BUFFER)
                if not peer:
                    return  # shut down
                self.asked["udp"] += 1
                self._answer(self._server.udp(wire.unpack(octets), 0), peer)

    def _answer(self, answers: Iterable[Sent], peer: tuple[str, int]) -> None:
        for sent in answers:
            packed = wire.pack(sent.message)
            if not sent.delay:
                self._send(packed, peer)
                continue
            late = threading.Timer(sent.delay, self._send, (packed, peer))
            late.daemon = True
            self._late.append(late)
            late.start()

    def _send(self, octets: bytes, peer: tuple[str, int]) -> None:
        with suppress(OSError):  # the test is over
            self._udp.sendto(octets, peer)

    def _serve_tcp(self) -> None:
        while True:
            try:
                connection, _ = self._tcp.accept()
            except OSError:
                return  # shut down
            with connection, connection.makefile("rb") as stream:
                octets = stream.read(_LENGTH.unpack(stream.read(_LENGTH.size))[0])
                self.asked["tcp"] += 1
                _, message = self._server.tcp(wire.unpack(octets))
                if message is not None:
                    packed = wire.pack(message)
                    connection.sendall(_LENGTH.pack(len(packed)) + packed)


def res_nquery(name: str, type: int, ports: Iterable[int], retrans: int, retry: int) -> Message | str:
    """The answer that ``res_nquery()`` gives, or the name of its h_errno; raises ``NoLibrary``.

    ``ports`` are those of the name servers on 127.0.0.1.
    """
    library = _library()
    ninit, nquery, nclose = (_function(library, f) for f in ("res_ninit", "res_nquery", "res_nclose"))
    state = ctypes.create_string_buffer(_STATE_SIZE)
    if ninit(state) != 0:
        raise NoLibrary("res_ninit failed")
    servers = [
        struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", port, socket.inet_aton("127.0.0.1"))
        for port in ports
    ]
    options = _RES_USE_EDNS0 | _RES_USE_DNSSEC | _RES_TRUSTAD
    head = _STATE.pack(retrans, retry, options, len(servers)) + b"".join(servers)
    ctypes.memmove(state, head, len(head))
    answer = ctypes.create_string_buffer(_BUFFER)
    size = nquery(state, name.encode(), 1, type, answer, _BUFFER)
    where = ctypes.CDLL(None).__h_errno_location
    where.restype = ctypes.POINTER(ctypes.c_int)
    number = where().contents.value
    nclose(state)
    return wire.unpack(answer.raw[:size]) if size >= 0 else H_ERRNO[number]
