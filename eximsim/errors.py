"""The errors that a user of eximsim can cause, each one clear line."""

from __future__ import annotations

import shlex
from enum import IntEnum
from typing import NamedTuple


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


class Gap(NamedTuple):
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
        return cls(problem.what, where, problem.remedy)

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
    ``subject`` is the driver that Exim names instead of the line, where it does; empty: it names neither.
    ``hint`` is what helps besides, after Exim's own words. ``in_main_log``: Exim says it without the words
    before it, and in the main log, too.
    """

    def __init__(
        self,
        message: str,
        path: str | None = None,
        line: int | None = None,
        *,
        subject: str | None = None,
        hint: str = "",
        in_main_log: bool = False,
    ) -> None:
        self.message = message
        self.in_main_log = in_main_log
        self.subject = subject
        self.hint = hint
        self.path = path
        self.line = line
        where = "" if path is None else f"{path}: " if line is None else f"{path}:{line}: "
        super().__init__(f"{where}{message}{hint and f': {hint}'}")


class Malformed(ValueError):
    """A text that is not what it should be: ``message`` is Exim's words, ``hint`` what would be right."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = message, hint
        super().__init__(message)

    def at(self, path: str | None, line: int | None) -> InputError:
        """The same, with its place."""
        return InputError(self.message, path, line, hint=self.hint)


class Anonymous(Malformed):
    """The same, where Exim names neither the line nor the driver in front of its words."""


class Unsupported(EximsimError):
    """Something that Exim has and the model does not: never a pass, and never ignored in silence.

    ``what`` says it in one phrase, ``remedy`` what would help.
    """

    def __init__(self, item: str, path: str | None = None, line: int | None = None) -> None:
        self.item = item
        self.path = path
        self.line = line
        where = "" if path is None else f" ({path})" if line is None else f" ({path}:{line})"
        super().__init__(f"{self.what}{where}")

    @property
    def what(self) -> str:
        """The problem without its place."""
        return f"not modelled: {self.item}"

    @property
    def remedy(self) -> str:
        """What would help."""
        return "a copy of the configuration without it shows the rest"

    def at(self, path: str, line: int) -> Unsupported:
        """The same problem with its place in a configuration."""
        return type(self)(self.item, path, line)


class TooMuch(Unsupported):
    """A run was given up: Exim would go on, for minutes or until there is no memory."""


class Unanswered(Unsupported):
    """Something beside the machine would have to be asked (``kind``: mysql, run) and no answer is given.

    ``question`` is what Exim asks it.
    """

    def __init__(self, kind: str, question: str, path: str | None = None, line: int | None = None) -> None:
        self.kind, self.question = kind, question
        super().__init__(f"{kind}:{question}", path, line)

    @property
    def what(self) -> str:
        """See ``Unsupported``."""
        return f"{self.kind} is asked, and no answer is given: {self.question}"

    @property
    def remedy(self) -> str:
        """The answer in the form in which it can be given."""
        if self.kind == "env":
            return f"--env {self.question}=VALUE, or --answer 'env:{self.question}=!none'"
        return f"--answer {_shell_word(f'{self.item}=VALUE')}, or =!none, or =!defer"

    def at(self, path: str, line: int) -> Unanswered:
        """See ``Unsupported``."""
        return Unanswered(self.kind, self.question, path, line)


def _shell_word(text: str) -> str:
    """``text`` as a shell takes it for one word, in double quotes if these do without more.

    What cannot be printed has escapes, so that it can be copied from where it is shown: ``$'select\\t1'``.
    """
    if not text.isprintable():
        return f"$'{''.join(map(_escaped, text))}'"
    plain = "'" in text and not set(text) & set('"$`\\!')
    return f'"{text}"' if plain else shlex.quote(text)


def _escaped(char: str) -> str:
    """A character as it is written between ``$'`` and ``'``."""
    if char in "\\'":
        return f"\\{char}"
    if char.isprintable():
        return char
    known = {"\n": "\\n", "\t": "\\t"}.get(char)
    return known or "".join(f"\\x{octet:02x}" for octet in char.encode("utf-8", "surrogateescape"))
