"""The queuefile transport: copies a message's spool files into a folder (src/transports/queuefile.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base import errnos
from eximsim.mta.base.string import octets
from eximsim.mta.delivery.spool_out import spool_header
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.transports.local import LocalRun, Stop, refuse_unmodelled
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address

_SPOOL_MODE = 0o640


def queuefile_transport_entry(
    process: Process, transport: DriverInstance, addrs: list[Address], run: LocalRun
) -> None:
    """Copy the files; the result is in the first address. Source: queuefile_transport_entry()."""
    refuse_unmodelled(transport)
    first = addrs[0]
    try:
        folder = _folder(process, transport)
        if not process.dont_deliver:
            _copy(process, transport, folder, run)
        first.transport_return = Rc.OK
    except Stop as stop:
        first.transport_return, first.message, first.basic_errno = stop.rc, stop.message, stop.errno


def _folder(process: Process, transport: DriverInstance) -> str:
    try:
        folder = expand(process, transport.options.text("directory") or "")
    except ExpansionFailed:
        what = f"{transport.name} transport: failed to expand dirname option"
        raise Stop(Rc.DEFER, what, Errno.UNKNOWNERROR) from None
    if not folder.startswith("/"):
        raise Stop(Rc.PANIC, f"{transport.name} transport directory: {folder} is not absolute")
    if process.world.disk.lacks_folder(folder):
        why = errnos.strerror(errnos.ENOENT)
        what = f"{transport.name} transport accessing directory: {folder} failed with error: {why}"
        raise Stop(Rc.PANIC, what, errnos.ENOENT)
    return folder


def _copy(process: Process, transport: DriverInstance, folder: str, run: LocalRun) -> None:
    message, disk = process.message, process.world.disk
    assert message is not None
    files = {
        f"{folder}/{message.id}-H": octets(spool_header(process, message)),
        f"{folder}/{message.id}-D": octets(f"{message.id}-D\n") + message.body,
    }
    for path, content in files.items():
        problem = errnos.EEXIST if path in disk.files else 0
        if not disk.may_write(folder, uid=run.uid, gid=run.gid):
            problem = errnos.EACCES
        if problem:
            why = errnos.strerror(problem)
            what = f"{transport.name} transport linking file: {path} failed with error: {why}"
            raise Stop(Rc.DEFER, what, problem)
        disk.write(path, content, mode=_SPOOL_MODE, uid=run.uid, gid=run.gid, now=process.world.now())
