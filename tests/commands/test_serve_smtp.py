from __future__ import annotations

import json
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eximsim.world.certificates import KeyType, save_chains, standard_chains
from tests.commands.invoking import invoke

COMMAND = "from eximsim.commands.serve_smtp import smtp; smtp()"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    save_chains(standard_chains(KeyType.ECDSA), folder)
    return folder


@contextmanager
def serving(*arguments: str, prefix: tuple[str, ...] = ()) -> Iterator[tuple[int, list[str]]]:
    """The port of a server of its own, and the lines that it has printed, once it is over."""
    command = [*prefix, sys.executable, "-W", "error", "-u", "-c", COMMAND, "--port", "0", *arguments]
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = json.loads(line)["listening"]["port"] if "--json" in arguments else int(line.split()[-1])
        try:
            yield port, lines
        finally:
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=30)
            lines += output.splitlines()
    assert (process.returncode, errors) == (0, "")


def test_a_real_client_has_a_real_dialogue(certificates: Path) -> None:
    trust = ssl.create_default_context(cafile=str(certificates / "root.pem"))
    with serving("--certificates", str(certificates)) as (port, lines), smtplib.SMTP() as client:
        client.connect("127.0.0.1", port)
        client._host = "mx.test.ex"  # type: ignore[attr-defined]  # the name to verify
        client.starttls(context=trust)
        client.sendmail("s@x", ["a@b"], "Subject: x\r\n\r\ny\r\n")
        client.quit()
    # Python's releases differ in the case in which their client writes commands
    assert [line.split(" ", 1)[1].upper() for line in lines] == [
        "EHLO",
        "STARTTLS",
        "TLS TLSV1.3, SNI MX.TEST.EX",
        "EHLO",
        "MAIL FROM:<S@X>",
        "RCPT TO:<A@B>",
        "DATA",
        "MESSAGE ACCEPTED",
        "QUIT",
    ]


def test_a_machine_is_told_each_event_as_json(certificates: Path) -> None:
    with (
        serving("--certificates", str(certificates), "--json") as (port, lines),
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        assert client.recv(100).startswith(b"220 ")
        client.sendall(b"QUIT\r\n")
        place = client.getsockname()
        while client.recv(100):
            pass
    peer = {"address": place[0], "port": place[1]}
    assert json.loads(lines[0]) == {"client": peer, "event": "QUIT"}


def test_an_interrupt_ends_open_connections_quietly(certificates: Path) -> None:
    with serving("--certificates", str(certificates), "--behaviour", "banner554") as (port, lines):
        client = socket.create_connection(("127.0.0.1", port))
        assert client.recv(100).startswith(b"554 ")
    assert client.recv(1) == b""
    client.close()
    assert len(lines) == 1
    assert lines[0].endswith(" EOF")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--behaviour", "nosuch"], "behaviour 'nosuch': expected one of ok"),
        (["--behaviour", "refused"], "a server that refuses connections is one that is not started"),
        (["--behaviour", "ok", "--script", "x"], "expected --behaviour or --script, not both"),
        (["--script", "/nonexistent/x.toml"], "expected the script of a server"),
        (["--listen", "0.0.0.0"], "not a loopback address"),
        (["--listen", "localhost"], "not an IP address"),
        (["--certificates", "/nonexistent"], "expected certificate chains"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(arguments: list[str], message: str) -> None:
    result = invoke("serve", "smtp", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_port_in_use_is_bad_input(certificates: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = invoke("serve", "smtp", "--port", port, "--certificates", str(certificates))
    assert (result.exit_code, "Address already in use" in result.stderr) == (2, True)


def test_a_chain_without_key_is_bad_input(certificates: Path, tmp_path: Path) -> None:
    for file in certificates.glob("*.pem"):
        if "key" not in file.name:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    result = invoke("serve", "smtp", "--certificates", str(tmp_path))
    assert (result.exit_code, "unencrypted private key" in result.stderr) == (2, True)


def test_at_the_limit_of_descriptors_new_clients_are_served_and_nothing_spins(certificates: Path) -> None:
    arguments = ["--certificates", str(certificates), "--behaviour", "nostarttls"]
    with serving(*arguments, prefix=("prlimit", "--nofile=40")) as (port, lines):
        clients = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(60)]
        for client in clients[-5:]:
            assert client.recv(100) == b"220 mx.test.ex ESMTP\r\n"
        for client in clients:
            client.close()
    assert sum(line.endswith(" closed: others wait for its place") for line in lines) >= 20


def test_octets_of_clients_do_nothing_to_a_terminal(certificates: Path) -> None:
    with (
        serving("--certificates", str(certificates)) as (port, lines),
        socket.create_connection(("127.0.0.1", port), 10) as client,
    ):
        client.recv(100)
        client.sendall(b"MAIL FROM:<\x1b[2J\x9b\xe2\x80\xae@x>\r\nquit\x1b\r\n")
        assert client.recv(100).startswith(b"250 ")
    assert all(line.isprintable() for line in lines)
    assert lines[0].endswith(r" MAIL FROM:<\x1b[2J\x9bâ\x80®@x>")


def test_limits_can_be_set_and_are_told(certificates: Path) -> None:
    arguments = ["--certificates", str(certificates), "--max-connections", "2", "--max-step", "0.2"]
    with serving(*arguments) as (port, lines):
        clients = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(3)]
        for client in clients:
            client.recv(100)
            assert client.recv(100) == b""
            client.close()
    assert [line.split(" ", 1)[1] for line in lines] == [
        "closed: others wait for its place",
        "closed: nothing to answer for 0.2 s",
        "closed: nothing to answer for 0.2 s",
    ]
