"""Runs one test script inside a private namespace, as ``runtest`` does, with real processes.

It needs nothing but the standard library, and is part of the helper inside (``subjects.inside``), in a child
of which it plays. The steps come with all words substituted; outputs are left in the test directory under the
names that ``runtest`` gives them. Its answer: ``error`` says which command did not end as the script expects,
``marks`` how long the outputs were after each step.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_POLL_SECONDS = 0.01
_START_SECONDS = 9.0
_BEGIN_SECONDS = 0.1
_WAIT_MODE_SECONDS = 0.3
_LINGER_SECONDS = 3.0
_REST_SECONDS, _CALM = 5.0, 3
_DNS_PORT, _DNS_HEADER, _NO_SUCH_NAME = 53, struct.Struct("!2sHHHHH"), 0x8183
_FIRST_PID = 12000
"""Debugging output is normalised for process numbers of a machine that has been up for a while."""

_AHEAD = 1
"""The real-time priority of what is to run ahead of the rest of the machine: the lowest."""

_LOGS = ("mainlog", "rejectlog", "paniclog")
_OUTPUTS = ("test-stdout", "test-stderr", *(f"spool/log/{log}" for log in _LOGS))
_QUEUED = re.compile(r"^[ \t]*\d+[smhdw]\s+\S+\s+(\S+)", re.MULTILINE)


class Failed(Exception):
    """A command did not end as the script expects; nothing is worth comparing then."""


class Driver:
    """Plays the steps of one script; every step is an object whose ``do`` names a method."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._job = job
        self._directory = Path(job["directory"])
        self._server: subprocess.Popen[bytes] | None = None
        self._daemon: subprocess.Popen[bytes] | None = None
        self._port: socket.socket | None = None
        self.marks: list[dict[str, int]] = []
        """After each step, the sizes of the outputs that there were."""
        _ours.update(job["kept"])
        os.chdir(self._directory)
        os.umask(0o022)

    def play(self) -> None:
        """Make the test's folders, then run all steps."""
        _begin_anew()
        os.mkdir("spool", 0o755)
        os.chown("spool", self._job["exim"][0], self._job["exim"][1])
        os.mkdir("test-mail")
        os.chown("test-mail", *self._job["caller"][:2])
        threading.Thread(target=_know_no_names, daemon=True).start()
        _talk_to_oneself(self._job["ipv4"], cookie=self._job["cookie"])
        if "dynamic" in self._job:
            self._port = socket.create_server(("127.0.0.1", self._job["dynamic"]), backlog=10)
        for step in self._job["steps"]:
            getattr(self, f"on_{step.pop('do')}")(**step)
            self.marks.append({name: os.path.getsize(name) for name in _OUTPUTS if os.path.exists(name)})
        end = time.monotonic() + _LINGER_SECONDS
        while self._daemon is None and _others() and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)

    # ---- steps

    def on_note(self, text: str) -> None:
        """A line in every output."""
        for name in ("test-stdout", "test-stderr", "test-stderr-server", "test-stdout-server"):
            self._append(name, f"{text}\n")

    def on_write(self, path: str, text: str, show: bool) -> None:
        """Make a file."""
        Path(path).write_bytes(text.encode("utf-8", "surrogateescape"))
        os.chown(path, *self._job["caller"][:2])
        if show:
            self._append("test-stdout", f"==========\n{text}==========\n")

    def on_sleep(self, seconds: float) -> None:
        """Let time pass, and more where the machine is too busy for what that time was meant for."""
        time.sleep(seconds)
        _come_to_rest()

    def on_shell(self, command: str, line: int, status: list[int], env: dict[str, str]) -> None:
        """A command without a body; its exit code is checked."""
        self._check(self._start(command, env).wait(), command, line, status)

    def on_dump(self, database: str, line: int, status: list[int], env: dict[str, str]) -> None:
        """Show a hints database, in an order of its own."""
        ran = subprocess.run(
            [f"{self._directory}/eximdir/exim_dumpdb", f"{self._directory}/spool", database],
            stdout=subprocess.PIPE, **self._as_caller(env),
        )  # fmt: skip
        text = ran.stdout.decode("utf-8", "surrogateescape")
        self._append("test-stdout", "+++++++++++++++++++++++++++\n" + self._sorted(database, text))
        self._check(ran.returncode, f"dump {database}", line, status)

    def _sorted(self, database: str, text: str) -> str:
        lines = text.splitlines(keepends=True)
        own, port = self._job["ipv4"], self._job["port_n"]
        if database == "retry":
            records = [item for item in text.split("\n  ") if item]
            keyed = sorted(records, key=lambda item: _retry_key(item, own, port))
            return "".join(f"  {item.strip(' ').removesuffix(chr(10))}\n" for item in keyed)
        if database == "callout":
            lines.sort(key=lambda line: line[21:])
        elif database == "seen":
            lines.sort(key=lambda line: line.replace(own, "ip4.ip4.ip4.ip4"))
        return "".join(lines)

    def on_server(self, command: str, script: str) -> None:
        """Start a scripted server."""
        if self._server is not None:  # runtest opens the second by the first one's name, and so ends that
            self._close_server()
        pid = self._directory / "aux-var/server-daemon.pid"
        pid.unlink(missing_ok=True)
        self._server = self._start(f"./bin/server -oP {pid} {command} >>test-stdout-server", {}, pipe=True)
        assert self._server.stdin is not None
        self._server.stdin.write(script.encode("utf-8", "surrogateescape") + b"++++\n")
        self._server.stdin.flush()
        _await(pid, self._server)

    def on_lock(self, command: str) -> None:
        """Hold a lock while other commands run."""
        self._server = self._start(f"./eximdir/exim_lock {command} >>test-stdout", {}, pipe=True)
        time.sleep(_BEGIN_SECONDS)

    def on_run(
        self, command: str, body: list[list[str]], wait: int, line: int, status: list[int],
        env: dict[str, str], exim: bool, conf: str,
    ) -> None:  # fmt: skip
        """A command with a body; after one of the program a scripted server is waited for."""
        if conf:
            self._configure(conf)
        process = self._start(self._with_ids(command), env, pipe=True)
        self._feed(process, body)
        gone = wait > 0 and process.poll() is not None
        time.sleep(wait)
        try:
            assert process.stdin is not None
            process.stdin.close()
        except BrokenPipeError:
            gone = True
        code = process.wait()
        if not gone:
            self._check(code, "exim" if exim else command.split()[0], line, status)
        if exim and self._server is not None:
            self._end_server(line)

    def on_daemon(self, command: str, conf: str, env: dict[str, str], pid: str) -> None:
        """Start a daemon, and wait for its process file."""
        self._configure(conf)
        self._make_log()
        self._daemon = self._start(command, env, pipe=True)
        _await(Path(pid), self._daemon)
        _come_to_rest()

    def on_wait_mode(self, command: str, conf: str, env: dict[str, str]) -> None:
        """Start a daemon on a socket that listens already."""
        self._configure(conf)
        self._make_log()
        self._daemon = self._start(f"exec {command}", env, stdin=self._port)
        time.sleep(_WAIT_MODE_SECONDS)

    def on_background(self, command: str) -> None:
        """Start a program that goes on beside the next commands."""
        self._append("test-stdout", "")
        self._daemon = self._start(f"exec {command} <test-stdout >>test-stdout 2>>test-stderr-server", {})
        time.sleep(_WAIT_MODE_SECONDS)
        _come_to_rest()

    def on_kill(self) -> None:
        """Stop what was started last, and wait for its end."""
        _come_to_rest()
        if self._daemon is not None:
            found = [Path(name).read_text().split() for name in glob.glob("spool/exim-daemon.*")]
            pids = [int(word) for words in found for word in words[:1]] or [self._daemon.pid]
            for pid in pids:
                _signal(pid)
            self._daemon.wait()
            self._daemon = None
        for name in glob.glob("spool/exim-daemon.*"):
            os.unlink(name)

    # ---- helpers

    def _as_caller(self, env: dict[str, str]) -> dict[str, Any]:
        uid, gid, *more = self._job["caller"]
        return {"user": uid, "group": gid, "extra_groups": more, "env": {**self._job["env"], **env}}

    def _start(
        self, command: str, env: dict[str, str], *, pipe: bool = False, stdin: socket.socket | None = None
    ) -> subprocess.Popen[bytes]:
        given: Any = stdin if stdin is not None else subprocess.PIPE if pipe else subprocess.DEVNULL
        return subprocess.Popen(["/bin/sh", "-c", command], stdin=given, **self._as_caller(env))

    def _feed(self, process: subprocess.Popen[bytes], body: list[list[str]]) -> None:
        assert process.stdin is not None
        try:
            for kind, text in body:
                if kind == "sleep":
                    time.sleep(float(text))
                    continue
                octets = (
                    text.encode("utf-8", "surrogateescape") if kind == "text" else Path(text).read_bytes()
                )
                process.stdin.write(octets)
                process.stdin.flush()
        except BrokenPipeError:
            return

    def _with_ids(self, command: str) -> str:
        if "$msg" not in command:
            return command
        group = re.search(r"-qG\w+", command)
        program = f"{self._directory}/eximdir/exim"
        words = [program, "-bp", *([group[0]] if group else []), f"-DEXIM_PATH={program}"]
        listed = subprocess.run(
            [*words, "-C", f"{self._directory}/test-config"], stdout=subprocess.PIPE, **self._as_caller({})
        ).stdout.decode("utf-8", "replace")
        ids = sorted(_QUEUED.findall(listed), key=lambda name: (name.split("-")[0], name.split("-")[-1]))
        for number in range(len(ids), 0, -1):
            command = command.replace(f"$msg{number}", ids[number - 1])
        return command

    def _configure(self, conf: str) -> None:
        Path("test-config").write_bytes(conf.encode("utf-8", "surrogateescape"))

    def _make_log(self) -> None:
        log = Path("spool/log")
        log.mkdir(parents=True, exist_ok=True)
        os.chown(log, *self._job["exim"])

    def _append(self, name: str, text: str) -> None:
        with open(name, "ab") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        os.chown(name, *self._job["caller"][:2])

    def _check(self, code: int, name: str, line: int, status: list[int]) -> None:
        expected, negated = status
        if (code == expected) if negated else (code != expected):
            wanted = f"anything but {expected}" if negated else str(expected)
            raise Failed(f"line {line}: {shlex.join(name.split()[:2])} exited with {code}, expected {wanted}")

    def _end_server(self, line: int) -> None:
        if code := self._close_server():
            raise Failed(f"line {line}: the scripted server exited with {code}")

    def _close_server(self) -> int:
        server, self._server = self._server, None
        assert server is not None
        assert server.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            server.stdin.close()
        return server.wait()


