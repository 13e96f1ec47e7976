"""Messages in files of their own: plain, maildir, mailstore (src/transports/appendfile.c, tf_maildir.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base import errnos
from eximsim.mta.base.string import octets, string_base62
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.log import quoted
from eximsim.mta.transports.appendfile_quota import Filled, Limits, check_quota, check_threshold
from eximsim.mta.transports.appendfile_sizes import check_dir_size, regex_of, search
from eximsim.mta.transports.appendfile_text import written_text
from eximsim.mta.transports.local import LocalRun, Stop
from eximsim.mta.transports.maildir_size import (
    Counted,
    is_counted,
    maildir_ensure_sizefile,
    maildir_record_length,
    uses_size_file,
)
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address

_MOST_NAMES = 5
_LONGEST_NAME = 255
"""Octets in a name that file systems take (NAME_MAX)."""
_HARNESS_AGE = 10
"""Seconds that a maildir has not been read for, as Exim's test suite has it."""


def deliver_to_folder(
    process: Process,
    transport: DriverInstance,
    addrs: list[Address],
    run: LocalRun,
    path: str,
    limits: Limits,
) -> None:
    """Put the message into a folder; ``Stop`` if that cannot be done."""
    options, addr = transport.options, addrs[0]
    is_maildir, is_mailstore = options.flag("maildir_format"), options.flag("mailstore_format")
    if is_maildir:
        _maildir_ensure_directories(process, transport, path, run)
        path = _tidy(path)
    filled, counted = _filled(process, transport, path, limits, run, is_maildir=is_maildir)
    host = expand(process, "$primary_hostname")
    temporary = f"{path}/temp.{process.pid}.{host}"
    base = temporary
    if is_maildir:
        now = process.world.now()
        base = f"{int(now)}.M{int(now % 1 * 1_000_000)}P{process.pid}.{host}"
        temporary = f"tmp/{base}"
        _check_tag(process, transport)
    elif is_mailstore:
        pid = string_base62(process.pid, 11 if process.profile.message_id_long else 6)
        base = f"{path}/{process.message_id}-{pid}"
        temporary = f"{base}.msg"
    if not is_maildir:
        _ensure_folder(process, transport, path, run, f"{base}.tmp" if is_mailstore else temporary)
    envelope = _envelope(process, transport, addrs) if is_mailstore else b""
    if filled is not None:
        check_quota(process, transport, addr, limits, temporary, filled)
    text = written_text(process, transport, addrs, temporary)
    process.variables["message_size"] = str(process.transport_count)
    process.variables["message_linecount"] = str(text.count(b"\n") - 1)
    check_threshold(addr, limits, -1 if filled is None else filled.size, process.transport_count)
    if counted is not None:
        maildir_record_length(process, counted, process.transport_count)
    if is_maildir:
        name = f"{base}{_tag(process, transport)}"
        too_long = len(octets(name)) > _LONGEST_NAME
        _store(process, transport, run, f"{path}/new/{base if too_long else name}", text)
    elif is_mailstore:
        _store(process, transport, run, f"{base}.env", envelope)
        _store(process, transport, run, temporary, text)
    else:
        _store_under_new_name(process, transport, run, path, temporary, text)


def _store(process: Process, transport: DriverInstance, run: LocalRun, path: str, text: bytes) -> None:
    mode, now = transport.options.number("mode"), process.world.now()
    process.world.disk.write(path, text, mode=mode, uid=run.uid, gid=run.gid, now=now)


def _tidy(path: str) -> str:
    """The name under which the disk knows a file, without slashes that say nothing."""
    return "/" + "/".join(filter(None, path.split("/")))


# ---- folders ---------------------------------------------------------------------------------------------


def _make(process: Process, transport: DriverInstance, folder: str, run: LocalRun) -> int | None:
    """Make a folder if create_directory is set and it is lacking; the error number if it is lacking still."""
    disk = process.world.disk
    if folder in disk.folders:
        return None
    if not transport.options.flag("create_directory"):
        return errnos.ENOENT if disk.lacks_folder(folder) else None
    mode = transport.options.number("directory_mode")
    made = disk.make_folders(folder, uid=run.uid, gid=run.gid, mode=mode)
    return None if made else errnos.EACCES


def _ensure_folder(
    process: Process, transport: DriverInstance, folder: str, run: LocalRun, file: str
) -> None:
    problem = _make(process, transport, folder, run)
    if problem is None and not process.world.disk.may_write(folder, uid=run.uid, gid=run.gid):
        problem = errnos.EACCES
    if problem is not None:
        raise Stop(Rc.DEFER, f"while creating file {file}", problem)


def _maildir_ensure_directories(
    process: Process, transport: DriverInstance, path: str, run: LocalRun
) -> None:
    """Make what there is in a maildir. Source: maildir_ensure_directories(), transports/tf_maildir.c."""
    disk = process.world.disk
    mode = transport.options.number("directory_mode")
    for part in ("", "/tmp", "/new", "/cur"):
        folder, named = _tidy(path + part), path + part
        if folder in disk.files:
            raise Stop(Rc.DEFER, f"{named} is not a directory", Errno.NOTDIRECTORY)
        problem = _make(process, transport, folder, run)
        if problem == errnos.ENOENT:
            what = f"stat() error for {named}: {errnos.strerror(problem)}"
            raise Stop(Rc.DEFER, what, problem)
        if problem is not None:
            raise Stop(Rc.DEFER, f"cannot create {named}", problem)
        disk.know_folder(folder, uid=run.uid, gid=run.gid, mode=mode)
    pattern = transport.options.text("maildirfolder_create_regex")
    if pattern is None:
        return
    name = f"{path}/maildirfolder"
    if name not in disk.files and search(process, regex_of(pattern), path):
        disk.write(name, b"", mode=0o600, uid=run.uid, gid=run.gid, now=process.world.now())


