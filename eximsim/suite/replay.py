"""Running a recorded situation on the model, and putting what came out into the recording's form."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from eximsim.mta.config.readconf import Config, read_config
from eximsim.mta.delivery.transport_process import TRANSPORT_DIED
from eximsim.mta.process.globals import Machine
from eximsim.quick_dataclass import dataclass
from eximsim.subjects.conversation import Conversation
from eximsim.subjects.runs import new_machine, run_exim
from eximsim.suite.recipients import Recipient, delivered
from eximsim.suite.recording import Seen, Situation
from eximsim.suite.stand_configuration import SERVER_PORT, stand_configuration
from eximsim.trace import Trace
from eximsim.world.certificates import ChainSet, load_chains, pem_files
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.rrsets import rrset_zones
from eximsim.world.smtp_server import SmtpServer

if TYPE_CHECKING:
    from eximsim.ports import SessionFactory
    from eximsim.profiles import Profile
    from eximsim.trace import Decision
    from eximsim.world.reply import Zones

MakeWorld = Callable[["Zones", Host], MemoryWorld]
"""Makes the world of a situation; it may do more than a plain one."""

_CR = "\r"
SENDER = "s@myhost.test.ex"
NETWORK = "10.9.0.0/16"
"""Where a situation's servers are; it leads to the host itself."""
LOG_FILES: Mapping[str, str] = MappingProxyType(
    {"/spool/log/mainlog": "", "/spool/log/rejectlog": "REJECT: ", "/spool/log/paniclog": "PANIC: "}
)
"""Exim's log files, with the mark that a recording has before their lines."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the model did: one run, the queue run after it if there was one, and the outcome in a word."""

    seen: Seen
    outcome: str
    queuerun: Seen | None
    trace: Trace


def configuration(situation: Situation) -> str:
    """The Exim configuration of a situation, with its own settings put in."""
    return stand_configuration(situation.main, situation.router, situation.transport)


def _configured(situation: Situation) -> bytes:
    """The configuration's text; that of equal settings is written once."""
    key = tuple([tuple(one.items()) for one in (situation.main, situation.router, situation.transport)])
    text = _CONFIGURED.get(key)
    if text is None:
        if len(_CONFIGURED) >= _MOST_CONFIGURED:
            _CONFIGURED.clear()
        text = _CONFIGURED[key] = configuration(situation).encode()
    return text


_CONFIGURED: dict[object, bytes] = {}
_MOST_CONFIGURED = 1024


def dialogue(situation: Situation) -> tuple[str, ...]:
    """What a client says to have each recipient verified by callout."""
    recipients = (f"RCPT TO:<{recipient}>" for recipient in situation.recipients)
    return ("EHLO myhost.test.ex", f"MAIL FROM:<{SENDER}>", *recipients, "QUIT")


