"""The log file that a filter keeps for itself: its commands logfile and logwrite (src/filter.c)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.errnos import EACCES, strerror
from eximsim.mta.base.string import octets
from eximsim.mta.process.reading import open_failed
from eximsim.mta.routing.filters.syntax import FilterError
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_MODE = 0o600


class LogAccess(Enum):
    """What becomes of what a filter writes to its log."""

    FORBIDDEN = "forbid_filter_logwrite: an error"
    SKIPPED = "an address is tested or verified: nothing"
    WRITTEN = "a delivery: it is written"


@dataclass(slots=True)
class FilterLog:
    """The log of one filter; ``owner`` are the ids of a file that it makes."""

    process: Process
    access: LogAccess
    owner: tuple[int, int]
    path: str | None = None
    mode: int = _MODE

    def open(self, path: str, mode: int) -> None:
        """Name the file for what is written from now on; a negative mode is the usual one."""
        self.path, self.mode = path, _MODE if mode == -1 else mode

    def write(self, text: str) -> None:
        """Append to the file; raises ``FilterError``."""
        if self.access is LogAccess.FORBIDDEN:
            raise FilterError("logwrite command forbidden")
        if self.access is LogAccess.SKIPPED:
            return
        if self.path is None:
            raise FilterError('attempt to obey "logwrite" command without a previous "logfile"')
        machine = self.process.machine
        stream = machine.redirected.get(self.path)
        if stream is not None:
            (self.process.out if stream == "stdout" else self.process.err)(text)
            return
        if self.path in machine.files:
            machine.files[self.path] += text.removesuffix("\n").split("\n")
            return
        world, (uid, gid) = self.process.world, self.owner
        path = self.path if self.path.startswith("/") else self._in_spool()
        known = world.disk.files.get(path)
        if known is None:
            try:
                before = world.read_file(path)
            except OSError:
                before = b""
            known = world.disk.write(path, before, mode=self.mode, uid=uid, gid=gid, now=world.now())
        elif not known.permits(uid, gid, 2):
            raise self._not_permitted()
        known.content += octets(text)

    def _in_spool(self) -> str:
        """A file in the folder where Exim is: that of its spool, of which only it (and root) may use any."""
        uid, gid = self.owner
        exim = self.process.machine.account(self.process.machine.exim_user)
        if "/" in (self.path or "") or exim is None or (gid == exim.gid and uid not in (0, exim.uid)):
            raise Unsupported("whether a filter may write a log file below the spool directory")
        if uid not in (0, exim.uid):
            raise self._not_permitted()
        return f"{self.process.config.main.text('spool_directory')}/{self.path}"

    def _not_permitted(self) -> FilterError:
        error = PermissionError(EACCES, strerror(EACCES))
        return FilterError(open_failed(f'filter log file "{self.path}"', error, self.owner))
