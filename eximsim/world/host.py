"""The host that Exim runs on: its addresses, its hosts file, its files, and who listens where."""

from __future__ import annotations

import errno
import ipaddress
import os
import posixpath
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from eximsim.beside import Task
from eximsim.disk import Disk
from eximsim.errors import Unsupported
from eximsim.files import Folder
from eximsim.piped import Ended, PipedCommand, as_octets
from eximsim.ports import (
    ConnectError,
    Connection,
    Endpoint,
    Session,
    SessionFactory,
    TlsIdentity,
    Told,
)
from eximsim.quick_dataclass import dataclass
from eximsim.world.answers import Answers, Asked
from eximsim.world.backlog import UnservedSession
from eximsim.world.lmtp import LmtpSession
from eximsim.world.programs import PROGRAM_FOLDERS, Machine, Program, is_known, run_known
from eximsim.world.reply import Zones

EVERY_PORT = 0
"""A listener with this port serves all ports of its address that have none of their own; in memory only."""

_KERNEL_CONNECT_TIMEOUT = 127.0
"""How long Linux tries to connect when the program sets no limit (tcp_syn_retries = 6), in seconds."""


@lru_cache(maxsize=4096)
def _within(address: str, networks: tuple[str, ...]) -> bool:
    parsed = ipaddress.ip_address(address)
    return any(parsed in ipaddress.ip_network(network) for network in networks)


@dataclass(frozen=True, slots=True)
class Host:
    """What is known of the host before anything happens.

    ``addresses`` are those of its interfaces; ``local_networks`` (CIDR) are routed to it besides.
    ``hosts_file`` are its lines: an address, a name, other names. ``files`` are contents by path; what is
    not among them is read below ``folders``: pairs of a scenario path and the real folder that stands for it.
    ``unreachable`` gives the errno of a connection to an address where no server is; other addresses give
    ECONNREFUSED if they are local, ENETUNREACH if not. ``answers`` are those of what no world has.
    ``kind_of`` says what is at a path (``World.path_kind``), where the files alone do not show it.
    ``runner``, if there is one, really runs commands; None from it means that it could not.
    """

    addresses: tuple[str, ...] = ("127.0.0.1",)
    local_networks: tuple[str, ...] = ()
    hosts_file: tuple[tuple[str, ...], ...] = (("127.0.0.1", "localhost"),)
    files: Mapping[str, bytes] = field(default_factory=dict)
    folders: tuple[tuple[str, Path], ...] = ()
    unreachable: Mapping[str, int] = field(default_factory=dict)
    answers: Asked = field(default_factory=Answers)
    kind_of: Callable[[str], str] | None = None
    runner: Runner | None = None
    whole_dns: bool = False
    """The world's zones are all that there is of the DNS."""

    def is_local(self, address: str) -> bool:
        """Whether packets to ``address`` stay here."""
        return address in self.addresses or _within(address, ("127.0.0.0/8", "::1/128", *self.local_networks))

    def source_for(self, address: str) -> str:
        """The address that a connection to ``address`` comes from.

        A connection that stays on the host has the same address at both ends, as the kernel does it.
        """
        if self.is_local(address):
            return address
        family = [own for own in self.addresses if (":" in own) == (":" in address)]
        return next((own for own in family if not _within(own, ("127.0.0.0/8", "::1/128"))), "0.0.0.0")

    def refusal(self, address: str, timeout: float) -> tuple[int, float]:
        """The errno with which a connection to nobody fails, and the seconds until it does."""
        number = self.unreachable.get(address)
        if number is None:
            number = errno.ECONNREFUSED if self.is_local(address) else errno.ENETUNREACH
        return number, (timeout or _KERNEL_CONNECT_TIMEOUT) if number == errno.ETIMEDOUT else 0.0


@dataclass(frozen=True, slots=True)
class Accepted:
    """A connection that a listener accepted, ends as the scenario names them."""

    client: Endpoint
    server: Endpoint
    session: Session


class Runner(Protocol):
    """Who really runs commands."""

    def run(self, command: PipedCommand, world: Machine) -> Ended | None:
        """Run a command to its end; what it reads is in ``world``, and so is what it writes."""

    def find(self, name: str, folders: Sequence[str]) -> str | None:
        """The path of a program in the first of some folders that has it."""


