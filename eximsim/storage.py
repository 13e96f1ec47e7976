"""Writing what is kept: a file is the old one or the new one at every moment, never written through a link.

A file is written beside, synced and renamed, under a lock on its folder. Who has read a file, changed its
content and writes it back says what was read: if somebody else has written it since, that is an error, and
nothing is lost. A folder that belongs together is written beside and renamed, too.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from eximsim.errors import InputError
from eximsim.files import STANDARD

_NEW = ".eximsim-new"
"""How the name of a file ends that is not yet complete; it begins with a dot."""

_WANTED = "expected a place to write to"


class Unread:
    """The type of ``ANYTHING``: whoever writes does not care what was there."""


ANYTHING = Unread()


def store(path: Path, content: bytes, *, was: bytes | Unread | None = ANYTHING) -> None:
    """Make ``content`` the whole of a file that the caller named, in a folder that is there.

    ``was`` is what was read from it before (None: there was no such file). A link that the caller named is
    followed if it stays in its folder, which may be a stranger's; what is no regular file (``/dev/stdout``,
    a pipe) is written to as it is. Raises ``InputError``.
    """
    try:
        if path.exists() and not path.is_file():
            # a FIFO that nobody reads must not hold us
            flags = os.O_WRONLY | os.O_CLOEXEC | (os.O_NONBLOCK if path.is_fifo() else 0)
            with open(path, "wb", opener=lambda name, _: os.open(name, flags)) as sink:
                os.set_blocking(sink.fileno(), True)
                sink.write(content)
            return
        place = _of_link(path) if path.is_symlink() else path
        folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _replace(folder, place.name, content, str(path), was, 0o666)
        finally:
            os.close(folder)
    except OSError as error:
        raise InputError(f"{error.strerror}; {_WANTED}", str(path)) from None


def check_place(path: Path) -> None:
    """Hold, before long work, that its result can be stored there at the end; raises ``InputError``."""
    if str(path) == STANDARD or path.exists():
        return
    if not path.parent.is_dir():
        raise InputError(f"{os.strerror(errno.ENOENT)}; {_WANTED}", str(path))
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError(f"{os.strerror(errno.EACCES)}; {_WANTED}", str(path))


def check_folder(path: Path) -> None:
    """Hold, before long work, that folders can be made below ``path``; raises ``InputError``."""
    there = next(one for one in (path, *path.absolute().parents) if os.path.lexists(one))
    if not there.is_dir():
        reason = errno.ENOTDIR if there.exists() else errno.ENOENT
        raise InputError(f"{os.strerror(reason)}; {_WANTED}", str(there))
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{os.strerror(errno.EACCES)}; {_WANTED}", str(there))


def _of_link(path: Path) -> Path:
    """Where a link leads that stays in its folder; raises ``OSError``."""
    place, folder = os.path.realpath(path), os.path.realpath(path.parent)
    if os.path.commonpath((place, folder)) != folder:
        raise OSError(errno.EXDEV, "leads out of its folder by a link; name the file itself")
    return Path(place)


def store_text(path: Path, text: str) -> None:
    """The same for text, in UTF-8; what UTF-8 has no octets for is written with a backslash.

    ``-`` is standard output.
    """
    if str(path) == STANDARD:
        sys.stdout.write(text)
        return
    store(path, text.encode("utf-8", "backslashreplace"))


def store_below(root: Path, name: str, content: bytes, *, mode: int = 0o666) -> None:
    """Make ``content`` the whole of the file ``name`` below the folder ``root`` that the caller named.

    No part of ``name`` is a link, and the file is none. Folders are made. Raises ``InputError``.
    """
    shown = root / name
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _opened(root, name, make=True) as (folder, last):
            _replace(folder, last, content, str(shown), ANYTHING, mode)
    except OSError as error:
        raise InputError(f"{_reason(error)}; {_WANTED}", str(shown)) from None


def remove_below(root: Path, name: str) -> bool:
    """Remove a file below ``root``; whether there was one. Raises ``InputError``."""
    try:
        with _opened(root, name, make=False) as (folder, last):
            os.unlink(last, dir_fd=folder)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise InputError(f"cannot be removed: {_reason(error)}", str(root / name)) from None
    return True


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to write to, which becomes ``path`` at the end, and is gone if that is not reached.

    A folder that is there is replaced if the new one has all of its files. Folders above are made. Raises
    ``InputError``.
    """
    place = Path(os.path.realpath(path))
    beside = place.parent / f".{place.name}.{secrets.token_hex(4)}{_NEW}"
    new = beside / "whole"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _clear_folders(place)
        beside.mkdir()
        held = _held(beside)  # ends with the descriptor, however the process ends
        new.mkdir()
    except OSError as error:
        raise InputError(f"{error.strerror}; {_WANTED}", str(path)) from None
    try:
        yield new
        if lost := sorted(_files(place) - _files(new)):
            wanted = "expected a new name, or a folder written before"
            raise InputError(f"{lost[0]} would be lost; {wanted}", str(path))
        _put(new, place)
    except OSError as error:
        raise InputError(f"{error.strerror}; {_WANTED}", str(path)) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        os.close(held)


