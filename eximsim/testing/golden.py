"""Golden files of policy tests: what a test compares with a file beside it, and how that file is written."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from eximsim.errors import InputError
from eximsim.files import Folder
from eximsim.storage import store_below

FOLDER = "goldens"
"""Beside each test module; below it a folder for the module."""

SUFFIX = ".txt"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.,=+-]+")
_LONGEST = 120


class Golden:
    """The fixture ``golden``: called with lines, it compares them with the golden of the test.

    ``test`` is the test's name, ``folder`` where the goldens of its module are. With ``update`` a golden
    that is not there, or is another, is written. ``used`` are the files that were asked for.
    """

    def __init__(
        self, folder: Path, test: str, *, update: bool = False, shown_from: Path | None = None
    ) -> None:
        self.folder, self.test, self.update = folder, test, update
        self.used: list[Path] = []
        self._shown_from = shown_from or folder
        self._unnamed = 0

    def __repr__(self) -> str:
        return f"<goldens of {self.test}>"

    def __call__(self, lines: str | Iterable[str]) -> None:
        """Compare with the golden of this test; of several calls in one test, each has its own.

        Raises ``AssertionError`` with what differs.
        """
        __tracebackhide__ = True
        self._unnamed += 1
        self.check("" if self._unnamed == 1 else str(self._unnamed), lines)

    def check(self, name: str, lines: str | Iterable[str]) -> None:
        """Compare with the golden ``name`` of this test; raises ``AssertionError`` with what differs."""
        __tracebackhide__ = True
        path = self.folder / file_name(self.test, name)
        if path in self.used:
            raise InputError(f"golden {name!r} is compared twice in one test", str(path))
        self.used.append(path)
        got = lines.splitlines() if isinstance(lines, str) else [str(line) for line in lines]
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
            return "\n".join([f"there is no golden {shown}; {hint}", *(f"+{line}" for line in got)])
        diff = list(difflib.unified_diff(want, got, f"golden {shown}", "this run", lineterm=""))
        missing = sum(line.startswith("-") for line in diff[2:])
        new = sum(line.startswith("+") for line in diff[2:])
        return "\n".join([f"{_lines(missing)} missing, {_lines(new)} new; {hint}", *diff])


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