class Stand:
    """A place to run situations: the certificates that their servers use, loaded once."""

    def __init__(self, certificates: Path) -> None:
        self.chains: ChainSet = load_chains(certificates)
        self._pem = pem_files(certificates, "certs")

    def replay(
        self,
        situation: Situation,
        kind: str,
        profile: Profile,
        seed: int = 0,
        later: int | None = None,
        trace: Trace | None = None,
        make_world: MakeWorld = MemoryWorld,
    ) -> Replayed:
        """Run one situation as a ``"delivery"`` or a ``"callout"`` under ``profile``.

        ``seed`` decides about the order of hosts and addresses between which Exim chooses by chance,
        ``later`` about that in the queue run (None: the seed does). ``trace`` gets the decisions, also those
        of a run that cannot go on to its end. ``make_world`` makes the world of it.
        """
        zones = rrset_zones(situation.zone, certificate=self.chains.certificate)
        servers = self._servers(situation)
        return self.play(situation, kind, profile, zones, servers, None, seed, later, trace, make_world)

    def play(
        self,
        situation: Situation,
        kind: str,
        profile: Profile,
        zones: Zones,
        servers: Mapping[str, SessionFactory],
        config: Callable[[Config], Config] | None = None,
        seed: int = 0,
        later: int | None = None,
        trace: Trace | None = None,
        make_world: MakeWorld = MemoryWorld,
    ) -> Replayed:
        """As ``replay``, but with these zones, servers and this change of the configuration, instead of what
        ``situation`` says about them.
        """
        files = {"/config": _configured(situation), **self._pem}
        world = make_world(zones, Host(local_networks=(NETWORK,), files=files, whole_dns=True))
        for address, server in servers.items():
            world.listen(address, SERVER_PORT, server)
        machine = new_machine(world, profile, seed)
        machine.privilege_lost = True  # as with -C, in recordings
        if trace is not None:
            machine.trace = trace
        changed = config(read_config(world, "/config", profile)) if config else None
        run = StandRun(machine, world, situation, profile, changed)
        if kind == "callout":
            spoken = "".join(f"{line}\r\n" for line in dialogue(situation))
            seen = run.exim(["-bs"], spoken.encode(), smtp=True)
            return Replayed(seen, callout_outcome(situation, seen), None, machine.trace)
        seen = run.exim(["-odf", "-f", SENDER, *situation.recipients], b"")
        if later is not None:
            machine.rng = random.Random(later)
        second = run.exim([situation.queuerun], b"") if situation.queuerun else None
        return Replayed(seen, run.delivery_outcome, second, machine.trace)

    def _servers(self, situation: Situation) -> dict[str, SessionFactory]:
        behaviours = {address: situation.behaviour(address) for address in situation.servers}
        return {
            address: SmtpServer(behaviour, self.chains.chains)
            for address, behaviour in behaviours.items()
            if behaviour.listen
        }


class StandRun:
    """The runs of one situation on one machine; message ids keep their numbers from one to the next."""

    def __init__(
        self,
        machine: Machine,
        world: MemoryWorld,
        situation: Situation,
        profile: Profile,
        config: Config | None,
    ) -> None:
        self.machine, self.world = machine, world
        self.situation, self.profile, self.config = situation, profile, config
        self.delivery_outcome = ""
        self._normalise = Normaliser()

    def exim(self, arguments: list[str], stdin: bytes, *, smtp: bool = False) -> Seen:
        """Run the program once and gather what it did."""
        machine = self.machine
        command = ["-C", "/config", *arguments]
        ran = run_exim(machine, self.world, self.profile, command, stdin, self.config)
        if ran.stopped is not None:
            raise ran.stopped
        if not self.delivery_outcome:
            self.delivery_outcome = _delivery_outcome(self.situation, ran.decisions)
        return Seen(
            log=self._log(),
            smtp=rcpt_replies(ran.output) if smtp else (),
            servers=tuple(map(self._named, ran.connections)),
            dns=ran.questions,
            queued=None if smtp else len(machine.spool.all_messages()),
            exit=ran.exit,
        )

    def _log(self) -> tuple[str, ...]:
        return logged((self.machine.files.get(path, ()) for path in LOG_FILES), self._normalise)

    def _named(self, one: Conversation) -> Conversation:
        return replace(one, server=self.situation.server_name(one.address), port=None)


def logged(files: Iterable[Iterable[str]], normalise: Normaliser) -> tuple[str, ...]:
    """The lines of ``LOG_FILES``, in this order, as a recording has them."""
    return tuple(
        f"{mark}{normalise(line.removesuffix(_CR))}"
        for mark, lines in zip(LOG_FILES.values(), files, strict=True)
        for line in lines
    )


