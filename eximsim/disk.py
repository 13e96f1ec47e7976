"""What deliveries write: mailboxes, and the folders around them, in memory."""

from __future__ import annotations

import posixpath
import stat
from dataclasses import field

from eximsim.errors import Unsupported
from eximsim.quick_dataclass import dataclass

_MOST_LINKS = 40
"""So many symbolic links are followed in one path (MAXSYMLINKS of Linux)."""


@dataclass(slots=True)
class StoredFile:
    """A file that a delivery has made: its octets, its permissions, its owner, and when it was made.

    ``inode`` is a number that no other file of the disk has had; ``made`` is in seconds since the epoch, and
    so is ``accessed`` where somebody has set it. ``mode`` has the bits of the file's type for what is no
    regular file.
    """

    content: bytes
    mode: int
    uid: int
    gid: int
    inode: int
    made: float
    accessed: float | None = None

    @property
    def is_fifo(self) -> bool:
        """Whether it is a named pipe."""
        return stat.S_ISFIFO(self.mode)

    def permits(self, uid: int, gid: int, bits: int = 4) -> bool:
        """Whether a user may do what the bits of an ``ls`` triple say; root may always."""
        shift = 6 if uid == self.uid else 3 if gid == self.gid else 0
        return uid == 0 or (self.mode >> shift) & bits == bits


@dataclass(frozen=True, slots=True)
class StoredFolder:
    """A folder that deliveries write to: its owner, and who else may write there."""

    uid: int
    gid: int
    mode: int

    def is_writable(self, uid: int, gid: int) -> bool:
        """Whether a user may make files in it."""
        if uid == self.uid:
            return bool(self.mode & 0o200)
        return uid == 0 or bool(self.mode & (0o020 if gid == self.gid else 0o002))


_OF_ROOT = frozenset(("/", "/dev"))
"""Folders that are on every machine, and root's."""
_TOP_FOLDERS = frozenset(
    [
        *("bin", "boot", "dev", "etc", "home", "lib", "media", "mnt", "opt", "proc", "root", "run", "sbin"),
        *("srv", "sys", "tmp", "usr", "var"),
    ]
)
"""What there is in the root folder of any machine."""


@dataclass(slots=True)
class Disk:
    """What deliveries have written: mailboxes by path, and the folders of which something is known.

    It is in memory and has nothing to do with the disk of the machine that eximsim runs on. Of folders of
    which nothing is known it is assumed that they are there, and that deliveries may write to them.
    """

    files: dict[str, StoredFile] = field(default_factory=dict)
    folders: dict[str, StoredFolder] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    """Symbolic links: where each points to, from the folder that it is in."""
    last_inode: int = 1000

    def write(self, path: str, content: bytes, *, mode: int, uid: int, gid: int, now: float) -> StoredFile:
        """Make a file, in the place of one that is there."""
        self.last_inode += 1
        made = self.files[path] = StoredFile(content, mode, uid, gid, self.last_inode, now)
        return made

    def real_path(self, path: str) -> str:
        """The path with its dots and symbolic links resolved; raises ``Unsupported`` where they go round."""
        made, followed = "/", 0
        waiting = path.split("/")[::-1]
        while waiting:
            made = posixpath.normpath(posixpath.join(made, waiting.pop()))
            target = self.links.get(made)
            if target is None:
                continue
            followed += 1
            if followed > _MOST_LINKS:
                raise Unsupported(f"more than {_MOST_LINKS} symbolic links in {path}")
            made = "/" if target.startswith("/") else posixpath.dirname(made)
            waiting += target.split("/")[::-1]
        return made

    def lacks_folder(self, path: str) -> bool:
        """Whether a folder is known not to be there, as one above it is known."""
        return path not in self.folders and path not in _OF_ROOT and self._known_above(path) is not None

    def cannot_have(self, path: str) -> bool:
        """Whether nothing on the way to a folder is known but the root folder: only root makes any there."""
        return path not in self.folders and self._known_above(path) == "/"

    def make_folders(self, path: str, *, uid: int, gid: int, mode: int) -> bool:
        """Make a folder and those above it that are known to be lacking; false if the user may not."""
        if path in self.folders or path in _OF_ROOT or not path.strip("/"):
            return True
        above = self._known_above(path)
        if above is None:
            return True
        if not self.folder(above).is_writable(uid, gid):
            return False
        made = above
        for part in path[len(above) :].strip("/").split("/"):
            made = f"{made.rstrip('/')}/{part}"
            self.folders[made] = StoredFolder(uid, gid, mode)
        return True

    def know_folder(self, path: str, *, uid: int, gid: int, mode: int) -> None:
        """Note that a folder is there; of one of which nothing was known it is noted whose it is."""
        self.folders.setdefault(path, StoredFolder(uid, gid, mode))

    def may_write(self, path: str, *, uid: int, gid: int) -> bool:
        """Whether a user may make files in a folder; so he may where nothing is known of it."""
        known = path in self.folders or path in _OF_ROOT
        return not known or self.folder(path).is_writable(uid, gid)

    def folder(self, path: str) -> StoredFolder:
        """A folder of which something is known; those of ``_OF_ROOT`` are root's."""
        return self.folders.get(path) or StoredFolder(0, 0, 0o755)

    def _known_above(self, path: str) -> str | None:
        """The nearest folder above of which something is known."""
        above = path
        while above:
            above = above.rpartition("/")[0]
            if above in self.folders:
                return above
        top = path.strip("/").partition("/")[0]
        return None if top in _TOP_FOLDERS or self._is_below_known(f"/{top}") else "/"

    def _is_below_known(self, top: str) -> bool:
        return any(path.startswith(f"{top}/") for path in self.folders)

    def below(self, folder: str) -> list[str]:
        """The paths of all files in a folder and in those in it."""
        return sorted(path for path in self.files if path.startswith(f"{folder}/"))
