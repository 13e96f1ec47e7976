import os
import random
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from eximsim.subjects.isolation import Place
from eximsim.subjects.namespace import Namespace
from eximsim.subjects.resources import ShortOfResources
from eximsim.subjects.subject import NoNamespace
from tests.subjects.killing import all_end_after_kill

ROOT = Path(__file__).parents[2]
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
MARK = f"marked{os.getpid()}.test.ex"
"""The host name of this process's namespaces; other processes run these tests at the same time."""
SLEEPER = f"sleeper{os.getpid()}"
"""A mark of a program inside."""


def said(inside: Namespace, command: str) -> str:
    ran = inside.run(["/bin/sh", "-c", command], b"", ENV, seconds=10)
    return (ran.stdout + ran.stderr).decode()


def helpers(mark: str) -> list[int]:
    """The processes with a mark on their command line: the host name of a namespace, an argument."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


# ---- what it is like inside


def test_nothing_of_the_host_can_be_written(inside: Namespace, tmp_path: Path) -> None:
    for folder in ("/usr", "/var", "/tmp", str(tmp_path), str(ROOT)):
        assert "Read-only file system" in said(inside, f"touch {folder}/x")
    assert not (tmp_path / "x").exists()


def test_what_is_written_there_is_nowhere_else(inside: Namespace) -> None:
    inside.write({"/spool/a/b": b"\xff\x00", "/etc/passwd": b"me:x:0:0::/:/bin/sh\n"})
    assert inside.read("/spool", "/nowhere") == {"/spool/a/b": b"\xff\x00"}
    assert said(inside, "cat /etc/passwd") == "me:x:0:0::/:/bin/sh\n"
    assert not Path("/spool").exists()
    assert "me:x:0:0::/:/bin/sh" not in Path("/etc/passwd").read_text()


def test_files_are_removed_by_pattern_and_folders_made_anew(inside: Namespace) -> None:
    inside.write({"/spool/db/retry": b"", "/spool/db/callout": b"", "/spool/log": b""})
    inside.remove("/spool/db/r*", "/spool")
    assert set(inside.read("/spool")) == {"/spool/db/callout", "/spool/log"}
    inside.fresh("/spool", None, {"etc": "/etc"})
    assert inside.read("/spool") == {}
    assert said(inside, "ls /spool; cat /spool/etc/motd") == "etc\nhello\n"


def test_the_host_name_and_the_files_of_etc_are_its_own(inside: Namespace) -> None:
    assert said(inside, "uname -n; cat /etc/motd") == "box.test.ex\nhello\n"


def test_its_processes_are_its_own(inside: Namespace) -> None:
    assert int(said(inside, "echo $$")) < 20


def test_its_addresses_are_local_and_lead_nowhere_else(inside: Namespace) -> None:
    for address in ("10.9.200.1", "192.0.2.7", "127.0.0.1"):
        with inside.socket(socket.SOCK_STREAM, address, 1225) as listener:
            assert listener.getsockname() == (address, 1225)
    with pytest.raises(OSError, match="Cannot assign"):
        inside.socket(socket.SOCK_STREAM, "192.0.2.8", 1225)
    probe = f"{sys.executable} -c \"import socket; socket.create_connection(('192.0.2.8', 25), 5)\""
    assert "Network is unreachable" in said(inside, probe)


def test_a_server_outside_serves_a_client_inside(inside: Namespace) -> None:
    def serve(listener: socket.socket) -> None:
        with listener, listener.accept()[0] as wire:
            wire.sendall(b"220 here\r\n")

    server = threading.Thread(target=serve, args=(inside.socket(socket.SOCK_STREAM, "10.9.1.1", 25),))
    server.start()
    connect = "import socket; print(socket.create_connection(('10.9.1.1', 25)).recv(99))"
    assert "220 here" in said(inside, f'{sys.executable} -c "{connect}"')
    server.join()


# ---- programs


def test_a_program_gets_its_input_and_environment_and_its_end_is_told(inside: Namespace) -> None:
    script = "cat; echo $WORD; echo no >&2; exit 7"
    ran = inside.run(["/bin/sh", "-c", script], b"in\n", {**ENV, "WORD": "env"}, seconds=10)
    assert (ran.exit, ran.stdout, ran.stderr) == (7, b"in\nenv\n", b"no\n")
    assert inside.run(["/bin/sh", "-c", "kill -SEGV $$"], env=ENV, seconds=10).exit == -signal.SIGSEGV
    with pytest.raises(FileNotFoundError):
        inside.run(["/no/program"], seconds=10)


def test_a_program_that_takes_too_long_is_killed_with_all_that_it_started(inside: Namespace) -> None:
    ran = inside.run(["/bin/sh", "-c", "sleep 300 & echo on; sleep 300"], env=ENV, seconds=0.2)
    assert (ran.exit, ran.stdout) == (None, b"on\n")
    assert "sleep" not in said(inside, "cat /proc/[0-9]*/comm")


def test_a_file_that_does_not_end_does_not_fill_the_memory(inside: Namespace) -> None:
    ran = inside.run(["/bin/sh", "-c", "cat /dev/zero > /endless"], env=ENV, seconds=60)
    assert ran.exit not in (0, None)
    assert said(inside, "stat -c %s /endless").strip() == str(128 << 20)


def test_what_a_program_leaves_running_is_killed_or_waited_for(inside: Namespace) -> None:
    leave = ["/bin/sh", "-c", "(sleep 0.1; echo late) & exit 0"]
    assert inside.run(leave, env=ENV, seconds=10).stdout == b""
    assert inside.run(leave, env=ENV, seconds=10, settle=True).stdout == b"late\n"


def test_a_daemon_goes_on_until_it_is_stopped(inside: Namespace) -> None:
    program = (
        "import os, socket, time\n"
        "if os.fork(): os._exit(0)\n"
        "listener = socket.create_server(('127.0.0.1', 25))\n"
        "print('up', flush=True)\n"
        "while True: time.sleep(1)\n"
    )
    assert inside.start([sys.executable, "-c", program], ENV, 10) == 0
    inside.run(["/bin/true"], seconds=10, settle=True)
    check = "import socket; socket.create_connection(('127.0.0.1', 25)); print('there')"
    assert inside.run([sys.executable, "-c", check], seconds=10, settle=True).stdout == b"there\n"
    assert inside.stop()[0] == b"up\n"
    assert inside.run([sys.executable, "-c", check], seconds=10).exit == 1
    assert inside.start(["/bin/sh", "-c", "exit 3"], ENV, 10) == 3


# ---- the end


def test_nothing_is_left_when_it_is_left(namespaces: None) -> None:
    mounts = Path("/proc/self/mountinfo").read_text()
    with Namespace(Place(MARK)):
        started = helpers(MARK)
        assert started
    assert helpers(MARK) == []
    assert Path("/proc/self/mountinfo").read_text() == mounts


def test_an_interrupt_ends_it_at_once(namespaces: None) -> None:
    def interrupt() -> None:
        while not helpers(SLEEPER):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    interrupter = threading.Thread(target=interrupt)
    with Namespace(Place(MARK)) as inside:
        interrupter.start()
        with pytest.raises(KeyboardInterrupt):
            inside.run(["/bin/sh", "-c", "sleep 300; true", SLEEPER], env=ENV, seconds=300)
        with pytest.raises(ShortOfResources, match="has died"):
            inside.run(["/bin/true"], seconds=1)
    assert helpers(MARK) == []
    interrupter.join()


_USER = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from eximsim.subjects.isolation import Place
from eximsim.subjects.namespace import Namespace
print("ready", flush=True)
while True:
    with Namespace(Place(networks=("10.9.0.0/16",))) as inside:
        for _ in range(3):
            inside.write({{"/spool/x": b"x" * 100000}})
            inside.run(["/bin/sh", "-c", "(setsid sleep 300 &) ; sleep 0.01"], env={ENV!r}, seconds=9)
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_kill_at_any_moment_leaves_no_process_no_mount_and_no_file(namespaces: None, seed: int) -> None:
    mounts, temporary = Path("/proc/self/mountinfo").read_text(), Path("/run")
    files = sorted(os.listdir(temporary))
    moment = random.Random(seed).uniform(0.0, 0.3)
    assert all_end_after_kill([sys.executable, "-c", _USER], moment)
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert sorted(os.listdir(temporary)) == files


def test_a_machine_that_allows_none_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(NoNamespace, match=r"^no private namespace here: its helper did not start$"):
        Namespace(Place()).__enter__()


def test_a_step_that_fails_is_named(namespaces: None) -> None:
    place = Place(shown={"/there": "/no/such/folder"})
    with pytest.raises(NoNamespace, match="cannot make the file system of a private namespace: No such file"):
        Namespace(place).__enter__()
