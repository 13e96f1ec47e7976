"""What the harness asks of whatever runs a test's commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from eximsim.errors import CouldNotLook
from eximsim.quick_dataclass import dataclass
from eximsim.trace import Trace


class NoNamespace(CouldNotLook):
    """This machine does not let us have a private namespace; the message is one line and says why."""


@dataclass(frozen=True, slots=True)
class Result:
    """How one command ended, and what it wrote; text is UTF-8 with other octets as surrogates."""

    code: int
    stdout: str
    stderr: str
    debugged: bool = False
    """Debugging output was asked for, which the model does not have."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a test left behind.

    ``files`` are the files below the test directory by path (logs, mailboxes), ``msglogs`` the message logs
    of the messages that are still on the queue, by message id.
    """

    files: Mapping[str, str]
    msglogs: Mapping[str, str]


class Subject(Protocol):
    """One Exim on one machine, from the start of a test to its end."""

    def exim(
        self,
        argv: Sequence[str],
        stdin: bytes,
        env: Mapping[str, str],
        user: str | None = None,
        pause: float = 0,
    ) -> Result:
        """Run the program to its end. ``argv`` does not hold the program's name; ``user`` None is the caller.

        So many seconds (``pause``) pass between what is on standard input and its end.

        The code of a process that died of a signal is that number, negative.
        """

    def start_daemon(self, argv: Sequence[str], env: Mapping[str, str]) -> Result:
        """Start a daemon; it serves until ``kill_daemon``. The result is that of its start."""

    def kill_daemon(self) -> Result:
        """Stop the daemon, if one runs; what it wrote since its start comes with the result."""

    def settle(self) -> None:
        """Let what still goes on in the background come to its end."""

    def queue(self, name: str = "") -> Sequence[str]:
        """The ids of the messages on the queue, or on that of a ``name``, oldest first."""

    def remove(self, pattern: str) -> None:
        """Take away files by a shell pattern of their path: of the spool, its hints, logs and mailboxes."""

    def dumped(self, database: str) -> str:
        """What ``exim_dumpdb`` prints of a hints database; ``Unsupported`` if the subject cannot tell."""

    def written(self) -> Written:
        """What has been written so far."""

    def trace(self) -> Trace | None:
        """The decisions of the run, if the subject records any."""
