"""A real Exim program as the subject of a test script, in a private namespace.

The world around it is what the model's tests have, made real: the zones are on a name server, the test
directory and its files are where the script expects them, and time is the real time.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from eximsim.errors import Unsupported
from eximsim.ports import Connection, DnsAnswer, Endpoint, SessionFactory
from eximsim.quick_dataclass import dataclass
from eximsim.subjects.isolation import Place
from eximsim.subjects.model import PATCHED_VERSION
from eximsim.subjects.namespace import Namespace
from eximsim.subjects.program import ETC, EXIM, LOST_PRIVILEGE, Accounts, Program, examine, plain_accounts
from eximsim.subjects.resolver import Resolver
from eximsim.subjects.resources import check_end, check_words
from eximsim.subjects.runs import User
from eximsim.subjects.subject import Result, Written
from eximsim.trace import Trace
from eximsim.world.accepting import Acceptor, Door
from eximsim.world.host import Accepted, Host, HostedWorld
from eximsim.world.loop import Loop
from eximsim.world.reply import Zones
from eximsim.world.serving import Served

_COMMAND_SECONDS = 60.0
_START_SECONDS = 10.0
_ANY_ADDRESS = "0.0.0.0"
_MADE = frozenset({"aux-var", "eximdir", "spool", "test-config", "test-mail"})
"""What a test makes in its directory; everything else there is shown from the folder of tests."""


@dataclass(frozen=True, slots=True)
class Setup:
    """A test's surroundings: the test ``directory`` as scripts have it, and the ``root`` shown there."""

    zones: Zones
    host: Host
    hostname: str
    directory: str
    root: Path
    caller: User
    exim: User


@contextmanager
def real_exim(path: Path, setup: Setup) -> Iterator[tuple[EximWorld, EximSubject]]:
    """A program in surroundings of its own, for one test; raises ``NoNamespace`` and ``InputError``."""
    host = setup.host
    shown = {f"{setup.directory}/{entry.name}": str(entry) for entry in setup.root.absolute().iterdir()
             if entry.name not in _MADE}  # fmt: skip
    addresses = tuple(address for address in host.addresses if address != "127.0.0.1")
    place = Place(setup.hostname, addresses, host.local_networks, ETC, {EXIM: str(path.absolute()), **shown})
    with Namespace(place) as inside:
        accounts = _accounts(setup, inside)
        program = examine(inside, path, accounts)
        with EximWorld(inside, setup.zones, host) as world:
            yield world, EximSubject(inside, world, program, setup)


def program_at(path: Path) -> Program:
    """What a program says about itself; raises as ``real_exim`` does."""
    with Namespace(Place(etc=ETC, shown={EXIM: str(path.absolute())})) as inside:
        return examine(inside, path, plain_accounts(inside))


def _accounts(setup: Setup, inside: Namespace) -> Accounts:
    """The caller is root, as the real test runner makes itself by way of sudo; it keeps its name."""
    caller, exim, root = setup.caller, setup.exim, inside.uid
    own = exim.uid if inside.privileged else root
    return Accounts(
        ((caller.name, root), ("root", root), (exim.name, own)),
        ((caller.group, root), ("root", root), (exim.group, own)),
        own,
    )


