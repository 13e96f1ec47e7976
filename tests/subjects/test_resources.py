"""What the machine lacks is told apart from what a program does."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from eximsim.errors import CouldNotLook, ExitCode
from eximsim.subjects import resources
from eximsim.subjects.namespace import _failure
from eximsim.subjects.resources import ShortOfResources, check_end, check_words

TESTSUITE = Path(__file__).parents[2] / "testsuite"


@pytest.mark.parametrize(
    "limit", ["--nofile=64", "--nproc=5", "--nproc=64", "--as=300000000", "--fsize=100000"]
)
@pytest.mark.parametrize(
    "command",
    [
        ("run", "5840", "--suite", str(TESTSUITE), "--subject", "exim:{exim}"),
        ("compare", "--exim", "{exim}", "A001"),
        ("record", "--exim", "{exim}", "-o", "{folder}/out.jsonl"),
    ],
    ids=["run", "compare", "record"],
)
def test_under_a_low_limit_nothing_is_looked_at_and_that_is_said(
    command: tuple[str, ...], limit: str, exim: Path, tmp_path: Path
) -> None:
    arguments = [part.format(exim=exim, folder=tmp_path) for part in command]
    program = ["prlimit", limit, sys.executable, "-m", "eximsim.cli", *arguments]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.COULD_NOT_LOOK
    assert done.stderr.startswith("eximsim: a limit of ")
    assert done.stderr.count("\n") == 1
    assert "differ" not in done.stdout
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("complaints", "mainlog"),
    [
        ("2026-01-01 fork of queue-runner process failed: Resource temporarily unavailable\n", ""),
        ("exim: could not get more store: Cannot allocate memory\n", ""),
        ("setrlimit(RLIMIT_NPROC) failed: Operation not permitted\n", ""),
        ("", "2026-01-01 M1 == a@b R=r T=t defer (24): Too many open files\n"),
    ],
)
def test_a_program_that_complains_of_the_machine_is_not_compared(complaints: str, mainlog: str) -> None:
    with pytest.raises(ShortOfResources):
        check_words(complaints, mainlog)


def test_what_another_host_lacks_is_no_matter_of_this_machine() -> None:
    check_words("", "M1 ** a@b: SMTP error from remote mail server: 552 No space left on device\n")
    check_words("", "M1 == a@b R=r T=t defer (-44): 452 Too many open files\n")


def test_a_program_that_somebody_killed_is_not_compared() -> None:
    check_end(0)
    check_end(-11)
    check_end(None)
    with pytest.raises(CouldNotLook, match="killed"):
        check_end(-9)


@pytest.mark.parametrize("number", sorted(resources.SHORTAGES))
def test_a_request_that_fails_for_want_of_something_could_not_look(number: int) -> None:
    assert isinstance(_failure(OSError(number, "x"), "run"), ShortOfResources)
    assert isinstance(_failure(OSError(errno.ENOENT, "x"), "run"), OSError)
