"""Files whose names are made by expansion: one that comes from outside is not opened (src/functions.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.errnos import EACCES, strerror
from eximsim.mta.expand.refused import is_refused
from eximsim.mta.process.log import log_write

if TYPE_CHECKING:
    from eximsim.mta.expand.marks import Taint
    from eximsim.mta.process.globals import Process


def read_named_file(process: Process, path: str, taint: Taint) -> bytes:
    """What is in the file; raises ``OSError``. Source: exim_fopen(), exim_open2()."""
    if process.profile.tainted_paths_refused and is_refused(process, taint, f"the name of the file {path}"):
        log_write(process, f"Tainted filename '{path}'", panic=True)
        raise PermissionError(EACCES, strerror(EACCES), path)
    return process.world.read_file(path)
