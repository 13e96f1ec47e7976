"""Our programs of Exim's test suite, as processes that talk to each other."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trustme

from eximsim.suite import helper_programs

ROOT = Path(__file__).parents[2]
ZONE = """\
DNSSEC AA TTL=5 a A 10.0.0.1
         AAAA 2001:db8::1
*.w      MX 5 a
c        CNAME a.test.ex.
t        TXT "one" "two"
DNSSEC nothing NXDOMAIN A 10.0.0.9
s        SRV 1 2 25 a
_25._tcp TLSA 3 1 1 abc
PASS ON NOT FOUND
"""


def _command(name: str, *words: str) -> list[str]:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv[0] = {name!r}\n"
        f"from eximsim.subjects.suite_programs.main import main; sys.exit(main({name!r}))"
    )
    return [sys.executable, "-IS", "-c", program, *words]


def _run(name: str, *words: str, given: str = "", cwd: Path | None = None) -> tuple[int, str]:
    ran = subprocess.run(
        _command(name, *words), input=given.encode(), stdout=subprocess.PIPE, check=False, cwd=cwd
    )
    return ran.returncode, ran.stdout.decode("latin-1")


@pytest.fixture(scope="module")
def zones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zones")
    (folder / "dnszones").mkdir()
    (folder / "dnszones/db.test.ex").write_text(ZONE)
    (folder / "dnszones/db.closed.ex").write_text("a A 10.0.0.2\n")
    (folder / "dnszones/qualify.test.ex").touch()
    return folder


@pytest.mark.parametrize(
    ("name", "kind", "code", "end"),
    [
        ("a.test.ex", "A", 0, b"\0\1\0\1\0\0\0\5\0\4\n\0\0\1"),
        ("A.Test.ex.", "a", 0, b"\n\0\0\1"),
        ("a", "AAAA", 0, socket.inet_pton(socket.AF_INET6, "2001:db8::1")),
        ("x.w.test.ex", "MX", 0, b"\0\5\1a\4test\2ex\0"),
        ("c.test.ex", "A", 0, b"\1a\4test\2ex\0"),
        ("t.test.ex", "TXT", 0, b"\3one\3two"),
        ("s.test.ex", "SRV", 0, b"\0\1\0\2\0\x19\1a\4test\2ex\0"),
        ("_25._tcp.test.ex", "TLSA", 0, b"\3\1\1\xab\xc0"),
        ("a.test.ex", "TXT", 4, b"\0"),
        ("no.closed.ex", "A", 1, b"\0"),
        ("nothing-like-it.test.ex", "A", 5, b"\0"),
        ("a.other.ex", "A", 5, b""),
        ("0.test.again.dns", "A", 2, b""),
        ("test.fail.dns", "A", 3, b""),
        ("a.test.ex", "SPF", 3, b"\0"),
    ],
)
def test_the_name_server_answers_from_its_zones(
    zones: Path, name: str, kind: str, code: int, end: bytes
) -> None:
    told, said = _run("fakens", str(zones), name, kind)
    assert (told, said.encode("latin-1")[-len(end) :] if end else said.encode()) == (code, end)


def test_the_name_server_marks_what_is_secure_and_authoritative(zones: Path) -> None:
    heads = [_run("fakens", str(zones), name, "A")[1].encode("latin-1")[2:8] for name in ("a", "c")]
    assert heads == [b"\x84\x20\0\0\0\1", b"\x80\0\0\0\0\1"]


def test_the_name_server_knows_a_name_with_very_many_addresses(zones: Path) -> None:
    _, said = _run("fakens", str(zones), "manyhome.test.ex", "A")
    assert said.encode("latin-1")[6:8] == (2048).to_bytes(2, "big")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


def _talk(
    tmp_path: Path, served: str, asked: str, *options: str, client: str = "client", more: tuple[str, ...] = ()
) -> tuple[int, str, int, str]:
    """What server and client say of each other, with their exit codes."""
    port, pid = _free_port(), tmp_path / "pid"
    pid.unlink(missing_ok=True)
    with subprocess.Popen(
        _command("server", "-oP", str(pid), *options, str(port)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(f"{served}++++\n".encode())
        server.stdin.flush()
        while not pid.exists() and server.poll() is None:
            time.sleep(0.02)
        code, said = _run(client, *more, "127.0.0.1", str(port), given=asked)
        heard = server.stdout.read().decode()
    return code, said.replace(str(port), "PORT"), server.returncode, heard.replace(str(port), "PORT")


def test_client_and_server_play_their_scripts(tmp_path: Path) -> None:
    code, said, server_code, heard = _talk(
        tmp_path, "220 hello\nEHLO\n250-one\n250 two\nDATA\n.\n>LF>end\n*eof\n",
        "??? 220\nEHLO x\n????250\nDATA\ntext\n.\n??? end\n",
    )  # fmt: skip
    assert (code, server_code) == (0, 0)
    assert said == (
        "Connecting to 127.0.0.1 port PORT ... connected\n??? 220\n<<< 220 hello\n>>> EHLO x\n????250\n"
        ">>> DATA\n>>> text\n>>> .\n??? end\n<<< end\nEnd of script\n"
    )
    assert heard == (
        "Listening on port PORT ... \nConnection request from [127.0.0.1]\n220 hello\nEHLO x\n250-one\n"
        "250 two\n"
        "DATA\ntext\n.\n>LF>end\nExpected EOF read from client\nEnd of script\n"
    )


def test_what_is_not_as_expected_ends_both(tmp_path: Path) -> None:
    code, said, server_code, heard = _talk(tmp_path, "220 hello\nHELO\n", "??? 220\nEHLO\n??? 250\n")
    assert (code, said.splitlines()[-1]) == (80, "Unexpected EOF read")
    assert (server_code, heard.splitlines()[-2:]) == (
        0,
        ["Comparison failed - bailing out", "Expected: HELO"],
    )
    code, said, *_ = _talk(tmp_path, "220 hello\n*eof\n", "??? 250\n")
    assert (code, said.splitlines()[-1]) == (79, "******** Input mismatch ********")


def test_who_waits_too_long_says_so(tmp_path: Path) -> None:
    code, said, *_ = _talk(tmp_path, "*sleep 2\n220 late\n*eof\n", "??? 220\n", more=("-t1",))
    assert (code, said.splitlines()[-1]) == (99, "Client timed out")
    code, heard = _run("server", "-t", "1", str(_free_port()), given="220 hello\n")
    assert (code, heard.splitlines()[-1]) == (99, "Server timed out")


def test_octets_are_compared_and_a_line_ends_at_its_first_null(tmp_path: Path) -> None:
    *_, code, heard = _talk(tmp_path, "<<a\\x00b\n>>\\x01ok\n<<c\n", ">>> a\\x00b\n+++ 1\n>>> c\n+++ 1\n")
    assert (code, heard.splitlines()[2:]) == (0, ["<<a\\x00b", ">>\\x01ok", "<<c", "End of script"])
    *_, heard = _talk(tmp_path, "<a\\x00b\n*eof\n", "a\\x00c\n")
    assert heard.splitlines()[2:] == ["<a", "Expected EOF read from client", "End of script"]


def test_tls_is_that_of_the_library(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    code, said, server_code, heard = _talk(
        tmp_path, "220 hello\nSTARTTLS\n220 go\n*starttls\nEHLO\n250 ok\n*eof\n",
        "??? 220\nSTARTTLS\n??? 220\nEHLO x\n??? 250\nstoptls\n",
        "-tls", *map(str, certificate), client="client-ssl",
    )  # fmt: skip
    assert (code, server_code) == (0, 0)
    assert said.splitlines()[-7:] == [
        "Attempting to start TLS", "Succeeded in starting TLS", ">>> EHLO x", "??? 250", "<<< 250 ok",
        "Shutting down TLS encryption", "End of script",
    ]  # fmt: skip
    assert "EHLO x" in heard


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    made = trustme.CA().issue_cert("localhost")
    chain, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made.cert_chain_pems[0].write_to_path(chain)
    made.private_key_pem.write_to_path(key)
    return chain, key


def test_open_files_are_those_that_the_program_was_given() -> None:
    read, write = os.pipe()
    try:
        ran = subprocess.run(_command("fd", "-s"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             check=True, pass_fds=(write,))  # fmt: skip
    finally:
        os.close(read)
        os.close(write)
    first, *lines = ran.stdout.decode().splitlines()
    assert first.startswith("max fd = ")
    assert [int(line.split()[0]) for line in lines] == [0, 1, 2, write]
    assert _run("fd", "-q")[1].startswith('ACCEPT DATA="max fd = ')


def test_the_scripted_lmtp_server_logs_what_it_hears(tmp_path: Path) -> None:
    script, log = tmp_path / "script", tmp_path / "log"
    script.write_text("220 hello\nLHLO\n250 ok\n.\n250 taken\n*eof\n")
    code, said = _run("mtpscript", str(script), str(log), given="LHLO x\r\ntext\r\n.\r\n")
    assert (code, said) == (0, "220 hello\r\n250 ok\r\n250 taken\r\n")
    assert log.read_text().splitlines() == [
        "220 hello", "LHLO", "<<< LHLO x", "250 ok", ".", "<<< text", "<<< .", "250 taken", "*eof",
        "Expected EOF read from client",
    ]  # fmt: skip


def test_each_program_that_was_not_compiled_is_ours() -> None:
    ours = helper_programs.ours({"fakens": b"", "server": b""}, "/python")
    assert not {"fakens", "server", "loaded"} & ours.keys()
    assert {"client", "client-ssl", "client-gnutls", "client-anytls", "sudo", "mtpscript"} <= ours.keys()
    assert ours["sudo"].startswith(b"#!/python -IS\n")
