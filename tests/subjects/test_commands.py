"""Commands that are really run, in a place of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eximsim.disk import StoredFolder
from eximsim.piped import PipedCommand
from eximsim.subjects.commands import CommandRunner
from eximsim.subjects.isolation import Place
from eximsim.subjects.namespace import Namespace
from eximsim.subjects.subject import NoNamespace
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.rrsets import rrset_zones


@pytest.fixture(scope="module")
def runner() -> Iterator[CommandRunner]:
    try:
        with Namespace(Place()):
            pass
    except NoNamespace as reason:
        pytest.skip(str(reason))
    with CommandRunner() as made:
        yield made


@pytest.fixture
def world() -> MemoryWorld:
    made = MemoryWorld(rrset_zones([]), Host())
    made.disk.folders["/mailboxes"] = StoredFolder(1000, 1000, 0o755)
    return made


def command(*words: str, seconds: int = 0) -> PipedCommand:
    return PipedCommand(words, b"in\n", {"A": "1"}, 1000, 1000, "/tmp", 0o022, seconds)


def test_a_command_has_its_input_environment_and_folder(runner: CommandRunner, world: MemoryWorld) -> None:
    ended = runner.run(command("/bin/sh", "-c", "tr a-z A-Z; echo $A; pwd; exit 3"), world)
    assert ended is not None
    assert (ended.status, ended.output) == (3, b"IN\n1\n/tmp\n")


def test_errors_come_with_the_output(runner: CommandRunner, world: MemoryWorld) -> None:
    ended = runner.run(command("/bin/ls", "/nowhere"), world)
    assert ended is not None
    assert ended.status == 2
    assert b"/nowhere" in ended.output


def test_what_is_written_among_the_mailboxes_is_taken_over(runner: CommandRunner, world: MemoryWorld) -> None:
    world.disk.write("/mailboxes/a", b"old\n", mode=0o644, uid=1000, gid=1000, now=0.0)
    runner.run(command("/bin/sh", "-c", "cat >>/mailboxes/a; date >/mailboxes/b"), world)
    assert world.disk.files["/mailboxes/a"].content == b"old\nin\n"
    assert world.disk.files["/mailboxes/b"].uid == 1000


def test_a_command_that_takes_too_long_is_killed(runner: CommandRunner, world: MemoryWorld) -> None:
    ended = runner.run(command("/bin/sh", "-c", "while true; do sleep 1; done", seconds=1), world)
    assert ended is not None
    assert ended.status is None


def test_a_program_that_is_not_here_is_not_judged(runner: CommandRunner, world: MemoryWorld) -> None:
    assert runner.run(command("/opt/not/here"), world) is None


def test_the_network_is_not_reached(runner: CommandRunner, world: MemoryWorld) -> None:
    ended = runner.run(command("/bin/sh", "-c", "cat /proc/net/dev | grep -vc 'lo:'"), world)
    assert ended is not None
    assert ended.output == b"2\n"


def test_a_command_that_writes_without_end_is_stopped(runner: CommandRunner, world: MemoryWorld) -> None:
    ended = runner.run(command("/bin/cat", "/dev/zero", seconds=10), world)
    assert ended is not None
    assert ended.status not in (0, None)
    assert 0 < len(ended.output) <= 32 * 1024 * 1024
