"""A world of DNS records in a dict, and processes that live in it: what the routing tests stand on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from eximsim.beside import Task
from eximsim.disk import Disk
from eximsim.mta.config.readconf import read_config
from eximsim.mta.process.globals import Process
from eximsim.mta.records.structs import Address
from eximsim.mta.routing.address import RouteResult, Verify, deliver_split_address
from eximsim.mta.routing.route import route_address
from eximsim.piped import Ended, PipedCommand
from eximsim.ports import Connection, DnsAnswer, DnsRecord, RData, TlsIdentity, Told
from eximsim.profiles import profile
from eximsim.subjects.runs import User, new_machine
from eximsim.world.answers import Answers

CONF = "/etc/exim.conf"
TRANSPORTS = "begin transports\nsmtp:\n  driver = smtp\nother:\n  driver = smtp\n"
LOCAL = ("127.0.0.1", "10.0.0.1", "::1")


@dataclass(frozen=True)
class Reply:
    """What the name server says to one question."""

    data: tuple[RData, ...] = ()
    rcode: str = "NOERROR"
    ad: bool = True
    aa: bool = False
    authority: tuple[DnsRecord, ...] = ()
    name: str | None = None


Zone = dict[tuple[str, str], Reply]


def records(*data: RData, ad: bool = True) -> Reply:
    """Records of one type at one name."""
    return Reply(data, ad=ad)


@dataclass
class ZoneWorld:
    """Answers from ``zone``, follows no CNAMEs (as fakens), and keeps the questions."""

    zone: Zone
    files: dict[str, bytes] = field(default_factory=dict)
    hosts: tuple[tuple[str, ...], ...] = ()
    answers: Answers = field(default_factory=Answers)
    disk: Disk = field(default_factory=Disk)
    questions: list[str] = field(default_factory=list)
    asked_secure: list[bool] = field(default_factory=list)

    def lookup(self, name: str, type: str, *, timeout: float, tries: int, dnssec: bool) -> DnsAnswer:
        self.questions.append(f"{type} {name}")
        self.asked_secure.append(dnssec)
        key = name.lower()
        reply = self.zone.get((key, type))
        if reply is not None:
            owner = reply.name or name
            answers = tuple(DnsRecord(owner, type, data) for data in reply.data)
            return DnsAnswer(reply.rcode, reply.ad, reply.aa, answers, reply.authority)
        alias = self.zone.get((key, "CNAME"))
        if alias is not None:
            record = DnsRecord(name, "CNAME", alias.data[0])
            return DnsAnswer(alias.rcode, alias.ad, alias.aa, (record,), alias.authority)
        known = any(owner == key for owner, _ in self.zone)
        return DnsAnswer("NOERROR" if known else "NXDOMAIN", True)

    def connect(self, address: str, port: int, timeout: float, interface: str | None = None) -> Connection:
        raise AssertionError("routing opens no connection")

    def now(self) -> float:
        return 1_000_000_000.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError("routing does not wait")

    side_by_side = False

    def spawn(self, job: Callable[[], None]) -> Task:
        raise AssertionError("routing begins no process")

    def wait(self, until: Callable[[], bool], deadline: float | None = None) -> bool:
        raise AssertionError("routing does not wait")

    def path_kind(self, path: str) -> str:
        inside = any(name.startswith(f"{path}/") for name in self.files)
        return "file" if path in self.files else "folder" if inside else ""

    def names_in(self, path: str) -> list[str]:
        return [name.rpartition("/")[2] for name in self.files if name.rpartition("/")[0] == path]

    def holds_domain(self, name: str) -> bool:
        return False

    def find_answer(self, kind: str, question: str) -> Told | None:
        return self.answers.find(kind, question)

    def ask(self, kind: str, question: str) -> Told:
        return self.answers.ask(kind, question)

    def ask_command(self, words: Sequence[str]) -> Told:
        return self.answers.ask("run", " ".join(words))

    def run_command(self, command: PipedCommand) -> Ended:
        raise AssertionError("routing runs no command")

    def is_served(self, address: str, port: int | None = None) -> bool:
        return False

    def converse(self, partner: PipedCommand | str) -> Connection:
        raise AssertionError("routing opens no connection")

    def find_program(self, name: str, folders: Sequence[str]) -> str | None:
        raise AssertionError("routing runs no command")

    def read_file(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.files[path]

    def self_signed(self, subject: str) -> TlsIdentity:
        raise AssertionError("routing serves nothing")

    def interface_addresses(self) -> tuple[str, ...]:
        return LOCAL

    def is_local_address(self, address: str) -> bool:
        return address in LOCAL

    def hosts_file(self) -> tuple[tuple[str, ...], ...]:
        return self.hosts

    def listen(self, address: str | None, port: int, factory: Callable[[], object]) -> None:
        raise AssertionError("routing serves nothing")

    def unlisten(self, address: str | None, port: int) -> None:
        raise AssertionError("routing serves nothing")


@dataclass
class Site:
    """One process with its world; ``shown`` is what it wrote to stderr."""

    process: Process
    world: ZoneWorld
    shown: list[str]

    @property
    def log(self) -> list[str]:
        """The main log, without time stamps."""
        files = self.process.machine.files
        return [line[20:] for path, lines in files.items() if path.endswith("/mainlog") for line in lines]

    def route(
        self, address: str, verify: Verify | None = None, parent: Address | None = None
    ) -> tuple[Address, RouteResult]:
        """Route one address."""
        addr = Address(address, unique=address, parent=parent)
        deliver_split_address(self.process, addr)
        return addr, route_address(self.process, addr, verify=verify)


def site(
    zone: Zone | None = None,
    *,
    main: str = "",
    routers: str = "",
    release: str = "4.88-jh03",
    seed: int = 1,
    files: Mapping[str, bytes] | None = None,
    hosts: tuple[tuple[str, ...], ...] = (),
) -> Site:
    """A process of a release with this configuration and these records."""
    text = f"primary_hostname = myhost.test.ex\nspool_directory = /spool\n{main}\n"
    text += f"begin routers\n{routers}\n{TRANSPORTS}" if routers else TRANSPORTS
    world = ZoneWorld(zone or {}, {**(files or {}), CONF: text.encode()}, hosts)
    of_release = profile(release)
    machine = new_machine(world, of_release, seed, User("CALLER", 1000, "CALLER", 1000))
    shown: list[str] = []
    process = Process(machine, read_config(world, CONF, of_release), of_release, pid=1, err=shown.append)
    return Site(process, world, shown)


def addresses(addr: Address) -> list[str]:
    """The addresses of an address's hosts, in order."""
    return [host.address or "" for host in addr.host_list]
