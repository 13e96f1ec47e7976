"""How fast the servers are on their own, and how they fare among clients that mean no good.

``python -m pytest benchmarks/test_servers.py``. On the machine where it was measured, servers with a thread
for each connection came to 4,400 questions and 1,400 to 2,000 dialogues a second. The quickest round counts.
"""

from __future__ import annotations

import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from eximsim.world import wire

ZONES = Path(__file__).parents[1] / "testsuite" / "dnszones"
QUERIES = 10_000
WINDOW = 32
SESSIONS = 500
MINUTE = 60.0
CONNECTIONS = 10_000
DIALOGUE = (
    b"EHLO x\r\n", b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<c@d>\r\n", b"DATA\r\n", b"hello\r\n.\r\n", b"QUIT\r\n",
)  # fmt: skip


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[int, int]]:
    """A server in a process of its own whose lines are read: its port, and the process."""
    command = [sys.executable, "-m", "eximsim.cli", "serve", *arguments, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().split("port ")[1].split(",")[0])
        reader = threading.Thread(target=process.stdout.read)
        reader.start()
        try:
            yield port, process.pid
        finally:
            process.send_signal(signal.SIGINT)
            reader.join()


def ask_many(port: int, queries: list[bytes]) -> None:
    """Ask over UDP, with a few questions under way at any time."""
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        client.settimeout(5)
        for number, query in enumerate(queries):
            if number >= WINDOW:
                client.recv(4096)
            client.send(query)


def questions(names: Callable[[int], str], count: int = QUERIES) -> list[bytes]:
    edns = wire.Edns(1232, 0, dnssec_ok=True)
    return [
        wire.pack(wire.Message(number, rd=True, edns=edns, questions=(wire.Question(names(number), "A"),)))
        for number in range(count)
    ]


def dialogue(port: int) -> list[float]:
    """A session of a client that behaves: how long each answer took."""
    began, taken = time.monotonic(), []
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        for line in (b"", *DIALOGUE):
            client.sendall(line)
            assert client.recv(4096)[:1] in (b"2", b"3")
            now = time.monotonic()
            taken.append(now - began)
            began = now
    return taken


def lengthy(queries: list[bytes]) -> bytes:
    """As they go over TCP."""
    return b"".join(len(query).to_bytes(2, "big") + query for query in queries)


def inquiry(port: int) -> list[float]:
    """A client that behaves asks over UDP and over TCP: how long each answer took."""
    query, began, taken = questions(lambda number: "mx1.test.ex", 1)[0], time.monotonic(), []
    for transport, sent in ((socket.SOCK_DGRAM, query), (socket.SOCK_STREAM, lengthy([query]))):
        with socket.socket(type=transport) as client:
            client.settimeout(10)
            client.connect(("127.0.0.1", port))
            client.send(sent)
            assert query[:2] in client.recv(4096)[:4]
        now = time.monotonic()
        taken.append(now - began)
        began = now
    return taken


@pytest.mark.parametrize(
    ("bound", "names"),
    [(QUERIES / 13_200, lambda number: "mx1.test.ex"), (QUERIES / 4_400, lambda number: f"{number}.test.ex")],
    ids=["one name", "each another name"],
)
def test_name_server(benchmark: Any, bound: float, names: Callable[[int], str]) -> None:
    queries = questions(names)
    with serving("dns", "--zones", str(ZONES)) as (port, _):
        benchmark.pedantic(lambda: ask_many(port, queries), rounds=5, warmup_rounds=1)
    if benchmark.stats is not None:
        assert benchmark.stats.stats.min <= bound


def test_smtp_server(benchmark: Any) -> None:
    def work() -> None:
        for _ in range(SESSIONS):
            dialogue(port)

    with serving("smtp", "--behaviour", "nostarttls") as (port, _):
        benchmark.pedantic(work, rounds=5, warmup_rounds=1)
    if benchmark.stats is not None:
        assert benchmark.stats.stats.min <= SESSIONS / 2_800


# ---- clients that mean no good


