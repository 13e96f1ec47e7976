"""Golden files of policy tests: what a test compares with a file beside it, and how that file is written."""

from __future__ import annotations

import difflib
import hashlib
import os
import pprint
import re
from collections.abc import Iterable, Mapping, Set
from pathlib import Path

from eximsim.errors import InputError
from eximsim.files import Folder
from eximsim.storage import store_below
from eximsim.testing.arguments import check_arguments, told_where_called
from eximsim.visible import visible

FOLDER = "goldens"
"""Beside each test module; below it a folder for the module."""

SUFFIX = ".txt"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.,=+-]+")
_LONGEST = 120


@told_where_called
class Golden:
    """The fixture ``golden``: called with a value, it compares it with the golden of the test.

    ``test`` is the name of the test, ``folder`` holds the goldens of its module. With ``update`` a golden
    that is missing or differs is written. ``used`` are the files that were compared. ``colour`` is for diffs
    on a terminal.
    """

    def __init__(
        self,
        folder: Path,
        test: str,
        *,
        update: bool = False,
        shown_from: Path | None = None,
        colour: bool = False,
    ) -> None:
        self.folder, self.test, self.update, self._colour = folder, test, update, colour
        self.used: list[Path] = []
        self._shown_from = shown_from or folder
        self._unnamed = 0

    def __repr__(self) -> str:
        return f"<goldens of {self.test}>"

    def __call__(self, value: object) -> None:
        """Compare with the golden of this test; each of several calls in a test has its own.

        Args:
            value: texts, decisions, deliveries or results, or several of these: stored as
                their lines. Any other value as it is printed (``pprint``), dictionaries and sets in order.

        Raises:
            AssertionError: there is no golden, or it differs; with the diff.
            InputError: the value prints differently each time, because its text has a memory address.
        """
        __tracebackhide__ = True
        self._unnamed += 1
        self.check("" if self._unnamed == 1 else str(self._unnamed), value)

    def check(self, name: str, value: object) -> None:
        """Compare with the golden ``name`` of this test; see the call of the fixture itself."""
        __tracebackhide__ = True
        check_arguments({"name": str}, name=name)
        path = self.folder / file_name(self.test, name)
        if path in self.used:
            raise InputError(f"golden {name!r} is compared twice in one test", str(path))
        self.used.append(path)
        got = printed(value)
        want = _stored(path)
        if got == want:
            return
        if self.update:
            text = "".join(f"{line}\n" for line in got)
            store_below(self.folder, path.name, text.encode("utf-8", "surrogateescape"))
            return
        raise AssertionError(self._difference(path, got, want))

    def _difference(self, path: Path, got: list[str], want: list[str] | None) -> str:
        shown = os.path.relpath(path, self._shown_from)
        hint = "pytest --golden-update writes it"
        if want is None:
            new = [f"+{line}" for line in got]
            return "\n".join([f"there is no golden {shown}; {hint}", *map(self._coloured, new)])
        diff = list(difflib.unified_diff(want, got, f"golden {shown}", "this run", lineterm=""))
        missing = sum(line.startswith("-") for line in diff[2:])
        added = sum(line.startswith("+") for line in diff[2:])
        told = f"{_lines(missing)} missing, {_lines(added)} new; {hint}"
        return "\n".join([told, *map(self._coloured, diff)])

    def _coloured(self, line: str) -> str:
        code = _COLOURS.get(line[:1], "") if self._colour else ""
        return f"\x1b[{code}m{visible(line)}\x1b[0m" if code else visible(line)


def _has_text_of_its_own(value: object) -> bool:
    return isinstance(value, str) or type(value).__str__ not in (object.__str__, bytes.__str__)


_COLOURS = {"-": "31", "+": "32", "@": "36"}
_ADDRESS = re.compile(r" at 0x[0-9a-f]{6,}")


def printed(value: object) -> list[str]:
    """A value as a golden has it, line by line; raises ``InputError`` for one that no golden can hold."""
    if not isinstance(value, str | Mapping | Set | bytes) and isinstance(value, Iterable):
        value = list(value)
        if all(map(_has_text_of_its_own, value)):
            return [part for one in value for part in str(one).splitlines() or [""]]
    text = str(value) if _has_text_of_its_own(value) else pprint.pformat(value, width=100)
    if (address := _ADDRESS.search(text)) is not None:
        raise InputError(f"golden of a value that is printed with an address of memory:{address[0]}")
    return text.splitlines()


def file_name(test: str, name: str = "") -> str:
    """The file of a test's golden: the names, with a mark if they had to be changed to be a file's."""
    return f"{_safe(test)}{f'.{_safe(name)}' if name else ''}{SUFFIX}"


def belongs_to(file: str, tests: Iterable[str]) -> str | None:
    """The test whose golden a file is, going by its name; None if it is none of ``tests``."""
    stem = file.removesuffix(SUFFIX)
    owners = [test for test in tests if stem == _safe(test) or stem.startswith(f"{_safe(test)}.")]
    return max(owners, key=lambda test: len(_safe(test)), default=None)


def _safe(name: str) -> str:
    safe = _UNSAFE.sub("-", name).strip("-")[:_LONGEST]
    plain = name.endswith("]") and safe == name[:-1].replace("[", "-", 1)
    return safe if safe == name or plain else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _stored(path: Path) -> list[str] | None:
    try:
        content = Folder(path.parent).read(path.name)
        return content.decode("utf-8", "surrogateescape").splitlines()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise InputError(f"cannot be read: {problem.strerror}", str(path)) from None


def _lines(count: int) -> str:
    return f"{count} line{'' if count == 1 else 's'}"
