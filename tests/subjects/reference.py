"""The reference program: Debian's package of Exim, unpacked but not installed, or one that is there already.

Run as a program it prints where the reference program is, or why there is none.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

PACKAGE = "exim4-daemon-light"
PROGRAM = "usr/sbin/exim4"


class Missing(Exception):
    """There is no reference program; the message says why."""


@lru_cache(maxsize=1)
def reference_exim() -> Path:
    """The program that ``EXIMSIM_EXIM`` names, the installed one, or the package's; raises ``Missing``."""
    for place in (os.environ.get("EXIMSIM_EXIM"), f"/{PROGRAM}"):
        if place and Path(place).is_file():
            return Path(place)
    return unpacked(PACKAGE, PROGRAM)


def unpacked(package: str, file: str) -> Path:
    """A file of one of Debian's packages, which is fetched and unpacked once; raises ``Missing``."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eximsim" / package
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Missing(f"no reference program: {root}: {error.strerror}") from None
    with (root.parent / f"{package}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / file).is_file():
            _unpack(package, root)
    return root / file


def _unpack(wanted: str, root: Path) -> None:
    """Fetch the package and the libraries that it needs and this machine lacks."""
    if shutil.which("apt-get") is None:
        raise Missing(f"no reference program: apt-get is needed to fetch {wanted}")
    if not _command("apt-cache", "show", wanted, may_fail=True):
        _command("apt-get", "-q", "update")
    depends = re.findall(r"^ *Depends: (lib\S+)$", _command("apt-cache", "depends", wanted), re.MULTILINE)
    for package in (*(name for name in depends if not _installed(name)), wanted):
        _download(package, root)
        (archive,) = root.glob(f"{package}_*.deb")
        _command("dpkg", "-x", str(archive), str(root))
        archive.unlink()


def _download(package: str, folder: Path) -> None:
    try:
        _command("apt-get", "-q", "download", package, cwd=folder)
    except Missing:  # the lists may be older than the archive
        _command("apt-get", "-q", "update")
        _command("apt-get", "-q", "download", package, cwd=folder)


def _installed(package: str) -> bool:
    return "install ok installed" in _command("dpkg-query", "-W", "-f", "${Status}", package, may_fail=True)


def _command(*words: str, cwd: Path | None = None, may_fail: bool = False) -> str:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode and not may_fail:
        why = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:] or [f"exit {done.returncode}"]
        raise Missing(f"no reference program: {' '.join(words[:3])}: {why[0]}")
    return done.stdout if not done.returncode else ""


if __name__ == "__main__":
    try:
        print(f"reference program: {reference_exim()}")
    except Missing as reason:
        print(reason)
        sys.exit(1)
