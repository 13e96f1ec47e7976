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
def serving(*arguments: str) -> Iterator[tuple[int, list[str]]]:
    """The port of a server of its own, and the lines that it has printed, once it is over."""
    command = [sys.executable, "-W", "error", "-u", "-c", COMMAND, "--port", "0", *arguments]
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
        (["--script", "/nonexistent/x.toml"], "cannot read the script"),
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
