"""What one Exim process knows (src/globals.c), and what the machine keeps when the process is gone."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from eximsim.mta.world import DnsAnswer, World
from eximsim.status import DnsResult
from eximsim.trace import Trace

if TYPE_CHECKING:
    from eximsim.mta.queue import Spool
    from eximsim.mta.readconf import Config
    from eximsim.mta.retry import Hints
    from eximsim.profiles import Profile


class Rng(Protocol):
    """The scenario's one seeded source of randomness (``random.Random`` fits)."""

    def randrange(self, stop: int, /) -> int:
        """A number from 0 to ``stop`` - 1."""


class ProcessDied(Exception):
    """The real process dies here of ``signal``: an outcome of its own, not an error of the model."""

    def __init__(self, signal: int) -> None:
        self.signal = signal
        super().__init__(f"terminated by signal {signal}")


@dataclass(slots=True)
class Machine:
    """What outlives a process: disk, clock, network and the trace of the run.

    ``files`` holds what Exim wrote outside spool and hints: log files by path, as lists of whole lines.
    """

    world: World
    rng: Rng
    spool: Spool
    hints: Hints
    trace: Trace = field(default_factory=Trace)
    files: dict[str, list[str]] = field(default_factory=dict)
    next_pid: int = 10000
    user: str = "CALLER"
    uid: int = 1000
    group: str = "CALLER"
    gid: int = 1000
    hostname: str = "myhost.test.ex"

    def new_pid(self) -> int:
        """The next process number."""
        self.next_pid += 1
        return self.next_pid


@dataclass(slots=True)
class Resolver:
    """The resolver's flags as ``dns_init()`` leaves them."""

    qualify_single: bool = False
    search_parents: bool = False
    dnssec: bool = False


@dataclass(slots=True)
class Process:
    """One Exim process. ``fork()`` gives a child that has a copy of everything, as the kernel does.

    ``variables`` are the expansion variables that have a value, without the dollar sign. ``dns_fails`` is
    the negative cache of src/dns.c. ``driver_state`` holds, by transport name, what a driver changed in
    its own options block (a fault that Exim has to this day; see ``tls_tempfail_tryclear``).
    """

    machine: Machine
    config: Config
    profile: Profile
    pid: int
    variables: dict[str, str] = field(default_factory=dict)
    resolver: Resolver = field(default_factory=Resolver)
    dns_fails: dict[tuple[str, str, bool], tuple[DnsResult, DnsAnswer]] = field(default_factory=dict)
    driver_state: dict[str, dict[str, object]] = field(default_factory=dict)
    message_id: str = ""
    host_checking: bool = False
    out: Callable[[str], None] = lambda text: None
    err: Callable[[str], None] = lambda text: None

    @property
    def world(self) -> World:
        """The world that this process lives in."""
        return self.machine.world

    @property
    def trace(self) -> Trace:
        """The trace of the run."""
        return self.machine.trace

    def fork(self) -> Process:
        """A child process: same machine and configuration, its own copy of everything else."""
        child = copy.copy(self)
        child.pid = self.machine.new_pid()
        child.variables = dict(self.variables)
        child.resolver = copy.copy(self.resolver)
        child.dns_fails = dict(self.dns_fails)
        child.driver_state = {name: dict(state) for name, state in self.driver_state.items()}
        return child

    def hdebug(self, text: str) -> None:
        """What Exim's HDEBUG macro shows under ``-bh`` and ``-bhc``: each line after ``>>> ``, on stderr."""
        if self.host_checking:
            for line in text.splitlines():
                self.err(f">>> {line}\n")
