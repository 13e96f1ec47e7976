"""Why a command line is refused (main() in src/exim.c)."""

from __future__ import annotations

USAGE = (
    "Exim is a Mail Transfer Agent. It is normally called by Mail User Agents,\n"
    "not directly from a shell command line. Options and/or arguments control\n"
    "what it does when called. For a list of options, see the Exim documentation.\n"
)
"""What a call without arguments prints."""


class BadOption(Exception):
    """An option that is unknown, malformed or incomplete."""


class BadUse(Exception):
    """Options that do not go together, or an argument that does not fit: what the program says of it."""


class Clash(BadUse):
    """Options that do not go together; a bad ``sender`` (-f) is seen before."""

    def __init__(self, sender: str | None) -> None:
        self.sender = sender
        super().__init__("incompatible command-line options or arguments")
