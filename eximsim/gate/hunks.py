"""Which lines of the files of two policies differ, so that a cause can be told by its own line.

What is set in a configuration may come from elsewhere: a macro, an included file, a condition round it. The
line of a cause is the one that was written otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from eximsim.mta.base.string import from_octets
from eximsim.quick_dataclass import dataclass
from eximsim.suite.policy import Policy


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that differ: ``gone`` are of the first file, ``come`` of the second; numbers are from 1.

    ``old`` and ``new`` are the first lines; where there are none, those before which they would be.
    """

    old_path: str
    new_path: str
    old: int
    new: int
    gone: tuple[str, ...]
    come: tuple[str, ...]

    @property
    def where(self) -> str:
        """``file:line`` of the first line that differs: as it is now, or as it was if it is gone."""
        return f"{self.new_path}:{self.new}" if self.come else f"{self.old_path}:{self.old}"

    def includes(self, path: str) -> bool:
        """Whether one of the lines includes a file."""
        name = path.rpartition("/")[2]
        return any(
            line.lstrip().startswith(".include") and line.rstrip().strip('"').endswith(name)
            for line in (*self.gone, *self.come)
        )

    def touches(self, path: str, first: int, last: int) -> bool:
        """Whether some of these lines of one of the two files differ, or a line between them is gone."""
        for name, start, lines in (
            (self.old_path, self.old, self.gone),
            (self.new_path, self.new, self.come),
        ):
            if name == path and (
                start <= last and first <= start + len(lines) - 1 if lines else first < start <= last
            ):
                return True
        return False


@dataclass(frozen=True, slots=True)
class Difference:
    """All lines that differ between the configurations of two policies, and the lines themselves."""

    hunks: tuple[Hunk, ...]
    lines: Mapping[str, Sequence[str]]

    def place(self, where: str) -> tuple[str, str]:
        """The line that makes a difference to what stands at ``where``, and in words how that comes about.

        That is a line of it, or one that defines a macro it uses, or (as a condition can do anything) the
        first that differs; ``where`` itself, and no words, if nothing else is known.
        """
        path, _, number = where.rpartition(":")
        if not number.isdigit() or not self.hunks:
            return where, ""
        first = int(number)
        last = self._last(path, first)
        for hunk in self.hunks:
            if hunk.includes(path):
                return hunk.where, f"includes {where}"
        for hunk in self.hunks:
            if hunk.touches(path, first, last):
                return _first_of(hunk, path, first), ""
        said = "\n".join(self.lines.get(path, ())[first - 1 : last])
        for hunk in self.hunks:
            for name, place in _macros(hunk):
                if name in said or self._leads_to(name, said):
                    return place, f"by the macro {name}, at {where}"
        return self.hunks[0].where, f"at {where}"

    def _last(self, path: str, first: int) -> int:
        """The last physical line of what begins at a line."""
        lines, last = self.lines.get(path, ()), first
        while last < len(lines):
            line = lines[last - 1].strip()
            if not line.endswith("\\") and not (last > first and line.startswith("#")):
                break
            last += 1
        return last

    def _leads_to(self, name: str, said: str) -> bool:
        """Whether a macro is used in another one that is used in a text."""
        defined = [
            (found[1], line[found.end() :])
            for lines in self.lines.values()
            for line in lines
            if (found := _DEFINITION.match(line))
        ]
        seen, known = {name}, 0
        while len(seen) > known:
            known = len(seen)
            seen |= {macro for macro, text in defined if any(one in text for one in seen)}
        return any(one in said for one in seen)


_DEFINITION = re.compile(r"\s*([A-Z][A-Za-z0-9_]*)\s*==?")


def _first_of(hunk: Hunk, path: str, first: int) -> str:
    """The first line of a hunk that is not before what it makes a difference to."""
    start, lines = (hunk.new, hunk.come) if path == hunk.new_path and hunk.come else (hunk.old, hunk.gone)
    name = hunk.new_path if lines is hunk.come else hunk.old_path
    return f"{name}:{max(start, first) if name == path and first < start + len(lines) else start}"


def _macros(hunk: Hunk) -> Iterator[tuple[str, str]]:
    """The macros that the lines of a hunk define, each with its line."""
    for path, start, lines in ((hunk.new_path, hunk.new, hunk.come), (hunk.old_path, hunk.old, hunk.gone)):
        for number, line in enumerate(lines, start):
            if found := _DEFINITION.match(line):
                yield found[1], f"{path}:{number}"


def difference(base: Policy, head: Policy) -> Difference:
    """What differs between the files that two configurations were read from."""
    lines: dict[str, Sequence[str]] = {}
    hunks: list[Hunk] = []
    for old, new in _pairs(base, head):
        was = _lines(base, old) if old else []
        now = _lines(head, new) if new else []
        lines |= {name: text for name, text in ((old, was), (new, now)) if name}
        hunks.extend(hunks_of(old or new, new or old, was, now))
    return Difference(tuple(hunks), lines)


def hunks_of(old: str, new: str, was: Sequence[str], now: Sequence[str]) -> Iterator[Hunk]:
    """The lines that differ between two texts."""
    for kind, i, j, k, m in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if kind != "equal":
            yield Hunk(old, new, i + 1, k + 1, tuple(was[i:j]), tuple(now[k:m]))


def _pairs(base: Policy, head: Policy) -> Iterator[tuple[str, str]]:
    """The files that stand for each other; an empty name is none."""
    yield base.path, head.path
    old = [path for path in base.config.files if path != base.path]
    new = [path for path in head.config.files if path != head.path]
    for path in old:
        mate = next((one for one in new if one == path), None) or next(
            (one for one in new if one not in old and one.rpartition("/")[2] == path.rpartition("/")[2]), ""
        )
        if mate:
            new.remove(mate)
        yield path, mate
    yield from (("", path) for path in new)


def _lines(policy: Policy, path: str) -> list[str]:
    content = policy.files.content(path)
    return [] if content is None else from_octets(content).splitlines()
