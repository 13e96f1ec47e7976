"""Linear search of text files: lsearch, wildlsearch, nwildlsearch and iplsearch (src/lookups/lsearch.c)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from eximsim.mta.base.string import SPACES, from_octets, interpret_escape


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of a file: its key, what stands after it, and the whole of it."""

    key: str
    data: str
    full: str


@lru_cache(maxsize=64)
def read_lines(content: bytes) -> tuple[Line, ...]:
    """The entries of a file.

    A key ends at a colon or white space, or is a quoted string. Lines that begin with white space continue
    the entry, each with one space; comments and empty lines end it.
    """
    entries: list[Line] = []
    open_entry = False
    for text in from_octets(content).split("\n"):
        line = text.rstrip(SPACES)
        if not line or line[0] == "#":
            open_entry = False
        elif line[0] in SPACES:
            if open_entry:
                last = entries[-1]
                rest = " " + line.lstrip(SPACES)
                entries[-1] = Line(last.key, last.data + rest, last.full + rest)
        else:
            entries.append(_entry(line))
            open_entry = True
    return tuple(entries)


def _entry(line: str) -> Line:
    if line[0] == '"':
        key, position = _quoted(line)
        full = key + line[position:]
    else:
        position = next((i for i, char in enumerate(line) if char == ":" or char in SPACES), len(line))
        key, full = line[:position], line
    data = line[position:].lstrip(SPACES)
    if data.startswith(":"):
        data = data[1:].lstrip(SPACES)
    return Line(key, data, full)


def _quoted(line: str) -> tuple[str, int]:
    position = 1
    parts: list[str] = []
    while position < len(line) and line[position] != '"':
        if line[position] == "\\":
            char, position = interpret_escape(line, position)
        else:
            char, position = line[position], position + 1
        parts.append(char)
    return "".join(parts), min(position + 1, len(line))


def by_key(lines: tuple[Line, ...]) -> Iterator[tuple[str, Line]]:
    """The entries with their keys in lower case, in the order of the file."""
    return ((line.key.lower(), line) for line in lines)
