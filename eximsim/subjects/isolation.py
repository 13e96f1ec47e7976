"""Leaving the host: private network, file system, processes and host name, by Linux system calls.

Works as root, and without root where the kernel lets users make user namespaces. Standard library only.
Source: user_namespaces(7), newuidmap(1).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import ipaddress
import os
import pwd
import shutil
import signal
import socket
import stat
import struct
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from eximsim.quick_dataclass import dataclass

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = (
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
_PRIVATE = _NEWNS | _NEWUTS | _NEWIPC | _NEWPID | _NEWNET
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_REMOUNT, _MS_NOATIME, _MS_NODIRATIME = 32, 1024, 2048
_MS_BIND, _MS_MOVE, _MS_REC, _MS_PRIVATE, _MS_RELATIME = 4096, 8192, 16384, 1 << 18, 1 << 21
_KEPT_FLAGS = {
    "nosuid": _MS_NOSUID, "nodev": _MS_NODEV, "noexec": _MS_NOEXEC,
    "noatime": _MS_NOATIME, "nodiratime": _MS_NODIRATIME, "relatime": _MS_RELATIME,
}  # fmt: skip
_PR_SET_PDEATHSIG = 1
_SOMEBODY = 1000
"""Who root is where there is only one user: Exim refuses to be root."""

_OTHERS = 65535
"""How many users there are besides root, with all numbers that programs take for granted."""

_BASE = "/run"
"""Where the new root is put together: its old content (sockets of the host's services) is not wanted."""
_HOST_ETC = "/.etc"
_OWN = ("etc", "run", "proc")
_WRITABLE = ("/dev", "/proc")

_libc: Any = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Place:
    """What the place inside looks like.

    ``addresses`` are the interface's own, besides 127.0.0.1; ``networks`` are local (``10.9.0.0/16``) without
    that. ``etc`` has files of ``/etc`` by name, instead of the host's. ``shown`` are files and folders of the
    host by the path at which they are seen, so that every user inside can reach them.
    """

    hostname: str = "localhost"
    addresses: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    etc: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)


def leave_host() -> bool:
    """Go into new namespaces; the next child is the first process of its own. Raises ``OSError``.

    Who has no right to it becomes the owner of a new user namespace: root in it, with as many users besides
    as a machine has, where ``newuidmap`` gives them; else the only user. The result tells whether there are
    others.
    """
    if not _is_alone():
        try:
            _call("unshare", _PRIVATE)
            return True
        except PermissionError:
            pass
        except OSError as error:
            raise OSError(error.errno, f"no private namespace here: {error.strerror}") from None
    try:
        return _leave_as_user()
    except OSError as error:
        reason = "neither root nor a kernel that lets users make user namespaces"
        raise OSError(error.errno, f"no private namespace here: {reason} ({error.strerror})") from None


def _is_alone() -> bool:
    """Whether there are no other users here, as for the root of some containers."""
    rows = Path("/proc/self/uid_map").read_text().splitlines()
    return sum(int(row.split()[2]) for row in rows) <= _OTHERS


def _leave_as_user() -> bool:
    uid, gid = os.getuid(), os.getgid()
    commands = [_mapping("newuidmap", uid, "/etc/subuid"), _mapping("newgidmap", gid, "/etc/subgid")]
    wait, go = os.pipe()
    mapper = os.fork() if all(commands) else None
    if mapper == 0:  # it stays outside, where newuidmap has to run
        os.close(go)
        os._exit(0 if os.read(wait, 1) and all(map(_succeeds, commands)) else 1)
    try:
        _call("unshare", _PRIVATE | _NEWUSER)
        os.write(go, b".")
    finally:
        os.close(go)
        os.close(wait)
        status = 1 if mapper is None else os.waitpid(mapper, 0)[1]
    if status == 0:
        os.setgroups([])
        return True
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid or _SOMEBODY} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid or _SOMEBODY} {gid} 1")
    return False


def _mapping(tool: str, own: int, table: str) -> list[str]:
    """The call that gives this process root and all other users (or groups); empty if it cannot be had.

    ``table`` says which numbers somebody may use besides their own (subuid(5)).
    """
    program, names = shutil.which(tool), {str(os.getuid())}
    with contextlib.suppress(KeyError):
        names.add(pwd.getpwuid(os.getuid()).pw_name)
    try:
        rows = [line.split(":") for line in Path(table).read_text().splitlines()]
    except OSError:
        return []
    found = [row for row in rows if len(row) == 3 and row[0] in names and row[2].isdigit()]
    first = next((start for _, start, count in found if int(count) >= _OTHERS), "")
    if program is None or not first:
        return []
    return [program, str(os.getpid()), "0", str(own), "1", "1", first, str(_OTHERS)]


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


def die_with(parent: int) -> None:
    """Have this process killed when ``parent``, the one that made it, ends (or has ended already)."""
    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() not in (parent, 0):  # 0: it is outside of this process namespace
        os.kill(os.getpid(), signal.SIGKILL)


def enter(place: Place) -> None:
    """Furnish the namespaces, from their first process; raises ``OSError`` saying which step failed."""
    steps: tuple[tuple[str, Callable[[], None]], ...] = (
        ("the network", lambda: _network(place)),
        ("the file system", lambda: _file_system(place)),
        ("the host name", lambda: socket.sethostname(place.hostname)),
    )
    for step, action in steps:
        try:
            action()
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            raise OSError(
                error.errno, f"cannot make {step} of a private namespace: {error.strerror}{where}"
            ) from None


# ---- system calls --------------------------------------------------------------------------------------


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    _call("mount", *encoded, ctypes.c_ulong(flags), None if data is None else data.encode())


