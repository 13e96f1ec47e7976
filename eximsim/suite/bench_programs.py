"""The programs of an Exim tree's test suite that its configurations call, by what they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from eximsim.piped import Ended, PipedCommand, as_octets
from eximsim.world.programs import PROGRAM_FOLDERS, Machine, Program

if TYPE_CHECKING:
    from eximsim.subjects.model import ModelSubject
    from eximsim.suite.normalisation import Identity

_SHOWN = (
    *("A", "B", "C", "COLON", "DOMAIN", "HOME", "LOCAL_PART", "LOCAL_PART_PREFIX", "LOCAL_PART_SUFFIX"),
    *("LOGNAME", "ME", "MESSAGE_ID", "PATH", "QUALIFY_DOMAIN", "RECIPIENT", "SENDER", "SHELL", "USER"),
)
_DESCRIPTORS = (("RDONLY", 0), ("WRONLY", 1), ("WRONLY", 1))
_LAST_DESCRIPTOR = 1023


def bench_programs(identity: Identity, subject: ModelSubject) -> Mapping[str, Program]:
    """The programs by their paths; ``subject`` is the Exim that some of them call."""
    folder = identity.directory
    return {
        f"{folder}/bin/iefbr14": lambda command, machine: Ended(0),
        f"{folder}/bin/showids": _show_ids,
        f"{folder}/bin/fd": _show_descriptors,
        f"{folder}/aux-fixed/showenv": partial(_show_environment, identity),
        f"{folder}/aux-fixed/resubmit": partial(_resubmit, subject),
        f"{folder}/aux-fixed/resubmitB": partial(_resubmit_batch, subject),
    }


def _show_ids(command: PipedCommand, machine: Machine) -> Ended:
    """Under whom it runs (showids.c)."""
    uid, gid = command.uid, command.gid
    return Ended(0, f"uid={uid} gid={gid} euid={uid} egid={gid}\n".encode())


def _show_descriptors(command: PipedCommand, machine: Machine) -> Ended:
    """Which files are open (fd.c): a command has nothing but its input and its outputs."""
    options = command.words[1:]
    lines = [f"max fd = {_LAST_DESCRIPTOR}\n"]
    lines += [f"{at:3} opt=0 status={bits:X} {how}\n" for at, (how, bits) in enumerate(_DESCRIPTORS)]
    text = "".join(lines)
    if "-q" in options:
        text = f'ACCEPT DATA="{text.replace(chr(10), " ")}"\n'
    return Ended(0, (command.stdin if "-f" in options else b"") + text.encode())


def _show_environment(identity: Identity, command: PipedCommand, machine: Machine) -> Ended | None:
    """Its user, words, folder, environment and input (showenv, a script of the shell)."""
    if any("\\" in text for text in (*command.words, *command.environment.values())):
        return None  # echo may make something else of it
    names = {
        0: "root",
        int(identity.caller_uid): identity.caller,
        int(identity.exim_uid): identity.exim_user,
    }
    if command.uid not in names:
        return None
    text = "".join(f"{line}\n" for line in _environment(names[command.uid], command))
    return Ended(0, as_octets(text) + command.stdin + b"------------------\n")


def _environment(name: str, command: PipedCommand) -> Iterator[str]:
    yield from ("Test pipe script", f"Running as: {name}", "------------------", "Args:")
    for word in command.words[1:]:
        if not word:
            break
        yield f"  {word}"
    yield from (
        "----------current-----------",
        command.directory.rstrip("/") or "/",
        "----------env-----------",
    )
    known = {"PATH": ":".join(PROGRAM_FOLDERS), **command.environment}
    for variable in _SHOWN:
        yield f"{variable}={' '.join(known.get(variable, '').split())}"
    yield "----------cat-----------"


def _resubmit(subject: ModelSubject, command: PipedCommand, machine: Machine) -> Ended:
    """Give the message to Exim again (resubmit)."""
    sender, recipients, folder, caller = command.words[1:]
    words = ["-odi", "-oi", "-oMr", "scanned-ok", "-f", sender, *recipients.split()]
    return _exim(subject, folder, caller, words, command)


def _resubmit_batch(subject: ModelSubject, command: PipedCommand, machine: Machine) -> Ended:
    """Give the batch to Exim again (resubmitB)."""
    folder, caller = command.words[1:]
    return _exim(subject, folder, caller, ["-odi", "-bS", "-oMr", "scanned-ok"], command)


def _exim(subject: ModelSubject, folder: str, caller: str, words: list[str], command: PipedCommand) -> Ended:
    folder = folder.rstrip("/")
    path = f"{folder}/eximdir/exim"
    macros = [f"-DCALLER={caller}", f"-DDIR={folder}", f"-DEXIM_PATH={path}"]
    argv = ["-C", f"{folder}/test-config", *macros, *words]
    done = subject.exim(argv, command.stdin, command.environment)
    return Ended(0, as_octets(done.stdout + done.stderr))
