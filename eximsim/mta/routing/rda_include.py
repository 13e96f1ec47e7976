"""Files that redirection data includes: which may be, what is in them (parse_forward_list(), src/parse.c)."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.errnos import EISDIR, strerror
from eximsim.mta.base.string import from_octets
from eximsim.mta.expand.marks import Taint
from eximsim.mta.process.log import log_write_die, quoted
from eximsim.switch_values import IncludeCheck

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process

LONGEST_NAME = 255


class NotIncluded(Exception):
    """Why there is nothing to include; ``unreadable`` if the file is at fault, not the name."""

    def __init__(self, message: str, *, unreadable: bool = False) -> None:
        self.message, self.unreadable = message, unreadable
        super().__init__(message)


def read_included(process: Process, router: DriverInstance, path: str, level: Taint) -> str:
    """What is in the file that data of this level of taint includes.

    Raises ``NotIncluded``, and ``PanicDie`` where the real process ends.
    """
    if not path:
        raise NotIncluded("file name missing after :include:")
    if len(path) > LONGEST_NAME:
        raise NotIncluded(f"included file name {quoted(process, path)} is too long")
    tainted = _is_tainted(process, router, level)
    line = process.profile.tainted_include_line
    if tainted and line:
        log_write_die(process, f"Taint mismatch, Ustrncpy: parse_forward_list {line}\n")
    if not path.startswith("/"):
        raise NotIncluded(f"included file {quoted(process, path)} is not an absolute path")
    options = router.options
    if options.flag("forbid_include"):
        raise NotIncluded("included files not permitted")
    if tainted:
        raise NotIncluded(f"Tainted name '{path}' for included file  not permitted\n")
    directory = options.text("include_directory")
    found = path if directory is None else _checked(process, path, directory)
    if process.world.path_kind(found) == "folder":
        raise NotIncluded(f"error while reading included file {path}: {strerror(EISDIR)}")
    try:
        return from_octets(process.world.read_file(found))
    except OSError as error:
        why = f"failed to open included file {path}: {strerror(error.errno or 0)}"
        raise NotIncluded(why, unreadable=True) from None


def _is_tainted(process: Process, router: DriverInstance, level: Taint) -> bool:
    profile = process.profile
    if not (profile.tainted_include_line or profile.tainted_include_refused):
        return False
    if level is Taint.UNKNOWN:
        raise Unsupported("whether the name of an included file is tainted", *router.options.where("data"))
    return level is Taint.TAINTED


def _checked(process: Process, path: str, directory: str) -> str:
    """The file that is read for ``path``, which has to be in the directory."""
    way = process.profile.include_check
    start = directory.rstrip("/") if way is IncludeCheck.STEPS else directory
    if not path.startswith(f"{start}/"):
        raise NotIncluded(f"included file {path} is not in directory {directory}")
    steps = path.removeprefix(f"{start}/").split("/")
    if way is not IncludeCheck.NAMES:
        found = _opened_by_steps(process, path, directory, steps, from_root=way is IncludeCheck.FROM_ROOT)
    else:
        found = _found_by_names(process, path, directory, steps)
    if process.world.path_kind(found) == "folder":
        raise NotIncluded(f"included file {path} is not a regular file in the {directory} directory")
    return found


def _found_by_names(process: Process, path: str, directory: str, steps: Sequence[str]) -> str:
    above = directory
    for step in steps:
        above = f"{above}/{step}"
        if posixpath.normpath(above) in process.world.disk.links:
            raise NotIncluded(f"included file {path} in the {directory} directory involves a symbolic link")
        if not process.world.path_kind(above):
            raise NotIncluded(f"failed to stat {above} (component of included file)")
    return path


def _opened_by_steps(
    process: Process, path: str, directory: str, steps: Sequence[str], *, from_root: bool
) -> str:
    """A name behind two slashes is opened with all that follows, and then once more below that: it fails."""
    if process.world.path_kind(directory) != "folder":
        raise NotIncluded(f"failed to open directory {directory}")
    found = directory
    for step in steps:
        found = f"/{step}" if from_root else f"{found}/{step}"
        if from_root and not step:
            continue
        linked = posixpath.normpath(found) in process.world.disk.links
        if not step or linked or not process.world.path_kind(found):
            raise NotIncluded(f"failed to open {path} (component of included file); could be symbolic link")
    return posixpath.normpath(found)
