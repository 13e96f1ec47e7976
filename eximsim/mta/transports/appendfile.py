"""The appendfile transport: appends a message to a mailbox, or puts it into a file of its own in a folder.

Nobody else writes to the files of a scenario, so that locks are always had, unless a lock file is there.
Source: src/transports/appendfile.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.disk import StoredFile, StoredFolder
from eximsim.errors import Unsupported
from eximsim.mta.base import errnos
from eximsim.mta.base.string import list_items, octets
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.marks import Taint
from eximsim.mta.expand.refused import is_refused
from eximsim.mta.expand.taint import expand_tainted
from eximsim.mta.process.log import quoted
from eximsim.mta.transports.appendfile_folder import deliver_to_folder
from eximsim.mta.transports.appendfile_quota import (
    Filled,
    Limits,
    check_quota,
    check_threshold,
    limits_of,
    verify_quota,
)
from eximsim.mta.transports.appendfile_text import mbx_text, written_text
from eximsim.mta.transports.local import LocalRun, Stop, refuse_unmodelled
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address


def appendfile_transport_entry(
    process: Process, transport: DriverInstance, addrs: list[Address], run: LocalRun
) -> None:
    """Deliver the message; the result is in the first address. Source: appendfile_transport_entry()."""
    refuse_unmodelled(transport)
    first = addrs[0]
    try:
        path, is_folder, taint = _path(process, transport, first)
        if first.made_for == "file":
            for addr in addrs:
                addr.local_part = path
        if process.dont_deliver or (path == "/dev/null" and not is_folder):
            first.transport_return = Rc.OK
            return
        limits = limits_of(process, transport)
        _check_taint(process, transport, path, taint, run.home)
        if is_folder and transport.options.flag("mbx_format"):
            raise Unsupported("mbx_format with a folder", *transport.options.where("mbx_format"))
        if is_folder and run.verified_size is not None:
            raise Unsupported("verify = recipient/quota of a folder", transport.path, transport.line)
        if is_folder:
            if not _may_create(process, transport, f"{path}/any", run.home):
                what = f"tried to create file in {path}, but file creation outside the home directory"
                raise Stop(Rc.DEFER, f"{what} is not permitted", Errno.BADCREATE)
            deliver_to_folder(process, transport, addrs, run, path, limits)
        else:
            _append(process, transport, addrs, run, path, limits)
        first.transport_return, first.basic_errno = Rc.OK, 0
    except Stop as stop:
        first.transport_return, first.message, first.basic_errno = stop.rc, stop.message, stop.errno


def _path(process: Process, transport: DriverInstance, addr: Address) -> tuple[str, bool, Taint]:
    """Where to deliver to, whether that is a folder, and whether it is tainted."""
    options = transport.options
    file, folder = options.text("file"), options.text("directory")
    of_folders = [name for name in ("maildir_format", "mailstore_format") if options.flag(name)]
    if addr.made_for == "file" and file is None and folder is None:
        text = "$address_file"
        is_folder = addr.local_part.endswith("/") or bool(of_folders)
    else:
        is_folder = file is None
        found = folder if file is None else file
        if found is None:
            raise Stop(
                Rc.PANIC, f"Mandatory file or directory option missing from {transport.name} transport"
            )
        text = found
    if of_folders and not is_folder:
        what = of_folders[0]
        raise Stop(
            Rc.PANIC, f'{what} requires "directory" to be specified for the {transport.name} transport'
        )
    try:
        path, taint = expand_tainted(process, text)
    except ExpansionFailed as failed:
        shown = quoted(process, text)
        what = f"Expansion of {shown} (file or directory name for {transport.name} transport) failed"
        raise Stop(Rc.PANIC, f"{what}: {failed.message}") from None
    if not path.startswith("/"):
        what = f"appendfile: file or directory name {quoted(process, path)} is not absolute"
        raise Stop(Rc.DEFER, what, Errno.NOTABSOLUTE)
    return path, is_folder, taint


def _check_taint(
    process: Process, transport: DriverInstance, path: str, taint: Taint, home: str | None
) -> None:
    """``Stop`` if the name comes from outside, and the release minds."""
    if taint is Taint.NONE or not process.profile.tainted_paths_refused:
        return
    options = transport.options
    where = options.text("create_file") or "anywhere"
    safe = where == "belowhome" or where.startswith("/")
    if safe and process.profile.safe_folder_untaints and _may_create(process, transport, path, home):
        return
    option = "file" if options.text("file") is not None else "directory"
    if is_refused(process, taint, f"the name {path}", *options.where(option)):
        what = f"Tainted '{path}' (file or directory name for {transport.name} transport) not permitted"
        raise Stop(Rc.PANIC, what)


def _append(
    process: Process,
    transport: DriverInstance,
    addrs: list[Address],
    run: LocalRun,
    path: str,
    limits: Limits,
) -> None:
    options, disk = transport.options, process.world.disk
    allowed = _may_create(process, transport, path, run.home)
    if options.flag("create_directory") and allowed:
        make_folders(process, transport, path, path.rpartition("/")[0], run)
    folder = disk.folders.get(path.rstrip("/"))
    known = None if folder else _existing(process, transport, path)
    other = _other_format(process, transport, known)
    if other is not None:
        addrs[0].transport = other
        appendfile_transport_entry(process, other, addrs, run)
        raise Stop(addrs[0].transport_return, addrs[0].message, addrs[0].basic_errno)
    if _uses_lockfile(transport):
        _lock(process, transport, path, run)
    if known is not None and known.is_fifo:
        raise _fifo(transport, path, known, run)
    if path in _DEVICES or path in _LINKS_TO_DEVICES:
        raise _device(transport, path, run)
    mode = options.number("mode")
    if folder is not None:
        _check_owner(transport, path, folder, run)
        inside = sum(1 for one in disk.folders if one.rpartition("/")[0] == path.rstrip("/"))
        raise Stop(Rc.DEFER, f"mailbox {path} has too many links ({2 + inside})", Errno.NOTREGULAR)
    if known is None:
        _check_creation(process, transport, addrs[0], path, run, allowed=allowed)
        made = disk.write(path, b"", mode=mode, uid=run.uid, gid=run.gid, now=process.world.now())
    else:
        made = known
        _check_existing(transport, path, known, run)
    size = len(made.content) if limits.mailbox_size < 0 else limits.mailbox_size
    age = int(process.world.now() - (made.made if made.accessed is None else made.accessed))
    if run.verified_size is not None:
        verify_quota(transport, limits, size, run.verified_size)
    check_quota(process, transport, addrs[0], limits, path, Filled(size, 0, age))
    text = written_text(process, transport, addrs, path)
    if options.flag("mbx_format"):
        text = mbx_text(process, text, first=not made.content)
    made.content += text
    check_threshold(addrs[0], limits, size, process.transport_count)


def _may_create(process: Process, transport: DriverInstance, path: str, home: str | None) -> bool:
    """Whether create_file lets a file be made there. Source: check_creation()."""
    where = transport.options.text("create_file") or "anywhere"
    folder = where if where.startswith("/") else home
    if folder is None or where == "anywhere":
        return True
    while path.startswith("//"):
        path = path[1:]
    if not path.startswith(f"{folder}/"):
        return False
    deeper, below = "/" in path[len(folder) + 2 :], where != "inhome"
    if deeper and (not below or "/../" in path[len(folder) :]):
        return False
    if not below:
        return True
    real, home = _real_folder(process, path), process.world.disk.real_path(folder)
    return real.startswith(home) or home.startswith(real)


def _real_folder(process: Process, path: str) -> str:
    """Where a file would really be, as far as there are folders on the way."""
    disk, folder = process.world.disk, path.rpartition("/")[0]
    while "/" in folder[1:] and disk.lacks_folder(disk.real_path(folder)):
        folder = folder.rpartition("/")[0]
    return disk.real_path(folder)


def _fifo(transport: DriverInstance, path: str, known: StoredFile, run: LocalRun) -> Stop:
    """What comes of a named pipe: nobody reads from it."""
    _check_owner(transport, path, known, run)
    if not transport.options.flag("allow_fifo"):
        return Stop(Rc.DEFER, f"mailbox {path} is not a regular file", Errno.NOTREGULAR)
    what = f"while opening named pipe {path} (could mean no process is reading it)"
    return Stop(Rc.DEFER, what, errnos.ENXIO)


_LINKS_TO_DEVICES = frozenset(("/dev/stdin", "/dev/stdout", "/dev/stderr"))
_DEVICES = frozenset(f"/dev/{name}" for name in ("console", "full", "random", "tty", "urandom", "zero"))
"""What there is on every machine. /dev/null takes mail before anybody looks at what it is."""


def _device(transport: DriverInstance, path: str, run: LocalRun) -> Stop:
    """What comes of a device, or a link to one: it is root's, and no place for mail."""
    shown = f"{path} (symlink)" if path in _LINKS_TO_DEVICES else path
    _check_owner(transport, shown, StoredFolder(0, 0, 0o666), run)
    pipe = " or named pipe" if transport.options.flag("allow_fifo") else ""
    return Stop(Rc.DEFER, f"mailbox {path} is not a regular file{pipe}", Errno.NOTREGULAR)


