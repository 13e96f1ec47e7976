"""A command that a message is piped to, and how it ended: plain data between the model and a world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Protocol

from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class PipedCommand:
    """A command as a transport runs it: its words (the first is the program), and all that it sees.

    ``seconds`` is how long it may take, 0 for any time.
    """

    words: tuple[str, ...]
    stdin: bytes = b""
    environment: Mapping[str, str] = field(default_factory=dict)
    uid: int = 0
    gid: int = 0
    directory: str = "/"
    umask: int = 0o022
    seconds: int = 0

    @property
    def question(self) -> str:
        """The words with a space between: how the command is asked about."""
        return " ".join(self.words)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit status (below 0: the signal; None: it was still running), its output.

    ``output`` is what it wrote to standard output and standard error. ``seconds`` is how long it took.
    ``at_once``: it was gone before anything could be written to it.
    """

    status: int | None
    output: bytes = b""
    seconds: float = 0.0
    at_once: bool = False


class Commands(Protocol):
    """The programs of a scenario."""

    def run_command(self, command: PipedCommand) -> Ended:
        """What comes of a command that a message is piped to; raises ``Unanswered`` if nobody knows."""

    def find_program(self, name: str, folders: Sequence[str]) -> str | None:
        """The path of a program in the first of ``folders`` that has it; raises ``Unanswered``."""


def as_octets(text: str) -> bytes:
    """The octets of a text; those that were no UTF-8 are what they were."""
    return text.encode("utf-8", "surrogateescape")
