"""A person's name made fit to stand before an address in a header line (parse_fix_phrase(), src/parse.c)."""

from __future__ import annotations

from eximsim.mta.base.rfc2047 import parse_quote_2047
from eximsim.mta.base.string import SPACES

_SPECIALS = frozenset(")<>@,;:\\.[]")


def parse_fix_phrase(phrase: str, charset: str, *, first_longer: bool) -> str:
    """``phrase`` with quotes around what needs them; as RFC 2047 words if it is not printing ASCII.

    Quoted strings and comments in it stay what they are. ``first_longer``: see ``parse_quote_2047()``.
    """
    phrase = phrase.lstrip(SPACES)
    if any(not " " <= char <= "~" and char != "\t" for char in phrase):
        return parse_quote_2047(phrase, charset, first_longer=first_longer)
    return _Fixer(phrase).run()


class _Fixer:
    """One pass over a phrase; ``quoted``: a quotation mark was met."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.out = ""
        self.quoted = False

    def run(self) -> str:
        while self.at < len(self.text):
            char = self.next()
            if char == '"':
                self.quotation()
            elif char == "(":
                self.comment()
            elif char not in _SPECIALS:
                self.out += char
            elif self.quoted:
                self.quote_word(char)
            else:
                self.quote_all(char)
        return self.out

    def next(self) -> str:
        self.at += 1
        return self.text[self.at - 1]

    @property
    def more(self) -> bool:
        return self.at < len(self.text)

    def quotation(self) -> None:
        """Copy a quoted string; one that is not closed is."""
        self.out += '"'
        while self.more and (char := self.next()) != '"':
            self.out += char
            if char == "\\" and self.more:
                self.out += self.next()
        self.out += '"'
        self.quoted = self.quoted or self.more

    def comment(self) -> None:
        """Copy a comment, noting quotation marks in it."""
        level = 1
        self.out += "("
        while self.more and level:
            char = self.next()
            self.out += char
            if char == "\\" and self.more:
                self.out += self.next()
            level += {"(": 1, ")": -1}.get(char, 0)
            self.quoted = self.quoted or char == '"'

    def quote_word(self, special: str) -> None:
        """After quotation marks: quotes around the one word that ``special`` is in."""
        start = max(self.out.rfind(mark) for mark in ' ")') + 1
        rest = self.text[self.at :]
        size = next((index for index, char in enumerate(rest) if char in ' "'), len(rest))
        self.out = f'{self.out[:start]}"{self.out[start:]}{special}{rest[:size]}"'
        self.at += size

    def quote_all(self, special: str) -> None:
        """Quotes around everything so far, and on to the next quotation mark or the end."""
        self.out = f'"{self.out}{special}'
        escaped = special == "\\"
        while self.more:
            char = self.next()
            if not escaped and char == '"':
                self.at -= 1
                self.end_quote()
                return
            if not escaped and char == "(":
                end, self.quoted = self.look_over_comment()
                if self.quoted:
                    self.at -= 1
                    self.end_quote()
                    return
                self.out += "(" + self.text[self.at : end]
                self.at = end
                continue
            self.out += char
            escaped = not escaped and char == "\\"
        self.out += '"'

    def end_quote(self) -> None:
        bare = self.out.rstrip(" ")
        self.out = bare + '"' + self.out[len(bare) :]

    def look_over_comment(self) -> tuple[int, bool]:
        """Where the comment that begins before ``at`` ends, and whether it has a quotation mark."""
        level, at = 1, self.at
        while at < len(self.text) and level:
            char = self.text[at]
            at += 2 if char == "\\" else 1
            if char == '"':
                return at, True
            level += {"(": 1, ")": -1}.get(char, 0)
        return min(at, len(self.text)), False
