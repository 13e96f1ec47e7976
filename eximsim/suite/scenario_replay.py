"""Giving a scenario's commands to the model, and putting what came out into the form of a recording."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from eximsim.errors import InputError
from eximsim.mta.process.globals import Machine
from eximsim.mta.records.structs import Account
from eximsim.profiles import Profile
from eximsim.subjects.refused import configuration_error
from eximsim.subjects.runs import Ran, new_machine, run_exim
from eximsim.suite.replay import LOG_FILES, NETWORK, Normaliser, logged
from eximsim.suite.scenario_records import Done
from eximsim.suite.scenarios import RRsets, Scenario, Servers, Step, endpoint
from eximsim.suite.stand_configuration import SERVER_PORT
from eximsim.world.certificates import ChainSet, load_chains, pem_files
from eximsim.world.clock import START
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.reply import Zones
from eximsim.world.rrsets import rrset_zones
from eximsim.world.smtp_content import Received
from eximsim.world.smtp_script import server_behaviour
from eximsim.world.smtp_server import ConnectionLog, SmtpServer, log_of

ADDRESSES = ("127.0.0.1", "::1", "fd09::1")
"""The addresses of the host's interfaces."""

NETWORKS = (NETWORK,)
"""Where a scenario's servers are besides; these addresses lead to the host itself, too."""

_CONFIG = "/exim.conf"
_EXIM = Account(93, 93, "/")
"""The program's own user, whose number scenarios know."""


class Lots(random.Random):
    """Chance that remembers what was ``drawn``, and draws first what it is told to, if it is not None.

    Whoever gives another what was drawn here has the same again.
    """

    def __init__(self, seed: int = 0, first: Sequence[int | None] = ()) -> None:
        super().__init__(seed)
        self.drawn: list[int] = []
        self._first = first

    def getrandbits(self, k: int, /) -> int:
        """See ``random.Random``."""
        at = len(self.drawn)
        told = self._first[at] if at < len(self._first) else None
        self.drawn.append(super().getrandbits(k) if told is None else told)
        return self.drawn[-1]

    def random(self) -> float:
        """See ``random.Random``."""
        return self.getrandbits(53) / (1 << 53)


class ScenarioStand:
    """A place to give commands: the certificates that servers use, loaded once."""

    def __init__(self, certificates: Path) -> None:
        self.chains: ChainSet = load_chains(certificates)
        self._pem = _with_keys(pem_files(certificates, "certs"))

    def play(
        self,
        scenario: Scenario,
        profile: Profile,
        lots: Sequence[Lots] = (),
        began: Sequence[float | None] = (),
    ) -> Play:
        """The scenario on the model under ``profile``, to be run step by step.

        ``lots`` decide, a command each, where Exim draws lots; the usual ones for those without. ``began``
        are the times at which commands are given, in seconds since the epoch, where they are known.
        """
        return Play(scenario, profile, self.chains, self._pem, lots, began)


