"""Programs of which it is well known what they do: nothing but what their words and their input say.

Everything else that a message is piped to is asked about, or really run (``subjects.commands``).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from eximsim.disk import Disk
from eximsim.files import LARGEST
from eximsim.piped import Ended, PipedCommand, as_octets
from eximsim.world.shell import NotUnderstood, ShellCommand, shell_commands

PROGRAM_FOLDERS = ("/bin", "/usr/bin")
"""Where they are on any machine."""

_EXEC_FAILED = 127
"""EX_EXECFAILED: the program is not there."""
_NUMBER = re.compile(r"[0-9]{1,9}")


class Machine(Protocol):
    """What programs see of a world."""

    disk: Disk

    @property
    def programs(self) -> Mapping[str, Program]:
        """Programs of its own by their paths."""

    def read_file(self, path: str) -> bytes:
        """See ``World``."""

    def path_kind(self, path: str) -> str:
        """See ``World``."""

    def now(self) -> float:
        """See ``World``."""


Program = Callable[[PipedCommand, Machine], Ended | None]
"""Does what a program does; None if that is not known of these words."""


def is_known(name: str) -> bool:
    """Whether there is a program of this name whose doings are known."""
    return name in _PROGRAMS


def run_known(command: PipedCommand, machine: Machine) -> Ended | None:
    """How a command ends; None if that is not known."""
    ended = _run(command, machine)
    if ended is not None and 0 < command.seconds < ended.seconds:
        return Ended(None, ended.output, command.seconds)
    return ended


def _run(command: PipedCommand, machine: Machine) -> Ended | None:
    path = command.words[0]
    own = machine.programs.get(posixpath.normpath(path))
    if own is not None and (done := own(command, machine)) is not None:
        return done
    folder, _, name = path.rpartition("/")
    if folder in PROGRAM_FOLDERS and name in _PROGRAMS:
        return _PROGRAMS[name](command, machine)
    if folder and machine.disk.lacks_folder(folder):
        return Ended(_EXEC_FAILED, at_once=True)
    if machine.path_kind(path) != "file":
        return None
    try:
        script = machine.read_file(path).decode("utf-8", "surrogateescape")
    except OSError:
        return None
    return _obey(command, machine, script) if script.startswith(("#!/bin/sh\n", "#! /bin/sh\n")) else None


def _cat(command: PipedCommand, machine: Machine) -> Ended | None:
    if any(word.startswith("-") and word != "-" for word in command.words[1:]):
        return None
    output = b"" if command.words[1:] else command.stdin
    for path in command.words[1:]:
        try:
            output += command.stdin if path == "-" else machine.read_file(path)
        except OSError:
            return None
        if len(output) > LARGEST:
            return None
    return Ended(0, output)


_ECHO_OPTIONS = re.compile(r"-[neE]+|--help|--version")


def _echo(command: PipedCommand, machine: Machine) -> Ended | None:
    words = command.words[1:]
    if words[:1] and _ECHO_OPTIONS.fullmatch(words[0]) and words[0] != "-n":
        return None
    bare = words[:1] == ("-n",)
    return Ended(0, as_octets(" ".join(words[bare:]) + ("" if bare else "\n")), at_once=True)


def _printf(command: PipedCommand, machine: Machine) -> Ended | None:
    words = command.words[1:]
    if len(words) != 1 or words[0].startswith("-") or "%" in words[0] or "\\" in words[0]:
        return None
    return Ended(0, as_octets(words[0]), at_once=True)


def _sleep(command: PipedCommand, machine: Machine) -> Ended | None:
    words = command.words[1:]
    if len(words) != 1 or not _NUMBER.fullmatch(words[0]):
        return None
    return Ended(0, seconds=float(words[0]))


def _exits_with(status: int) -> Program:
    return lambda command, machine: Ended(status, at_once=True)


# ---- the shell ---------------------------------------------------------------------------------------------


def _sh(command: PipedCommand, machine: Machine) -> Ended | None:
    words = command.words
    if len(words) < 3 or words[1] != "-c":
        return None
    return _obey(replace(command, words=words[3:] or words[:1]), machine, words[2])


def _obey(command: PipedCommand, machine: Machine, script: str) -> Ended | None:
    """Run a script; ``$0``, ``$1`` and so on are the words of ``command``. None: not understood."""
    try:
        commands = shell_commands(script, command.environment, command.words)
        done: list[tuple[ShellCommand, Ended]] = []
        for one in commands:
            succeeded = not done or done[-1][1].status == 0
            if one.after and (one.after == "&&") is not succeeded:
                continue
            if one.words == ("exit",) and done:
                break
            done.append((one, _step(one, command, machine)))
            if one.words[0] == "exit":
                break
            if one.words == ("cat",):
                command = replace(command, stdin=b"")
    except NotUnderstood:
        return None
    for one, ended in done:
        if one.target not in (None, _NOWHERE):
            _write(command, machine, one, ended.output)
    output = b"".join(ended.output for one, ended in done if one.target is None)
    status = done[-1][1].status if done else 0
    at_once = all(ended.at_once for _, ended in done)
    return Ended(status, output, sum(ended.seconds for _, ended in done), at_once)


_BUILT_IN = frozenset(("echo", "exit", "false", "printf", "true"))
_NOWHERE = "/dev/null"


def _step(one: ShellCommand, command: PipedCommand, machine: Machine) -> Ended:
    """What one command of a script does; nothing is written yet. Raises ``NotUnderstood``."""
    folder, slash, name = one.words[0].rpartition("/")
    if posixpath.normpath(one.words[0]) in machine.programs and one.target is None:
        ended = run_known(replace(command, words=one.words), machine)
        if ended is not None:
            return ended
    found = folder in PROGRAM_FOLDERS if slash else name in _BUILT_IN or _finds_programs(command)
    if not found or (one.target is not None and not _may_write(command, machine, one.target)):
        raise NotUnderstood
    if name == "exit":
        return Ended(_status(one.words), at_once=True)
    if name == "sh" or name not in _PROGRAMS or (name == "echo" and "\\" in "".join(one.words)):
        raise NotUnderstood
    ended = _PROGRAMS[name](replace(command, words=one.words), machine)
    if ended is None or (name == "cat" and len(one.words) > 1):
        raise NotUnderstood
    return ended


def _finds_programs(command: PipedCommand) -> bool:
    path = command.environment.get("PATH", PROGRAM_FOLDERS[0])
    return any(folder in PROGRAM_FOLDERS for folder in path.split(":"))


def _status(words: Sequence[str]) -> int:
    if len(words) == 1:
        return 0
    if len(words) > 2 or not _NUMBER.fullmatch(words[1]):
        raise NotUnderstood
    return int(words[1]) & 0xFF


def _may_write(command: PipedCommand, machine: Machine, path: str) -> bool:
    """Whether it is sure that a file can be written."""
    if path == _NOWHERE:
        return True
    folder = path.rpartition("/")[0]
    disk, known = machine.disk, machine.disk.files.get(path)
    if not path.startswith("/") or disk.lacks_folder(folder) or path in disk.folders:
        return False
    if known is not None:
        return known.uid == command.uid and bool(known.mode & 0o200)
    return disk.may_write(folder, uid=command.uid, gid=command.gid)


def _write(command: PipedCommand, machine: Machine, one: ShellCommand, output: bytes) -> None:
    assert one.target is not None
    known = machine.disk.files.get(one.target)
    if known is None:
        mode = 0o666 & ~command.umask
        machine.disk.write(one.target, output, mode=mode, uid=command.uid, gid=command.gid, now=machine.now())
    else:
        known.content = known.content + output if one.appends else output


_PROGRAMS: Mapping[str, Program] = {
    "cat": _cat,
    "echo": _echo,
    "false": _exits_with(1),
    "printf": _printf,
    "sh": _sh,
    "sleep": _sleep,
    "true": _exits_with(0),
}