def _existing(process: Process, transport: DriverInstance, path: str) -> StoredFile | None:
    """The mailbox, if it is there already."""
    known = process.world.disk.files.get(path)
    if known is not None:
        return known
    if not process.world.path_kind(path):
        return None
    raise Unsupported(f"delivery to {path}, of which is not known whose it is", *_place(transport))


def _place(transport: DriverInstance) -> tuple[str | None, int | None]:
    return transport.path, transport.line


def make_folders(process: Process, transport: DriverInstance, path: str, folder: str, run: LocalRun) -> None:
    """Make the folder for a mailbox, if it is known to be lacking; ``Stop`` if the user may not."""
    mode = transport.options.number("directory_mode")
    if not process.world.disk.make_folders(folder, uid=run.uid, gid=run.gid, mode=mode):
        why = errnos.strerror(errnos.EACCES)
        named = path if process.profile.missing_folder_names_mailbox else folder
        what = f"failed to create directories for {named}: {why}"
        raise Stop(Rc.DEFER, what, errnos.EACCES)


def _folder_problem(process: Process, path: str, run: LocalRun) -> int | None:
    """The error number of making a file there, None if it can be made."""
    folder = process.world.disk.real_path(path.rpartition("/")[0] or "/")
    if process.world.disk.lacks_folder(folder):
        return errnos.ENOENT
    return None if process.world.disk.may_write(folder, uid=run.uid, gid=run.gid) else errnos.EACCES


