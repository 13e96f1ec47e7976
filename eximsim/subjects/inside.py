"""The helper inside a private namespace: it makes the place, then serves requests until its parent is gone.

It is started as a file of its own, by ``subjects.namespace``, and needs nothing but the standard library. Two
processes: the outer one leaves the host's namespaces and stays until its parent or the inner one has ended;
the inner one is the first process of a process namespace, so that all that it ever started dies with it. All
files that are written lie on a file system in memory that nobody else has mounted. So nothing is left behind,
however this ends, and there is nothing to clean up afterwards.

Requests and responses are JSON objects with their length before them; the octets of files
are written in base64, others as Latin-1.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback
from base64 import b64decode, b64encode
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NoReturn, Self

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from eximsim.subjects import isolation, scripted

LENGTH = struct.Struct("!I")
_CHUNK = 1 << 16
_SETTLE_SECONDS = 10.0
_POLL_SECONDS = 0.002
_FILE_OCTETS = 128 << 20
"""So large a file may get: it lies in memory, and a log that does not end would fill it.

A test of Exim's suite makes one of 100 MB, nearly all of it a hole (0313).
"""


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
        privileged = isolation.leave_host()
    except OSError as error:
        send(channel, {"error": error.strerror or str(error)})
        return 1
    outer = os.getpid()
    inner = os.fork()
    if not inner:
        os.close(parent_watch)
        try:
            _inner(channel, place, outer, privileged=privileged)
        finally:
            os._exit(0)
    channel.close()
    inner_watch = os.pidfd_open(inner)
    ready = select.select([parent_watch, inner_watch], [], [])[0]
    if inner_watch not in ready:
        os.kill(inner, signal.SIGKILL)
    os.waitpid(inner, 0)
    return 0


def _inner(channel: socket.socket, place: isolation.Place, outer: int, *, privileged: bool) -> None:
    isolation.die_with(outer)
    try:
        isolation.enter(place)
    except OSError as error:
        send(channel, {"error": error.strerror or str(error)})
        return
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_OCTETS, most))
    send(channel, {"uid": os.getuid(), "privileged": privileged})
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
        self._daemons: set[int] = set()
        self._outputs: _Outputs | None = None
        self._kept: _Kept | None = None

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

    def on_socket(self, family: int, kind: int, address: str, port: int) -> tuple[object, int]:
        """A socket of this network, bound, and listening if it is TCP."""
        made = socket.socket(family, kind)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
            made.bind((address, port))
            if kind == socket.SOCK_STREAM:
                made.listen(64)
        except OSError:
            made.close()
            raise
        return {}, made.detach()

    def on_write(self, files: dict[str, str]) -> tuple[object]:
        """Write files, making the folders above them."""
        for name, text in files.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b64decode(text))
        return ({},)

    def on_read(self, folders: list[str]) -> tuple[object]:
        """The content of every file below some folders, by path."""
        return ({str(path): b64encode(path.read_bytes()).decode() for path in _files(folders)},)

    def on_remove(self, pattern: str, folder: str) -> tuple[object]:
        """Remove the files below a folder whose path matches a shell pattern."""
        for path in [path for path in _files([folder]) if fnmatchcase(str(path), pattern)]:
            path.unlink()
        return ({},)

    def on_fresh(self, folder: str, owner: int | None, links: dict[str, str]) -> tuple[object]:
        """Make a folder anew, empty but for symbolic links to what is kept elsewhere."""
        path = Path(folder)
        if path.exists():
            shutil.rmtree(path)
        path.mkdir(parents=True, mode=0o755)
        if owner is not None and os.getuid() == 0:
            os.chown(path, owner, owner)
        for name, target in links.items():
            (path / name).symlink_to(target)
        return ({},)

    def on_run(
        self, argv: list[str], stdin: str, env: dict[str, str], seconds: float, settle: bool
    ) -> tuple[object]:
        """Run a program to its end, or kill it after ``seconds``; ``exit`` is None then.

        Whatever it leaves running is killed; with ``settle`` that is waited for, and daemons go on.
        """
        with _Outputs(stdin) as outputs:
            began = time.monotonic()
            process = outputs.start(argv, env)
            ended = self._wait(process.pid, seconds)
            process.wait()
            taken = time.monotonic() - began
            if settle:
                _settle(self._daemons)
            else:
                self._kill_all()
            code = process.returncode if ended else None
            return ({"exit": code, "seconds": taken, **outputs.read()},)

    def on_start(self, argv: list[str], env: dict[str, str], seconds: float) -> tuple[object]:
        """Start a daemon; answer when it listens, or has ended."""
        before, end = _listeners(), time.monotonic() + seconds
        self._outputs = _Outputs("")
        process = self._outputs.start(argv, env)
        while _listeners() <= before and time.monotonic() < end and process.poll() in (None, 0):
            time.sleep(_POLL_SECONDS)
        self._daemons = _children()
        return ({"exit": process.poll() or 0},)

    def on_stop(self) -> tuple[object]:
        """Interrupt the daemons, and answer what they wrote when they have ended."""
        for pid in self._daemons:
            os.kill(pid, signal.SIGINT)
        self._daemons = set()
        _settle(set())
        self._kill_all()
        if self._outputs is None:
            return ({"stdout": "", "stderr": ""},)
        with self._outputs as outputs:
            self._outputs = None
            return (outputs.read(),)

    def on_kill(self) -> tuple[object]:
        """Kill every process inside but this one."""
        self._daemons = set()
        self._kill_all()
        return ({},)

    def on_play(self, job: dict[str, Any], seconds: float) -> tuple[object]:
        """Play a script (``scripted``) in a child of this process, which has all that it needs loaded.

        ``exit`` is as for ``on_run``. What the script leaves running is killed; ``sizes`` has the outputs.
        """
        with _Outputs("") as outputs:
            job["kept"] = sorted(self._kept_processes)
            child = os.fork()
            if not child:
                outputs.play(job)
            ended = self._wait(child, seconds)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            self._daemons = set()
            self._kill_all()
            sizes = scripted.sizes(job["directory"])
            return ({"exit": code if ended else None, "sizes": sizes, **outputs.read()},)

    def on_keep(self, argv: list[str], env: dict[str, str], folder: str) -> tuple[object]:
        """Start a program that answers questions, and is not killed with all others."""
        self._kept = _Kept(argv, env, folder)
        return ({},)

    def on_question(self, text: str, seconds: float) -> tuple[object]:
        """Put a question to the program that is kept; its answer is one line.

        ``answer`` is None, and ``error`` what it has said, if it has none in time.
        """
        assert self._kept is not None
        answer = self._kept.answer(text.encode("latin-1"), seconds)
        return ({"answer": answer, "said": self._kept.said() if answer is None else ""},)

    @property
    def _kept_processes(self) -> set[int]:
        return set() if self._kept is None else {self._kept.pid}

    def _kill_all(self) -> None:
        """Kill what is left, but what is kept, and reap: orphans are children of the first process."""
        kept = self._kept_processes
        if not kept:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            while _reap(0):
                pass
            return
        while others := _processes() - kept:
            for pid in others:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass

    def _wait(self, pid: int, seconds: float) -> bool:
        """Whether a child ended in time, or else is killed; raises ``Gone`` as soon as the parent is gone."""
        watch = os.pidfd_open(pid)
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
        os.kill(pid, signal.SIGKILL)
        return False


class _Outputs:
    """Standard input and output of a program: files in memory, so that nobody has to wait for their end."""

    def __init__(self, stdin: str) -> None:
        self._given, self._out, self._err = (os.memfd_create(name) for name in ("stdin", "stdout", "stderr"))
        os.write(self._given, stdin.encode("latin-1"))
        os.lseek(self._given, 0, os.SEEK_SET)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for fd in (self._given, self._out, self._err):
            os.close(fd)

    def start(self, argv: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start a program."""
        return subprocess.Popen(
            argv, stdin=self._given, stdout=self._out, stderr=self._err, env=env, cwd="/"
        )  # fmt: skip

    def play(self, job: dict[str, Any]) -> NoReturn:
        """Be the process that plays a script, which ends with it."""
        os.environ.clear()
        os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
        code = 1
        try:
            for fd, standard in ((self._given, 0), (self._out, 1), (self._err, 2)):
                os.dup2(fd, standard)
            os.write(1, json.dumps(scripted.play(job)).encode())
            code = 0
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(code)

    def read(self) -> dict[str, str]:
        """What has been written."""
        return {"stdout": _content(self._out), "stderr": _content(self._err)}


