"""One Exim installation in a memory world, called as from a shell: what the tests of reception stand on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eximsim.mta.config.readconf import read_config
from eximsim.mta.process.globals import Process
from eximsim.mta.program import exim
from eximsim.profiles import profile
from eximsim.subjects.runs import User, new_machine
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.rrsets import rrset_zones

CONF = "/etc/exim.conf"
MAIN, REJECT, PANIC = "mainlog", "rejectlog", "paniclog"
STAMP = "2023-11-14 22:13:20 "
"""How log lines begin as long as no time has passed."""

_MAIN = """\
primary_hostname = here.ex
spool_directory = /spool
keep_environment =
tls_advertise_hosts =
"""
_ROUTERS = """
begin routers
refused:
  driver = redirect
  allow_fail
  local_parts = nobody
  data = :fail: no such person
later:
  driver = redirect
  allow_defer
  local_parts = later
  data = :defer: come back
all:
  driver = accept
  transport = out
begin transports
out:
  driver = smtp
  hosts = 127.0.0.1
  port = 2525
  allow_localhost
begin retry
* * F,5d,10m
"""


@dataclass
class Front:
    """A configuration (main section and ACLs) and the machine that runs it."""

    main: str = ""
    acls: str = ""
    release: str = "4.99"
    zone: Sequence[Mapping[str, object]] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    user: str = "caller"
    uid: int = 1000
    routers: str = _ROUTERS
    side_by_side: bool = False

    def __post_init__(self) -> None:
        begin = f"begin acl\n{self.acls}\n" if self.acls else ""
        text = f"{_MAIN}{self.main}\n{begin}{self.routers}"
        host = Host(addresses=("127.0.0.1", "192.0.2.1"), files={CONF: text.encode(), **self.files})
        zones = rrset_zones(self.zone)
        self.world = MemoryWorld(zones, host, start=1700000000, side_by_side=self.side_by_side)
        caller = User(self.user, self.uid, "g", self.uid)
        self.machine = new_machine(self.world, profile(self.release), user=caller)

    def exim(self, *argv: str, stdin: bytes | str = b"") -> exim.ExitStatus:
        """Run it once."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        return exim.run(self.machine, ["-C", CONF, *argv], data, {}, profile(self.release))

    def smtp(self, *commands: str, argv: tuple[str, ...] = ("-odq",)) -> list[str]:
        """The replies to a session over standard input, without the banner."""
        status = self.exim(*argv, "-bs", stdin="".join(f"{command}\r\n" for command in commands))
        return status.stdout.split("\r\n")[1:-1]

    def process(self) -> Process:
        """A process that has read the configuration."""
        config = read_config(self.world, CONF, profile(self.release), {})
        return Process(self.machine, config, profile(self.release), self.machine.new_pid())

    def log(self, name: str = MAIN) -> list[str]:
        """The lines of a log, without their stamps if those are of the start."""
        return [line.removeprefix(STAMP) for line in self.machine.files.get(f"/spool/log/{name}", [])]