def _check_creation(
    process: Process, transport: DriverInstance, addr: Address, path: str, run: LocalRun, *, allowed: bool
) -> None:
    if transport.options.flag("file_must_exist"):
        what = f"mailbox {path} does not exist, but file_must_exist is set"
        raise Stop(Rc.DEFER, what, errnos.ENOENT)
    if not allowed:
        what = f"mailbox {path} does not exist, but creation outside the home directory is not permitted"
        raise Stop(Rc.DEFER, what, Errno.BADCREATE)
    problem = _folder_problem(process, path, run)
    if problem is not None:
        rc = Rc.FAIL if addr.made_for == "file" else Rc.DEFER
        raise Stop(rc, f"while creating mailbox {path}", problem)


def _check_owner(
    transport: DriverInstance, path: str, known: StoredFile | StoredFolder, run: LocalRun
) -> None:
    options = transport.options
    if options.flag("check_owner") and known.uid != run.uid:
        what = f"mailbox {path} has wrong uid ({known.uid} != {run.uid})"
        raise Stop(Rc.DEFER, what, Errno.BADUGID)
    if options.flag("check_group") and known.gid != run.gid:
        what = f"mailbox {path} has wrong gid ({known.gid} != {run.gid})"
        raise Stop(Rc.DEFER, what, Errno.BADUGID)


def _check_existing(transport: DriverInstance, path: str, known: StoredFile, run: LocalRun) -> None:
    options, mode = transport.options, transport.options.number("mode")
    _check_owner(transport, path, known, run)
    if known.mode == mode:
        return
    differing = known.mode ^ mode
    if differing & known.mode == differing:
        known.mode = mode
    elif options.flag("mode_fail_narrower"):
        what = f"mailbox {path} has the wrong mode {known.mode:o} ({mode:o} expected)"
        raise Stop(Rc.DEFER, what, Errno.BADMODE)


_LOCKS = ("use_lockfile", "use_fcntl_lock", "use_flock_lock", "use_mbx_lock")


def _uses_lockfile(transport: DriverInstance) -> bool:
    """Whether a lock file is made; mailboxes of the kind mbx have locks of another kind.

    Source: appendfile_transport_init().
    """
    options = transport.options
    if not options.flag("mbx_format") or options.is_set("use_lockfile"):
        return options.flag("use_lockfile")
    return any(options.is_set(name) for name in _LOCKS) and not options.flag("use_mbx_lock")


def _lock(process: Process, transport: DriverInstance, path: str, run: LocalRun) -> None:
    """Make a lock file, or wait for that of somebody else, who does not take it away."""
    name = f"{path}.lock"
    problem = _folder_problem(process, path, run)
    if problem is not None:
        host = expand(process, "$primary_hostname")
        post = f"{name}.{host}.{int(process.world.now()):08x}.{process.pid:08x}"
        what = f"creating lock file hitching post {post} (euid={run.uid} egid={run.gid})"
        raise Stop(Rc.DEFER, what, problem)
    if name not in process.world.disk.files and not process.world.path_kind(name):
        return
    options = transport.options
    for _ in range(options.number("lock_retries")):
        process.world.sleep(options.seconds("lock_interval"))
    raise Stop(Rc.DEFER, f"failed to lock mailbox {path} (lock file)", Errno.LOCKFAILED)


def _other_format(
    process: Process, transport: DriverInstance, known: StoredFile | None
) -> DriverInstance | None:
    """The transport that file_format names for a mailbox that begins so, if it is not this one.

    Source: check_file_format().
    """
    text = transport.options.text("file_format")
    if text is None or known is None or not known.content:
        return None
    items = list(list_items(text))
    for start, name in zip(items[::2], items[1::2], strict=False):
        if known.content.startswith(octets(start)):
            if name == transport.name:
                return None
            found = process.config.transports.get(name)
            if found is None:
                what = f"{name} transport (for {start} format) not found"
                raise Stop(Rc.DEFER, what, Errno.BADTRANSPORT)
            if found.driver != "appendfile":
                raise Unsupported(f"file_format with the transport driver {found.driver}", *_place(found))
            return found
    raise Stop(Rc.DEFER, "mailbox file format unrecognized", Errno.FORMATUNKNOWN)