class _Kept:
    """A program that answers questions, each ended by a line ``go``, by one line."""

    def __init__(self, argv: list[str], env: dict[str, str], folder: str) -> None:
        self._err = os.memfd_create("stderr")
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._err, env=env, cwd=folder
        )
        self.pid = self._process.pid

    def answer(self, question: bytes, seconds: float) -> str | None:
        """The answer, without end of line; None if there is none in time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(question + b"go\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return None
        end, line = time.monotonic() + seconds, b""
        while not line.endswith(b"\n"):
            left = max(end - time.monotonic(), 0.0)
            ready, _, _ = select.select([self._process.stdout], [], [], left)
            part = os.read(self._process.stdout.fileno(), _CHUNK) if ready else b""
            if not part:
                return None
            line += part
        return line.decode("latin-1").rstrip("\n")

    def said(self) -> str:
        """What it has written to its standard error."""
        return _content(self._err)


def _content(fd: int) -> str:
    return os.pread(fd, os.fstat(fd).st_size, 0).decode("latin-1")


def _files(folders: list[str]) -> list[Path]:
    return [path for folder in folders for path in sorted(Path(folder).rglob("*")) if path.is_file()]


# ---- processes -----------------------------------------------------------------------------------------


def _processes() -> set[int]:
    """All processes inside but this one that have not ended."""
    found = set()
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{name}/stat").read_text().rpartition(") ")[2][:1] not in "ZX":
                    found.add(int(name))
    return found


def _settle(daemons: set[int]) -> None:
    """Wait until nothing runs but daemons."""
    end = time.monotonic() + _SETTLE_SECONDS
    while _reap(os.WNOHANG) and _children() - daemons and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)


def _reap(flags: int) -> bool:
    """Take note of the end of a child; False if there are none left."""
    try:
        os.waitpid(-1, flags)
    except ChildProcessError:
        return False
    return True


def _children() -> set[int]:
    """The children of this process that have not ended."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rpartition(") ")[2].split(" ")[:2]
            if int(parent) == os.getpid() and state != "Z":
                found.add(int(stat.parent.name))
    return found


def _listeners() -> int:
    """How many TCP sockets listen in this network."""
    tables = [Path(f"/proc/net/{name}") for name in ("tcp", "tcp6")]
    lines = [line for table in tables if table.exists() for line in table.read_text().splitlines()]
    return sum(line.split()[3] == "0A" for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
