"""The small programs of the test suite: what they print, and ``sudo``, by which everybody inside may do all.

Standard library only. Source: test/src/fd.c, iefbr14.c, showids.c and mtpscript.c.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import signal
import sys
import time
from types import FrameType
from typing import BinaryIO, NoReturn

from eximsim.subjects.suite_programs.scripts import leading_number

_PATIENCE = 5
_MODES = ("RDONLY", "WRONLY", "RDWR", "")


def iefbr14(_: list[str]) -> int:
    """Nothing."""
    return 0


def showids(_: list[str]) -> int:
    """Print the numbers of user and group."""
    print(f"uid={os.getuid()} gid={os.getgid()} euid={os.geteuid()} egid={os.getegid()}")
    return 0


def fd(arguments: list[str]) -> int:
    """Print the open files that this process was given.

    ``-q`` answers as queryprogram wants it, ``-f`` copies the input before, ``-s`` tells more of each file.
    """
    if "-f" in arguments:
        while part := os.read(0, 8192):
            os.write(1, part)
    lines = [f"max fd = {os.sysconf('SC_OPEN_MAX') - 1}"]
    for number in sorted(int(name) for name in os.listdir("/proc/self/fd")):
        try:
            if not os.get_inheritable(number) and number > 2:
                continue  # one that Python has opened for itself
            lines.append(_told(number, more="-s" in arguments))
        except OSError:
            continue
    text = "".join(f"{line}\n" for line in lines)
    if "-q" in arguments:
        text = f'ACCEPT DATA="{text.replace(chr(10), " ")}"\n'
    os.write(1, text.encode())
    return 0


def _told(number: int, *, more: bool) -> str:
    options, status = fcntl.fcntl(number, fcntl.F_GETFD), fcntl.fcntl(number, fcntl.F_GETFL)
    text = f"{number:3} opt={options} status={status:X} {_MODES[status & 3]}"
    text += " TTY" if os.isatty(number) else ""
    text += " APPEND" if status & 8 else ""
    if more:
        found = os.fstat(number)
        text += f" mode={found.st_mode:o} uid={found.st_uid} size={found.st_size}"
    return text


def sudo(arguments: list[str]) -> int:
    """Run a command as root, or with ``-u`` as somebody else; the interpreter has the right to it."""
    name, command = "root", arguments
    if len(arguments) > 1 and arguments[0] == "-u":
        name, command = arguments[1], arguments[2:]
    try:
        user = pwd.getpwnam(name)
        os.setgid(user.pw_gid)
        os.initgroups(name, user.pw_gid)
        os.setuid(user.pw_uid)
        os.execvp(command[0], command)
    except (KeyError, IndexError):
        print("sudo: bad usage", file=sys.stderr)
    except OSError as error:
        print(f"{command[0] if command else name}: {error.strerror}", file=sys.stderr)
    return 1


def mtpscript(arguments: list[str]) -> int:
    """Play a server on standard input and output, after a script; a log says what was expected and came."""
    if len(arguments) < 2:
        print("500 Script and log file required")
        return 1
    path, log_path = arguments[:2]
    try:
        with open(path, "rb") as file:
            script = [line.rstrip(b" \t\n\v\f\r") for line in file]
    except OSError as error:
        print(f"500 Failed to open script {path}: {error.strerror}", end="\r\n")
        return 1
    try:
        log = open(log_path.removeprefix("+"), "ab" if log_path.startswith("+") else "wb")  # noqa: SIM115
    except OSError as error:
        print(f"500 Failed to open log {log_path.removeprefix('+')}: {error.strerror}", end="\r\n")
        return 1

    def give_up(_: int, __: FrameType | None) -> NoReturn:
        log.write(b"Server timed out\n")
        log.close()
        sys.exit(99)

    signal.signal(signal.SIGALRM, give_up)
    with log:
        _converse(script, log)
    return 0


def _converse(script: list[bytes], log: BinaryIO) -> None:
    for line in script:
        if line[:1].isdigit():
            log.write(line + b"\n")
            log.flush()
            os.write(1, line + b"\r\n")
        elif line.startswith(b"*sleep "):
            time.sleep(leading_number(line[7:]))
        else:
            log.write(line + b"\n")
            log.flush()
            if not _expect(line, log):
                return


def _expect(line: bytes, log: BinaryIO) -> bool:
    """Whether the next line of input, or all lines up to a dot, are as expected."""
    while True:
        signal.alarm(_PATIENCE)
        received = sys.stdin.buffer.readline()
        if not received:
            log.write((b"E" if line.startswith(b"*eof") else b"Une") + b"xpected EOF read from client\n")
            return False
        signal.alarm(0)
        received = received.rstrip(b" \t\n\v\f\r")
        log.write(b"<<< " + received + b"\n")
        if line != b"." or received == b".":
            break
    if received.startswith(line):
        return True
    log.write(b"Comparison failed - bailing out\n")
    return False