_TEMPORARY = 75
"""EX_TEMPFAIL, the status of a command that could not do its work now."""


def _ended(command: PipedCommand, said: Told) -> Ended:
    if said.endless:
        return Ended(None, as_octets(said.value or ""), command.seconds)
    if said.deferred:
        return Ended(_TEMPORARY, as_octets(said.error))
    return Ended(1) if said.value is None else Ended(said.status, as_octets(said.value))


class _Done:
    """A process that is over."""

    ended = True


_DONE = _Done()


class HostedWorld:
    """What both worlds share: the answers that come from the host alone, and the table of listeners.

    ``accepted`` are the connections in order of acceptance.
    """

    _FIRST_PORT = 40000

    zones: Zones
    simulates_disk = True
    """What is on ``disk`` is all that the program under test finds there."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.disk = Disk()
        self.accepted: list[Accepted] = []
        self._listeners: dict[tuple[str | None, int], SessionFactory] = {}
        self._leaving: dict[tuple[str | None, int], float] = {}
        """Until when those listen that take nobody any more."""
        self.programs: dict[str, Program] = {}
        """Programs of the scenario, by path."""
        self._partners: dict[str, Callable[[PipedCommand | str], Session]] = {}
        self._last_port = self._FIRST_PORT

    @property
    def handshakes(self) -> int:
        """How many real TLS handshakes the servers of this world have completed."""
        return 0

    def serve(self, path: str, factory: Callable[[PipedCommand | str], Session]) -> None:
        """Have sessions ready for a command or a Unix domain socket (``World.converse``)."""
        self._partners[path] = factory

    def stop_serving(self, path: str) -> None:
        """The opposite of ``serve``."""
        del self._partners[path]

    def is_served(self, address: str, port: int | None = None) -> bool:
        """See ``World``."""
        if port is None:
            return address in self._partners
        return self._listening(address, port) is not None

    def converse(self, partner: PipedCommand | str) -> Connection:
        """See ``World``; in memory only."""
        raise Unsupported("a dialogue with a command or a Unix domain socket outside the memory world")

    def _partner(self, partner: PipedCommand | str) -> Session:
        """Who is at the other end of a dialogue: an ordinary LMTP server, if the answers say so."""
        path = partner if isinstance(partner, str) else partner.words[0]
        if path in self._partners:
            return self._partners[path](partner)
        said = self.host.answers.ask("lmtp", path if isinstance(partner, str) else partner.question)
        if said.value is None:
            raise ConnectError(errno.ECONNREFUSED if said.deferred else errno.ENOENT)
        return LmtpSession(said.value)

    @abstractmethod
    def now(self) -> float:
        """See ``World``."""

    @property
    def side_by_side(self) -> bool:
        """See ``World``."""
        return False

    def spawn(self, job: Callable[[], None]) -> Task:
        """See ``World``."""
        job()
        return _DONE

    def wait(self, until: Callable[[], bool], deadline: float | None = None) -> bool:
        """See ``World``."""
        return until()

    def self_signed(self, subject: str) -> TlsIdentity:
        """See ``World``."""
        from eximsim.world.certificates import bare_certificate  # slow to load

        return bare_certificate(subject, self.now())

    def interface_addresses(self) -> tuple[str, ...]:
        """See ``World``."""
        return self.host.addresses

    def is_local_address(self, address: str) -> bool:
        """See ``World``."""
        return self.host.is_local(address)

    def hosts_file(self) -> tuple[tuple[str, ...], ...]:
        """See ``World``."""
        return self.host.hosts_file

    def path_kind(self, path: str) -> str:
        """See ``World``."""
        path = posixpath.normpath(path)
        if path == "/":
            return "folder"
        if self.host.kind_of is not None:
            return self.host.kind_of(path)
        if path in self.host.files:
            return "file"
        for prefix, folder in self.host.folders:
            if path == prefix or path.startswith(f"{prefix}/"):
                return Folder(folder).kind(path[len(prefix) :].lstrip("/") or ".")
        return "folder" if any(name.startswith(f"{path}/") for name in self.host.files) else ""

    def names_in(self, path: str) -> list[str]:
        """See ``World``."""
        inside = f"{posixpath.normpath(path)}/"
        given = {
            name.removeprefix(inside).partition("/")[0] for name in self.host.files if name.startswith(inside)
        }
        return sorted(given | set(self._really_in(path)))

    def _really_in(self, path: str) -> list[str]:
        for prefix, folder in self.host.folders:
            if f"{path}/".startswith(f"{prefix}/"):
                try:
                    return Folder(folder).names(path[len(prefix) :].lstrip("/") or ".")
                except OSError:
                    break
        return []

    def holds_domain(self, name: str) -> bool:
        """See ``World``."""
        return self.host.whole_dns or self.zones.holds(name)

    def ask(self, kind: str, question: str) -> Told:
        """See ``World``."""
        return self.host.answers.ask(kind, question)

    def find_answer(self, kind: str, question: str) -> Told | None:
        """See ``World``."""
        return self.host.answers.find(kind, question)

    def ask_command(self, words: Sequence[str]) -> Told:
        """See ``World``: an answer that was given counts first, then what is well known of a command."""
        command = PipedCommand(tuple(words))
        if self.host.answers.find("run", command.question) is None:
            ended = run_known(command, self)
            if ended is not None and not ended.seconds:
                return Told(ended.output.decode("utf-8", "surrogateescape"), status=ended.status or 0)
        return self.host.answers.ask("run", command.question)

    def run_command(self, command: PipedCommand) -> Ended:
        """See ``World``: an answer that was given counts first, then a real run, then what is well known."""
        said = self.host.answers.find("pipe", command.question)
        if said is None:
            ended = self.host.runner.run(command, self) if self.host.runner else run_known(command, self)
            if ended is not None:
                return ended
            said = self.host.answers.ask("pipe", command.question)
        return _ended(command, said)

    def find_program(self, name: str, folders: Sequence[str]) -> str | None:
        """See ``World``."""
        for path in (posixpath.join(folder, name) for folder in folders):
            if self.path_kind(path):
                return path
        if self.host.answers.find("which", name) is None:
            if is_known(name):
                return next((f"{folder}/{name}" for folder in folders if folder in PROGRAM_FOLDERS), None)
            if self.host.runner is not None:
                return self.host.runner.find(name, folders)
        return self.host.answers.ask("which", name).value

    def read_file(self, path: str) -> bytes:
        """See ``World``."""
        path = posixpath.normpath(path)
        if path in self.disk.files:
            return self.disk.files[path].content
        if path in self.host.files:
            return self.host.files[path]
        for prefix, folder in self.host.folders:
            if path == prefix or path.startswith(f"{prefix}/"):
                return Folder(folder).read(path[len(prefix) :])
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)

    def _add_listener(self, address: str | None, port: int, factory: SessionFactory) -> None:
        if self._leaving.pop((address, port), None) is None and (address, port) in self._listeners:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        self._listeners[address, port] = factory

    def _drop_listener(self, address: str | None, port: int, end: float) -> None:
        """Nobody is taken any more; who comes before the server's ``end`` stays in the backlog until then."""
        if end <= self.now():
            del self._listeners[address, port]
            return
        self._leaving[address, port] = end
        self._listeners[address, port] = lambda: UnservedSession([end - self.now()])

    def _listening(self, address: str, port: int) -> tuple[str | None, int] | None:
        """The key of the listener that gets connections to this address and port."""
        for place in [place for place, end in self._leaving.items() if end <= self.now()]:
            del self._leaving[place], self._listeners[place]
        for key in ((address, port), (address, EVERY_PORT)):
            if key in self._listeners:
                return key
        everywhere = (None, port)
        return everywhere if everywhere in self._listeners and self.host.is_local(address) else None

    def _new_port(self) -> int:
        """The local port of the next connection that a client opens."""
        self._last_port += 1
        return self._last_port

    def _source(self, address: str, interface: str | None) -> str:
        if interface is None or ipaddress.ip_address(interface).is_unspecified:
            return self.host.source_for(address)
        if not self.host.is_local(interface):
            raise ConnectError(errno.EADDRNOTAVAIL)
        return interface
