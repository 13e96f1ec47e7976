"""Asking git about a repository that nobody vouches for, without letting it have a say.

A repository has a configuration of its own, and git obeys it: ``core.fsmonitor``, hooks, filters and remotes
of partial clones are programs to run. So git never works in a repository here. It works in an empty one that
is made for the purpose, which borrows the objects of the other and has a copy of its references, and no
configuration but git's defaults.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from eximsim.errors import InputError
from eximsim.files import Folder
from eximsim.quick_dataclass import dataclass

_SECONDS = 60
_LARGEST = 256 * 1024 * 1024
_REFERENCE = re.compile(r"(?:ref: refs/[^\s:?*\[\\^~]+|[0-9a-f]{40}(?:[0-9a-f]{24})?)\n?", re.ASCII)
_REFERENCE_NAME = re.compile(r"refs/[A-Za-z0-9._/@+-]+", re.ASCII)
_HEADS = ("HEAD", "packed-refs")

_CONFIGURATION = (
    "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.attributesFile=/dev/null", "gc.auto=0",
    "protocol.allow=never", "safe.bareRepository=explicit",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a commit: its name below the folder that was asked for, its mode (``100644``) and its id."""

    name: str
    mode: str
    id: str


class Repository:
    """The history behind a folder. Methods return None, or raise ``InputError``, as they say."""

    def __init__(self, copy: Path) -> None:
        self._copy = copy

    def ask(self, *words: str, standard_input: bytes = b"") -> bytes | None:
        """What ``git WORDS`` says; None if it fails or is not there."""
        settings = [word for setting in _CONFIGURATION for word in ("-c", setting)]
        environment = {
            "PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": str(self._copy),
            "GIT_DIR": str(self._copy), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0",
        }  # fmt: skip
        try:
            done = subprocess.run(
                ("git", "--no-pager", *settings, *words), cwd=self._copy, env=environment,
                input=standard_input, capture_output=True, check=False, timeout=_SECONDS,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout if done.returncode == 0 and len(done.stdout) <= _LARGEST else None

    def commit(self, revision: str) -> str | None:
        """The id of the commit that ``revision`` names: ``HEAD~1``, ``origin/main``, a tag, an id."""
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        found = self.ask(*words)
        return found.decode("ascii", "replace").strip() if found else None

    def ancestors(self, commit: str) -> frozenset[str]:
        """The ids of a commit and of all that it descends from; empty if not all of them are here."""
        return frozenset((self.ask("rev-list", commit, "--") or b"").decode("ascii", "replace").split())

    def entries(self, commit: str, folder: str = "") -> dict[str, Entry]:
        """The files below a folder of a commit by name; empty if there is no such folder."""
        listed = self.ask("ls-tree", "-r", "-z", f"{commit}:{folder}") or b""
        found = (_entry(line) for line in listed.decode("utf-8", "surrogateescape").split("\0") if line)
        return {entry.name: entry for entry in found}

    def contents(self, entries: Iterable[Entry]) -> dict[str, bytes]:
        """The contents of regular files by name; raises ``InputError`` if one is not here."""
        wanted = [entry for entry in entries if entry.mode.startswith("100")]
        lines = "".join(f"{entry.id}\n" for entry in wanted).encode()
        said = self.ask("cat-file", "--batch", standard_input=lines) if wanted else b""
        found: dict[str, bytes] = {}
        at = 0
        for entry in wanted:
            end = -1 if said is None else said.find(b"\n", at)
            if said is None or end < 0 or said[at:end].split(b" ")[1:2] != [b"blob"]:
                raise InputError("not among the objects of the repository", entry.name)
            size = int(said[at:end].rsplit(b" ", 1)[1])
            found[entry.name] = said[end + 1 : end + 1 + size]
            at = end + size + 2
        return found


def _entry(line: str) -> Entry:
    words, _, name = line.partition("\t")
    mode, _, id = words.split(" ")
    return Entry(name, mode, id)


def repository_around(folder: Path) -> Path | None:
    """The folder that ``folder`` is in, or is itself, and that has a ``.git`` folder; None if there is none.

    A ``.git`` that is a file or a link names a repository somewhere else, and does not count.
    """
    real = Path(os.path.realpath(folder))
    for place in (real, *real.parents):
        git = place / ".git"
        if git.is_symlink() or git.is_file():
            return None
        if git.is_dir():
            return place
    return None


@contextmanager
def opened(top: Path) -> Iterator[Repository | None]:
    """The repository whose files are at ``top``, for as long as the context lasts.

    None if it is not whole by itself: a shallow clone, one that borrows objects, one with a link in it.
    """
    git = Folder(top / ".git")
    if not _is_whole(git):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="eximsim-git-") as made:
        copy = Path(made)
        (copy / "refs").mkdir()
        (copy / "objects" / "info").mkdir(parents=True)
        (copy / "objects" / "info" / "alternates").write_bytes(
            os.fsencode(git.path.resolve() / "objects") + b"\n"
        )
        for name in (*_HEADS, *git.files("refs")):
            if (content := _reference(git, name)) is not None:
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                (copy / name).write_bytes(content)
        yield Repository(copy)


def _is_whole(git: Folder) -> bool:
    if not git.is_file("HEAD") or not git.is_folder("objects") or "\n" in str(git.path.resolve()):
        return False
    if git.is_file("shallow") or git.is_file("objects/info/alternates"):
        return False
    objects = git.path / "objects"
    return not objects.is_symlink() and not any(
        os.path.islink(os.path.join(folder, name))
        for folder, folders, files in os.walk(objects)
        for name in (*folders, *files)
    )


def _reference(git: Folder, name: str) -> bytes | None:
    """What a file of references says, if it says nothing else."""
    if name not in _HEADS and not _REFERENCE_NAME.fullmatch(name):
        return None
    try:
        content = git.read(name)
    except OSError:
        return None
    if name == "packed-refs" or _REFERENCE.fullmatch(content.decode("utf-8", "replace")):
        return content
    return None
