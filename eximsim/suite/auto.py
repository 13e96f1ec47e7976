"""``--profile auto``: which program a tree was tested with, read off the tree.

The history of the tree's own repository says it best. Without one (an unpacked archive, a lone ``test/``) the
name of the folder may give the commit, as GitHub's archives do, else the markers of ``points.py`` and the
version that the tree says it is decide. No golden is looked at.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from eximsim.errors import InputError
from eximsim.profiles import PROFILES, Profile, profile
from eximsim.suite.points import POINTS, Marker, Point
from eximsim.suite.source import read_text

AUTO = "auto"

_NEWEST_VERSION = 100
"""4.100 was in the making when 4.99 was modelled."""

_SAYS = (
    (Path("../doc/doc-txt/ChangeLog"), re.compile(r"^Exim version 4\.(\d+)", re.M)),
    (Path("../src/src/version.sh"), re.compile(r"^EXIM_RELEASE_VERSION=\"?4\.(\d+)", re.M)),
)
"""Where a tree says what version it is or will be; the first match in the file is the newest."""

_ORDER = {name: index for index, name in enumerate(PROFILES)}

Reached = dict[str, str]
"""The points that a tree has reached, by commit, each with the release for which it got the change."""


@lru_cache(maxsize=8)
def program_of_tree(root: Path) -> Profile:
    """The program that the tree with the ``test/`` folder ``root`` was tested with.

    It has the name of the profile in whose making it stands. Raises ``InputError`` if that cannot be told.
    """
    reached = _by_history(root)
    if reached is None:
        version = _version(root)
        reached = _by_name(root) or _by_markers(root, version)
    if not reached:
        raise _unknown("the release of this tree cannot be told", root)
    return _program(reached)


def program_chosen(root: Path, chosen: Profile) -> Profile:
    """The program for a release chosen by hand: ``chosen``, but for the ``always`` points of ``POINTS``."""
    for point in POINTS:
        if point.always and point.marker and (root / point.marker.file).is_file() and not _is_marked(root, point):
            chosen = replace(chosen, **point.before)  # type: ignore[arg-type]  # by name
    return chosen


def _unknown(what: str, root: Path) -> InputError:
    return InputError(f"{what}; expected one of {', '.join(PROFILES)} after --profile", str(root))


# ---- how far a tree has come ---------------------------------------------------------------------------


def _by_history(root: Path) -> Reached | None:
    """The points that the checked-out commit descends from; None if ``root`` is not part of such a checkout."""
    tracked = _git(root, "ls-files", "--error-unmatch", "runtest") is not None
    if not tracked or _git(root, "diff", "--quiet", "HEAD", "--", ".") is None:
        return None
    if (_git(root, "rev-parse", "--is-shallow-repository") or "").strip() != "false":
        return None
    commits = {line[:9] for line in (_git(root, "rev-list", "HEAD") or "").split("\n")}
    reached: Reached = {}
    for point in POINTS:
        for commit, release in ((point.commit, point.release), *point.picks.items()):
            if commit in commits:
                reached.setdefault(point.commit, release)
    return reached or None


def _git(root: Path, *words: str) -> str | None:
    """What git says, None if it is not there or fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ("git", "-C", str(root), *words),
            capture_output=True,
            env=environment | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            text=True,
            check=False,
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


_COMMIT = re.compile(r"(?:^|[^0-9a-z])([0-9a-f]{7,40})$", re.ASCII)


def _by_name(root: Path) -> Reached:
    """The points up to the one whose commit a folder is named for; none if there is no such name."""
    for part in reversed(root.resolve().parts):
        if match := _COMMIT.search(part):
            for index, point in enumerate(POINTS):
                if match[1].startswith(point.commit) or point.commit.startswith(match[1]):
                    return _up_to(index)
    return {}


def _by_markers(root: Path, version: int) -> Reached:
    """The points up to the last one whose marker is there, or that was for an earlier version than this."""
    last = -1
    for index, point in enumerate(POINTS):
        if _number(point.release) < version or _is_marked(root, point):
            last = index
    return _up_to(last)


def _up_to(last: int) -> Reached:
    return {point.commit: point.release for point in POINTS[: last + 1]}


def _is_marked(root: Path, point: Point) -> bool:
    for marker in (point.beside, point.marker):
        if marker is not None and (root / marker.file).is_file():
            return _holds(root, marker)
    return False


def _holds(root: Path, marker: Marker) -> bool:
    return marker.text in read_text(root / marker.file)


def _version(root: Path) -> int:
    """The second part of the version that the tree says it is; 0 if it says none."""
    for file, pattern in _SAYS:
        if (root / file).is_file() and (match := pattern.search(read_text(root / file))):
            version = int(match[1])
            if version > _NEWEST_VERSION:
                raise _unknown(f"Exim version 4.{version} is not known", root)
            return version
    return 0


def _number(release: str) -> int:
    return int(release.removeprefix("4.").partition("-")[0].partition(".")[0])


# ---- what the program was there ------------------------------------------------------------------------


def _program(reached: Reached) -> Profile:
    newest = max(reached.values(), key=lambda release: _ORDER[release])
    undone: dict[str, object] = {}
    settled: set[str] = set()
    for point in reversed(POINTS):
        if point.commit in reached:
            settled |= point.before.keys()
        elif _belongs(point, newest):
            undone |= {switch: value for switch, value in point.before.items() if switch not in settled}
    return replace(profile(newest), **undone)  # type: ignore[arg-type]  # by name


def _belongs(point: Point, newest: str) -> bool:
    return any(_ORDER[release] <= _ORDER[newest] for release in (point.release, *point.picks.values()))
