import socket
import threading

from eximsim.ports import Endpoint
from eximsim.world.accepting import Acceptor, Door, SocketServer
from eximsim.world.loop import Loop
from eximsim.world.smtp_behaviour import Behaviour, Then, reply
from eximsim.world.smtp_server import SmtpServer


def test_a_client_that_writes_after_the_last_words_still_gets_the_end_and_no_reset() -> None:
    server = SmtpServer(Behaviour(extensions=(), banner=reply("554 go away", then=Then.CLOSE)), {})
    with SocketServer(server) as served:
        for _ in range(50):
            with socket.create_connection(served.address, 5) as client:
                assert client.recv(99) == b"554 go away\r\n"
                client.sendall(b"EHLO me\r\n")
                assert client.recv(99) == b""


def test_draining_waits_for_every_connection_that_the_kernel_has_taken() -> None:
    welcomed = []

    def welcome(wire: socket.socket, door: Door, peer: tuple[str, int]) -> None:
        wire.close()
        welcomed.append(door.place)

    place = Endpoint("10.9.1.1", 25)
    loop = Loop()
    acceptor = Acceptor(loop, welcome)
    loop.start()
    try:
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        door = acceptor.take(listener, SmtpServer(Behaviour(extensions=()), {}), place)
        for count in range(1, 40):
            socket.create_connection(door.real(), 5).close()
            acceptor.drain()
            assert welcomed == [place] * count
    finally:
        acceptor.close()
        loop.close()
    assert "loop" not in {thread.name for thread in threading.enumerate()}
