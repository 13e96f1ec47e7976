"""The errors that a user of eximsim can cause, each one clear line."""

from __future__ import annotations


class EximsimError(Exception):
    """Base of every error that eximsim raises on purpose."""


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