# ---- the file system -----------------------------------------------------------------------------------


def _file_system(place: Place) -> None:
    """A new root in memory that shows the host's folders read-only, with ``/etc`` and ``/run`` of its own."""
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    host = sorted(os.listdir("/"))
    _mount("eximsim", _BASE, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=755")
    for name in host:
        if name not in _OWN:
            _show(f"/{name}", f"{_BASE}/{name}")
    _show("/etc", f"{_BASE}{_HOST_ETC}")
    _etc(Path(f"{_BASE}/etc"), place.etc)
    Path(f"{_BASE}/run").mkdir()
    for target, source in place.shown.items():
        _show_at(source, Path(f"{_BASE}{target}"))
    _proc(f"{_BASE}/proc")
    _make_read_only()
    os.chdir(_BASE)
    _mount(".", "/", None, _MS_MOVE)
    os.chroot(".")
    os.chdir("/")


def _show(source: str, target: str) -> None:
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
    elif os.path.isdir(source):
        os.mkdir(target)
        _mount(source, target, None, _MS_BIND | _MS_REC)


def _show_at(source: str, target: Path) -> None:
    """Show a file or folder; a folder with private files is copied, so that users inside can read them."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not os.path.isdir(source):
        target.touch()
    elif any(not path.stat().st_mode & stat.S_IROTH for path in Path(source).rglob("*") if path.is_file()):
        shutil.copytree(source, target)
        for path in target.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        return
    else:
        target.mkdir()
    _mount(source, str(target), None, _MS_BIND | _MS_REC)


def _etc(etc: Path, own: Mapping[str, str]) -> None:
    etc.mkdir()
    for name in sorted(set(os.listdir("/etc")) - own.keys()):
        (etc / name).symlink_to(f"{_HOST_ETC}/{name}")
    for name, text in own.items():
        (etc / name).write_text(text)


def _proc(target: str) -> None:
    os.mkdir(target)
    try:
        _mount("proc", target, "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    except OSError:  # a container that hides parts of /proc does not let its users mount another
        _mount("/proc", target, None, _MS_BIND | _MS_REC)


def _make_read_only() -> None:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split(" ")
        point = fields[4].encode().decode("unicode_escape")
        inside = point.removeprefix(_BASE)
        if not point.startswith(f"{_BASE}/") or inside.startswith(_WRITABLE):
            continue
        flags = sum(_KEPT_FLAGS.get(option, 0) for option in fields[5].split(","))
        with contextlib.suppress(PermissionError):  # a mount that its owner has locked
            _mount(None, point, None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | flags)


# ---- the network ---------------------------------------------------------------------------------------

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_IFREQ = struct.Struct("16sh22x")
_HEADER, _ROUTE, _ADDRESS = struct.Struct("=IHHII"), struct.Struct("=BBBBBBBBI"), struct.Struct("=BBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_RTM_NEWADDR, _RTM_NEWROUTE, _NLMSG_ERROR = 20, 24, 2
_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_CREATE = 1, 4, 0x400
_TABLE_LOCAL, _PROTOCOL_BOOT, _SCOPE_HOST, _TYPE_LOCAL = 255, 3, 254, 2
_RTA_DST, _RTA_OIF, _IFA_LOCAL = 1, 4, 2


def _network(place: Place) -> None:
    """Set the loopback interface up, and have it take what the place has besides."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        name, flags = _IFREQ.unpack(fcntl.ioctl(wire, _SIOCGIFFLAGS, _IFREQ.pack(b"lo", 0)))
        fcntl.ioctl(wire, _SIOCSIFFLAGS, _IFREQ.pack(name, flags | _IFF_UP))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as wire:
        for address in place.addresses:
            _tell_kernel(wire, _RTM_NEWADDR, _interface_address(address), address)
        for network in place.networks:
            _tell_kernel(wire, _RTM_NEWROUTE, _local_route(network), network)


def _interface_address(text: str) -> bytes:
    """``ip address add ADDRESS dev lo``."""
    address = ipaddress.ip_address(text)
    body = _ADDRESS.pack(_family(address.version), address.max_prefixlen, 0, _SCOPE_HOST, _loopback())
    return body + _attribute(_IFA_LOCAL, address.packed)


def _local_route(text: str) -> bytes:
    """``ip route add local NETWORK dev lo``."""
    network = ipaddress.ip_network(text)
    kind = (_TABLE_LOCAL, _PROTOCOL_BOOT, _SCOPE_HOST, _TYPE_LOCAL)
    body = _ROUTE.pack(_family(network.version), network.prefixlen, 0, 0, *kind, 0)
    body += _attribute(_RTA_DST, network.network_address.packed)
    return body + _attribute(_RTA_OIF, struct.pack("=I", _loopback()))


def _family(version: int) -> int:
    return socket.AF_INET if version == 4 else socket.AF_INET6


def _loopback() -> int:
    return socket.if_nametoindex("lo")


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value


def _tell_kernel(wire: socket.socket, kind: int, body: bytes, what: str) -> None:
    """Send a netlink request and wait for its acknowledgement; raises ``OSError``."""
    flags = _NLM_F_REQUEST | _NLM_F_ACK | _NLM_F_CREATE
    wire.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body)
    reply = wire.recv(4096)
    _, answer, _, _, _ = _HEADER.unpack_from(reply)
    (number,) = struct.unpack_from("=i", reply, _HEADER.size)
    if answer == _NLMSG_ERROR and number not in (0, -errno.EEXIST):
        raise OSError(-number, os.strerror(-number), what)
