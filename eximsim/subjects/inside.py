"""The helper inside a private namespace: it makes the place, then serves requests until its parent is gone.

It is started as a file of its own, by ``subjects.namespace``, and needs nothing but the standard library. Two
processes: the outer one leaves the host's namespaces and stays until its parent or the inner one has ended;
the inner one is the first process of a process namespace, so that all that it ever started dies with it. All
files that are written lie on a file system in memory that nobody else has mounted. So nothing is left behind,
however this ends, and there is nothing to clean up afterwards.

Requests and responses are JSON objects with their length before them; octets are written as Latin-1.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from eximsim.subjects import isolation

LENGTH = struct.Struct("!I")
_CHUNK = 1 << 16
_SETTLE_SECONDS = 10.0
_POLL_SECONDS = 0.002


class Gone(Exception):
    """The parent has closed its end."""


# ---- messages ------------------------------------------------------------------------------------------


def send(channel: socket.socket, message: object, fds: tuple[int, ...] = ()) -> None:
    """Send one message, with open files of this process."""
    octets = json.dumps(message).encode()
    header = LENGTH.pack(len(octets))
    if fds:
        socket.send_fds(channel, [header], list(fds))
    else:
        channel.sendall(header)
    channel.sendall(octets)


def receive(channel: socket.socket) -> tuple[Any, list[int]]:
    """The next message and the open files that came with it; raises ``Gone`` at the end of the stream."""
    header, fds, _, _ = socket.recv_fds(channel, LENGTH.size, 4)
    while header and len(header) < LENGTH.size:
        header += channel.recv(LENGTH.size - len(header))
    if not header:
        raise Gone
    missing, parts = LENGTH.unpack(header)[0], []
    while missing:
        part = channel.recv(min(missing, _CHUNK))
        if not part:
            raise Gone
        parts.append(part)
        missing -= len(part)
    return json.loads(b"".join(parts)), fds


# ---- the outer process ---------------------------------------------------------------------------------


def main(arguments: list[str]) -> int:
    """Make the namespaces and the inner process, and see to it that this ends with the parent."""
    number, parent, place = int(arguments[0]), int(arguments[1]), isolation.Place(**json.loads(arguments[2]))
    channel = socket.socket(fileno=number)
    parent_watch = os.pidfd_open(parent)
    if os.getppid() != parent:
        return 1
    try:
        isolation.leave_host()
    except OSError as error:
        send(channel, {"error": str(error)})
        return 1
    outer = os.getpid()
    inner = os.fork()
    if not inner:
        os.close(parent_watch)
        try:
            _inner(channel, place, outer)
        finally:
            os._exit(0)
    channel.close()
    inner_watch = os.pidfd_open(inner)
    ready = select.select([parent_watch, inner_watch], [], [])[0]
    if inner_watch not in ready:
        os.kill(inner, signal.SIGKILL)
    os.waitpid(inner, 0)
    return 0


def _inner(channel: socket.socket, place: isolation.Place, outer: int) -> None:
    isolation.die_with_parent()
    try:
        isolation.enter(place)
    except OSError as error:
        send(channel, {"error": str(error)})
        return
    send(channel, {"uid": os.getuid(), "pid": outer})
    requests = Requests(channel)
    try:
        while True:
            requests.serve()
    except (Gone, ConnectionError):
        return


# ---- requests ------------------------------------------------------------------------------------------


class Requests:
    """What the parent may ask for; each method takes the fields of the request and gives the response."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def serve(self) -> None:
        """Answer one request."""
        request, _ = receive(self._channel)
        answer = getattr(self, f"on_{request.pop('do')}")
        try:
            result, *fds = answer(**request)
        except OSError as error:
            result, fds = {"error": error.strerror or str(error), "errno": error.errno}, []
        send(self._channel, result, tuple(fds))
        for fd in fds:
            os.close(fd)

    def on_socket(self, family: int, kind: int, address: str | None, port: int) -> tuple[object, int]:
        """A socket of this network, bound to a port unless ``address`` is None; listening if it is TCP."""
        made = socket.socket(family, kind)
        try:
            if address is not None:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
                made.bind((address, port))
                if kind == socket.SOCK_STREAM:
                    made.listen(64)
        except OSError:
            made.close()
            raise
        return {}, made.detach()

    def on_write(self, files: dict[str, str], owner: int | None = None) -> tuple[object]:
        """Write files, making the folders above them; owner and group are the given number."""
        for name, text in files.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("latin-1"))
            if owner is not None and os.getuid() == 0:
                os.chown(path, owner, owner)
        return ({},)

    def on_read(self, folders: list[str]) -> tuple[object]:
        """The content of every file below some folders, by path."""
        return ({str(path): path.read_bytes().decode("latin-1") for path in _files(folders)},)

    def on_remove(self, pattern: str, folder: str) -> tuple[object]:
        """Remove the files below a folder whose path matches a shell pattern."""
        for path in [path for path in _files([folder]) if fnmatchcase(str(path), pattern)]:
            path.unlink()
        return ({},)

    def on_fresh(self, folder: str, owner: int, links: dict[str, str]) -> tuple[object]:
        """Make a folder anew, empty but for symbolic links to what is kept elsewhere."""
        path = Path(folder)
        if path.exists():
            shutil.rmtree(path)
        path.mkdir(parents=True, mode=0o755)
        if os.getuid() == 0:
            os.chown(path, owner, owner)
        for name, target in links.items():
            (path / name).symlink_to(target)
        return ({},)

    def on_run(
        self,
        argv: list[str],
        stdin: str,
        env: dict[str, str],
        seconds: float,
        uid: int | None = None,
        settle: bool = False,
    ) -> tuple[object]:
        """Run a program to its end, or kill it after ``seconds``; ``exit`` is None then.

        Without ``settle`` whatever it leaves running is killed; with it, that is waited for.
        """
        given, out, err = (os.memfd_create(name) for name in ("stdin", "stdout", "stderr"))
        os.write(given, stdin.encode("latin-1"))
        os.lseek(given, 0, os.SEEK_SET)
        began = time.monotonic()
        as_user = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
        process = subprocess.Popen(argv, stdin=given, stdout=out, stderr=err, env=env, cwd="/", **as_user)  # type: ignore[call-overload]
        ended = self._wait(process, seconds)
        process.wait()
        taken = time.monotonic() - began
        if settle:
            _settle()
        else:
            _kill_all()
        result = {
            "exit": process.returncode if ended else None,
            "stdout": _content(out),
            "stderr": _content(err),
            "seconds": taken,
        }
        os.close(given)
        return (result,)

    def on_kill(self) -> tuple[object]:
        """Kill every process inside but this one."""
        _kill_all()
        return ({},)

    def _wait(self, process: subprocess.Popen[bytes], seconds: float) -> bool:
        """Whether the process ended in time; raises ``Gone`` as soon as the parent is gone."""
        watch = os.pidfd_open(process.pid)
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        poll.register(self._channel, select.POLLHUP)
        try:
            events = dict(poll.poll(seconds * 1000))
        finally:
            os.close(watch)
        if watch in events:
            return True
        if events:
            raise Gone
        process.kill()
        return False


def _files(folders: list[str]) -> list[Path]:
    return [path for folder in folders for path in sorted(Path(folder).rglob("*")) if path.is_file()]


def _content(fd: int) -> str:
    os.lseek(fd, 0, os.SEEK_SET)
    with os.fdopen(fd, "rb") as file:
        return file.read().decode("latin-1")


def _kill_all() -> None:
    """Kill what is left, and reap: orphans are children of the first process."""
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        return
    while _reap(0):
        pass


def _settle() -> None:
    end = time.monotonic() + _SETTLE_SECONDS
    while _reap(os.WNOHANG) and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)


def _reap(flags: int) -> bool:
    """Take note of the end of a child; False if there are none left."""
    try:
        os.waitpid(-1, flags)
    except ChildProcessError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
