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
from pathlib import Path

from eximsim.errors import InputError
from eximsim.profiles import PROFILES, Profile, profile
from eximsim.suite.points import POINTS, Marker, Point
from eximsim.suite.source import read_text

AUTO = "auto"

_VERSIONS = range(84, 101)
"""The versions 4.N that a tree can say it is: the one before the first profile was made out of it, and 4.100
was in the making when 4.99 was modelled."""

_MAKING = ("../doc/doc-txt/ChangeLog", re.compile(r"^Exim version (\d+)\.(\d+)", re.M))
"""Where a tree says what version it will be; the first heading is the newest."""

_RELEASED = ("../src/src/version.sh", re.compile(r"^EXIM_RELEASE_VERSION=\"?(\d+)\.(\d+)", re.M))
"""Where a released tree says what version it is."""

_ORDER = {name: index for index, name in enumerate(PROFILES)}

Reached = dict[str, str]
"""The points that a tree has reached, by commit, each with the release for which it got the change."""


def program_of_tree(root: Path) -> Profile:
    """The program that the tree with the ``test/`` folder ``root`` was tested with.

    It has the name of the profile in whose making it stands. Raises ``InputError`` if that cannot be told.
    """
    return program_at(points_of_tree(root))


def points_of_tree(root: Path) -> Reached:
    """The points that the tree has reached; raises ``InputError`` if that cannot be told."""
    making, released = _version(root, *_MAKING), _version(root, *_RELEASED)
    reached = _by_history(root) or _by_name(root) or _by_markers(root, making, released)
    if not reached:
        raise _unknown("the release of this tree cannot be told", root)
    return reached


def program_chosen(root: Path, chosen: Profile) -> Profile:
    """The program for a release chosen by hand: ``chosen``, but for the ``always`` points of ``POINTS``."""
    for point in [point for point in POINTS if point.always]:
        if point.marker and (root / point.marker.file).is_file() and not _is_marked(root, point):
            chosen = replace(chosen, **point.before)  # type: ignore[arg-type]  # by name
    return chosen


def _unknown(what: str, root: Path) -> InputError:
    return InputError(f"{what}; expected one of {', '.join(PROFILES)} after --profile", str(root))


# ---- how far a tree has come ---------------------------------------------------------------------------


def _by_history(root: Path) -> Reached:
    """The points that the checked-out commit descends from; none if ``root`` is not as it was committed."""
    tracked = _git(root, "ls-files", "--error-unmatch", "runtest") is not None
    if not tracked or _git(root, "diff", "--quiet", "HEAD", "--", ".") is None:
        return {}
    if (_git(root, "rev-parse", "--is-shallow-repository") or "").strip() != "false":
        return {}
    commits = {line[:9] for line in (_git(root, "rev-list", "HEAD") or "").split("\n")}
    reached: Reached = {}
    for point in POINTS:
        for commit, release in ((point.commit, point.release), *point.picks.items()):
            if commit in commits:
                reached.setdefault(point.commit, release)
    return reached


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
                    return up_to(index)
    return {}


def _by_markers(root: Path, making: int, released: int) -> Reached:
    """The points up to the last one whose marker is there, or for which the tree is too new.

    A tree without any marker is taken at its word.
    """
    marked = [index for index, point in enumerate(POINTS) if _is_marked(root, point)]
    done = max(released, making - 1 if marked else making)
    passed = [index for index, point in enumerate(POINTS) if _number(point.release) <= done]
    return up_to(max(marked + passed, default=-1))


def up_to(last: int) -> Reached:
    """The points of a line of history that ends with ``POINTS[last]``."""
    return {point.commit: point.release for point in POINTS[: last + 1]}


def _is_marked(root: Path, point: Point) -> bool:
    for marker in (point.beside, point.marker):
        if marker is not None and (root / marker.file).is_file():
            return _holds(root, marker)
    return False


def _holds(root: Path, marker: Marker) -> bool:
    return marker.text in read_text(root / marker.file)


def _version(root: Path, file: str, pattern: re.Pattern[str]) -> int:
    """The N of the version 4.N that the tree says it is; 0 if it says none. Raises ``InputError``."""
    match = pattern.search(read_text(root / file)) if (root / file).is_file() else None
    if match is None:
        return 0
    if match[1] != "4" or int(match[2]) not in _VERSIONS:
        raise _unknown(f"Exim version {match[1]}.{match[2]} is not known", root)
    return int(match[2])


def _number(release: str) -> int:
    return int(release.removeprefix("4.").partition("-")[0].partition(".")[0])


# ---- what the program was there ------------------------------------------------------------------------


def program_at(reached: Reached) -> Profile:
    """The newest release that was reached, without what was not."""
    newest = max(reached.values(), key=lambda release: _ORDER[release])
    undone: dict[str, object] = {}
    settled: set[str] = set()
    for point in reversed(POINTS):
        if point.commit in reached:
            settled.update(point.switches)
        elif _belongs(point, newest):
            undone |= {switch: value for switch, value in point.before.items() if switch not in settled}
    return replace(profile(newest), **undone)  # type: ignore[arg-type]  # by name


def _belongs(point: Point, newest: str) -> bool:
    return any(_ORDER[release] <= _ORDER[newest] for release in point.releases)