def _begin_anew() -> None:
    """Have nothing of an earlier test there: files, process numbers, what the kernel has learned."""
    for name in ("spool", "dump.rdb", "aux-var/server-daemon.pid", *glob.glob("test-*")):
        if os.path.isdir(name) and not os.path.islink(name):
            shutil.rmtree(name)
        else:
            Path(name).unlink(missing_ok=True)
    Path("/proc/sys/kernel/ns_last_pid").write_text(f"{_FIRST_PID}\n")
    if ip := shutil.which("ip"):
        subprocess.run([ip, "tcp_metrics", "flush"], stderr=subprocess.DEVNULL, check=False)


def _talk_to_oneself(own: str, *, cookie: bool) -> None:
    """Have the kernel know what it does on a machine that has been up for a while.

    It has measured loopback, and may have a cookie for TCP Fast Open to the machine's own address.
    """
    for address, fast in (("127.0.0.1", False), (own, True))[: 1 + cookie]:
        with socket.create_server((address, 0)) as door, socket.socket() as one:
            if fast:
                door.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 1)
                one.sendto(b".", socket.MSG_FASTOPEN, door.getsockname())
            else:
                one.connect(door.getsockname())
                one.sendall(b".")
            other, _ = door.accept()
            with other:
                other.recv(1)


