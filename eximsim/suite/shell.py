"""The little of a shell that scripts lean on: splitting a command line into words."""

from __future__ import annotations

import shlex

from eximsim.errors import InputError, Unsupported

_OPERATORS = frozenset("|&;<>()")


def words(line: str, path: str, number: int) -> list[str]:
    """The words of a command line with quotes and backslashes removed.

    Raises ``Unsupported`` for what only a shell could do (redirections, pipes, expansions), ``InputError``
    for an open quote. A pattern stands for itself, as in a shell that finds no such file.
    """
    found = _shell_only(line)
    if found:
        raise Unsupported(f"shell syntax {found!r} in: {line}", path, number)
    try:
        return shlex.split(_unescaped(line))
    except ValueError as error:
        raise InputError(f"{str(error).lower()} in {line!r}; expected closed quotes", path, number) from None


def _unescaped(line: str) -> str:
    """The line without the backslashes that in double quotes stand before ``$`` and a backquote.

    Nothing is expanded after that, and ``shlex`` leaves them where they are.
    """
    made, quote, place = "", "", 0
    while place < len(line):
        letter, following = line[place], line[place + 1 : place + 2]
        if letter == "\\" and quote != "'":
            made += following if quote and following in "$`" else letter + following
            place += 2
            continue
        if quote in ("", letter) and letter in "'\"":
            quote = "" if quote else letter
        made += letter
        place += 1
    return made


def _shell_only(line: str) -> str | None:
    """The first character outside quotes that a shell would act on."""
    quote, place = "", 0
    while place < len(line):
        letter = line[place]
        if letter == "\\" and quote != "'":
            place += 1
        elif quote:
            if letter == quote:
                quote = ""
            elif quote == '"' and letter in "$`":
                return letter
        elif letter in "'\"":
            quote = letter
        elif letter in _OPERATORS or letter in "$`":
            return letter
        place += 1
    return None
