"""The file maildirsize, which keeps how full a maildir is (src/transports/tf_maildir.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eximsim.mta.base import errnos
from eximsim.mta.base.string import from_octets, octets
from eximsim.mta.expand.check_condition import expand_check_condition
from eximsim.mta.transports.appendfile_sizes import check_dir_size, regex_of, search
from eximsim.mta.transports.local import Stop
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.base.regex_cache import Regex
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.transports.appendfile_quota import Limits
    from eximsim.mta.transports.local import LocalRun

_LARGEST = 5120
"""Octets from which on the file is made anew (MAX_FILE_SIZE)."""
_OLD = 15 * 60
"""Seconds after which what it says of a full maildir is not taken any more."""
_FIRST = re.compile(r"-?[0-9.]+[A-Za-z](?:,-?[0-9.]+[A-Za-z])*", re.ASCII)
_LINE = re.compile(r"(-?[0-9.]+) (-?[0-9]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Counted:
    """How full a maildir is, in octets and messages; ``path`` is the file that keeps it."""

    path: str
    size: int
    files: int


def uses_size_file(process: Process, transport: DriverInstance) -> bool:
    """Whether maildir_use_size_file holds."""
    value = transport.options.value("maildir_use_size_file")
    if not isinstance(value, str):
        return bool(value)
    who = f"`maildir_use_size_file` in transport {transport.name}"
    return expand_check_condition(process, value, who) is Rc.OK


def is_counted(process: Process, transport: DriverInstance, path: str, top: str) -> bool:
    """Whether the folder ``path`` counts to the maildir ``top``, by maildir_quota_directory_regex."""
    pattern = transport.options.text("maildir_quota_directory_regex")
    if pattern is None or not path.startswith(top):
        return True
    inner = path[len(top) :].lstrip("/")
    name = f"{inner}/new" if inner else "new"
    return search(process, regex_of(pattern), name) is not None


def maildir_ensure_sizefile(
    process: Process,
    transport: DriverInstance,
    top: str,
    limits: Limits,
    run: LocalRun,
    regex: Regex | None,
) -> Counted:
    """How full the maildir is by its file, which is made, or made anew where it is not to be trusted.

    Raises ``Stop`` where the folder for temporary files is lacking, or closed to the user.
    """
    disk, path = process.world.disk, f"{top.rstrip('/')}/maildirsize"
    known = disk.files.get(path)
    if known is not None:
        counted = _read(process, transport, from_octets(known.content), path, limits, known.made)
        if counted is not None:
            return counted
    temporary = f"{top.rstrip('/')}/tmp"
    problem = errnos.ENOENT if disk.lacks_folder(temporary) else 0
    if not problem and not disk.may_write(temporary, uid=run.uid, gid=run.gid):
        problem = errnos.EACCES
    if problem:
        raise Stop(Rc.DEFER, f"while opening or reading {path}", problem)
    size, files = _compute(process, transport, top, regex)
    text = octets(f"{limits.quota}S,{limits.filecount}C\n{size} {files}\n")
    mode = transport.options.number("mode") or 0o600
    disk.write(path, text, mode=mode, uid=run.uid, gid=run.gid, now=process.world.now())
    return Counted(path, size, files)


def maildir_record_length(process: Process, counted: Counted, size: int) -> None:
    """Note a message of so many octets."""
    known = process.world.disk.files.get(counted.path)
    if known is not None:
        known.content += octets(f"{size} 1\n")
        known.made = process.world.now()


def _read(
    process: Process, transport: DriverInstance, text: str, path: str, limits: Limits, written: float
) -> Counted | None:
    """What the file says, or None if it has to be made anew."""
    first, *lines = text.rstrip("\n").split("\n")
    if len(octets(text)) >= _LARGEST or _FIRST.fullmatch(first) is None:
        return None
    quotas = {item[-1]: int(float(item[:-1])) for item in first.split(",")}
    if quotas.get("S", 0) != limits.quota or quotas.get("C", 0) != limits.filecount:
        return None
    size = files = 0
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        size, files = size + int(float(match[1])), files + int(match[2])
    if size < 0 or files < 0:
        return None
    old = len(lines) > 1 or process.world.now() - written > _OLD
    if old and _is_over(process, transport, limits, size, files):
        return None
    return Counted(path, size, files)


def _is_over(process: Process, transport: DriverInstance, limits: Limits, size: int, files: int) -> bool:
    if limits.quota <= 0:
        return False
    inclusive = transport.options.flag("quota_is_inclusive")
    message = process.message.size if process.message and inclusive else 0
    return size + message > limits.quota or 0 < limits.filecount < files + inclusive


def _compute(process: Process, transport: DriverInstance, top: str, regex: Regex | None) -> tuple[int, int]:
    """Count what is in a maildir's folders, and in the maildirs in it. Source: maildir_compute_size()."""
    pattern = transport.options.text("maildir_quota_directory_regex")
    wanted = None if pattern is None else regex_of(pattern)
    size = files = 0
    for folder in sorted(process.world.disk.folders):
        head, _, name = folder.rpartition("/")
        if head != top or (wanted is not None and search(process, wanted, name) is None):
            continue
        if name.startswith("."):
            more, others = _compute(process, transport, folder, regex)
        else:
            more, others = check_dir_size(process, folder, regex)
        size, files = size + more, files + others
    return size, files
