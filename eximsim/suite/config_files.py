"""The files that a user's configuration names, read when Exim asks for them.

A configuration may name any file of the machine, and what is in it may end up in a report. So files come from
where the caller has said, and from nowhere else.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from pathlib import Path
from types import MappingProxyType

from eximsim.files import Folder
from eximsim.mta.base.string import octets
from eximsim.quick_dataclass import dataclass
from eximsim.world.answers import Answers

LARGEST = 16 * 1024 * 1024
"""Octets of the largest file that a configuration may name, or be."""

_MISSING = object()
_NOT_FILES = ("/proc/", "/sys/", "/dev/")
"""What looks like files there is the state of the machine, and of this process: never what is meant."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the files come from that a configuration names: each from the first of these that has it.

    ``given`` are contents by path, as the configuration names them. Below ``folder``, a configuration that
    is kept in a repository finds ``/etc/exim/relays`` as ``etc/exim/relays`` beside it; no link leads out of
    it. ``revision`` is asked instead of the folder if there is one. The machine itself is asked only if
    ``system`` says so, and ``from_system`` notes the paths that were read from it, in order.
    """

    folder: Path | None = None
    given: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    system: bool = False
    revision: Callable[[str], bytes | None] | None = None
    """Gives the content of a file by its name below the folder, as it was at some time."""
    from_system: dict[str, None] = field(default_factory=dict, compare=False)
    answers: Answers = field(default_factory=Answers)
    """What is known of everything else that the configuration asks; its ``file`` answers are contents."""


class ConfigFiles(Mapping[str, bytes]):
    """Contents by path: the configuration itself, then what ``sources`` have.

    ``instead`` are contents that stand for files whatever is there (None: no such file). Each file is read
    once. ``found`` and ``missing`` are the paths that were asked for, each once and in order.
    """

    def __init__(
        self, path: str, text: str, sources: Sources, instead: Mapping[str, bytes | None] | None = None
    ) -> None:
        self._fixed = {**(instead or {}), path: octets(text)}
        self._sources = sources
        self._folder = None if sources.folder is None else Folder(sources.folder, LARGEST)
        self._system = Folder(Path("/"), LARGEST)
        self._read: dict[str, bytes | None] = {}
        self._there: dict[str, bytes | None] = {}
        self._kinds: dict[str, str] = {}
        self._missed: dict[str, None] = {}
        self._why: dict[str, str] = {}
        self._settled: dict[str, None] = {}

    @property
    def found(self) -> tuple[str, ...]:
        """The files that were asked for and are there, without the configuration itself."""
        return tuple(path for path, content in self._read.items() if content is not None)

    @property
    def missing(self) -> tuple[str, ...]:
        """The files that were asked for and are in none of the sources, which may say that there are none."""
        absent = (path for path, content in self._read.items() if content is None)
        return tuple(path for path in absent if path not in self._settled)

    def why_missing(self, path: str) -> str:
        """Why a file is ``missing``, and what would help, in one phrase."""
        why = self._why.get(path, "")
        if why or self._sources.system:
            return why or "not there"
        return "not below the configuration's folder; --file NAME=PATH or --read-system gives it"

    def read_file(self, path: str) -> bytes:
        """As the reader of configurations asks for files; raises ``FileNotFoundError`` that says why."""
        content = self._known(path)
        if content is None:
            raise FileNotFoundError(errno.ENOENT, self.why_missing(path), path)
        return content

    @property
    def missed(self) -> tuple[str, ...]:
        """The missing files that a run asked for: what they say there could change what becomes of mail.

        What ``.include_if_exists`` names is not among them.
        """
        return tuple(self._missed)

    def content(self, path: str) -> bytes | None:
        """The content of a file, None if there is none; that no run has asked for it is kept in mind."""
        known = path in self._read
        found = self._known(path)
        if not known and path in self._read:
            del self._read[path]
        return found

    def __getitem__(self, path: str) -> bytes:
        content = self._known(path)
        if content is None:
            if path not in self._settled:
                self._missed[path] = None
            raise KeyError(path)
        return content

    def _known(self, path: str) -> bytes | None:
        if path in self._fixed:
            return self._fixed[path]
        if path not in self._read:
            if path not in self._there:
                self._there[path] = self._content(path)
            self._read[path] = self._there[path]
        return self._read[path]

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self.get(path, _MISSING) is not _MISSING

    def __iter__(self) -> Iterator[str]:
        fixed = (path for path, content in self._fixed.items() if content is not None)
        return iter((*fixed, *self.found))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _content(self, path: str) -> bytes | None:
        if path in self._sources.given:
            return self._sources.given[path]
        if path in self._sources.answers.known.get("file", {}):
            return self._answered(path)
        for name in (path, self._inside(path)):
            content = None if name is None else self._tried(self._folder, name, path)
            if content is not None:
                return content
        if self._sources.answers.find("file", path) is not None:
            return self._answered(path)
        if not self._sources.system or not path.startswith("/"):
            return None
        if os.path.realpath(path).startswith(_NOT_FILES):
            self._why[path] = "not a file that a configuration can mean"
            return None
        content = self._tried(self._system, path, path)
        if content is not None:
            self._sources.from_system[path] = None
        return content

    def _answered(self, path: str) -> bytes | None:
        said = self._sources.answers.find("file", path)
        self._settled[path] = None
        return None if said is None or said.value is None else octets(said.value)

    def kind(self, path: str) -> str:
        """What is at a path: ``file``, ``folder``, or nothing."""
        if path not in self._kinds:
            self._kinds[path] = self._kind(path)
        return self._kinds[path]

    def _kind(self, path: str) -> str:
        if self.content(path) is not None:
            return "file"
        if any(name.startswith(f"{path}/") for name in self._sources.given):
            return "folder"
        inside = self._inside(path)
        for folder, name in ((self._folder, path), (self._folder, inside), (self._system, path)):
            allowed = folder is self._folder or self._sources.system
            if folder is not None and name is not None and allowed and (found := folder.kind(name)):
                return found
        return ""

    def _tried(self, folder: Folder | None, name: str, path: str) -> bytes | None:
        if folder is self._folder and self._sources.revision is not None:
            return self._sources.revision(name)
        try:
            return None if folder is None else folder.read(name)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                self._why[path] = str(error.strerror)
        return None

    def _inside(self, path: str) -> str | None:
        """What a path is called below the folder, if it is the whole path of something there."""
        if self._folder is None:
            return None
        for whole in (os.path.abspath, os.path.realpath):
            top = whole(self._folder.path)
            inside = os.path.relpath(os.path.abspath(path), top)
            if not inside.startswith(".."):
                return inside
        return None
