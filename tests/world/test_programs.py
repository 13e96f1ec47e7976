"""What well-known programs do, and what of the shell is understood."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import Unanswered
from eximsim.piped import PipedCommand
from eximsim.ports import Told
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.programs import run_known
from eximsim.world.rrsets import rrset_zones

FILES = {
    "/file": b"text\n",
    "/s": b"#!/bin/sh\necho $1; exit $2\n",
    "/slow": b"#!/bin/sh\nsleep 100\n",
}
ENVIRONMENT = {"PATH": "/bin:/usr/bin", "A": "one", "EMPTY": ""}


def world() -> MemoryWorld:
    return MemoryWorld(rrset_zones([]), Host(files=FILES))


def command(*words: str, stdin: bytes = b"in\n") -> PipedCommand:
    return PipedCommand(words, stdin, ENVIRONMENT, 1000, 1000)


PIECES = st.sampled_from(
    [
        "echo a",
        "cat",
        "true",
        "false",
        "exit 3",
        "echo '$A' \"$A b\"",
        "echo $A$EMPTY",
        "/bin/echo -n x",
        "/bin/echo -d x -f",
        "echo a#b",
    ]
)


@given(pieces=st.lists(PIECES, min_size=1, max_size=4), separator=st.sampled_from([";", "\n", " && ", "||"]))
def test_the_shell_does_what_the_real_one_does(pieces: list[str], separator: str) -> None:
    script = separator.join(pieces)
    ended = run_known(command("/bin/sh", "-c", script), world())
    assert ended is not None
    real = subprocess.run(["/bin/sh", "-c", script], input=b"in\n", capture_output=True, env=ENVIRONMENT)
    assert (ended.status, ended.output) == (real.returncode, real.stdout)


def test_a_script_is_run_with_its_words() -> None:
    ended = run_known(command("/s", "word", "7"), world())
    assert ended is not None
    assert (ended.status, ended.output) == (7, b"word\n")


def test_output_goes_to_files() -> None:
    here = world()
    for _ in range(2):
        assert run_known(command("/bin/sh", "-c", "cat >>/var/a"), here) is not None
    assert here.disk.files["/var/a"].content == b"in\nin\n"


@pytest.mark.parametrize(
    "script",
    [
        f"exit {'1' * 5000}",
        f"sleep {'9' * 400}",
        "if true; then echo a; fi",
        "a | b",
        "echo `id`",
        "echo *",
        "X=1",
        "echo $X $(id)",
        "cat <x",
        "ls",
        "echo ~",
    ],
)
def test_what_is_not_understood_is_not_guessed(script: str) -> None:
    assert run_known(command("/bin/sh", "-c", script), world()) is None


@pytest.mark.parametrize("words", [("/bin/cat", "-n"), ("/bin/echo", "-e", "a"), ("/opt/x",)])
def test_neither_are_words_and_programs_that_are_not_known(words: tuple[str, ...]) -> None:
    assert run_known(command(*words), world()) is None


def test_a_program_in_a_folder_that_is_not_there_cannot_be_run() -> None:
    ended = run_known(command("/nowhere/x"), world())
    assert ended is not None
    assert ended.status == 127


@pytest.mark.parametrize("words", [("/slow",), ("/bin/sleep", "100"), ("/bin/sh", "-c", "sleep 100")])
def test_a_command_has_its_time_and_no_more(words: tuple[str, ...]) -> None:
    ended = run_known(replace(command(*words), seconds=10), world())
    assert ended is not None
    assert (ended.status, ended.seconds) == (None, 10)


def test_the_words_of_a_command_stay_what_they_are() -> None:
    here = world()
    assert here.ask_command(["/bin/echo", "a  b"]) == Told("a  b\n")
    assert here.ask_command(["/bin/sh", "-c", "echo a b; exit 3", "x"]) == Told("a b\n", status=3)


def test_a_command_that_takes_time_is_asked_about() -> None:
    with pytest.raises(Unanswered):
        world().ask_command(["/bin/sleep", "1"])