# ---- how full it is --------------------------------------------------------------------------------------


def _filled(
    process: Process,
    transport: DriverInstance,
    path: str,
    limits: Limits,
    run: LocalRun,
    *,
    is_maildir: bool,
) -> tuple[Filled | None, Counted | None]:
    """How full the folder is that quota_directory names, or the one that is delivered to.

    None: it does not count. With it what the file maildirsize keeps, if there is one.
    """
    size, count = limits.mailbox_size, limits.mailbox_filecount
    by_file = is_maildir and uses_size_file(process, transport)
    if not limits.need_size and not by_file:
        return Filled(max(size, 0), max(count, 0), 0), None
    pattern = transport.options.text("quota_size_regex")
    regex = None if pattern is None else regex_of(pattern)
    folder = _quota_folder(process, transport, path, is_maildir=is_maildir)
    counted: Counted | None = None
    if by_file:
        if not is_counted(process, transport, path, folder):
            return None, None
        counted = maildir_ensure_sizefile(process, transport, folder, limits, run, regex)
        size = counted.size if size < 0 else size
        count = counted.files if count < 0 else count
    elif size < 0 or (count < 0 and limits.filecount > 0):
        found_size, found_count = check_dir_size(process, folder, regex)
        size = found_size if size < 0 else size
        count = found_count if count < 0 else count
    return Filled(size, max(count, 0), _age(process, path) if is_maildir else 0), counted


def _age(process: Process, path: str) -> int:
    """Seconds since something last came into a maildir, or went out."""
    if process.machine.test_harness:
        return _HARNESS_AGE
    files = process.world.disk.files
    times = [files[name].made for name in process.world.disk.below(f"{path}/new")]
    return int(process.world.now() - max(times)) if times else 0


def _quota_folder(process: Process, transport: DriverInstance, path: str, *, is_maildir: bool) -> str:
    text = transport.options.text("quota_directory")
    if text is not None:
        try:
            folder = expand(process, text)
        except ExpansionFailed as failed:
            shown = quoted(process, text)
            what = f"Expansion of {shown} (quota_directory name for {transport.name} transport) failed"
            raise Stop(Rc.PANIC, f"{what}: {failed.message}") from None
        if not folder.startswith("/"):
            what = f"appendfile: quota_directory name {quoted(process, folder)} is not absolute"
            raise Stop(Rc.DEFER, what, Errno.NOTABSOLUTE)
        return folder
    if is_maildir and f"{path}/maildirfolder" in process.world.disk.files:
        return path.rstrip("/").rpartition("/")[0] or path
    return path


# ---- names -----------------------------------------------------------------------------------------------


def _check_tag(process: Process, transport: DriverInstance) -> None:
    text = transport.options.text("maildir_tag")
    if text is None:
        return
    try:
        expand(process, text)
    except ExpansionFailed as failed:
        if not failed.forced:
            what = f"Expansion of {quoted(process, text)} (maildir_tag for {transport.name} transport) failed"
            raise Stop(Rc.PANIC, f"{what}: {failed.message}") from None


def _tag(process: Process, transport: DriverInstance) -> str:
    """What maildir_tag adds to a name: printing characters but slashes, after a colon if need be."""
    text = transport.options.text("maildir_tag")
    if text is None:
        return ""
    try:
        value = expand(process, text)
    except ExpansionFailed:
        return ""
    kept = "".join(char for char in value if "!" <= char <= "~" and char != "/")
    return f":{kept}" if kept[:1].isalnum() else kept


def _store_under_new_name(
    process: Process, transport: DriverInstance, run: LocalRun, folder: str, temporary: str, text: bytes
) -> None:
    """Give the file the name that directory_file makes, which nobody else has."""
    disk = process.world.disk
    option, last = transport.options.text("directory_file") or "", ""
    for number in range(_MOST_NAMES):
        with process.setting(inode=str(disk.last_inode + 1)):
            try:
                leaf = expand(process, option)
            except ExpansionFailed as failed:
                shown = quoted(process, option)
                what = f"Expansion of {shown} (directory_file for {transport.name} transport) failed"
                raise Stop(Rc.PANIC, f"{what}: {failed.message}") from None
        name = f"{folder}/{leaf}"
        if name not in disk.files:
            _store(process, transport, run, name, text)
            return
        if number == _MOST_NAMES - 1 or leaf == last:
            break
        last = leaf
        process.world.sleep(1.0)
    raise Stop(Rc.DEFER, f"while renaming {temporary} as {name}", errnos.EEXIST)


def _envelope(process: Process, transport: DriverInstance, addrs: list[Address]) -> bytes:
    """The file beside a message of a mailstore: its sender and its recipients between two texts."""
    sender = process.message.sender if process.message else ""
    lines = [f"{sender}\n", *(f"{addr.local_part}@{addr.domain}\n" for addr in addrs)]
    for option, at in (("mailstore_prefix", 0), ("mailstore_suffix", len(lines) + 1)):
        text = transport.options.text(option)
        if text is None:
            continue
        try:
            value = expand(process, text)
        except ExpansionFailed as failed:
            if failed.forced:
                continue
            what = option.replace("_", " ")
            shown = quoted(process, text)
            why = f"Expansion of {shown} ({what} for {transport.name} transport) failed: {failed.message}"
            raise Stop(Rc.PANIC, why) from None
        lines.insert(at, value if value.endswith("\n") else f"{value}\n")
    return octets("".join(lines))