SILENT_OR_WORSE = {
    "smtp": {
        "drip": b"E",
        "line": b"x" * 65536,
        "commands": b"NOOP\r\n" * 2000,
        "message": b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n" + b"y" * 70 + b"\r\n",
    },
    "dns": {
        "drip": b"\0",
        "line": b"\xff\xff" + b"x" * 65535,
        "commands": lengthy(questions(lambda number: f"{number % 50}.test.ex", 2000)),
        "message": lengthy(questions(lambda number: "mx1.test.ex", 1))[:-1],
    },
}
"""What clients send that are not silent and do not reset, by server."""


class Crowd:
    """Clients that are silent, drip, never end a line, a message or their commands, or reset."""

    def __init__(self, kind: str, place: tuple[str, int]) -> None:
        self._sent = SILENT_OR_WORSE[kind]
        self._kinds = ("silent", *self._sent, "reset")
        self._place = place
        self.made = 0
        self.clients: dict[socket.socket, str] = {}

    def one_more(self) -> None:
        client = socket.socket()
        client.setblocking(False)
        with suppress(BlockingIOError):
            client.connect(self._place)
        self.clients[client] = self._kinds[self.made % len(self._kinds)]
        self.made += 1

    def go_on(self) -> None:
        """A few of them do what they do."""
        for client in random.sample(list(self.clients), min(len(self.clients), 400)):
            try:
                self._act(client, self.clients[client])
            except BlockingIOError:
                continue
            except OSError:
                self.leave(client)

    def leave(self, client: socket.socket) -> None:
        del self.clients[client]
        client.close()

    def _act(self, client: socket.socket, kind: str) -> None:
        if kind in self._sent:
            client.send(self._sent[kind])
        if kind == "commands":
            while client.recv(65536):
                pass
        if kind == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.send(b"EHLO")
            self.leave(client)


def memory(process: int) -> int:
    """The resident memory of a process, in octets."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096


WELL_BEHAVED = """
import sys
sys.path.insert(0, sys.argv[1])
from benchmarks.test_servers import behave
behave(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
"""


def behave(kind: str, port: int, seconds: float) -> None:
    """Speak with the server for so long, and print the longest time that an answer took."""
    end, worst = time.monotonic() + seconds, 0.0
    while time.monotonic() < end:
        worst = max(worst, *POLITE[kind](port))
        time.sleep(0.05)
    print(worst)


SERVERS = {
    "smtp": ("smtp", "--behaviour", "ok"),
    "dns": ("dns", "--zones", str(ZONES)),
}
POLITE = {"smtp": dialogue, "dns": inquiry}


@pytest.mark.parametrize("kind", SERVERS)
def test_ten_thousand_clients_that_mean_no_good_in_a_minute(kind: str) -> None:
    with serving(*SERVERS[kind]) as (port, process):
        POLITE[kind](port)
        before = peak = memory(process)
        other = subprocess.Popen(
            [
                sys.executable,
                "-c",
                WELL_BEHAVED,
                str(Path(__file__).parents[1]),
                kind,
                str(port),
                str(MINUTE),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        crowd, began = Crowd(kind, ("127.0.0.1", port)), time.monotonic()
        while (passed := time.monotonic() - began) < MINUTE:
            while crowd.made < passed / MINUTE * CONNECTIONS:
                crowd.one_more()
            crowd.go_on()
            peak = max(peak, memory(process))
            time.sleep(0.01)
        worst = float(other.communicate(timeout=MINUTE)[0])
        for client in list(crowd.clients):
            crowd.leave(client)
        time.sleep(2)
        POLITE[kind](port)
        after = memory(process)
    print(
        f"{kind}: {crowd.made} clients, slowest answer {worst:.2f} s, memory {before >> 20} MB before, "
        f"{peak >> 20} MB at most, {after >> 20} MB after"
    )
    assert crowd.made >= CONNECTIONS * 0.99
    assert worst < 1.0
    assert peak - before < 50 << 20
    assert after - before < 20 << 20
