"""Text of strangers, as a terminal, a log or a report may show it: nothing in it does anything.

What is not printable (control characters, ESC and C1 among them; marks that turn the direction of writing;
whatever else leaves no ink) is written as an escape.
"""

from __future__ import annotations


def visible(text: str) -> str:
    r"""The text on one line, of characters that can be seen: ``\x1b`` instead of what that does."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def visible_lines(text: str) -> str:
    """The same for text of several lines, which stay lines; tabs stay, too."""
    return "\n".join("\t".join(map(visible, line.split("\t"))) for line in text.split("\n"))


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
