"""The host-check trace of list searches: ``>>>`` lines, in each release's wording (src/match.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


class Silent:
    """No trace."""

    list_name: str | None = None

    def unset(self) -> None:
        """The option is not set."""

    def begin(self, text: str) -> None:
        """The search of a list begins."""

    def end(self) -> None:
        """It is over."""

    def leave_open(self) -> None:
        """It is over, but the lines that follow stay set in: Exim forgets to undo it here."""

    def line(self, text: str) -> None:
        """Any line."""

    def element(self, item: str) -> None:
        """The next item."""

    def verdict(self, yes: bool, why: str) -> None:
        """An item decides the list."""

    def exhausted(self, yes: bool) -> None:
        """The end decides the list."""

    def deferred(self, item: str) -> None:
        """It cannot be decided now."""

    def start_sublist(self, name: str) -> None:
        """A named list in the list."""

    def end_sublist(self, name: str) -> None:
        """It is over."""

    def saved(self, name: str, key: str, value: str | None) -> None:
        """What it came to is kept."""

    def cached(self, name: str, yes: bool, value: str | None) -> None:
        """It was searched before."""


SILENT = Silent()

_LONGEST = 2048
_VISIBLE = {code: chr(0x2400 + code) for code in range(32)} | {0x0A: "\u21a9\n", 0x20: "\u2591"}
"""How a trace shows control characters and blanks."""


class ListTrace(Silent):
    """The lines on one list. ``subject`` and ``list_name`` make the question that they begin with."""

    __slots__ = ("list_name", "open", "process", "question", "subject")

    def __init__(self, process: Process, subject: str, list_name: str | None) -> None:
        self.process = process
        self.subject = subject
        self.list_name = list_name
        self.question = "" if list_name is None else f"{subject} in {list_name}?"
        self.open = False

    def line(self, text: str) -> None:
        """See ``Silent``."""
        self.process.hdebug(text, indented=self.process.profile.list_trace_indented)

    def unset(self) -> None:
        """See ``Silent``."""
        if self.question:
            self.line(f"{self.question} no (option unset)")
        elif self.process.profile.list_trace_shows_sublists:
            self.line(f"{self.subject} not in empty list (option unset? cannot trace name)")

    def begin(self, text: str) -> None:
        """See ``Silent``."""
        if not self.question:
            shown = text if len(text) < _LONGEST else f"{text[:_LONGEST]}..."
            self.question = f'{self.subject} in "{shown}"?'
        if self.process.profile.list_trace_shows_elements:
            self.line(self.question)
            self.process.debug_depth += 1
            self.open = True

    def end(self) -> None:
        """See ``Silent``."""
        if self.open:
            self.process.debug_depth -= 1
            self.open = False

    def leave_open(self) -> None:
        """See ``Silent``."""
        self.open = False

    def element(self, item: str) -> None:
        """See ``Silent``."""
        profile = self.process.profile
        if profile.list_trace_shows_elements:
            shown = item.translate(_VISIBLE) if profile.list_trace_shows_sublists else item
            self.line(f"list element: {shown}")

    def verdict(self, yes: bool, why: str) -> None:
        """See ``Silent``."""
        self.line(f"{self.question} {'yes' if yes else 'no'} ({why})")

    def exhausted(self, yes: bool) -> None:
        """See ``Silent``."""
        self.end()
        self.verdict(yes, "end of list")

    def deferred(self, item: str) -> None:
        """See ``Silent``."""
        self.end()
        self.line(f"{self.question} list match deferred for {item}")

    def start_sublist(self, name: str) -> None:
        """See ``Silent``."""
        if self.process.profile.list_trace_shows_sublists:
            self.line(f" start sublist {name}")
            self.process.debug_depth += 2

    def end_sublist(self, name: str) -> None:
        """See ``Silent``."""
        if self.process.profile.list_trace_shows_sublists:
            self.process.debug_depth -= 2
            self.line(f" end sublist {name}")

    def saved(self, name: str, key: str, value: str | None) -> None:
        """See ``Silent``."""
        if value is not None and self.process.profile.list_trace_shows_sublists:
            self.line(f"data from lookup saved for cache for +{name}: key '{key}' value '{value}'")

    def cached(self, name: str, yes: bool, value: str | None) -> None:
        """See ``Silent``."""
        if self.process.profile.list_trace_shows_sublists:
            self.process.debug_depth -= 2
            self.line(f"cached {'yes' if yes else 'no'} match for +{name}")
            self.line(f"cached lookup data = {'NULL' if value is None else value}")