class Play:
    """One scenario under way on one machine; iterating gives the commands and does what comes of each.

    Iterating raises ``Unsupported`` and
    ``UndefinedBehaviour``.
    """

    def __init__(
        self,
        scenario: Scenario,
        profile: Profile,
        chains: ChainSet,
        pem: Mapping[str, bytes],
        lots: Sequence[Lots],
        began: Sequence[float | None],
    ) -> None:
        self._began = began
        self._scenario, self._profile, self._chains, self._lots = scenario, profile, chains, lots
        files = {name: text.encode("utf-8", "surrogateescape") for name, text in scenario.files.items()}
        files = {**pem, **files, _CONFIG: scenario.config.encode("utf-8", "surrogateescape")}
        host = Host(ADDRESSES, NETWORKS, scenario.hosts, files, whole_dns=True)
        start = next((moment for moment in began if moment is not None), START)
        self.world = MemoryWorld(self._zones(scenario.zone), host, start=start)
        self.world.disk.know_folder("/spool", uid=0, gid=0, mode=0o777)  # it belongs to the program's user
        self.world.disk.know_folder("/spool/log", uid=_EXIM.uid, gid=_EXIM.gid, mode=0o750)
        self.machine: Machine = new_machine(self.world, profile)
        self.machine.hints_known = self.machine.without_arguments = True
        self.machine.search_domain = self.machine.hostname.partition(".")[2]
        self.machine.privilege_lost = True  # as with -C, in recordings
        self.machine.accounts = {self.machine.exim_user: _EXIM}
        self._normalise = TextNormaliser(profile.version)
        self._served: list[tuple[str, int]] = []
        self._drawn = Lots()
        self._left_before = self._abreast_before = 0
        self._serve(scenario.servers)

    @property
    def drawn(self) -> tuple[int, ...]:
        """The lots that the last command made Exim draw."""
        return tuple(self._drawn.drawn)

    @property
    def side_by_side(self) -> bool:
        """Whether deliveries went on in the last command for which nobody waited."""
        return self.machine.left_behind > self._left_before or self.abreast

    @property
    def abreast(self) -> bool:
        """Whether batches of one message went out at the same time in the last command."""
        return self.machine.abreast > self._abreast_before

    def __iter__(self) -> Iterator[Done]:
        for number, step in enumerate(self._scenario.steps):
            self._drawn = self.machine.rng = self._lots[number] if number < len(self._lots) else Lots()
            self._left_before, self._abreast_before = self.machine.left_behind, self.machine.abreast
            self._prepare(step, self._began[number] if number < len(self._began) else None)
            stdin = step.stdin.encode("utf-8", "surrogateescape")
            command = ["-C", _CONFIG, *map(self._argument, step.argv)]
            try:
                ran = run_exim(self.machine, self.world, self._profile, command, stdin)
            except InputError as problem:
                yield self._refused(problem, checking=not CHECKS.isdisjoint(step.argv))
            else:
                yield self._done(ran)

    def _prepare(self, step: Step, began: float | None) -> None:
        if began is None:
            self.world.clock.advance(step.sleep)
        else:
            self.world.clock.advance_to(began)
        if step.servers is not None:
            self._serve(step.servers)
        if step.zone is not None:
            self.world.zones = self._zones(step.zone)

    def _zones(self, zone: RRsets) -> Zones:
        return rrset_zones(zone, certificate=self._chains.certificate)

    def _serve(self, servers: Servers) -> None:
        for place in self._served:
            self.world.unlisten(*place)
        self._served = []
        for name, server in servers.items():
            behaviour = server_behaviour(server)
            if behaviour.listen:
                self.world.listen(*endpoint(name), SmtpServer(behaviour, self._chains.chains))
                self._served.append(endpoint(name))

    def _argument(self, text: str) -> str:
        found = re.fullmatch(r"\$msg(\d+)", text)
        ids = self.machine.spool.ids()
        return ids[int(found[1]) - 1] if found and int(found[1]) <= len(ids) else text

    def _refused(self, problem: InputError, *, checking: bool) -> Done:
        """What comes of a command if the program cannot read its configuration; a check does not log it."""
        told = () if checking else configuration_error(self.machine, problem).splitlines()
        log = (*told[: problem.in_main_log], *(f"PANIC: {line}" for line in told))
        return Done(log, (), (), (), len(self.machine.spool.all_messages()), 1, ())

    def _done(self, ran: Ran) -> Done:
        if ran.stopped is not None:
            raise ran.stopped
        files = (filter(None, self.machine.files.get(path, ())) for path in LOG_FILES)
        log = logged(files, self._normalise.line)
        stdout = tuple(map(self._normalise, ran.output))
        logs = [log_of(accepted) for accepted in ran.accepted]
        messages = (line for one in logs for message in one.messages for line in shown_message(message))
        return Done(
            log,
            stdout,
            tuple(map(shown_connection, logs)),
            ran.questions,
            len(self.machine.spool.all_messages()),
            ran.exit,
            tuple(map(self._normalise, messages)),
        )


def shown_connection(log: ConnectionLog) -> dict[str, object]:
    """One connection, as recordings have it."""
    server, client = log.server, log.client
    assert server is not None
    assert client is not None
    address = (
        f"[{server.address}]" if ":" in server.address and server.port != SERVER_PORT else server.address
    )
    place = address if server.port == SERVER_PORT else f"{address}:{server.port}"
    return {
        "addr": place, "from": client.address, "events": list(log.events), "sni": log.sni,
        "tls": log.tls,
    }  # fmt: skip


def shown_message(message: Received) -> Iterable[str]:
    """A message that a server took: the envelope, then the content; of a bounce only that it is one."""
    yield f"from <{message.sender}> to {' '.join(message.recipients)}"
    text = message.content.decode("latin-1").replace("\r\n", "\n")
    if _BOUNCE.search(text.partition("\n\n")[0]):
        yield "  (a bounce)"
    else:
        yield from (f"  {line}" for line in text.split("\n"))


_BOUNCE = re.compile(r"^Auto-Submitted: auto-replied", re.M)


CHECKS = frozenset(("-be", "-bt", "-bv", "-bvs"))
"""Options that test something, and do not log what they find."""

_EACH_TIME = (
    (re.compile(r"\b[A-Z][a-z][a-z], \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d [-+]\d{4}"), "DATE"),
    (
        re.compile(r"(?<=[<=])E[0-9A-Za-z]{6}(?:-[0-9A-Za-z]{11}-[0-9A-Za-z]{4}|(?:-[0-9A-Za-z]+){2})@"),
        "EID@",
    ),
    (re.compile(r"\b\d{9,10}-eximdsn-\d+"), "BOUNDARY"),
)  # fmt: skip


def named_each_time(line: str) -> str:
    """A header line with names for the date and the message id, as recordings of logs do not have them."""
    for pattern, text in _EACH_TIME:
        line = pattern.sub(text, line)
    return line


class TextNormaliser:
    """Names for what is different each time: dates, message ids, versions. ``line`` is for log lines."""

    def __init__(self, version: str) -> None:
        self.line = Normaliser()
        self._version = re.compile(rf"\bExim {re.escape(version)}\b")

    def __call__(self, line: str) -> str:
        """A line of a message, or of what the program prints."""
        return self.line(self._version.sub("Exim V", named_each_time(line)))


_NO_KEY = b"-----BEGIN PRIVATE KEY-----\nnot kept\n-----END PRIVATE KEY-----\n"


def _with_keys(files: dict[str, bytes]) -> dict[str, bytes]:
    """The chains of a recording come without their keys; a client that shows one only has to find a file."""
    keys = {path.replace(".chain.", ".key."): _NO_KEY for path in files if ".chain." in path}
    return {**keys, **files}
