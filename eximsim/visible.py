"""Text of strangers, as a terminal, a log or a report may show it: nothing in it does anything.

What is not printable (control characters, ESC and C1 among them; marks that turn the direction of writing;
whatever else leaves no ink) is written as an escape. So is the beginning of what GitHub would take for a
command in the log of a job: ``::name ...::`` at the beginning of a line, white space or not, and ``##[name]``
anywhere.
"""

from __future__ import annotations

import re


def visible(text: str) -> str:
    r"""The text on one line, of characters that can be seen: ``\x1b`` instead of what that does."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else _escaped(char) for char in text)
    return _COMMAND.sub(_without_command, text) if "::" in text or "##[" in text else text


_COMMAND = re.compile(r"^(\s*):(?=:[A-Za-z][^:]*::)|##\[")
r"""Source: ``ActionCommand`` of ``actions/runner``."""


def _without_command(found: re.Match[str]) -> str:
    return rf"{found[1]}\x3a" if found[1] is not None else r"##\x5b"


def visible_lines(text: str) -> str:
    """The same for text of several lines, which stay lines; tabs stay, too."""
    return "\n".join("\t".join(map(visible, line.split("\t"))) for line in text.split("\n"))


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
