"""What a server gives to strangers: places, time, and no more."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable

import pytest

from eximsim.ports import Endpoint
from eximsim.world import accepting
from eximsim.world.accepting import Acceptor, Door, Limits, SocketServer
from eximsim.world.loop import Loop
from eximsim.world.smtp_behaviour import Behaviour, reply
from eximsim.world.smtp_server import SmtpServer

BANNER = b"220 mx.test.ex ESMTP\r\n"


def server(limits: Limits, dropped: list[str] | None = None) -> SocketServer:
    told = [] if dropped is None else dropped
    factory = SmtpServer(Behaviour(extensions=(), mail=reply("250 OK", delay=0.5)), {}, keep=False)
    return SocketServer(factory, limits=limits, on_drop=lambda client, why: told.append(why))


def call(place: tuple[str, int]) -> socket.socket:
    client = socket.create_connection(place, 10)
    assert client.recv(100) == BANNER
    return client


def test_any_number_of_silent_clients_is_one_thread() -> None:
    before = threading.active_count()
    with server(Limits()) as served:
        clients = [call(served.address) for _ in range(200)]
        assert threading.active_count() == before + 1
        for client in clients:
            client.close()


def test_who_was_answered_longest_ago_makes_room_for_one_more() -> None:
    dropped: list[str] = []
    with server(Limits(connections=3), dropped) as served:
        first, second, third = (call(served.address) for _ in range(3))
        first.sendall(b"NOOP\r\n")
        assert first.recv(100) == b"250 OK\r\n"
        fourth = call(served.address)
        assert second.recv(100) == b""
        for client in (first, third, fourth):
            client.sendall(b"NOOP\r\n")
            assert client.recv(100) == b"250 OK\r\n"
            client.close()
        second.close()
    assert dropped == ["others wait for its place"]


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (Limits(step=0.3), "nothing to answer for 0.3 s"),
        (Limits(total=0.3), "connected for 0.3 s"),
    ],
)
def test_who_drips_is_closed_when_the_time_is_up(
    limits: Limits, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "_SWEEP_SECONDS", 0.05)
    dropped: list[str] = []
    with server(limits, dropped) as served, call(served.address) as client:
        client.settimeout(0.02)
        began = time.monotonic()
        while time.monotonic() - began < 10:
            try:
                client.sendall(b"N")
                if not client.recv(100):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert time.monotonic() - began < 5
    assert dropped == [why]


def test_the_servers_own_waiting_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "_SWEEP_SECONDS", 0.02)
    with server(Limits(step=0.2)) as served, call(served.address) as client:
        client.sendall(b"MAIL FROM:<>\r\n")
        assert client.recv(100) == b"250 OK\r\n"


def test_who_never_reads_is_not_read_either_and_others_are_served() -> None:
    with server(Limits()) as served, call(served.address) as deaf, call(served.address) as other:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(0.2)
        with pytest.raises(OSError):  # sooner or later nothing goes any more, or there were too many commands
            deaf.sendall(b"NOOP\r\n" * 1_000_000)
        other.sendall(b"NOOP\r\n")
        assert other.recv(100) == b"250 OK\r\n"


class ShortOfDescriptors(socket.socket):
    """A listening socket of a process that has no descriptor left."""

    tries = 0

    def accept(self) -> tuple[socket.socket, tuple[str, int]]:
        self.tries += 1
        raise OSError(errno.EMFILE, "Too many open files")


@pytest.mark.parametrize("room", [False, True])
def test_at_the_limit_of_descriptors_room_is_made_or_the_door_rests(room: bool) -> None:
    made: list[bool] = []

    def make_room() -> bool:
        made.append(room)
        return room and len(made) < 4

    def welcome(wire: socket.socket, door: Door, peer: tuple[str, int]) -> None:
        raise AssertionError

    loop = Loop()
    acceptor = Acceptor(loop, welcome, make_room)
    with ShortOfDescriptors() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        factory: Callable[[], object] = SmtpServer(Behaviour(extensions=()), {})
        acceptor.take(listener, factory, Endpoint("127.0.0.1", 25))  # type: ignore[arg-type]
        with socket.create_connection(listener.getsockname(), 5):
            loop.until(lambda: False, 0.5)
        assert listener.tries <= 3 + 4 * room
        acceptor.close()
    loop.close()


def test_a_server_that_ends_does_not_first_hear_all_that_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "_CLOSE_SECONDS", 0.0)
    heard: list[str] = []
    slow = Behaviour(extensions=(), reset=reply("250 OK", delay=60))
    factory = SmtpServer(slow, {}, lambda log, event: heard.append(event), keep=False)
    with SocketServer(factory) as served, call(served.address) as client:
        client.sendall(b"NOOP\r\n" * 1000)
        while not heard:
            time.sleep(0.01)
    assert len(heard) < 1000