def _put(new: Path, place: Path) -> None:
    """Give a folder its name; what had the name before has that of ``new`` then, if it was there."""
    if place.exists():
        import ctypes  # for this alone

        names = (ctypes.c_char_p(os.fsencode(name)) for name in (new, place))
        renamed = ctypes.CDLL(None, use_errno=True).renameat2
        if renamed(_HERE, next(names), _HERE, next(names), _EXCHANGE) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    else:
        new.rename(place)
    _sync(place.parent)


_HERE, _EXCHANGE = -100, 2
"""``AT_FDCWD`` and ``RENAME_EXCHANGE`` of Linux."""


def _files(folder: Path) -> set[str]:
    """The files below a folder; a folder that is none is a file."""
    if not folder.is_dir():
        return {"."} if folder.exists() else set()
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def _clear_folders(place: Path) -> None:
    """Remove the folders of writers of ``place`` that were killed: whoever still writes holds a lock."""
    for left in place.parent.iterdir():
        if left.name.startswith(f".{place.name}.") and left.name.endswith(_NEW) and left.is_dir():
            with suppress(OSError):
                held = _held(left)
                shutil.rmtree(left)
                os.close(held)


def _held(folder: Path) -> int:
    """A lock on a folder, for as long as this descriptor is open; raises ``OSError`` if another has it."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise
    return fd


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _reason(error: OSError) -> str:
    # ENOTDIR is what Linux says of a link that should be a folder and must not be followed
    return "a symbolic link, or no folder" if isinstance(error, NotADirectoryError) else str(error.strerror)


@contextmanager
def _opened(root: Path, name: str, *, make: bool) -> Iterator[tuple[int, str]]:
    """The folder of a file below ``root``, opened without following a link, and the file's own name."""
    *folders, last = name.split("/")
    if not last or any(part in ("", ".", "..") for part in (*folders, last)):
        raise InputError(f"{_WANTED} below {root}", name)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    folder = os.open(root, flags)
    try:
        for part in folders:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=folder)
            inner = os.open(part, flags | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        yield folder, last
    finally:
        os.close(folder)


def _replace(
    folder: int, name: str, content: bytes, shown: str, was: bytes | Unread | None, mode: int
) -> None:
    fcntl.flock(folder, fcntl.LOCK_EX)  # ends with the descriptor, however the process ends
    _clear(folder, name)
    old = _status(folder, name)
    if old is not None and not stat.S_ISREG(old.st_mode):
        raise InputError("not a regular file of its own; nothing is written through it", shown)
    if not isinstance(was, Unread) and _content(folder, name, old is not None) != was:
        raise InputError("was changed by somebody else since it was read; nothing is written", shown)
    new = f".{name}.{secrets.token_hex(4)}{_NEW}"
    fd = os.open(
        new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=folder
    )
    try:
        with os.fdopen(fd, "wb") as file:
            if old is not None and mode == 0o666:
                os.fchmod(fd, stat.S_IMODE(old.st_mode))
            file.write(content)
            file.flush()
            os.fsync(fd)
        os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(new, dir_fd=folder)
        raise
    os.fsync(folder)


def _clear(folder: int, name: str) -> None:
    """Remove what a writer of this file has left behind that was killed: whoever writes holds the lock."""
    for left in os.listdir(folder):
        if left.startswith(f".{name}.") and left.endswith(_NEW):
            with suppress(OSError):
                os.unlink(left, dir_fd=folder)


def _status(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _content(folder: int, name: str, there: bool) -> bytes | None:
    if not there:
        return None
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=folder), "rb") as file:
        return file.read()
