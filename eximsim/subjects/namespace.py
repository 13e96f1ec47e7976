"""A private place on this machine in which a real Exim can run: a network, files and processes of its own.

The servers of a scenario run in this process, on sockets that were made inside; the program runs inside. All
that is inside is gone when the namespace is left, and also when this process is killed (``subjects.inside``).
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from eximsim.quick_dataclass import dataclass
from eximsim.subjects import inside
from eximsim.subjects.isolation import Place, die_with
from eximsim.subjects.resources import SHORTAGES, ShortOfResources, check_limits
from eximsim.subjects.subject import NoNamespace

_START_SECONDS = 30.0
_END_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program's run ended: ``exit`` is negative for a signal, None for a time-out."""

    exit: int | None
    stdout: bytes
    stderr: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class Played:
    """How a script ended: ``exit`` is as in ``Ran``, ``answer`` what ``scripted.play`` said if that is 0.

    ``complaint`` is what went wrong else. ``sizes`` are of the outputs.
    """

    exit: int | None
    answer: Mapping[str, Any]
    complaint: str
    sizes: Mapping[str, int]


def end_with_parent() -> None:
    """Have this worker process end when the process that made it does, however that ends."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        die_with(parent.pid or 0)


class Namespace:
    """A context manager; raises ``NoNamespace`` on entering. Not for several threads at once.

    Where the machine is short of something, entering and all requests raise ``ShortOfResources``.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self.privileged = False
        """Whether there is more than one user inside."""
        self.uid = 0
        """Who we are inside."""

    def __enter__(self) -> Self:
        check_limits()
        try:
            self._channel, self._helper = self._start()
        except OSError as error:
            raise _failure(error, "no private namespace here") from None
        ours = self._channel
        ours.settimeout(_START_SECONDS)
        try:
            hello, _ = inside.receive(ours)
            if "error" in hello:
                raise NoNamespace(hello["error"])
        except (OSError, inside.Gone):
            self._leave()
            raise NoNamespace("no private namespace here: its helper did not start") from None
        except BaseException:
            self._leave()
            raise
        ours.settimeout(None)
        self.privileged, self.uid = hello["privileged"], hello["uid"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _start(self) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        """The helper, and our end of the way to it."""
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-IS", inside.__file__, str(theirs.fileno()), str(os.getpid())]
            helper = subprocess.Popen(
                [*command, json.dumps(asdict(self._place))],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt from the terminal is for this process only
            )
        return ours, helper

    def _leave(self) -> None:
        with suppress(OSError):  # it is closed at the other end
            self._channel.shutdown(socket.SHUT_RDWR)
        self._channel.close()
        try:
            self._helper.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._helper.kill()
            self._helper.wait()

    @property
    def first_process(self) -> int:
        """The number, outside, of the first process inside."""
        outer = self._helper.pid
        return int(Path(f"/proc/{outer}/task/{outer}/children").read_text().split()[0])

    def _ask(self, do: str, **fields: object) -> tuple[Any, list[int]]:
        """Send a request and wait for the response; what went wrong inside is raised as ``OSError``."""
        try:
            inside.send(self._channel, {"do": do, **fields})
            response, fds = inside.receive(self._channel)
        except (inside.Gone, ConnectionError):
            raise ShortOfResources("the helper in the namespace has died; somebody killed it") from None
        except BaseException:  # an interrupt: request and response are out of step from here on
            with suppress(OSError):
                self._channel.shutdown(socket.SHUT_RDWR)
            raise
        if isinstance(response, dict) and "error" in response:
            raise _failure(OSError(response["errno"], response["error"]), do)
        return response, fds

    def socket(self, kind: socket.SocketKind, address: str, port: int) -> socket.socket:
        """A socket of the network inside, bound, and listening if it is TCP; raises ``OSError``."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        _, fds = self._ask("socket", family=family, kind=kind, address=address, port=port)
        return socket.socket(fileno=fds[0])

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write files, and make the folders above them."""
        self._ask("write", files={name: b64encode(text).decode() for name, text in files.items()})

    def read(self, *folders: str) -> dict[str, bytes]:
        """The files below some folders, by path; a folder that does not exist has none."""
        files, _ = self._ask("read", folders=folders)
        return {name: b64decode(text) for name, text in files.items()}

    def remove(self, pattern: str, folder: str) -> None:
        """Remove the files below a folder whose path matches a shell pattern."""
        self._ask("remove", pattern=pattern, folder=folder)

    def fresh(self, folder: str, owner: int | None, links: Mapping[str, str] | None = None) -> None:
        """Make a folder anew: empty but for symbolic links. Its owner is root unless a number is given."""
        self._ask("fresh", folder=folder, owner=owner, links=dict(links or {}))

    def run(
        self,
        argv: Sequence[str],
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        *,
        seconds: float,
        settle: bool = False,
    ) -> Ran:
        """Run a program to its end, or kill it after ``seconds``.

        What it leaves running is killed, or with ``settle`` waited for; daemons go on then.
        """
        ran, _ = self._ask(
            "run", argv=list(argv), stdin=stdin.decode("latin-1"), env=dict(env or {}), seconds=seconds,
            settle=settle,
        )  # fmt: skip
        stdout, stderr = (ran[name].encode("latin-1") for name in ("stdout", "stderr"))
        return Ran(ran["exit"], stdout, stderr, ran["seconds"])

    def play(self, job: Mapping[str, Any], seconds: float) -> Played:
        """Play a script (``subjects.scripted``), for at most ``seconds``; nothing runs afterwards."""
        ran, _ = self._ask("play", job=job, seconds=seconds)
        answer = json.loads(ran["stdout"]) if ran["exit"] == 0 else {}
        return Played(ran["exit"], answer, ran["stderr"], ran["sizes"])

    def keep(self, argv: Sequence[str], env: Mapping[str, str], folder: str) -> None:
        """Start a program that answers questions as long as this lasts, whatever is killed."""
        self._ask("keep", argv=list(argv), env=dict(env), folder=folder)

    def question(self, text: bytes, seconds: float) -> tuple[str | None, str]:
        """What the program that is kept answers, in one line; None with what it has complained of."""
        said, _ = self._ask("question", text=text.decode("latin-1"), seconds=seconds)
        return said["answer"], said["said"]

    def start(self, argv: Sequence[str], env: Mapping[str, str], seconds: float) -> int:
        """Start a daemon and wait until it listens; the exit code if it ended instead, else 0."""
        started, _ = self._ask("start", argv=list(argv), env=dict(env), seconds=seconds)
        return int(started["exit"])

    def stop(self) -> tuple[bytes, bytes]:
        """Interrupt the daemon and wait for its end; what it has written to stdout and stderr."""
        wrote, _ = self._ask("stop")
        return wrote["stdout"].encode("latin-1"), wrote["stderr"].encode("latin-1")

    def kill(self) -> None:
        """Kill every program inside."""
        self._ask("kill")


def _failure(error: OSError, what: str) -> OSError | ShortOfResources:
    """What to raise for an error of the machine."""
    if error.errno in SHORTAGES:
        return ShortOfResources(f"{what}: {error.strerror}")
    return error
