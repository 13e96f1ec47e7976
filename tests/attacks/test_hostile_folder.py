"""All commands on a folder of a stranger's: what they open, run and call is what they may."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from eximsim.cli import eximsim
from tests.attacks.hostile import SECRET, Hostile, hostile

STRACE = shutil.which("strace")
CALLS = "open,openat,openat2,creat,execve,execveat,connect,bind"
ENVIRONMENT = {
    "PATH": os.environ["PATH"], "EXIMSIM_SECRET": SECRET, "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8",
}  # fmt: skip
INNOCENT = """\
begin routers
out:
  driver = dnslookup
  transport = remote
begin transports
remote:
  driver = smtp
"""
WATCH = ("-f", "-y", "--seccomp-bpf", "-e", f"trace={CALLS}", "-ff", "-o", "calls/of", "-qq")
ROOT = Path(__file__).parents[2]

OUTSIDE = "--file /etc/x=F/exim.conf --env A=b --answer run:x=y -D A=b --profile 4.92"
PRESET = "--preset no-downgrade"
CALLOUT = "--callout --sender a@b.example --allow-incomplete"
REPORTS = "--markdown O/r.md --junit O/r.xml --sarif O/r.sarif"
GIVEN = "--config F/exim.conf --zones F/clean"
COMMANDS = (
    "lint F/exim.conf",
    "lint F/include.conf",
    "lint F/linked.conf",
    f"explain {GIVEN} --brief a@destination.example",
    f"explain {GIVEN} --html O/way.html a@destination.example",
    "explain --config F/exim.conf --zones F/zones a@destination.example",
    "explain --config F/exim.conf --zones F/linked.zone a@destination.example",
    f"explain {GIVEN} --servers F/servers.toml a@destination.example",
    f"explain {GIVEN} --servers F/linked.toml a@destination.example",
    "gate F/exim.conf --against 4.92 --html O/page.html --json",
    "gate F/exim.conf --lock F/linked.lock",
    "gate F/exim.conf --lock F/linked.lock --accept",
    f"check F/exim.conf {PRESET}",
    "check F/exim.conf --promises F/linked.toml",
    "fuzz --config F/linked.conf --max 1",
    "fuzz --config F/exim.conf --max 1 --seed 1",
    "run --suite F/suite",
    "run --suite F/suite --keep O/kept",
    "run --suite F/suite --keep F/suite/mail",
    "run --suite F/suite --accept",
    "suite --tree F/tree/test --profile auto",
    "suite --tree F/tree/test --keep O/kept-tree",
    "compare --recorded F/linked.jsonl",
    "compare --recorded F/linked.jsonl --scenarios F/linked.jsonl",
    "serve smtp --script F/linked.toml --port 0",
    "serve dns --zones F/zones --port 0",
    "run --suite F/suite --world loopback --trace --debug",
    "run --suite F/suite --profile 4.92 --tls gnutls --answer run:x=y --json",
    "run --suite F/suite --answers F/linked.toml",
    "run --suite F/suite --subject model",
    "suite --tree F/tree/test --junit O/s.xml --html O/s.html --github --summary O/s --jobs 2",
    "suite --tree F/tree/test --tls openssl",
    "suite --tree F/tree/test --world loopback --json --debug",
    "suite --tree F/tree/test --subject model --against model",
    "suite --tree F/tree/test --baseline F/linked.jsonl",
    "suite --tree F/tree/test --summary F/suite/logs",
    "gate --git HEAD F/tree/test/confs/0001 --hosts 1",
    f"gate {OUTSIDE} F/exim.conf --against 4.92 --hosts 1 --recipient a@b.example --sender c@d.example",
    f"gate F/exim.conf --against 4.92 --hosts 1 {REPORTS} --code-quality O/q.json --fail-on any",
    "gate F/exim.conf --against 4.92 --hosts 1 --github --allow-incomplete --debug",
    "gate F/exim.conf F/linked.conf --verbose --read-system --tls gnutls",
    "gate F/exim.conf --lock F/suite/stdout/0003 --accept --hosts 1",
    "gate F/exim.conf --against 4.92 --hosts 1 --answers F/linked.toml",
    "gate F/exim.conf --against 4.92 --hosts 1 --file /etc/passwd=F/link",
    f"check F/exim.conf {OUTSIDE} {PRESET} --hosts 1 {REPORTS} --html O/c.html --tls gnutls --json",
    f"check F/exim.conf {PRESET} --hosts 1 --github --verbose --allow-incomplete --debug",
    f"check F/exim.conf {PRESET} --hosts 1 --baseline F/linked.toml --accept",
    f"check F/exim.conf {PRESET} --hosts 1 --baseline F/suite/stdout/0003 --accept",
    f"check F/exim.conf {PRESET} --hosts 1 --answers F/linked.toml --read-system",
    "compare --recorded F/linked.jsonl --tree F/tree/test --certificates F/suite --jobs 2 --debug",
    "compare --recorded F/linked.jsonl --keep O/kept",
    "compare --recorded F/linked.jsonl --release 4.92 --group A --kind delivery --profile 4.92 --json",
    "compare --random 1 --seed 1 --against O/none --exim O/none",
    "compare --sequences 1 --exim O/none",
    "compare --configurations 1 --exim O/none",
    "record --exim O/none --scenarios F/linked.jsonl -o O/r --jobs 1 --json --debug",
    "record --exim O/none -o O/r --group A --kind delivery",
    "record --exim O/none --output F/suite/stdout/0003 A046",
    "serve dns --zones F/clean --certificates F/suite --host-ipv4 192.0.2.1 --json --port 0",
    "serve dns --zones F/clean --listen 127.0.0.1 --port 0",
    "serve dns --zones F/clean --allow-nonloopback --debug --port 0",
    "serve smtp --certificates F/suite --listen 127.0.0.1 --json --port 0",
    "serve smtp --behaviour ok --max-connections 3 --max-step 1 --max-total 5 --debug --port 0",
    "serve smtp --behaviour ok --allow-nonloopback --write-certificates F/suite/logs --port 0",
    f"explain {OUTSIDE} {GIVEN} --tls gnutls {CALLOUT} --json a@b.example",
    f"explain {GIVEN} --answers F/linked.toml --debug a@destination.example",
    f"explain {GIVEN} --file /etc/passwd=F/link --read-system a@destination.example",
    f"explain {GIVEN} --html F/suite/stdout/0003 a@destination.example",
    f"lint {OUTSIDE} F/exim.conf --tls gnutls --unsupported --json --debug",
    "lint F/exim.conf --answers F/linked.toml",
    "lint F/exim.conf --file /etc/passwd=F/link --read-system",
    "fuzz --config F/exim.conf --max 1 --promises F/linked.toml",
    f"fuzz --config F/exim.conf --max 1 {PRESET} --answers F/linked.toml -D A=b",
    f"fuzz --config F/exim.conf --max 1 {PRESET} --read-system --env A=b --answer spam=no",
    "fuzz --config F/exim.conf --max 1 --file /etc/passwd=F/link",
    f"fuzz --config F/exim.conf --max 1 {PRESET} --baseline F/linked.toml --accept",
    "fuzz --config F/exim.conf --max 1 --database F/suite/mail --shared F/suite/mail --json --debug",
    "fuzz --max 1 --law no-downgrade --mutant M1 --profile 4.92 --tls gnutls --jobs 1 --allow-incomplete",
    "fuzz --replay eximsim1:AAAA --save F/suite/mail",
    "table dane --profile 4.92 --against 4.99 --markdown --debug",
    "table dane --json",
    "profiles --json --debug",
)
INTERRUPTED = """\
import runpy, signal
signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, 10, 1)
runpy.run_module("eximsim.cli", run_name="__main__", alter_sys=True)
"""
"""A server, and after ten seconds an interrupt, which comes again until it has gone."""

GIVEN_AWAY = {
    "--run-commands": "runs a tree's commands, which it says",
    "--shell": "a shell for whoever types it",
    "--scheduler": "an address of the caller's own",
    "--both": "needs a real program",
    "--no-test-mode": "needs a real program",
    "--max": "a number",
    "--port": "a number",
}
"""Options that the commands above need not have, and why."""


@pytest.fixture
def stranger(tmp_path: Path) -> Hostile:
    (tmp_path / "out").mkdir()
    (tmp_path / "tmp").mkdir()
    (tmp_path / "calls").mkdir()
    return hostile(tmp_path)


def run(command: str, stranger: Hostile, *before: str) -> subprocess.CompletedProcess[str]:
    top = stranger.folder.parent
    words = [re.sub(r"(^|=)F/", r"\1folder/", re.sub(r"^O/", "out/", word)) for word in command.split()]
    program = ["-c", INTERRUPTED] if command.startswith("serve") else ["-m", "eximsim.cli"]
    return subprocess.run(
        [*before, sys.executable, *program, *words],
        cwd=top,
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT), "TMPDIR": str(top / "tmp"), "HOME": str(top / "tmp")},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def texts(place: Path) -> Iterator[str]:
    for path in place.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path.read_text(errors="replace")


def recorded(stranger: Hostile) -> list[str]:
    """What strace has written, a file for each process."""
    files = sorted((stranger.folder.parent / "calls").iterdir())
    return [line for file in files for line in file.read_text(errors="replace").splitlines()]


def record(lines: list[str]) -> Iterator[tuple[str, str, str]]:
    """The calls of a record that were successful: name, arguments, and what was opened, run or called."""
    for line in lines:
        found = CALL.match(line)
        if found is None or (int(found["result"]) < 0 and found["name"] not in ("connect", "bind")):
            continue
        named = NAMES.search(found["arguments"])
        what = found["shown"] or (named[1] if named else "")
        yield found["name"], found["arguments"], re.sub(r"^/proc/\d+/", "/proc/self/", what)


@pytest.fixture(scope="module")
def ambient(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """What an innocent command opens and calls: the interpreter's and the libraries' own."""
    if STRACE is None:
        return frozenset()
    stranger = hostile(tmp_path_factory.mktemp("innocent"))
    (stranger.folder.parent / "tmp").mkdir()
    (stranger.folder.parent / "calls").mkdir()
    (stranger.folder / "exim.conf").write_text(INNOCENT)
    done = run(f"explain {GIVEN} a@destination.example", stranger, STRACE, *WATCH)
    assert done.returncode == 0, done.stderr
    lines = recorded(stranger)
    return frozenset(what for _, _, what in record(lines) if not what.startswith(str(stranger.folder.parent)))


def allowed_to_read(path: str, stranger: Hostile) -> bool:
    top = os.path.realpath(stranger.folder.parent)
    own = [os.path.realpath(place) for place in (sys.prefix, sys.base_prefix, str(ROOT))]
    places = (*own, "/usr/lib", "/usr/share", "/lib", *(f"{top}/{name}" for name in ("folder", "out", "tmp")))
    return path in (top, "/dev/null", "/proc/self/status", *places) or path.startswith(
        tuple(f"{place}/" for place in places)
    )


def allowed_to_write(path: str, stranger: Hostile) -> bool:
    top = os.path.realpath(stranger.folder.parent)
    places = (f"{top}/out/", f"{top}/tmp/", f"{top}/folder/suite/", "/dev/null", "/dev/pts", "/dev/tty")
    return path.startswith(places)


CALL = re.compile(r"^(?:\d+ +)?(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)(?:<(?P<shown>.*?)>)?")
NAMES = re.compile(r'"((?:[^"\\]|\\.)*)"')


def faults(lines: list[str], stranger: Hostile, ambient: frozenset[str]) -> Iterator[str]:
    """The calls of a record that were made and may not be."""
    for name, arguments, what in record(lines):
        if name in ("connect", "bind"):
            if "AF_INET" in arguments and (name == "connect" or "127.0.0.1" not in arguments):
                yield f"{name} {arguments}"
        elif name.startswith("exec"):
            if not re.fullmatch(r".*/(python[0-9.]*|git|git-[a-z-]+)", what):
                yield f"{name} {what}"
        else:
            writes = re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)", arguments)
            if what not in ambient and not (allowed_to_write if writes else allowed_to_read)(what, stranger):
                yield f"{'writes' if writes else 'reads'} {what}"


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_outside_is_told_changed_or_run(
    command: str, stranger: Hostile, ambient: frozenset[str]
) -> None:
    before = {path: path.read_bytes() for path in stranger.outside.iterdir()}
    watched = [STRACE, *WATCH] if STRACE else []
    done = run(command, stranger, *watched)
    assert done.returncode in (0, 1, 2, 3, 74, 130), done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stdout + done.stderr
    for place in ("out", "folder"):
        assert not any(SECRET in text for text in texts(stranger.folder.parent / place))
    assert {path: path.read_bytes() for path in stranger.outside.iterdir()} == before
    if STRACE:
        lines = recorded(stranger)
        assert sum(1 for _ in record(lines)) > 50
        assert list(faults(lines, stranger, ambient)) == []


def options(command: click.Command, name: str) -> Iterator[tuple[str, frozenset[str]]]:
    """The options of all commands below one, each by all of its names."""
    if isinstance(command, click.Group):
        for below in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), below)
            assert found is not None
            yield from options(found, f"{name} {below}".strip())
        return
    yield from ((name, frozenset(one.opts)) for one in command.params if isinstance(one, click.Option))


def test_every_command_is_tried_with_each_of_its_options() -> None:
    tried = [command.split() for command in COMMANDS]
    missing = [
        f"{name} {min(names)}"
        for name, names in options(eximsim, "")
        if not names & GIVEN_AWAY.keys()
        and not any(words[: len(name.split())] == name.split() and names & set(words) for words in tried)
    ]
    assert missing == []


@pytest.mark.parametrize(
    "line",
    [
        'openat(AT_FDCWD</x>, "/etc/shadow", O_RDONLY|O_CLOEXEC) = 3</etc/shadow>',
        'openat(AT_FDCWD</x>, "folder/link", O_RDONLY) = 3</OUTSIDE/secret>',
        'openat(3</x>, "new", O_WRONLY|O_CREAT|O_EXCL, 0666) = 4</TOP/folder/exim.conf>',
        'execve("/bin/sh", ["sh", "-c", "x"], 0x7f /* 9 vars */) = 0',
        "connect(3<TCP:[1]>, {sa_family=AF_INET, sin_port=htons(25)}, 16) = -1 ECONNREFUSED (refused)",
    ],
)
def test_the_watch_sees_what_may_not_be(line: str, stranger: Hostile) -> None:
    top = stranger.folder.parent
    line = line.replace("/OUTSIDE", str(stranger.outside)).replace("/TOP", str(top))
    assert len(list(faults([line], stranger, frozenset()))) == 1
    inside = f'openat(AT_FDCWD</x>, "x", O_RDONLY) = 3<{top}/folder/exim.conf>'
    assert list(faults([inside], stranger, frozenset())) == []
