"""The memory world and the loopback world give the same answers to the same dialogue."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from eximsim.ports import (
    Action,
    Close,
    ConnectError,
    Connection,
    ConnectionLost,
    DnsAnswer,
    DnsRecord,
    Endpoint,
    HandshakeError,
    HandshakeFault,
    ReadTimeout,
    Send,
    StartTls,
    TlsAlert,
    TlsOffer,
    TlsPolicy,
    TlsSession,
    Wait,
)
from eximsim.world.certificates import KeyType, standard_chains
from eximsim.world.clock import START
from eximsim.world.host import Host
from eximsim.world.loopback import LoopbackWorld
from eximsim.world.memory import MemoryWorld
from eximsim.world.reply import Reply, Zones
from eximsim.world.rrsets import rrset_zones
from eximsim.world.smtp_behaviour import EVIDENCE_BEHAVIOURS, Answer, Behaviour, Then, reply
from eximsim.world.smtp_server import ConnectionLog, SmtpServer

AnyWorld = MemoryWorld | LoopbackWorld
Maker = Callable[[], AbstractContextManager[AnyWorld]]

CHAINS = standard_chains(KeyType.ECDSA)
MX, PORT = "10.9.1.1", 1225
HOST = Host(
    addresses=("127.0.0.1", "192.0.2.1"),
    local_networks=("10.9.0.0/16",),
    files={"/etc/motd": b"hello"},
    unreachable={"10.9.9.9": 110, "198.51.100.1": 113},
)


class Table(Zones):
    """Replies by question."""

    def owners(self) -> Iterable[str]:
        return ()

    def _decide(self, name: str, type: str) -> Reply:
        address = DnsAnswer("NOERROR", ad=True, answers=(DnsRecord(name, "A", "10.9.1.1"),))
        return {
            "mx.test.ex": Reply(address),
            "late.test.ex": Reply(address, delay=2.0),
            "fails.test.ex": Reply(DnsAnswer("SERVFAIL"), delay=1.5),
            "never.test.ex": Reply(DnsAnswer("TIMEOUT"), drop=True),
            "big.test.ex": Reply(address, truncate=True),
        }.get(name, Reply(DnsAnswer("NXDOMAIN", ad=True)))


@contextmanager
def memory() -> Iterator[MemoryWorld]:
    yield MemoryWorld(Table(), HOST)


def loopback() -> LoopbackWorld:
    return LoopbackWorld(Table(), HOST)


WORLDS = pytest.mark.parametrize("make", [memory, loopback])


def accept(_chain: tuple[bytes, ...]) -> None:
    return None


def refuse(_chain: tuple[bytes, ...]) -> TlsAlert:
    return TlsAlert.BAD_CERTIFICATE


class Client:
    """Plays a script: what it saw, step by step."""

    def __init__(self, offer: TlsOffer) -> None:
        self.offer = offer
        self.seen: list[object] = []

    def play(self, world: AnyWorld, script: str) -> list[object]:
        try:
            connection = world.connect(MX, PORT, 5)
        except ConnectError as error:
            return [error.errno]
        for step in script.split("; "):
            try:
                self.seen.append(self.step(connection, step))
            except ReadTimeout:
                self.seen.append("timeout")
            except ConnectionLost as error:
                self.seen.append(("lost", error.errno))
            except HandshakeError as error:
                self.seen.append((error.fault, error.detail))
                if error.fault is HandshakeFault.NOT_TLS:
                    break  # what a server in mid-handshake says next is encrypted, different each time
        world.hang_up()
        return [*self.seen, world.now()]

    def step(self, connection: Connection, step: str) -> object:
        match step:
            case "read":
                return connection.receive(5)
            case "tls":
                return connection.start_tls(self.offer, 5)
            case "close":
                connection.close()
            case _:
                connection.send(step.encode() + b"\r\n")
        return None


SCRIPTS = {
    "whole": "read; EHLO a; read; STARTTLS; read; tls; EHLO a; read; MAIL FROM:<>; read; RCPT TO:<x@y>; "
    "read; DATA; read; hi\r\n..x\r\n.; read; QUIT; read; read; close",
    "close at once": "close",
    "hang up": "read; EHLO a; read",
    "quit": "read; QUIT; read; EHLO; read; NOOP; close",
    "text for TLS": "read; EHLO a; read; STARTTLS; read; EHLO b; read; QUIT; read; close",
    "close for TLS": "read; EHLO a; read; STARTTLS; read; close",
    "TLS at once": "tls; read; EHLO a; read; QUIT; read; read; close",
    "TLS after the banner": "read; tls; read; close",
    "TLS before its time": "read; EHLO a; read; STARTTLS; tls; read; close",
    "text at once": "QUIT; read; read; close",
}
OFFERS = {
    "accept": TlsOffer(accept, sni="mx.test.ex"),
    "refuse": TlsOffer(refuse),
    "refuse late": TlsOffer(refuse, judge_late=True),
    "1.2": TlsOffer(accept, max_version="TLSv1.2"),
    "refuse late 1.2": TlsOffer(refuse, judge_late=True, max_version="TLSv1.2"),
}
CASES = [(script, "accept") for script in SCRIPTS] + [
    ("whole", offer) for offer in OFFERS if offer != "accept"
]


def outcome(make: Maker, behaviour: Behaviour, script: str, offer: str) -> object:
    server = SmtpServer(behaviour, CHAINS.chains)
    with make() as world:
        if behaviour.listen:
            world.listen(MX, PORT, server)
        seen = Client(OFFERS[offer]).play(world, SCRIPTS[script])
    return seen, server.connections, [(item.client, item.server) for item in world.accepted]


@pytest.mark.parametrize("name", EVIDENCE_BEHAVIOURS)
def test_both_worlds_agree_on_every_dialogue_with_every_named_server(name: str) -> None:
    behaviour = EVIDENCE_BEHAVIOURS[name]
    for script, offer in CASES:
        in_memory = outcome(memory, behaviour, script, offer)
        assert in_memory == outcome(loopback, behaviour, script, offer), (script, offer)


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(banner=reply("220 slow", delay=4.0)),
        Behaviour(banner=reply("220 too slow", delay=6.0)),
        Behaviour(banner=Answer((), Then.SILENCE)),
        Behaviour(banner=Answer((), Then.CLOSE)),
        Behaviour(banner=Answer((), Then.RESET)),
        Behaviour(mail=Answer(("451 off",), Then.RESET)),
        Behaviour(starttls=Answer(("220 go",), Then.TLS, delay=6.0)),
        Behaviour(ehlo=Answer(("250-x", "250 y"), Then.CLOSE, delay=6.0)),
        Behaviour(max_version="TLSv1.2", chains_by_sni=(("mx.test.ex", "selfsigned"),)),
    ],
)
@pytest.mark.parametrize("script", ["whole", "quit", "TLS after the banner"])
def test_both_worlds_agree_on_delays_and_on_ways_to_end(behaviour: Behaviour, script: str) -> None:
    in_memory = outcome(memory, behaviour, script, "accept")
    assert in_memory == outcome(loopback, behaviour, script, "accept")


@WORLDS
@pytest.mark.parametrize(
    ("offer", "events"),
    [
        ("refuse", ["EHLO", "STARTTLS", "TLS-failed SSLV3_ALERT_BAD_CERTIFICATE"]),
        ("refuse late", ["EHLO", "STARTTLS", "TLS", "error SSLV3_ALERT_BAD_CERTIFICATE"]),
    ],
)
def test_the_server_sees_the_alert_of_the_judge(make: Maker, offer: str, events: list[str]) -> None:
    server = SmtpServer(Behaviour(), CHAINS.chains)
    with make() as world:
        world.listen(MX, PORT, server)
        Client(OFFERS[offer]).play(world, SCRIPTS["whole"])
    assert server.connections[0].events == events


@WORLDS
def test_the_answers_of_the_name_server_and_what_they_cost(make: Maker) -> None:
    with make() as world:

        def ask(name: str, timeout: float) -> tuple[str, int, float]:
            before = world.now()
            answer = world.lookup(name, "A", timeout=timeout, tries=2, dnssec=True)
            return answer.rcode, len(answer.answers), world.now() - before

        assert ask("mx.test.ex", 1) == ("NOERROR", 1, 0)
        assert ask("big.test.ex", 1) == ("NOERROR", 1, 0)
        assert ask("none.test.ex", 1) == ("NXDOMAIN", 0, 0)
        assert ask("late.test.ex", 3) == ("NOERROR", 1, 2)
        assert ask("late.test.ex", 1) == ("TIMEOUT", 0, 2)
        assert ask("late.test.ex", 1.5) == ("NOERROR", 1, 2)
        assert ask("fails.test.ex", 2) == ("SERVFAIL", 0, 3)
        assert ask("fails.test.ex", 1) == ("SERVFAIL", 0, 1.5)
        assert ask("never.test.ex", 3) == ("TIMEOUT", 0, 6)
        assert ask("two..dots", 3) == ("FORMERR", 0, 0)
        assert world.questions == (
            "A mx.test.ex",
            *["A big.test.ex"] * 2,
            "A none.test.ex",
            "A late.test.ex",
            *["A late.test.ex"] * 4,
            *["A fails.test.ex"] * 4,
            *["A never.test.ex"] * 2,
        )


@WORLDS
@pytest.mark.parametrize(
    ("address", "errno", "seconds"),
    [("10.9.1.2", 111, 0), ("203.0.113.1", 101, 0), ("198.51.100.1", 113, 0), ("10.9.9.9", 110, 5)],
)
def test_connections_to_nobody(make: Maker, address: str, errno: int, seconds: float) -> None:
    with make() as world:
        with pytest.raises(ConnectError) as error:
            world.connect(address, PORT, 5)
        assert error.value.errno == errno
        assert world.now() == START + seconds


@WORLDS
def test_both_ends_of_a_local_connection_have_the_same_address(make: Maker) -> None:
    with make() as world:
        world.listen(MX, PORT, SmtpServer(Behaviour(), CHAINS.chains))
        world.listen("198.51.100.7", PORT, SmtpServer(Behaviour(), CHAINS.chains))
        inside, outside = world.connect(MX, PORT, 5), world.connect("198.51.100.7", PORT, 5)
        assert inside.local_address == MX
        assert outside.local_address == "192.0.2.1"
        assert [item.client for item in world.accepted] == [
            Endpoint(inside.local_address, inside.local_port),
            Endpoint(outside.local_address, outside.local_port),
        ]


@WORLDS
def test_a_listener_on_all_addresses_has_the_local_ones(make: Maker) -> None:
    with make() as world:
        world.listen(None, 25, SmtpServer(Behaviour(), CHAINS.chains))
        assert world.connect("192.0.2.1", 25, 5).receive(5).startswith(b"220 ")
        assert world.accepted[0].server == Endpoint("192.0.2.1", 25)
        with pytest.raises(ConnectError):
            world.connect("203.0.113.1", 25, 5)
        with pytest.raises(OSError, match="in use"):
            world.listen(None, 25, SmtpServer(Behaviour(), CHAINS.chains))
        world.unlisten(None, 25)
        with pytest.raises(ConnectError):
            world.connect("192.0.2.1", 25, 5)


class Asking:
    """A session that, like a mail server with a callout, is a client itself while it serves."""

    def __init__(self, world: AnyWorld) -> None:
        self.world = world

    def on_connect(self, client: Endpoint, server: Endpoint) -> Iterable[Action]:
        inner = self.world.connect(MX, PORT, 5)
        yield Send(b"220 I asked: " + inner.receive(5))
        inner.send(b"QUIT\r\n")
        yield Wait(1.0)
        inner.close()
        self.world.sleep(2.0)
        yield Send(b"done\r\n")
        yield Close()

    def on_data(self, data: bytes) -> Iterable[Action]:
        raise ZeroDivisionError

    def on_tls(self, session: TlsSession) -> Iterable[Action]:
        return ()

    def on_tls_failure(self, reason: str) -> Iterable[Action]:
        return ()

    def on_eof(self, *, cut: bool = False) -> Iterable[Action]:
        return ()

    def on_close(self) -> None:
        pass


def nested(make: Maker) -> tuple[list[object], list[ConnectionLog]]:
    with make() as world:
        server = SmtpServer(Behaviour(), CHAINS.chains)
        world.listen(MX, PORT, server)
        world.listen(None, 25, lambda: Asking(world))
        connection = world.connect("127.0.0.1", 25, 5)
        seen: list[object] = [connection.receive(5) for _ in range(3)]
        seen.append(world.now())
    return seen, server.connections


def test_a_session_can_be_a_client() -> None:
    in_memory = nested(memory)
    seen, connections = in_memory
    assert seen == [b"220 I asked: 220 mx.test.ex ESMTP\r\n", b"done\r\n", b"", START + 2.0]
    assert connections[0].events == ["QUIT"]
    assert nested(loopback) == in_memory


class Broken(Asking):
    """A session that fails at the first octet."""

    def on_connect(self, client: Endpoint, server: Endpoint) -> Iterable[Action]:
        return ()


@WORLDS
def test_what_a_session_raises_reaches_the_client(make: Maker) -> None:
    with make() as world:
        world.listen(None, 25, lambda: Broken(world))
        connection = world.connect("127.0.0.1", 25, 5)
        with pytest.raises(ZeroDivisionError):
            connection.send(b"x")


@WORLDS
def test_a_client_that_the_server_refuses_learns_it_as_its_version_of_tls_has_it(
    make: Maker,
) -> None:
    class Strict(Asking):
        def on_connect(self, client: Endpoint, server: Endpoint) -> Iterable[Action]:
            policy = TlsPolicy(CHAINS.chains["good"], request_client_certificate=True, judge=refuse)
            yield StartTls(policy)

        def on_tls_failure(self, reason: str) -> Iterable[Action]:
            reasons.append(reason)
            yield Close()

    reasons: list[str] = []
    with make() as world:
        world.listen(None, 25, lambda: Strict(world))
        connection = world.connect("127.0.0.1", 25, 5)
        with pytest.raises(HandshakeError):
            connection.start_tls(TlsOffer(accept, max_version="TLSv1.2"), 5)
        connection = world.connect("127.0.0.1", 25, 5)
        connection.start_tls(TlsOffer(accept, identity=CHAINS.chains["good"]), 5)
        with pytest.raises(ConnectionLost):
            connection.receive(5)
    assert reasons == ["PEER_DID_NOT_RETURN_A_CERTIFICATE", "CERTIFICATE_VERIFY_FAILED"]


@WORLDS
def test_a_cipher_list_that_is_none_is_told_of_before_a_handshake(make: Maker) -> None:
    with make() as world:
        world.listen(MX, PORT, SmtpServer(EVIDENCE_BEHAVIOURS["smtps"], CHAINS.chains))
        connection = world.connect(MX, PORT, 5)
        with pytest.raises(HandshakeError, match="NO_CIPHER_MATCH"):
            connection.check_ciphers("nonsense")
        connection.check_ciphers("AES256-SHA:!aNULL")


@WORLDS
def test_files_and_names_of_the_host(make: Maker) -> None:
    with make() as world:
        assert world.read_file("/etc/../etc/motd") == b"hello"
        with pytest.raises(FileNotFoundError, match="/etc/passwd"):
            world.read_file("/etc/passwd")
        assert world.hosts_file() == (("127.0.0.1", "localhost"),)
        assert world.interface_addresses() == ("127.0.0.1", "192.0.2.1")
        assert [world.is_local_address(item) for item in ("127.9.9.9", "10.9.200.1", "10.10.0.1")] == [
            True,
            True,
            False,
        ]


# ---- what the loopback world promises besides


def test_the_loopback_world_has_a_thread_only_for_other_programs_and_leaves_none_behind() -> None:
    before = set(threading.enumerate())
    with loopback() as world:
        world.listen(MX, PORT, SmtpServer(Behaviour(), CHAINS.chains))
        Client(OFFERS["accept"]).play(world, SCRIPTS["whole"])
        assert set(threading.enumerate()) == before
        with socket.create_connection(world.real_address(MX, PORT)):
            Client(OFFERS["accept"]).play(world, SCRIPTS["whole"])
            world.lookup("mx.test.ex", "A", timeout=5, tries=1, dnssec=True)
        assert len(set(threading.enumerate()) - before) == 1
    assert set(threading.enumerate()) == before


def test_handshakes_in_the_loopback_world_are_real_and_counted() -> None:
    with loopback() as world:
        world.listen(MX, PORT, SmtpServer(Behaviour(), CHAINS.chains))
        for offer in ("accept", "1.2", "refuse"):
            Client(OFFERS[offer]).play(world, SCRIPTS["whole"])
        assert world.handshakes == 2


def test_other_programs_can_connect_to_the_loopback_world() -> None:
    server = SmtpServer(Behaviour(), CHAINS.chains)
    with loopback() as world:
        world.listen(MX, PORT, server)
        with socket.create_connection(world.real_address(MX, PORT)) as stranger:
            assert stranger.recv(100) == b"220 mx.test.ex ESMTP\r\n"
    assert server.connections[0].server == Endpoint(MX, PORT)
    assert server.connections[0].events == ["EOF"]


def test_a_session_that_raises_without_a_client_is_told_at_the_end() -> None:
    world = loopback().__enter__()
    world.listen(None, 25, lambda: Broken(world))
    with socket.create_connection(world.real_address(None, 25)) as stranger:
        stranger.sendall(b"x")
        assert stranger.recv(1) == b""
    with pytest.raises(ZeroDivisionError):
        world.__exit__(None, None, None)


@pytest.mark.parametrize("rcode", ["NOERROR", "SERVFAIL"])
def test_other_zones_count_from_the_moment_they_are_there(rcode: str) -> None:
    world = MemoryWorld(rrset_zones([]))
    world.zones = rrset_zones([{"name": "a.test", "type": "A", "rcode": rcode}])
    assert world.lookup("a.test", "A", timeout=1, tries=2, dnssec=False).rcode == rcode
