"""What well-known programs do, and what of the shell is understood."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.piped import PipedCommand
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.programs import run_known
from eximsim.world.rrsets import rrset_zones

ENVIRONMENT = {"PATH": "/bin:/usr/bin", "A": "one", "EMPTY": ""}


def world() -> MemoryWorld:
    return MemoryWorld(
        rrset_zones([]), Host(files={"/file": b"text\n", "/s": b"#!/bin/sh\necho $1; exit $2\n"})
    )


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
