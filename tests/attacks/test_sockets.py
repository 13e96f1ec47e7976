"""Whatever comes over a socket, the servers answer the next client, and raise nothing."""

from __future__ import annotations

import random
import secrets
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from eximsim.world.accepting import SocketServer
from eximsim.world.certificates import KeyType, standard_chains
from eximsim.world.nameserver import NameServer
from eximsim.world.rrsets import rrset_zones
from eximsim.world.smtp_behaviour import Behaviour
from eximsim.world.smtp_server import SmtpServer

QUERY = bytes.fromhex("0007012000010000000000010474657374026578000001000100002904d0000080000000")
DIALOGUE = (
    b"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
    b"Subject: x\r\n\r\n.x\r\n.\r\nBDAT 3 LAST\r\nabcQUIT\r\n"
)
ZONES = rrset_zones([{"name": "test.ex", "type": "A", "ad": True, "data": ["192.0.2.1"]}])


def client_hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname="test.ex").do_handshake()
    return outgoing.read()


def mangled(chance: random.Random, octets: bytes) -> bytes:
    """The octets with some changed, left out, doubled or put in."""
    found = bytearray(octets)
    for _ in range(chance.randrange(6)):
        place = chance.randrange(len(found) + 1)
        match chance.randrange(5):
            case 0:
                del found[place : place + chance.randrange(20)]
            case 1:
                found[place:place] = found[max(0, place - chance.randrange(40)) : place]
            case 2:
                found[place:place] = chance.randbytes(chance.randrange(20))
            case 3:
                found[place : place + 1] = bytes([chance.choice((0, 1, 10, 13, 46, 127, 128, 255))])
            case _:
                del found[place:]
    return bytes(found)


def sent(port: int, octets: bytes, chance: random.Random) -> None:
    """Send them over TCP in some pieces, and leave in one of several ways."""
    with socket.create_connection(("127.0.0.1", port), 10) as wire, suppress(OSError):
        while octets:
            count = chance.choice((1, 7, 100, len(octets)))
            wire.sendall(octets[:count])
            octets = octets[count:]
        match chance.randrange(3):
            case 0:
                wire.shutdown(socket.SHUT_WR)
                while wire.recv(65536):
                    pass
            case 1:
                wire.settimeout(0.001)
                wire.recv(65536)


@contextmanager
def dns(_: Behaviour) -> Iterator[int]:
    with NameServer(ZONES) as server:
        yield server.port
        with socket.create_connection(("127.0.0.1", server.port), 10) as wire:
            wire.sendall(len(QUERY).to_bytes(2, "big") + QUERY)
            assert wire.recv(4096)[2:4] == QUERY[:2]


@contextmanager
def smtp(behaviour: Behaviour) -> Iterator[int]:
    chains = standard_chains(KeyType.ECDSA).chains
    with SocketServer(SmtpServer(behaviour, chains, keep=False)) as server:
        yield server.address[1]
        with socket.create_connection(server.address, 10) as wire:
            if behaviour.tls_on_connect:
                wire.sendall(client_hello())
            assert wire.recv(4096)


HELLO = client_hello()
KINDS = {
    "dns over tcp": (dns, Behaviour(), len(QUERY).to_bytes(2, "big") + QUERY),
    "smtp": (smtp, Behaviour(), DIALOGUE),
    "smtp with starttls": (smtp, Behaviour(), b"EHLO a\r\nSTARTTLS\r\n" + HELLO),
    "smtps": (smtp, Behaviour(tls_on_connect=True), HELLO),
}


@pytest.mark.parametrize("kind", [*KINDS, "dns over udp"])
def test_a_server_lives_on_whatever_comes(kind: str, *, long: bool) -> None:
    seed = secrets.randbelow(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    count = 20_000 if long else 60
    if kind == "dns over udp":
        with dns(Behaviour()) as port, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            for _ in range(count):
                wire.sendto(mangled(chance, QUERY), ("127.0.0.1", port))
        return
    server, behaviour, octets = KINDS[kind]
    with server(behaviour) as port:
        for _ in range(count):
            sent(port, mangled(chance, octets), chance)
