"""``--profile auto``: which program a tree was tested with, read off the tree.

The history of the tree's own repository says it best. Without one (an unpacked archive, a lone ``test/``) the
name of the folder may give the commit, as GitHub's archives do, else the markers of ``exim_history.py`` and
the version that the tree says it is decide. No golden is looked at.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from eximsim.errors import InputError
from eximsim.files import Folder
from eximsim.profiles import BEFORE, PROFILES, Profile, profile
from eximsim.suite.exim_history import POINTS
from eximsim.suite.git import Entry, opened, repository_around
from eximsim.suite.history_point import Point
from eximsim.suite.source import as_text

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
        if point.marker and _text(root, point.marker.file) is not None and not _is_marked(root, point):
            chosen = replace(chosen, **point.before)  # type: ignore[arg-type]  # by name
    return chosen


def _unknown(what: str, root: Path) -> InputError:
    return InputError(f"{what}; expected one of {', '.join(PROFILES)} after --profile", str(root))


# ---- how far a tree has come ---------------------------------------------------------------------------


def _by_history(root: Path) -> Reached:
    """The points that the checked-out commit descends from; none if ``root`` is not as it was committed."""
    top = repository_around(root)
    if top is None:
        return {}
    with opened(top) as repository:
        head = repository.commit("HEAD") if repository else None
        if repository is None or head is None:
            return {}
        if not _is_as_committed(root, repository.entries(head, _below(root, top))):
            return {}
        commits = {commit[:9] for commit in repository.ancestors(head)}
    reached: Reached = {}
    for point in POINTS:
        for commit, release in ((point.commit, point.release), *point.picks.items()):
            if commit in commits:
                reached.setdefault(point.commit, release)
    return reached


def _below(root: Path, top: Path) -> str:
    below = Path(os.path.realpath(root)).relative_to(top).as_posix()
    return "" if below == "." else below


def _is_as_committed(root: Path, entries: Mapping[str, Entry]) -> bool:
    """Whether the files of a commit are those on disk. Git itself is not asked: it would obey the tree."""
    folder = Folder(root)
    return "runtest" in entries and all(_is_same(folder, entry) for entry in entries.values())


def _is_same(folder: Folder, entry: Entry) -> bool:
    path = folder.path / entry.name
    try:
        if entry.mode == "120000":
            content = os.fsencode(os.readlink(path))
        elif not entry.mode.startswith("100"):
            return True  # a submodule
        elif path.is_symlink():
            return False
        else:
            content = folder.read(entry.name)
    except (OSError, ValueError):
        return False
    digest = hashlib.sha1 if len(entry.id) == 40 else hashlib.sha256
    return digest(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest() == entry.id


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
    reached = up_to(max(marked + passed, default=-1))
    for point in POINTS[len(reached) :]:  # a release that is complete has what was picked for it, too
        for release in point.picks.values():
            if release in reached.values() and all(
                other.commit in reached for other in POINTS if other.release == release
            ):
                reached[point.commit] = release
    return reached


def up_to(last: int) -> Reached:
    """The points of a line of history that ends with ``POINTS[last]``."""
    return {point.commit: point.release for point in POINTS[: last + 1]}


def _is_marked(root: Path, point: Point) -> bool:
    for marker in (point.beside, point.marker):
        if marker is not None and (text := _text(root, marker.file)) is not None:
            return marker.text in text
    return False


def _text(root: Path, file: str) -> str | None:
    """A file of the tree that the ``test/`` folder ``root`` stands in, None if it is not there."""
    real = Path(os.path.realpath(root))
    try:
        return as_text(Folder(real.parent).read(posixpath.normpath(f"{real.name}/{file}")))
    except OSError:
        return None


def _version(root: Path, file: str, pattern: re.Pattern[str]) -> int:
    """The N of the version 4.N that the tree says it is; 0 if it says none. Raises ``InputError``."""
    text = _text(root, file)
    match = None if text is None else pattern.search(text)
    if match is None:
        return 0
    if match[1] != "4" or int(match[2]) not in _VERSIONS:
        raise _unknown(f"Exim version {match[1]}.{match[2]} is not known", root)
    return int(match[2])


def _number(release: str) -> int:
    """The N of the version 4.N in whose making a profile was; a head is after the release it is named for."""
    own = int(release.removeprefix("4.").partition("-")[0].partition(".")[0])
    return own + (release.startswith(f"{BEFORE.get(release)}-dev-"))


# ---- what the program was there ------------------------------------------------------------------------


def program_at(reached: Reached) -> Profile:
    """The newest release that was reached, without what was not."""
    newest = max(reached.values(), key=lambda release: _ORDER[release])
    undone: dict[str, object] = {}
    settled: set[str] = set()
    for point in reversed(POINTS):
        if point.commit in reached:
            settled.update(point.before)
        elif _belongs(point, newest):
            undone |= {switch: value for switch, value in point.before.items() if switch not in settled}
    return replace(profile(newest), **undone)  # type: ignore[arg-type]  # by name


def _belongs(point: Point, newest: str) -> bool:
    return any(_ORDER[release] <= _ORDER[newest] for release in point.releases)
