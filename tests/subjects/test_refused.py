"""A configuration that Exim refuses ends the program with Exim's words."""

from __future__ import annotations

import pytest

from eximsim.errors import InputError
from eximsim.profiles import profile
from eximsim.subjects.model import ModelSubject
from eximsim.subjects.runs import User
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.rrsets import rrset_zones

CALLER = User("caller", 1000, "users", 100)


def subject(text: str) -> ModelSubject:
    world = MemoryWorld(rrset_zones(()), Host(files={"/t/conf": text.encode()}))
    return ModelSubject(world, profile("4.99"), CALLER, "exim", "here.ex")


def logged(where: ModelSubject, name: str) -> list[str]:
    return [line.partition(" Exim")[2] for line in where.machine.files.get(f"/t/spool/log/{name}", [])]


@pytest.mark.parametrize(
    ("text", "line", "message", "word"),
    [
        (
            'acl_smtp_rcpt = \\\n  $x\nhold_domains = "a \\\n  b\n',
            4,
            "missing quote at end of string value for hold_domains",
            " DIE",
        ),
        (f"{'M' * 64} = x\n", 1, "macro name too long (maximum is 63 characters)", ""),
    ],
)
def test_who_watches_is_told_where_it_lies(text: str, line: int, message: str, word: str) -> None:
    here = subject(text)
    status = here.exim(["-C", "/t/conf", "-bP", "x"], b"", {})
    told = f"Exim configuration error in line {line} of /t/conf:\n  {message}"
    assert (status.code, status.stdout, status.stderr) == (1, "", f"LOG: PANIC{word}\n  {told}\n")
    assert logged(here, "paniclog") == [told.removeprefix("Exim")]


def test_others_are_shown_the_line_of_the_panic_log() -> None:
    here = subject("nonsense\n")
    status = here.exim(["-C", "/t/conf", "-DSERVER=server", "-bd"], b"", {})
    assert [status.stderr.rstrip("\n")] == here.machine.files["/t/spool/log/serverpaniclog"]


def test_a_file_that_is_not_there_stays_bad_input() -> None:
    with pytest.raises(InputError):
        subject("").exim(["-C", "/t/other", "-bd"], b"", {})


@pytest.mark.parametrize(("text", "logs"), [("\ufeffx = y\n", 0), ("nonsense\n", 1)])
def test_who_lists_the_configuration_does_not_watch(text: str, logs: int) -> None:
    here = subject(text)
    status = here.exim(["-C", "/t/conf", "-bP", "config"], b"", {})
    assert " Exim configuration error in line 1 of /t/conf:" in status.stderr.split("\n")[0]
    assert len(logged(here, "paniclog")) == logs


@pytest.mark.parametrize(
    "option", ["-be", "-bem", "-bf", "-bF", "-bfd", "-bt", "-bv", "-bvs", "-bV", "-bh", "-bhc"]
)
def test_a_call_that_only_tests_leaves_the_panic_log_alone(option: str) -> None:
    here = subject("nonsense\n")
    status = here.exim(["-C", "/t/conf", option, "x"], b"", {})
    assert logged(here, "paniclog") == []
    before, found, _ = status.stderr.partition("Exim configuration error in line 1 of /t/conf")
    assert found
    assert before.startswith("LOG: ") is option.startswith("-bh")


def test_the_program_tells_of_itself_before_it_reads_the_configuration() -> None:
    status = subject("nonsense\n").exim(["-C", "/t/conf", "-bV"], b"", {})
    assert status.stdout.startswith("Exim version x.yz #1 built ")
    assert status.stdout.endswith("\nSize of off_t: 8\n")


def test_a_sender_that_is_to_be_kept_and_checked_is_refused_in_both_logs() -> None:
    here = subject("local_sender_retain\n")
    here.exim(["-C", "/t/conf", "-bd"], b"", {})
    words = "both local_from_check and local_sender_retain are set; this combination is not allowed"
    for name in ("mainlog", "paniclog"):
        assert [line[20:] for line in here.machine.files[f"/t/spool/log/{name}"]] == [words]