class EximWorld(HostedWorld):
    """What is around a real program: the name server and the scripted servers. A context manager."""

    simulates_disk = False

    def __init__(self, inside: Namespace, zones: Zones, host: Host) -> None:
        super().__init__(host)
        self._inside = inside
        self._zones = zones
        self._doors: dict[tuple[str | None, int], Door] = {}
        self._served: list[Served] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._loop = Loop()
            stack.callback(self._loop.close)
            self._resolver = Resolver(self._loop, self._inside)
            stack.callback(self._resolver.close)
            self._resolver.zones = self._zones
            stack.callback(self._stop_serving)
            self._acceptor = Acceptor(self._loop, self._welcome)
            stack.callback(self._acceptor.close)
            self._loop.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def questions(self) -> tuple[str, ...]:
        """What reached the name server, as ``"TYPE name"``, in order."""
        return tuple(self._resolver.questions)

    def lookup(self, name: str, type: str, *, timeout: float, tries: int, dnssec: bool) -> DnsAnswer:
        """See ``World``: nobody but the program asks."""
        raise Unsupported("a DNS question from outside the program")

    def connect(self, address: str, port: int, timeout: float, interface: str | None = None) -> Connection:
        """See ``World``: nobody but the program connects."""
        raise Unsupported("a scripted client of a real program")

    def now(self) -> float:
        """See ``World``: the real time."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """See ``World``: this really waits."""
        time.sleep(seconds)

    def listen(self, address: str | None, port: int, factory: SessionFactory) -> None:
        """See ``World``."""
        self._add_listener(address, port, factory)
        listener = self._inside.socket(socket.SOCK_STREAM, address or _ANY_ADDRESS, port)
        place = Endpoint(address or _ANY_ADDRESS, port)
        self._doors[address, port] = self._acceptor.take(listener, factory, place)

    def unlisten(self, address: str | None, port: int) -> None:
        """See ``World``."""
        del self._listeners[address, port]
        self._acceptor.shut(self._doors.pop((address, port)))

    def settle(self) -> None:
        """Wait until the servers have seen the end of all connections; no client is left."""
        self._acceptor.drain()
        for served in self._served:
            served.rest(None)

    def _welcome(self, wire: socket.socket, door: Door, peer: tuple[str, int]) -> None:
        session = door.factory()
        self.accepted.append(Accepted(Endpoint(*peer), door.place, session))
        served = Served(self._loop, wire, session)
        self._served.append(served)
        served.start(Endpoint(*peer), door.place)

    def _stop_serving(self) -> None:
        for served in self._served:
            served.stop()


class EximSubject:
    """A ``Subject``: the program, with its spool and its files in the namespace."""

    def __init__(self, inside: Namespace, world: EximWorld, program: Program, setup: Setup) -> None:
        self.program = program
        self._inside = inside
        self._world = world
        self._directory = setup.directory
        self._version = re.compile(rf"\b([Ee]xim (?:version )?){re.escape(program.version)}(?!\S)")
        self._names = (None, "root", setup.caller.name)
        self._sent: dict[str, bytes] = {}
        for name, owner in (("spool", program.uid), ("test-mail", None)):
            inside.fresh(f"{self._directory}/{name}", owner)
        inside.fresh(f"{self._directory}/eximdir", None, {"exim": EXIM})

    def exim(
        self,
        argv: Sequence[str],
        stdin: bytes,
        env: Mapping[str, str],
        user: str | None = None,
        pause: float = 0,
    ) -> Result:
        """See ``Subject``; the users known are the caller and root (``Unsupported`` otherwise)."""
        if pause:
            raise Unsupported("a pause before the end of standard input")
        if user not in self._names:
            raise Unsupported(f"a command run as user {user}")
        self._send_files()
        ran = self._inside.run([EXIM, *argv], stdin, env, seconds=_COMMAND_SECONDS, settle=True)
        check_end(ran.exit)
        check_words(ran.stderr.decode("utf-8", "replace"))
        self._world.settle()
        code = _TIMED_OUT if ran.exit is None else ran.exit
        return Result(code, self._text(ran.stdout), self._text(ran.stderr))

    def start_daemon(self, argv: Sequence[str], env: Mapping[str, str]) -> Result:
        """See ``Subject``."""
        self._send_files()
        code = self._inside.start([EXIM, *argv], env, _START_SECONDS)
        return Result(code, "", "")

    def kill_daemon(self) -> Result:
        """See ``Subject``."""
        stdout, stderr = self._inside.stop()
        return Result(0, self._text(stdout), self._text(stderr))

    def settle(self) -> None:
        """See ``Subject``: commands are waited for already, connections here."""
        self._world.settle()

    def queue(self, name: str = "") -> Sequence[str]:
        """See ``Subject``."""
        names = [Path(path).name for path in self._inside.read(f"{self._directory}/spool/{name}/input")]
        return sorted(name.removesuffix("-H") for name in names if name.endswith("-H"))

    def remove(self, pattern: str) -> None:
        """See ``Subject``."""
        self._inside.remove(pattern, self._directory)

    def dumped(self, database: str) -> str:
        """See ``Subject``; the program's own utility is not at hand here."""
        raise Unsupported(f"script command 'dump {database}' with a real program")

    def written(self) -> Written:
        """See ``Subject``."""
        spool = f"{self._directory}/spool"
        files = self._inside.read(f"{spool}/log", f"{self._directory}/test-mail")
        logs = {Path(path).name: octets.decode("utf-8", "replace") for path, octets in files.items()}
        check_words(logs.get("paniclog", ""), logs.get("mainlog", ""))
        msglogs = self._inside.read(f"{spool}/msglog")
        return Written(
            {path: text for path, octets in files.items() if (text := self._text(octets)) or not octets},
            {Path(path).name: self._text(octets) for path, octets in msglogs.items()},
        )

    def trace(self) -> Trace | None:
        """See ``Subject``: a real program records no decisions."""
        return None

    def _text(self, octets: bytes) -> str:
        """Text as a program under test writes it: with a version that is always the same, and without the
        complaint about every configuration that it was not installed with.
        """
        lines = octets.decode("utf-8", "surrogateescape").splitlines(keepends=True)
        kept = "".join(line for line in lines if LOST_PRIVILEGE not in line)
        return self._version.sub(rf"\g<1>{PATCHED_VERSION}", kept)

    def _send_files(self) -> None:
        """Bring the files inside up to what the world has."""
        files = self._world.host.files
        changed = {path: octets for path, octets in files.items() if self._sent.get(path) != octets}
        if changed:
            self._inside.write(changed)
        self._sent = dict(files)


_TIMED_OUT = -9
"""A command that takes too long is killed."""
