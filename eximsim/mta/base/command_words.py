"""The words of a command line (``transport_set_up_command()``, src/transport.c)."""

from __future__ import annotations

from eximsim.mta.base.string import skip_spaces, string_dequote


class TooManyWords(Exception):
    """A command has more words than Exim makes room for."""


def command_words(command: str, most: int) -> list[str]:
    """The words, without their quotes: ``'...'`` as it stands, ``"..."`` with its escapes.

    Raises ``TooManyWords`` if there are more than ``most``.
    """
    words: list[str] = []
    position, end = skip_spaces(command, 0), len(command)
    while position < end and len(words) < most:
        if command[position] == "'":
            close = command.find("'", position + 1)
            close = end if close < 0 else close
            words.append(command[position + 1 : close])
            position = close + 1
        else:
            word, position = string_dequote(command, position)
            words.append(word)
        position = skip_spaces(command, position)
    if position < end:
        raise TooManyWords
    return words
