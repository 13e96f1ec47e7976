"""What a program needs of the machine, so that what it does is its own doing and not the machine's."""

from __future__ import annotations

import errno
import os
import re
import resource

from eximsim.errors import CouldNotLook

_NEEDS = (
    (resource.RLIMIT_NOFILE, "open files (ulimit -n)", 256),
    (resource.RLIMIT_NPROC, "processes (ulimit -u)", 1000),
    (resource.RLIMIT_AS, "octets of memory (ulimit -v)", 512 << 20),
    (resource.RLIMIT_DATA, "octets of data (ulimit -d)", 256 << 20),
    (resource.RLIMIT_FSIZE, "octets in a file (ulimit -f)", 128 << 20),
)
"""Limits of a process, how to name them, and what a program and its servers need at least.

Exim itself asks for 1000 processes, and for 256 files if it cannot have 1000 (main() in src/exim.c).
"""

SHORTAGES = frozenset(
    {errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
)
"""What a system call says when the machine has no more of something."""

_SAID = re.compile(
    "|".join([r"setrlimit\(\w+\) failed", *(re.escape(os.strerror(number)) for number in sorted(SHORTAGES))])
)
_DEFERRED = re.compile(rf"defer \((?:{'|'.join(map(str, sorted(SHORTAGES)))})\)")


class ShortOfResources(CouldNotLook):
    """The machine gives less than a program needs; the message is one line and says of what."""


def check_limits() -> None:
    """Hold that a program can have what it needs; raises ``ShortOfResources``.

    A limit that we may raise is raised, for this process and those that it starts.
    """
    for limit, name, needed in _NEEDS:
        soft, hard = resource.getrlimit(limit)
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise ShortOfResources(f"a limit of {hard:,} {name}; a program to be looked at needs {needed:,}")
        if soft != resource.RLIM_INFINITY and soft < needed:
            resource.setrlimit(limit, (needed, hard))


def check_words(complaints: str, mainlog: str = "") -> None:
    """Hold that a program does not complain of the machine; raises ``ShortOfResources``.

    ``complaints`` are what it wrote to stderr and to its panic log. In its main log only the errno of a
    deferral counts: the words may be those of another host.
    """
    for text, pattern in ((complaints, _SAID), (mainlog, _DEFERRED)):
        found = pattern.search(text)
        if found is None:
            continue
        line = text[text.rfind("\n", 0, found.start()) + 1 :].partition("\n")[0].strip()
        raise ShortOfResources(f"the program lacked something that the machine did not have: {line}")


def check_end(code: int | None) -> None:
    """Hold that nobody has killed a program, as the kernel does for want of memory; raises."""
    if code == -9:
        raise ShortOfResources("the program was killed; the machine may be short of memory")
