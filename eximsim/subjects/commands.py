"""Commands that messages are piped to, really run: in a private place, with what the model's disk has.

The place has no network and shows the machine's own folders read-only; what a command writes among the
mailboxes is taken over by the model.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from eximsim.piped import Ended, PipedCommand
from eximsim.subjects.isolation import Place
from eximsim.subjects.namespace import Namespace
from eximsim.world.programs import Machine, run_known

_SECONDS = 30.0
"""A command that is not done by then is not waited for."""
_UNKNOWN, _CANNOT_RUN, _NOT_THERE = 96, 126, 127
_SCRIPT = 'cd "$1" && test -f "$3" || exit 96; umask "$2"; shift 2; ulimit -f 65536; exec "$@" 2>&1'
"""``ulimit``: what it writes has 32 MB at most, since it is kept in memory."""
_SETPRIV = "/usr/bin/setpriv"


class CommandRunner:
    """A ``Runner``, and a context manager; the place is made when the first command is run.

    ``shown`` and ``etc``: see ``Place``.
    """

    def __init__(self, shown: Mapping[str, str] | None = None, etc: Mapping[str, str] | None = None) -> None:
        self._place = Place(shown=shown or {}, etc=etc or {})
        self._inside: Namespace | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._inside is not None:
            self._inside.__exit__(kind, error, trace)

    def run(self, command: PipedCommand, world: Machine) -> Ended | None:
        """See ``Runner``; what is well known need not be run. None if there is no such program or folder.

        Raises ``NoNamespace``.
        """
        known = run_known(command, world)
        if known is not None:
            return known
        if self._inside is None:
            self._inside = Namespace(self._place).__enter__()
        inside = self._inside
        folders = self._bring(inside, world)
        words = ["/bin/sh", "-c", _SCRIPT, "sh", command.directory, f"{command.umask:o}", *command.words]
        if inside.privileged:
            ids = [f"--reuid={command.uid}", f"--regid={command.gid}", "--clear-groups"]
            words = [_SETPRIV, *ids, *words]
        limit = min(command.seconds or _SECONDS, _SECONDS)
        ran = inside.run(words, command.stdin, command.environment, seconds=limit)
        self._take(inside, world, folders, command)
        if ran.exit == _UNKNOWN or (ran.exit is None and limit != command.seconds):
            return None
        status = _NOT_THERE if ran.exit == _CANNOT_RUN else ran.exit
        seconds = command.seconds if status is None else 0.0
        return Ended(status, ran.stdout, seconds, at_once=status == _NOT_THERE)

    def find(self, name: str, folders: Sequence[str]) -> str | None:
        """See ``Runner``."""
        paths = (f"{folder}/{name}" for folder in folders)
        return next((path for path in paths if os.access(path, os.X_OK)), None)

    def _bring(self, inside: Namespace, world: Machine) -> list[str]:
        """Write what the model's disk has into its folders; which those are."""
        disk = world.disk
        for path, folder in disk.folders.items():
            inside.fresh(path, folder.uid)
        mine = {path: file for path, file in disk.files.items() if path.rpartition("/")[0] in disk.folders}
        inside.write({path: file.content for path, file in mine.items()})
        for path, file in mine.items():
            inside.run(["/bin/chown", f"{file.uid}:{file.gid}", path], seconds=_SECONDS)
            inside.run(["/bin/chmod", f"{file.mode:o}", path], seconds=_SECONDS)
        return list(disk.folders)

    def _take(self, inside: Namespace, world: Machine, folders: list[str], command: PipedCommand) -> None:
        """Take over what the command has written in those folders."""
        disk, mode = world.disk, 0o666 & ~command.umask
        for path, content in inside.read(*folders).items():
            known = disk.files.get(path)
            if known is not None:
                known.content = content
            else:
                disk.write(path, content, mode=mode, uid=command.uid, gid=command.gid, now=world.now())
