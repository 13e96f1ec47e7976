"""``eximsim lint``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.invoking import invoke

PLAIN = "queue_only\nbegin transports\nt:\n  driver = smtp\n"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    path = tmp_path / "exim.conf"
    path.write_text(PLAIN)
    return path


def test_a_clean_configuration_is_told_so(conf: Path) -> None:
    done = invoke("lint", str(conf))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{conf}:1: modelled queue_only",
        f"{conf}:4: modelled transport.t.driver",
        "2 modelled, 0 inert, 0 unsupported; 0 that could matter",
    ]


def test_what_could_matter_is_marked_and_fails(conf: Path) -> None:
    conf.write_text(f"uucp_from_sender = x\n{PLAIN}  gnutls_require_mac = SHA1\n")
    done = invoke("lint", str(conf), "--unsupported", "--profile", "4.87")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[:2] == [
        f"{conf}:1: unsupported uucp_from_sender (cannot change what becomes of outbound mail)",
        f"{conf}:6: unsupported! transport.t.gnutls_require_mac",
    ]
    told = json.loads(invoke("lint", str(conf), "--json", "--profile", "4.87").stdout)
    assert [
        (one["line"], one["status"], one["matters"]) for one in told if one["status"] == "unsupported"
    ] == [
        (1, "unsupported", False),
        (6, "unsupported", True),
    ]


def test_macros_and_include_files_are_read(conf: Path, tmp_path: Path) -> None:
    (tmp_path / "more.conf").write_text("no_queue_only\n")
    conf.write_text(".ifdef OTHER\n.include more.conf\n.endif\n")
    assert "0 modelled" in invoke("lint", str(conf)).stdout
    done = invoke("lint", str(conf), "-D", "OTHER")
    assert "more.conf:1: modelled queue_only" in done.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [("nonsense = 1\n", ':1: main option "nonsense" unknown'), ("begin nothing\n", ":1:")],
)
def test_a_mistake_is_one_line(conf: Path, text: str, message: str) -> None:
    conf.write_text(text)
    done = invoke("lint", str(conf))
    assert (done.exit_code, done.stdout, message in done.stderr) == (2, "", True)
    assert done.stderr.count("\n") == 1


def test_what_a_terminal_would_obey_is_written_out(tmp_path: Path) -> None:
    conf = tmp_path / "exim\u202e.conf"
    conf.write_text(PLAIN)
    assert invoke("lint", str(conf)).stdout.startswith(
        f"{tmp_path}/exim\\u202e.conf:1: modelled queue_only\n"
    )
    told = invoke("lint", "none\x1b[2J\x9b31m\u2066")
    assert told.exit_code == 2
    assert told.stderr.removesuffix("\n").isprintable()
    assert r"none\x1b[2J\x9b31m\u2066" in told.stderr


def test_a_configuration_can_come_in_on_standard_input() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "eximsim", "lint", "-"],
        input="primary_hostname = a.example\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("-:1: modelled primary_hostname\n")
