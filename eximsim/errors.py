"""The errors that a user of eximsim can cause, each one clear line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit status says, the same for every command."""

    AS_IT_SHOULD_BE = 0
    DIFFERENCE = 1
    """A difference, or a broken law or promise, was found."""
    BAD_INPUT = 2
    COULD_NOT_LOOK = 3
    """Nothing was explored, a way could not be followed, or something decides that is not modelled."""
    INTERNAL = 70
    """A fault of eximsim itself (EX_SOFTWARE)."""
    OUTPUT_FAILED = 74
    """What was printed could not be written (EX_IOERR)."""
    INTERRUPTED = 130
    OUTPUT_CLOSED = 141
    """Whoever read our output went away, as after SIGPIPE."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that could not be looked at, so that "fine" would be a guess: exit code 3.

    ``what`` names it in one phrase, ``where`` is ``file:line`` (empty if it is at no place), ``remedy`` says
    what would help (empty if nothing would).
    """

    what: str
    where: str = ""
    remedy: str = ""

    @classmethod
    def of(cls, problem: Unsupported) -> Gap:
        """Something that is not modelled and was met."""
        where = (
            "" if problem.path is None else f"{problem.path}:{problem.line}" if problem.line else problem.path
        )
        return cls(
            f"not modelled: {problem.item}", where, "a copy of the configuration without it shows the rest"
        )

    def as_json(self) -> dict[str, str]:
        """The object that every command's JSON has."""
        return {"what": self.what, "where": self.where, "remedy": self.remedy}

    def __str__(self) -> str:
        """``exim.conf:12: transport named by an expansion; give --recipient``."""
        where = f"{self.where}: " if self.where else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{where}{self.what}{remedy}"


class EximsimError(Exception):
    """Base of every error that eximsim raises on purpose."""


class CouldNotLook(EximsimError):
    """The machine did not let us look, so that "fine" and "differs" would be guesses: exit code 3."""


class InputError(EximsimError):
    """A file or an argument that does not say what it should: the command line exits 2 with this line.

    ``message`` names what was found and what was expected; ``path`` and ``line`` (from 1) say where.
    """

    def __init__(self, message: str, path: str | None = None, line: int | None = None) -> None:
        self.message = message
        self.path = path
        self.line = line
        where = "" if path is None else f"{path}: " if line is None else f"{path}:{line}: "
        super().__init__(f"{where}{message}")


class Unsupported(EximsimError):
    """Something that Exim has and the model does not: never a pass, and never ignored in silence."""

    def __init__(self, item: str, path: str | None = None, line: int | None = None) -> None:
        self.item = item
        self.path = path
        self.line = line
        where = "" if path is None else f" ({path})" if line is None else f" ({path}:{line})"
        super().__init__(f"not modelled: {item}{where}")
