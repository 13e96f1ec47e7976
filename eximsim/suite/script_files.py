"""The Unix commands of scripts: what they do to the files of a test, in memory."""

from __future__ import annotations

import posixpath
import re
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from eximsim.disk import StoredFile, StoredFolder
from eximsim.mta.records.logs import DebugLog
from eximsim.ports import World
from eximsim.quick_dataclass import dataclass
from eximsim.subjects.model import ModelSubject
from eximsim.subjects.subject import Subject
from eximsim.suite.normalisation import Identity
from eximsim.suite.outputs import Raw
from eximsim.world.host import HostedWorld


class NotKnown(Exception):
    """What a command does is not known."""


class NotModelled(Exception):
    """A debug log, of which it is known that it is there, but not what stands in it."""


class Missing(Exception):
    """A file that is not there; the message is its name."""


@dataclass(slots=True)
class FileCommands:
    """The commands of one test; each takes its words, and ``run`` says what it prints.

    ``files`` are those that the test has written for the subject to read. What has an owner or permissions
    of its own is on the world's disk.
    """

    subject: Subject
    world: World
    identity: Identity
    files: dict[str, bytes]
    raw: Raw

    def run(self, words: list[str]) -> str:
        """Do it, and give its output; raises ``NotKnown`` and ``Missing``."""
        name, *given = words[1:] if words[0] == "sudo" else words
        known = _COMMANDS.get(name)
        real = isinstance(self.world, HostedWorld) and not self.world.simulates_disk
        if known is None or (real and name in _ABOUT_INODES):
            raise NotKnown
        return known(self, given) or ""

    def path(self, name: str) -> str:
        """A file of the test by the name that a script gives it: relative to the test directory."""
        return posixpath.normpath(posixpath.join(self.identity.directory, name))

    def content(self, name: str) -> bytes:
        """What is in a file; raises ``Missing``."""
        try:
            return self.world.read_file(self.path(name))
        except OSError:
            raise Missing(name) from None

    def is_mailbox(self, path: str) -> bool:
        """Whether deliveries go there."""
        return path.startswith(f"{self.identity.directory}/test-mail/")

    def put(self, path: str, content: bytes) -> None:
        """Make a file, or fill it anew, as the caller does it."""
        known = self.world.disk.files.get(path)
        if isinstance(self.subject, ModelSubject) and _SPOOLED.search(path):
            self.subject.take_in(path.rpartition("/")[2], content)
        elif known is not None:
            known.content = content
        elif self.is_mailbox(path):
            self._on_disk(path, content)
        else:
            self.files[path] = content

    def _on_disk(self, path: str, content: bytes) -> StoredFile:
        return self.world.disk.write(
            path, content, mode=0o644, uid=int(self.identity.caller_uid), gid=int(self.identity.caller_gid),
            now=self.world.now(),
        )  # fmt: skip

    def _owned(self, name: str) -> StoredFile:
        """The file, with an owner and permissions from now on."""
        path = self.path(name)
        known = self.world.disk.files.get(path)
        return known if known is not None else self._on_disk(path, self.content(name))

    def _matching(self, pattern: str) -> list[str]:
        """The files that a pattern means, itself if there are none: of the tree, and of the disk."""
        if "*" not in pattern:
            return [pattern]
        folder, _, last = self.path(pattern).rpartition("/")
        known = (*self.files, *self.world.disk.files)
        names = {path.rpartition("/")[2] for path in known if path.rpartition("/")[0] == folder}
        names |= set(self.world.names_in(folder))
        found = sorted(f"{folder}/{name}" for name in names if fnmatchcase(name, last))
        return found or [pattern]

    # ---- commands

    def cat(self, names: list[str]) -> str:
        """The files, one after the other."""
        return "".join(self._shown(name) for name in names)

    def _shown(self, name: str) -> str:
        written, path = self.subject.written().files, self.path(name)
        if isinstance(self.subject, ModelSubject) and isinstance(
            self.subject.machine.files.get(path), DebugLog
        ):
            raise NotModelled
        if path in written:
            return written[path]
        return self.content(name).decode("utf-8", "surrogateescape")

    def rm(self, names: list[str]) -> None:
        """Take files away, by patterns."""
        if names and names[0] in ("-f", "-rf", "-fr"):
            names = names[1:]
        if any(name.startswith("-") for name in names):
            raise NotKnown
        for pattern in map(self.path, names):
            if pattern == self.path("test-stdout"):
                self.raw.stdout.clear()
            self.subject.remove(pattern)
            for path in [path for path in self.files if fnmatchcase(path, pattern)]:
                del self.files[path]

    def mkdir(self, names: list[str]) -> None:
        """Make folders; the spool has its own."""
        uid, gid = int(self.identity.caller_uid), int(self.identity.caller_gid)
        for path in (self.path(name) for name in names if not name.startswith("-")):
            if path.startswith(f"{self.identity.directory}/spool"):
                continue
            if not self.is_mailbox(path):
                self.world.disk.know_folder(path, uid=uid, gid=gid, mode=0o755)
            self.world.disk.make_folders(path, uid=uid, gid=gid, mode=0o755)

    def touch(self, names: list[str]) -> None:
        """Make empty files, or set the time of the last access."""
        if names[:2] == ["-a", "-t"] and len(names) == 4:
            self._owned(names[3]).accessed = _stamp(names[2])
            return
        if any(name.startswith("-") for name in names):
            raise NotKnown
        for path in map(self.path, names):
            if path not in self.files and path not in self.world.disk.files:
                self.put(path, b"")

    def cp(self, names: list[str]) -> None:
        """Copy files; into the spool is another matter."""
        if len(names) != 2 or any(name.startswith("-") for name in names):
            raise NotKnown
        target = self.path(names[1])
        spool = target.startswith(f"{self.identity.directory}/spool/")
        if spool and not isinstance(self.subject, ModelSubject):
            raise NotKnown
        into = names[1].endswith("/") or self.world.path_kind(target) == "folder"
        into = into or spool or target in self.world.disk.folders
        for source in self._matching(names[0]):
            path = f"{target}/{source.rpartition('/')[2]}" if into else target
            self.put(path, self.content(source))

    def mv(self, names: list[str]) -> None:
        """Move files into the spool, which takes them in, or all of a queue's into another."""
        if len(names) != 2 or not names[1].startswith(f"{self.identity.directory}/spool/"):
            raise NotKnown
        queues = [
            _OF_QUEUE.fullmatch(name.removeprefix(f"{self.identity.directory}/spool/")) for name in names
        ]
        if isinstance(self.subject, ModelSubject) and queues[0] and queues[1] and names[0].endswith("*"):
            self.subject.move_queue(queues[0]["queue"] or "", queues[1]["queue"] or "")
            return
        for source in self._matching(names[0]):
            self.put(f"{self.path(names[1])}/{source.rpartition('/')[2]}", self.content(source))
            self.rm([source])

    def rmdir(self, names: list[str]) -> None:
        """Take away the folders of a split spool: there are some once a message has come, and then empty."""
        subject, spool = self.subject, f"{self.identity.directory}/spool"
        folders = {self.path(f"{name}/..") for name in names}
        if not isinstance(subject, ModelSubject) or not folders <= {f"{spool}/input", f"{spool}/msglog"}:
            raise NotKnown
        split = b"split_spool_directory" in self.content("test-config")
        if not split or subject.queue() or subject.machine.spool.last_id < 0:
            raise NotKnown

    def ln(self, names: list[str]) -> None:
        """Make a symbolic link."""
        if len(names) != 3 or names[0] != "-s":
            raise NotKnown
        self.world.disk.links[self.path(names[2])] = names[1]

    def mkfifo(self, names: list[str]) -> None:
        """Make a named pipe, from which nobody reads."""
        if len(names) != 3 or names[0] != "-m":
            raise NotKnown
        made = self._on_disk(self.path(names[2]), b"")
        made.mode = stat.S_IFIFO | int(names[1], 8)

    def chmod(self, names: list[str]) -> None:
        """Set permissions, as octal digits."""
        mode, *patterns = [name for name in names if name != "-R"]
        if mode == "a+rwx":
            mode = "777"
        if not mode.isdigit():
            raise NotKnown
        disk = self.world.disk
        for name in self._meant(patterns):
            folder = disk.folders.get(self.path(name))
            if folder is not None:
                disk.folders[self.path(name)] = StoredFolder(folder.uid, folder.gid, int(mode, 8))
                continue
            one = self._owned(name)
            one.mode = one.mode & ~0o7777 | int(mode, 8)

    def chown(self, names: list[str]) -> None:
        """Give files and folders to somebody."""
        owner, *patterns = [name for name in names if name != "-R"]
        uid, gid = self._ids(owner)
        disk = self.world.disk
        for name in self._meant(patterns):
            folder = disk.folders.get(self.path(name))
            if folder is not None:
                disk.folders[self.path(name)] = StoredFolder(
                    uid, folder.gid if gid is None else gid, folder.mode
                )
                continue
            one = self._owned(name)
            one.uid, one.gid = uid, one.gid if gid is None else gid

    def _meant(self, patterns: list[str]) -> Iterator[str]:
        """The files and folders, without those of the spool: they are Exim's in any case."""
        for name in (name for pattern in patterns for name in self._matching(pattern)):
            path = self.path(name)
            if "*" in path and path.rpartition("/")[0].endswith("/input"):
                continue
            if f"{path}/".startswith(f"{self.identity.directory}/spool/"):
                continue
            known = self.world.disk.folders
            if path in known or not (
                self.world.path_kind(path) == "folder" or any(one.startswith(f"{path}/") for one in known)
            ):
                yield name

    def _ids(self, owner: str) -> tuple[int, int | None]:
        identity = self.identity
        user, _, group = owner.partition(":")
        users = {identity.exim_user: identity.exim_uid, identity.caller: identity.caller_uid, "root": "0"}
        groups = {identity.exim_group: identity.exim_gid, identity.caller_group: identity.caller_gid}
        if user not in users or group not in ("", *groups):
            raise NotKnown
        return int(users[user]), int(groups[group]) if group else None

    def ls(self, words: list[str]) -> str:
        """One file or folder with its permissions, or the names in a folder that deliveries have made."""
        if len(words) == 1:
            return self._names(self.path(words[0]))
        if len(words) != 2 or words[0] not in ("-ld", "-lu"):
            raise NotKnown
        path, disk = self.path(words[1]), self.world.disk
        if words[0] == "-ld" and path in disk.folders:
            folder = disk.folders[path]
            mode = stat.filemode(stat.S_IFDIR | folder.mode)
            return f"{mode} 2 {self._who(folder.uid)} {self._who(folder.gid)} 4096 - {words[1]}\n"
        one = disk.files.get(path)
        if words[0] == "-ld" or one is None or one.accessed is None:
            raise NotKnown
        when = datetime.fromtimestamp(one.accessed, UTC)
        shown = f"{when:%b} {when.day} {when:%Y}"
        mode, owner = stat.filemode(stat.S_IFREG | one.mode), f"{self._who(one.uid)} {self._who(one.gid)}"
        return f"{mode} 1 {owner} {len(one.content)} {shown} {words[1]}\n"

    def _names(self, folder: str) -> str:
        disk = self.world.disk
        if folder not in disk.folders:
            raise NotKnown
        inside = {path[len(folder) + 1 :].partition("/")[0] for path in disk.below(folder)}
        return "".join(f"{name}\n" for name in sorted(inside))

    def _who(self, number: int) -> str:
        identity = self.identity
        names = {
            0: "root",
            int(identity.caller_uid): identity.caller,
            int(identity.exim_uid): identity.exim_user,
        }
        return names.get(number, str(number))


