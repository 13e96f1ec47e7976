"""``exigrep``: the lines of a main log of all messages that a pattern fits (src/utils/exigrep.src)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import field
from datetime import UTC, datetime, timedelta

from eximsim.errors import Unsupported
from eximsim.mta.base.effort import Effort
from eximsim.mta.base.regex_cache import Regex, RegexError, compile_pattern
from eximsim.quick_dataclass import dataclass
from eximsim.trace import Trace

MESSAGE_ID = r"(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{11}-[0-9A-Za-z]{4}|[0-9A-Za-z]{6}-[0-9A-Za-z]{6}-[0-9A-Za-z]{2})"
_TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
_LINE = re.compile(
    rf"(?P<date>{_TIME}(?:\.\d+)? (?:[+-]\d{{4}} )?)(?:\[\d+\] )?(?P<id>{MESSAGE_ID})?", re.ASCII
)
_REFUSED = re.compile(rf"{_TIME}(?:\.\d+)? (?:[+-]\d{{4}} )?(?:\[\d+\] )?{MESSAGE_ID} rejected", re.ASCII)
_FIRST_TIME = re.compile(rf"{_TIME} (?:[+-]\d{{4}} )?", re.ASCII)
_OF_SYSLOG = re.compile(r".*? exim\b.*?: ")
_ZONE = re.compile(rf"({_TIME})(?:\.\d+)?(?:\s([+-])(\d\d)(\d\d))?", re.ASCII)
_COMPRESSED = re.compile(r"\.(?:gz|bz2|xz|lzma|zst|Z)$")
_ENDS = ("Completed", "SMTP data timeout")


@dataclass(slots=True)
class _Search:
    """What is looked for, and what has been seen of messages that have not ended."""

    sensitive: bool = False
    literal: bool = False
    related: bool = False
    invert: bool = False
    queue_time: int = -1
    patterns: tuple[Regex, ...] = ()
    saved: dict[str, str] = field(default_factory=dict)
    chosen: dict[str, bool] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    """The messages whose ids are looked for, too (-M)."""
    out: list[str] = field(default_factory=list)

    def line(self, text: str) -> None:
        """One line of a log, with its end."""
        if not re.match(r"\d{4}-", text, re.ASCII):
            text = _OF_SYSLOG.sub("", text, count=1)
        match = _LINE.match(text)
        if match is None:
            return
        if match["id"] is None:
            if self._fits_without_id(text):
                self.out.append(f"{text}\n")
            return
        self._of_message(match["id"], match["date"], text)

    def _fits(self, text: str) -> bool:
        return any(one.search(text, Trace(), Effort()) is not None for one in self.patterns)

    def _fits_without_id(self, text: str) -> bool:
        """Whether such a line is shown: with -v if one of the ways to compare finds nothing."""
        if self.invert:
            return any(one.search(text, Trace(), Effort()) is None for one in self.patterns)
        return self._fits(text)

    def _of_message(self, name: str, date: str, text: str) -> None:
        self.saved[name] = self.saved.get(name, "") + text
        if self.invert:
            self.chosen.setdefault(name, True)
            if self._fits(text):
                self.chosen[name] = False
        elif name in self.chosen or self._fits(text):
            self.chosen[name] = True
            if self.related and name not in self.ids:
                self.ids.append(name)
        elif self.related and any(one in text for one in self.ids):
            self.chosen[name] = True
        if not (any(end in text for end in _ENDS) or _REFUSED.match(text)):
            return
        first = _FIRST_TIME.match(self.saved[name])
        if self.queue_time != -1 and first is not None and self.chosen.get(name):
            self.chosen[name] = _seconds(date) - _seconds(first[0]) > self.queue_time
        if self.chosen.pop(name, False):
            self.out.append(f"{self.saved[name]}\n")
        del self.saved[name]

    def end(self) -> None:
        """The messages that have not ended come last."""
        if len(self.chosen) > 1:
            raise Unsupported("the order in which exigrep names messages that have not completed")
        for name in self.chosen:
            self.out.append(f"+++ {name} has not completed +++\n{self.saved[name]}\n")


def _seconds(text: str) -> float:
    match = _ZONE.match(text)
    assert match is not None
    try:
        moment = datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise Unsupported(f"a time that there is not in a log: {match[1]}") from None
    apart = timedelta(hours=int(match[3]), minutes=int(match[4])) if match[2] else timedelta()
    return (moment - apart if match[2] == "+" else moment + apart).timestamp()


def exigrep(words: Sequence[str], read: Callable[[str], str]) -> str:
    """What ``exigrep`` prints for its arguments; ``read`` gives the lines of a log file.

    Raises ``Unsupported`` for compressed files, for what shows the program's own text, and where the order is
    that of a Perl hash.
    """
    search = _Search()
    left = _options(search, words)
    pattern, *names = left
    if not names:
        raise Unsupported("exigrep of standard input")
    search.patterns = _patterns(search, pattern)
    for name in names:
        if _COMPRESSED.search(name):
            raise Unsupported(f"exigrep of a compressed file: {name}")
        for line in read(name).splitlines(keepends=True):
            search.line(line)
    search.end()
    return "".join(search.out)


_FLAGS = {
    "-I": "sensitive", "--sensitive": "sensitive", "-l": "literal", "--literal": "literal",
    "-M": "related", "--related": "related", "-v": "invert", "--invert": "invert",
}  # fmt: skip


def _options(search: _Search, words: Sequence[str]) -> list[str]:
    left: list[str] = []
    given = list(words)
    while given:
        word = given.pop(0)
        if word in _FLAGS:
            setattr(search, _FLAGS[word], True)
        elif word in ("-t", "--queue-time") and given and given[0].isdigit():
            search.queue_time = int(given.pop(0))
        elif word in ("--pager", "--no-pager", "--nopager"):
            pass  # standard output is no terminal
        elif word == "--":
            left += given
            break
        elif word.startswith("-") and word != "-":
            raise Unsupported(f"exigrep {word}")
        else:
            left.append(word)
    if not left or not left[0]:
        raise Unsupported("exigrep without a pattern")
    return left


def _patterns(search: _Search, pattern: str) -> tuple[Regex, ...]:
    """The pattern as it is compared: without regard to case, and (for lines that it must not fit) with it."""
    if search.literal:
        pattern = re.sub(r"([^0-9A-Za-z_])", r"\\\1", pattern)
    try:
        exact = compile_pattern(pattern)
        return (exact,) if search.sensitive else (compile_pattern(pattern, caseless=True), exact)
    except RegexError:
        raise Unsupported(f"what Perl says of the pattern {pattern}") from None
