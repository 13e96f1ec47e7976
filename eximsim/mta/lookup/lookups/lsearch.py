"""Linear search of text files: lsearch, wildlsearch, nwildlsearch and iplsearch (src/lookups/lsearch.c)."""

from __future__ import annotations

from collections.abc import Iterator

from eximsim.errors import Unsupported
from eximsim.mta.base.kept import Kept
from eximsim.mta.base.string import SPACES, from_octets, interpret_escape
from eximsim.quick_dataclass import dataclass

_MOST = 500_000
"""Lines of a file, and of all that are kept."""


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of a file: its key, what stands after it, and the whole of it."""

    key: str
    data: str
    full: str


def read_lines(content: bytes) -> tuple[Line, ...]:
    """The entries of a file.

    A key ends at a colon or white space, or is a quoted string. Lines that begin with white space continue
    the entry, each with one space; comments and empty lines end it. Raises ``Unsupported`` for a file of
    very many lines.
    """
    return _KEPT.of(content, _read)


def _read(content: bytes) -> tuple[Line, ...]:
    if content.count(b"\n") > _MOST:
        raise Unsupported(f"a lookup in a file of more than {_MOST:,} lines")
    entries: list[list[str]] = []
    open_entry = False
    for text in from_octets(content).split("\n"):
        line = text.rstrip(SPACES)
        if not line or line[0] == "#":
            open_entry = False
        elif line[0] in SPACES:
            if open_entry:
                entries[-1].append(" " + line.lstrip(SPACES))
        else:
            entries.append([line])
            open_entry = True
    return tuple(_continued(*lines) for lines in entries)


def _continued(first: str, *others: str) -> Line:
    entry, rest = _entry(first), "".join(others)
    return Line(entry.key, entry.data + rest, entry.full + rest) if others else entry


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


_KEPT: Kept[tuple[Line, ...]] = Kept(_MOST, len)


def by_key(lines: tuple[Line, ...]) -> Iterator[tuple[str, Line]]:
    """The entries with their keys in lower case, in the order of the file."""
    return ((line.key.lower(), line) for line in lines)