_SPOOLED = re.compile(r"/input/[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}-[DH]$", re.ASCII)
"""A file of a message on the spool."""

_OF_QUEUE = re.compile(r"(?:(?P<queue>[^/]+)/)?input/\*?")
"""The folder of a queue, in the spool, or all that is in it."""


def _stamp(text: str) -> float:
    """``YYMMDDhhmm`` of touch, in UTC."""
    return datetime.strptime(text, "%y%m%d%H%M").replace(tzinfo=UTC).timestamp()


def cut(text: str, field: int, delimiter: str) -> str:
    """What ``cut`` leaves of each line."""
    return "".join(f"{line.split(delimiter)[field - 1]}\n" for line in text.splitlines())


_ABOUT_INODES = ("chown", "ln", "ls", "mkfifo")
"""What a real program would not find in its namespace."""

_COMMANDS: dict[str, Callable[[FileCommands, list[str]], str | None]] = {
    "cat": FileCommands.cat,
    "chmod": FileCommands.chmod,
    "chown": FileCommands.chown,
    "cp": FileCommands.cp,
    "ln": FileCommands.ln,
    "ls": FileCommands.ls,
    "mkdir": FileCommands.mkdir,
    "mkfifo": FileCommands.mkfifo,
    "mv": FileCommands.mv,
    "rm": FileCommands.rm,
    "rmdir": FileCommands.rmdir,
    "touch": FileCommands.touch,
}
