"""Words and strings of a filter (nextsigchar(), nextword(), nextitem() in src/filter.c)."""

from __future__ import annotations

from collections.abc import Callable

from eximsim.mta.base.string import SPACES, from_octets, interpret_escape, octets
from eximsim.mta.routing.filters.syntax import FilterError
from eximsim.quick_dataclass import dataclass

_LONGEST = 1024
"""Octets in a word or string, with the one that ends it in C."""


@dataclass(slots=True)
class Scanner:
    """A filter's text and how far it is read.

    ``line`` counts each line end that is passed, and so counts one twice that is looked at ahead, as Exim
    does. ``quote`` puts a word in quotes for a message.
    """

    text: str
    quote: Callable[[str], str]
    position: int = 0
    line: int = 1
    pending: str | None = None
    """An error that Exim has noted, and goes on with until it next looks."""

    @property
    def next(self) -> str:
        """The next character; empty at the end."""
        return self.text[self.position : self.position + 1]

    def starts(self, text: str) -> bool:
        """Whether ``text`` comes next."""
        return self.text.startswith(text, self.position)

    def check(self) -> None:
        """Raise the error that is pending."""
        if self.pending is not None:
            raise FilterError(self.pending)

    def skip(self) -> None:
        """Go past white space and comments."""
        text, end = self.text, len(self.text)
        while True:
            while self.position < end and text[self.position] in SPACES:
                self.line += text[self.position] == "\n"
                self.position += 1
            if self.next != "#":
                return
            line_end = text.find("\n", self.position)
            self.position = end if line_end < 0 else line_end

    def word(self, *, bracket: bool = False) -> str:
        """The next word, which white space ends, and with ``bracket`` a round bracket; it may be empty."""
        start = self.position
        text, end = self.text, len(self.text)
        ends = SPACES + "()" if bracket else SPACES
        while self.position < end and text[self.position] not in ends:
            self.position += 1
        word = text[start : self.position]
        if len(word) >= _LONGEST // 4 and len(octets(word)) >= _LONGEST:
            self.pending = f"word is too long in line {self.line} of filter file (max = {_LONGEST} chars)"
            word = from_octets(octets(word)[: _LONGEST - 1])
            self.position = start + len(word)
        self.skip()
        return word

    def item(self, *, bracket: bool = False) -> str:
        """The next word, or the next string in double quotes with its escapes undone."""
        if self.next != '"':
            return self.word(bracket=bracket)
        value = self._string()
        if self.next == '"':
            self.position += 1
        self.skip()
        return value.partition("\0")[0]

    def _string(self) -> str:
        """The string that begins here; its closing quote is next, unless there is none."""
        text = self.text
        parts: list[str] = []
        size = 0
        self.position += 1
        while self.next not in ("", '"', "\n"):
            if size >= _LONGEST - 1:
                told = f"in line {self.line} of filter file (max = {_LONGEST} chars)"
                self.pending = f"string is too long {told}"
                return "".join(parts)
            if self.next != "\\":
                part = self.next
                self.position += 1
            elif (end := self._continued()) is not None:
                self.position = end
                continue
            else:
                part, self.position = interpret_escape(text, self.position)
            parts.append(part)
            size += len(octets(part))
        if self.next != '"' and self.pending is None:
            self.pending = f"quote missing at end of string in line {self.line}"
        return "".join(parts)

    def _continued(self) -> int | None:
        """Where the string goes on if a backslash ends the line here; None if it does not."""
        text = self.text
        position = self.position + 1
        while text[position : position + 1] not in ("", "\n") and text[position] in SPACES:
            position += 1
        if not text.startswith("\n", position):
            return None
        self.line += 1
        position += 1
        while text[position : position + 1] not in ("", "\n") and text[position] in SPACES:
            position += 1
        return position
