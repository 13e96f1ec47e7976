"""Opening files under ids that may not read everything (string_open_failed(), src/string.c)."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from eximsim.mta.base.errnos import EACCES, ENOENT, ENOTDIR, strerror

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

Ids = tuple[int, int]


def read_file(process: Process, path: str) -> bytes:
    """What is in a file, read under the ids of the process; raises ``OSError``."""
    known = process.world.disk.files.get(path)
    if known is not None and process.reader is not None and not known.permits(*process.reader):
        raise PermissionError(EACCES, strerror(EACCES), path)
    return process.world.read_file(path)


def is_there(process: Process, path: str) -> bool:
    """Whether there is a file or a folder (stat()); raises ``NotADirectoryError`` below what is a file."""
    world, name = process.world, posixpath.normpath(path)
    if name in world.disk.folders or world.path_kind(name) == "folder":
        return True
    above = name if path.endswith("/") else posixpath.dirname(name)
    while len(above) > 1:
        if above in world.disk.files or world.path_kind(above) == "file":
            raise NotADirectoryError(ENOTDIR, strerror(ENOTDIR), path)
        above = posixpath.dirname(above)
    try:
        world.read_file(path)
    except (OSError, ValueError):
        return False
    return True


def runs_as(process: Process) -> Ids:
    """The ids of a process of Exim's that has not been given others: deliveries and -bt have root's user."""
    exim = process.machine.account(process.machine.exim_user)
    assert exim is not None
    as_root = process.message is not None or process.address_test_mode
    return (0 if as_root else exim.uid), exim.gid


def open_failed(what: str, error: OSError, ids: Ids | None) -> str:
    """What Exim says of a file that it could not open; ``ids`` are those under which it tried."""
    number = error.errno or ENOENT
    told = f"failed to open {what}: {error.strerror or strerror(number)}"
    return told if number != EACCES or ids is None else f"{told} (euid={ids[0]} egid={ids[1]})"
