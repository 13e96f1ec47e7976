"""``eximsim serve dns`` as a user meets it."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eximsim.world import wire
from eximsim.world.resolver import query
from tests.commands.invoking import invoke

PROGRAM = "from eximsim.cli import main; main()"


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    path = tmp_path / "db.test"
    path.write_text("DNSSEC mx MX 5 host\n")
    return path


def test_queries_are_answered_and_printed_until_interrupted(zone: Path) -> None:
    arguments = [sys.executable, "-c", PROGRAM, "serve", "dns", "--zones", str(zone), "--port", "0"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        listening = re.fullmatch(
            r"listening on 127\.0\.0\.1 port (\d+), UDP and TCP\n", process.stdout.readline()
        )
        assert listening is not None
        answer = query("127.0.0.1", int(listening[1]), "mx.test", "MX", timeout=10, tries=1, dnssec=True)
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=10)
    assert [record.data for record in answer.answers] == [(5, "host.test")]
    assert line == "udp MX mx.test: NOERROR, 1 record, AD\n"
    assert (rest, process.returncode) == (("", ""), 0)


def test_a_machine_is_told_the_address_and_each_query_as_json(zone: Path) -> None:
    arguments = [sys.executable, "-c", PROGRAM, "serve", "dns", "--zones", str(zone), "--port", "0", "--json"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        place = json.loads(process.stdout.readline())["listening"]
        query("127.0.0.1", place["port"], "mx.test", "MX", timeout=10, tries=1, dnssec=True)
        told = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
    assert place["address"] == "127.0.0.1"
    assert told == {
        "protocol": "udp", "type": "MX", "name": "mx.test", "rcode": "NOERROR", "records": 1, "ad": True,
        "delay": 0.0, "truncated": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["--zones", "missing"],
            "eximsim: missing: No such file or directory; expected a zone file or a folder of them",
        ),
        (
            ["--listen", "192.0.2.1"],
            "eximsim: 192.0.2.1 is not a loopback address; expected 127.0.0.0/8 or ::1",
        ),
        (
            ["--certificates", "missing"],
            "eximsim: missing/root.pem: expected certificate chains: No such file",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_2(zone: Path, arguments: list[str], expected: str) -> None:
    result = invoke("serve", "dns", "--zones", str(zone), *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(expected)
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_bad_zone_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "db.test").write_text("\nmx TLSA 3 1 1 @cert:nobody\n")
    result = invoke("serve", "dns", "--zones", str(tmp_path))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"eximsim: {tmp_path}/db.test:2: there is no certificate 'nobody' here")


def test_help_shows_how_to_use_it() -> None:
    result = invoke("serve", "dns", "--help")
    assert result.exit_code == 0
    assert "dig @127.0.0.1" in result.stdout


def test_the_words_of_the_test_environment_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "db.test").write_text("mx A HOSTIPV4\n")
    done = invoke("serve", "dns", "--zones", str(tmp_path), "--host-ipv4", "here")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"eximsim: {tmp_path}/db.test:1: 'here' is not an address")


@contextmanager
def serving(zone: Path, *prefix: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A name server of its own, and its port; ``prefix`` is a command that starts it."""
    command = [*prefix, sys.executable, "-c", PROGRAM, "serve", "dns", "--zones", str(zone), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().split("port ")[1].split(",")[0])
        try:
            yield process, port
        finally:
            process.kill()


def ask(port: int, name: str = "mx.test") -> str:
    return query("127.0.0.1", port, name, "MX", timeout=5, tries=2, dnssec=True).rcode


def test_answers_go_on_when_nobody_reads_what_is_printed_any_more(zone: Path) -> None:
    with serving(zone) as (process, port):
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert ask(port) == "NOERROR"
        assert process.stderr.readline() == (
            "eximsim: nobody reads what is printed (Broken pipe); serving goes on\n"
        )
        assert [ask(port) for _ in range(5)] == ["NOERROR"] * 5
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_answers_go_on_when_what_is_printed_is_not_read(zone: Path) -> None:
    with serving(zone) as (process, port):
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", port))
            client.settimeout(5)
            message = wire.Message(1, questions=(wire.Question("x" * 60 + ".test", "MX"),))
            for _ in range(12_000):
                client.send(wire.pack(message))
                client.recv(1000)
        assert ask(port) == "NOERROR"
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        assert next(line for line in lines if not line.startswith("udp ")).endswith(
            " lines left out: they came faster than they were read)\n"
        )


def test_what_a_terminal_would_obey_is_written_out(zone: Path) -> None:
    with serving(zone) as (process, port):
        assert ask(port, "a\x1bb\u202e.test") == "NXDOMAIN"
        assert process.stdout is not None
        line = process.stdout.readline()
    assert line.startswith("udp MX a")
    assert line.removesuffix("\n").isprintable()