def _know_no_names() -> None:
    """A name server for what the fake one passes on: it knows that there are no such names."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", _DNS_PORT))
        while True:
            query, peer = wire.recvfrom(4096)
            end = query.find(b"\0", _DNS_HEADER.size) + 5
            head = _DNS_HEADER.pack(query[:2], _NO_SUCH_NAME, 1, 0, 0, 0)
            wire.sendto(head + query[_DNS_HEADER.size : end], peer)


def _retry_key(item: str, own: str, port: str) -> str:
    words = item.split()
    return words[0].replace(own, "ip4.ip4.ip4.ip4").replace(port, "PORT_N", 1) if words else ""


def _await(pid: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_SECONDS
    while not pid.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)


def _signal(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return


def _others() -> bool:
    """Whether anything runs that a test has left: all but this process and the first one."""
    return any(state != "Z" for state in _states())


def _come_to_rest() -> None:
    """Wait until for a moment every other process is waiting for something."""
    end, calm = time.monotonic() + _REST_SECONDS, 0
    while calm < _CALM and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)
        calm = 0 if any(state in "RD" for state in _states()) else calm + 1


_ours: set[int] = {1}
"""The processes besides this one that no test has started."""


def _states() -> Iterator[str]:
    """The states of all processes but this one and what is there for all tests."""
    here = {*_ours, os.getpid()}
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in here:
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stat:
                yield stat.read().rpartition(b") ")[2][:1].decode()


def _go_ahead() -> None:
    """Have this process and all that it starts run before others; only root may.

    A nice value counts within a session only, and daemons begin sessions of their own.
    """
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_AHEAD))


def may_go_ahead() -> bool:
    """Whether what this process starts may run ahead of the rest of the machine."""
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_AHEAD))
    except OSError:
        return False
    os.sched_setscheduler(0, policy, parameters)
    return True


def play(job: dict[str, Any]) -> dict[str, Any]:
    """Play a job in a folder from which an earlier test's files are gone, and say how it ended."""
    answer: dict[str, Any] = {"error": ""}
    os.setsid()  # the kernel shares the processors out by sessions: tests at the same time are not one
    if job["ahead"]:
        _go_ahead()
    driver = Driver(job)
    try:
        driver.play()
    except Failed as error:
        answer["error"] = str(error)
    except OSError as error:
        answer["error"] = f"{error.strerror or error} ({error.filename})"
    answer["marks"] = driver.marks
    return answer


def sizes(directory: str) -> dict[str, int]:
    """The sizes of the outputs that a test has left in its directory, by their path there."""
    base, found = Path(directory), {}
    folders = (base / "spool/log", base / "spool/msglog", base / "test-mail")
    for path in (*base.glob("test-std*"), *(path for folder in folders for path in folder.rglob("*"))):
        if path.is_file() and not path.is_symlink():
            found[str(path.relative_to(base))] = path.stat().st_size
    return found
