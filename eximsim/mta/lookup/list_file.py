"""The files that lists name (match_check_list(), src/match.c; exim_fopen(), src/functions.h)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.errnos import EACCES, strerror
from eximsim.mta.base.string import SPACES
from eximsim.mta.expand.marks import Taint
from eximsim.mta.process.log import log_write
from eximsim.mta.records.lists import Kind

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


def list_file(process: Process, path: str, taint: Taint) -> bytes:
    """What is in the file; raises ``OSError``. One whose name comes from outside is not opened."""
    main = process.config.main
    if taint is Taint.UNKNOWN:
        raise Unsupported("whether the name of a list's file is tainted")
    if taint is Taint.TAINTED and process.profile.tainted_paths_refused:
        if main.flag("allow_insecure_tainted_data"):
            raise Unsupported("allow_insecure_tainted_data", *main.where("allow_insecure_tainted_data"))
        log_write(process, f"Tainted filename '{path}'", panic=True)
        raise PermissionError(EACCES, strerror(EACCES), path)
    return process.world.read_file(path)


def file_items(content: str, kind: Kind) -> Iterator[str]:
    """The items in a file: comments begin with #, which in addresses must follow white space."""
    loose = kind not in (Kind.ADDRESS, Kind.LOCALPART)
    for text in content.split("\n"):
        line = text
        position = line.find("#")
        while position >= 0:
            if loose or position == 0 or line[position - 1] in SPACES:
                line = line[:position]
                break
            position = line.find("#", position + 1)
        line = line.strip(SPACES)
        if line:
            yield line