class Normaliser:
    """What a recording does to a log line: no date, ``M1``, ``X=TLS``, ``S=N``, ``pid=P`` and the like."""

    _DATE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d |(?<=^<BINARY>)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
    _ID = re.compile(r"\b[0-9A-Za-z]{6}-(?:[0-9A-Za-z]{11}-[0-9A-Za-z]{4}|[0-9A-Za-z]{6}-[0-9A-Za-z]{2})\b")
    _SMALL = (
        (re.compile(r" X=\S+"), " X=TLS"),
        (re.compile(r" S=\d+"), " S=N"),
        (re.compile(r"\bpid=\d+"), "pid=P"),
        (re.compile(r"\btransport process \d+ for"), "transport process P for"),
        (re.compile(r"\bprocess \d+ crashed"), "process P crashed"),
        (re.compile(r" Ci=\d+"), " Ci=N"),
        (re.compile(r"\btmp/\d+\.(?:H\d+|M\d+)P\d+\."), "tmp/T.P."),
        (re.compile(r"\.[0-9a-f]{8}\.[0-9a-f]{8} \(euid=\d+ egid=\d+\)"), ".T.P (euid=U egid=G)"),
        (re.compile(r"\bfault address: \S+\)"), "fault address: A)"),
        (re.compile(r"\) \[0x[0-9a-f]+\]$"), ") [A]"),
        (re.compile(r"SIGSEGV \((\w[\w-]*: )? *\d+ "), r"SIGSEGV (\1P "),
    )
    _BINARY = re.compile(r"[\x00-\x08\x0b-\x1f]+")

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def __call__(self, line: str) -> str:
        """The line in the recording's form."""
        text, ids = self._plain(line)
        numbers = [self._ids.setdefault(id, f"M{len(self._ids) + 1}") for id in ids]
        return text.format(*numbers) if ids else text

    @classmethod
    @lru_cache(maxsize=4096)
    def _plain(cls, line: str) -> tuple[str, tuple[str, ...]]:
        """The line with places for the numbers of its messages, and their ids."""
        line = cls._DATE.sub("", cls._BINARY.sub("<BINARY>", line))
        ids = tuple(cls._ID.findall(line))
        if ids:
            places = itertools.count()
            line = line.replace("{", "{{").replace("}", "}}")
            line = cls._ID.sub(lambda _: f"{{{next(places)}}}", line)
        for pattern, text in cls._SMALL:
            line = pattern.sub(text, line)
        return line, ids


def rcpt_replies(replies: Iterable[str]) -> tuple[str, ...]:
    """The replies to the RCPT commands: what stands after those to EHLO and MAIL, up to the one to QUIT."""
    groups: list[list[str]] = [[]]
    for line in replies:
        groups[-1].append(line)
        if line[3:4] != "-":
            groups.append([])
    after_mail = itertools.takewhile(lambda group: group and not group[0].startswith("221"), groups[3:])
    return tuple(line for group in after_mail for line in group)


def host_suffix(situation: Situation, name: str) -> str:
    """How an outcome names the host, ``@h1``; empty if the situation has one server only."""
    found = re.match(r"h\d(?=-)", name)
    return f"@{found[0]}" if found and len(situation.servers) > 1 else ""


def _delivery_outcome(situation: Situation, decisions: Sequence[Decision]) -> str:
    """The outcome of each recipient, in the words of recordings."""
    found = delivered(situation.recipients, decisions)
    words = (_word(situation, found.get(recipient)) for recipient in situation.recipients)
    crash = "!crash" if any(decision.is_of(TRANSPORT_DIED) for decision in decisions) else ""
    return ",".join(words) + crash


def _word(situation: Situation, recipient: Recipient | None) -> str:
    if recipient is None or (recipient.result == "delivered" and not recipient.host):
        return "?"
    if recipient.result == "delivered":
        return f"sent:{recipient.cv or 'CLEAR'}{host_suffix(situation, recipient.host)}"
    return "FAIL" if recipient.result == "failed" else f"defer{recipient.errno}"


def callout_outcome(situation: Situation, seen: Seen) -> str:
    """Reply code and how the recipient was asked about, for each recipient."""
    codes = [line[:3] for line in seen.smtp if line[3:4] != "-"]
    words = []
    for number, recipient in enumerate(situation.recipients):
        code = codes[number] if number < len(codes) else "?"
        how = "noconv"
        for connection in seen.servers:
            if f"RCPT TO:<{recipient}>" in connection.events:
                how = "tls" if connection.tls else "clear"
        words.append(f"{code}:{how}")
    exit_word = "" if seen.exit == 0 else f"!{seen.exit}"
    if any("SIGSEGV" in line for line in seen.log):
        exit_word += "!crash"
    return ",".join(words) + exit_word
