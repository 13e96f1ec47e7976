"""Reading files that nobody vouches for: regular ones, of a bounded size, and none outside a named folder.

The caller names files and folders on the command line, and is trusted. What stands in such a folder is not:
a link in it may point anywhere, a name in a configuration may be ``/etc/shadow``, a file may be a FIFO that
nobody writes to. Every reader goes through ``Folder`` or ``read_named``.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from eximsim.errors import InputError

LARGEST = 64 * 1024 * 1024
"""Octets of the largest file that is read. Exim's whole ChangeLog has one million."""

_DEEPEST = 32
"""Folders in folders, when a whole folder is gone through."""

_GIVEN = ("/dev/fd/", "/proc/self/fd/", "/dev/stdin")
"""Where a shell shows what it has opened itself."""

Name = str | PurePosixPath


class Folder:
    """A folder, seen from inside: names are below it, whatever they are, and no link leads out of it.

    Methods that read raise ``OSError`` with a path as the caller would write it: ``ENOENT`` if there is no
    such file, ``EXDEV`` if a link leads out, ``EINVAL`` for what is no regular file, ``EFBIG`` for one that
    is larger than ``largest`` octets.
    """

    def __init__(self, path: Path, largest: int = LARGEST) -> None:
        self.path = path
        self._largest = largest
        self._real = os.path.realpath(path)

    def read(self, name: Name) -> bytes:
        """The content of a file."""
        return _content(self._place(name), str(self.path / _below(name)), self._largest)

    def is_file(self, name: Name) -> bool:
        """Whether there is a regular file of this name that can be read from here."""
        return self._is(name, stat.S_ISREG)

    def is_folder(self, name: Name = ".") -> bool:
        """Whether there is a folder of this name."""
        return self._is(name, stat.S_ISDIR)

    def kind(self, name: Name) -> str:
        """``file``, ``folder``, or nothing if there is neither."""
        return "file" if self.is_file(name) else "folder" if self.is_folder(name) else ""

    def names(self, name: Name = ".") -> list[str]:
        """What is in a folder, in order; nothing if there is no such folder."""
        try:
            return sorted(os.listdir(self._place(name)))
        except OSError:
            return []

    def files(self, name: Name = ".") -> Iterator[str]:
        """The names of all regular files below a folder, in order, as ``read`` takes them.

        A link to a folder is not followed, so that nothing is seen twice.
        """
        yield from self._files(_below(name), _DEEPEST)

    def _files(self, name: PurePosixPath, depth: int) -> Iterator[str]:
        for part in self.names(name) if depth else ():
            one = name / part
            if self.is_file(one):
                yield one.as_posix()
            elif not os.path.islink(os.path.join(self._real, one)) and self.is_folder(one):
                yield from self._files(one, depth - 1)

    def _is(self, name: Name, kind: object) -> bool:
        try:
            return bool(kind(os.stat(self._place(name)).st_mode))  # type: ignore[operator]  # of the module stat
        except (OSError, ValueError):
            return False

    def _place(self, name: Name) -> str:
        """The real path of a name; raises ``OSError`` if it is outside."""
        below = _below(name)
        try:
            place = os.path.realpath(os.path.join(self._real, below))
        except ValueError:  # a zero octet
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(below)) from None
        if os.path.commonpath((place, self._real)) != self._real:
            raise OSError(
                errno.EXDEV, f"leads out of the folder {self.path} by a link", str(self.path / below)
            )
        return place


def _below(name: Name) -> PurePosixPath:
    """A name as it is below the folder: ``/etc/x`` is ``etc/x``, and ``..`` ends at the folder itself."""
    parts: list[str] = []
    for part in PurePosixPath(name).parts:
        if part == "..":
            del parts[-1:]
        elif not part.startswith("/"):
            parts.append(part)
    return PurePosixPath(*parts)


STANDARD = "-"
"""The name of standard input, and of standard output where something is written."""


def read_named(path: Path | str, expected: str, largest: int = LARGEST) -> bytes:
    """The content of a file that the caller named; raises ``InputError``.

    The file itself may come from a stranger: if it is a link, it has to stay in its folder. What the caller's
    shell has opened, ``<(command)``, may be a pipe; ``-`` is standard input. ``expected`` is what the file
    should be: ``"an Exim configuration"``.
    """
    shown = str(path)
    try:
        if shown == STANDARD:
            return _content("/dev/stdin", shown, largest, given=True)
        if shown.startswith(_GIVEN):
            return _content(shown, shown, largest, given=True)
        return Folder(Path(path).parent, largest).read(Path(path).name)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such name"
        raise InputError(f"{reason}; expected {expected}", str(path)) from None


def read_named_text(path: Path | str, expected: str, largest: int = LARGEST) -> str:
    """The same as text in UTF-8; raises ``InputError``."""
    try:
        return read_named(path, expected, largest).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"expected {expected}, as text in UTF-8: {error.reason}", str(path)) from None


def _content(place: str, shown: str, largest: int, *, given: bool = False) -> bytes:
    """All of a regular file; of a pipe too, if it was ``given`` by the caller's shell."""
    try:
        fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC | (0 if given else os.O_NONBLOCK))
    except OSError as error:
        error.filename = shown
        raise
    with os.fdopen(fd, "rb") as file:
        mode = os.fstat(fd).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), shown)
        if not stat.S_ISREG(mode) and not given:
            raise OSError(errno.EINVAL, "not a regular file", shown)
        content = file.read(largest + 1)
    if len(content) > largest:
        raise OSError(errno.EFBIG, f"larger than {largest // (1024 * 1024)} MB", shown)
    return content
