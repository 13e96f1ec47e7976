"""How large folders are (``check_dir_size()``, src/transports/appendfile.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.regex_cache import RegexError, compile_pattern
from eximsim.mta.transports.local import Stop
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.base.regex_cache import Regex
    from eximsim.mta.process.globals import Process


def regex_of(pattern: str) -> Regex:
    """The compiled pattern of an option; ``Stop`` for a bad one."""
    try:
        return compile_pattern(pattern)
    except RegexError as error:
        raise Stop(Rc.DEFER, f'regular expression error in "{pattern}": {error}') from None


def search(process: Process, regex: Regex, text: str) -> tuple[str, ...] | None:
    """The groups of the first match, or None."""
    return regex.search(text, process.trace, process.effort)


def check_dir_size(process: Process, folder: str, regex: Regex | None) -> tuple[int, int]:
    """The octets of all files in a folder and those in it, and how many files and folders there are.

    A name that ``regex`` fits tells the size. Source: check_dir_size().
    """
    disk = process.world.disk
    size = count = 0
    for path in sorted({*disk.files, *disk.folders}):
        head, _, name = path.rpartition("/")
        if head != folder or not name:
            continue
        count += 1
        groups = None if regex is None else search(process, regex, name)
        if groups is not None and len(groups) == 2 and groups[1].isdigit():
            size += int(groups[1])
        elif path in disk.files:
            size += len(disk.files[path].content)
        else:
            more, others = check_dir_size(process, path, regex)
            size, count = size + more, count + others
    return size, count
