"""The programs of the test suite that configurations call."""

from __future__ import annotations

import pytest

from eximsim.piped import PipedCommand
from eximsim.profiles import NEWEST, profile
from eximsim.subjects.model import ModelSubject
from eximsim.subjects.runs import User
from eximsim.suite.bench_programs import bench_programs
from eximsim.suite.normalisation import Identity
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.rrsets import rrset_zones

IDENTITY = Identity("/eximsim/test")
CONFIGURATION = """\
spool_directory = /spool
trusted_users = simcaller
begin routers
all:
  driver = redirect
  data = :blackhole:
"""


def world() -> tuple[MemoryWorld, ModelSubject]:
    files = {f"{IDENTITY.directory}/test-config": CONFIGURATION.encode()}
    made = MemoryWorld(rrset_zones([]), Host(files=files))
    caller = User(IDENTITY.caller, int(IDENTITY.caller_uid), "g", int(IDENTITY.caller_gid))
    subject = ModelSubject(made, profile(NEWEST), caller, IDENTITY.exim_user, "h.ex")
    made.programs.update(bench_programs(IDENTITY, subject))
    return made, subject


def output(name: str, *words: str, stdin: bytes = b"", **environment: str) -> list[str]:
    command = PipedCommand(
        (f"{IDENTITY.directory}/{name}", *words),
        stdin,
        environment,
        int(IDENTITY.caller_uid),
        directory="/d/",
    )
    return world()[0].run_command(command).output.decode().splitlines()


def test_showenv_tells_of_its_user_words_folder_environment_and_input() -> None:
    said = output("aux-fixed/showenv", "a", "b c", stdin=b"text\n", HOME="/h", LOGNAME="x  y", OTHER="z")
    assert said[1] == f"Running as: {IDENTITY.caller}"
    assert said[4:8] == ["  a", "  b c", "----------current-----------", "/d"]
    assert {"HOME=/h", "LOGNAME=x y", "PATH=/bin:/usr/bin", "SENDER="} <= set(said)
    assert said[-3:] == ["----------cat-----------", "text", "------------------"]


@pytest.mark.parametrize(("option", "first"), [((), "max fd = 1023"), (("-f",), "text")])
def test_fd_has_three_files_open(option: tuple[str, ...], first: str) -> None:
    said = output("bin/fd", *option, stdin=b"text\n")
    assert said[0] == first
    assert [line.split()[0] for line in said[-3:]] == ["0", "1", "2"]


def test_fd_answers_as_queryprogram_wants_it() -> None:
    (said,) = output("bin/fd", "-q")
    assert said.startswith('ACCEPT DATA="max fd = 1023   0 opt=0')


def test_a_shell_finds_them_too() -> None:
    made, _ = world()
    told = made.ask_command(["/bin/sh", "-c", f"{IDENTITY.directory}/bin/showids"])
    assert told.value == "uid=0 gid=0 euid=0 egid=0\n"


@pytest.mark.parametrize(
    ("name", "words", "text"),
    [
        ("resubmit", ["s@x.ex", "a@x.ex b@x.ex"], "Subject: s\n\nx\n"),
        ("resubmitB", [], "MAIL FROM:<s@x.ex>\nRCPT TO:<a@x.ex>\nDATA\nSubject: s\n\nx\n.\n"),
    ],
)
def test_resubmit_gives_the_message_to_exim(name: str, words: list[str], text: str) -> None:
    made, subject = world()
    command = (f"{IDENTITY.directory}/aux-fixed/{name}", *words, f"{IDENTITY.directory}/", IDENTITY.caller)
    assert made.run_command(PipedCommand(command, text.encode())).status == 0
    log = "".join(subject.machine.files["/spool/log/mainlog"])
    assert "P=scanned-ok" in log
    assert "=> :blackhole: <a@x.ex>" in log
