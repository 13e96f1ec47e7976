"""A user's configuration, unchanged, run in memory: what becomes of a message, or of a callout, in a case.

A ``Policy`` is a configuration that has been read once for one release. ``run`` makes a machine and a world
for one case (zone and servers), runs Exim there and tells what became of each recipient. What a
configuration says about its own machine stands for something here:

- its log files are kept in memory, whatever ``log_file_path`` says;
- a server listens at every port; at 465, and at the port of a transport that uses smtps, it begins with TLS;
- any ``tls_verify_certificates`` of a client, the system's store too, is the root of the case's certificates;
- a client certificate is one of these, whatever files it is in;
- files that the configuration includes or looks up come from where ``Sources`` says.

A callout is run by a condition of the configuration itself, without those that stand before it in its ACL.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field, replace
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from eximsim.errors import Gap, InputError, Unsupported
from eximsim.mta.acl.acl import ACL
from eximsim.mta.base.string import string_is_ip_address
from eximsim.mta.config.acl_read import AclCondition, AclVerb
from eximsim.mta.config.options_outbound import can_matter_outbound
from eximsim.mta.config.readconf import Config, read_config
from eximsim.mta.routing.route import ROUTER, ROUTING
from eximsim.quick_dataclass import dataclass
from eximsim.subjects.runs import Ran, new_machine, run_exim
from eximsim.suite.address_test import AddressTest, read_address_test
from eximsim.suite.config_files import ConfigFiles, Sources
from eximsim.suite.policy_addresses import HOSTNAME, recipients_of, sender_of
from eximsim.suite.policy_result import Result, dialogue, normalised, verified
from eximsim.suite.recipients import Recipient, delivered, kept
from eximsim.suite.replay import Normaliser
from eximsim.world.answers import Asked
from eximsim.world.certificates import ChainSet, der_chain
from eximsim.world.host import EVERY_PORT, Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.reply import Zones
from eximsim.world.rrsets import rrset_zones
from eximsim.world.smtp_behaviour import Behaviour
from eximsim.world.smtp_script import server_behaviour
from eximsim.world.smtp_server import SmtpServer

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Machine
    from eximsim.ports import SessionFactory
    from eximsim.profiles import Profile

_PANIC_LOG = "/log/paniclog"
_LOGS = (("/log/mainlog", ""), ("/log/rejectlog", "REJECT: "), (_PANIC_LOG, "PANIC: "))
_SMTPS_PORT = 465
_ANY_ADDRESS = ("0.0.0.0", "::0")
_CALLOUT_ACL = "eximsim_callout"
_NO_ACLS = ("connect", "helo", "mail", "quit", "notquit", "predata", "data", "starttls")
_CALLOUT = re.compile(r"(recipient|sender)(?:=[^/]*)?(?:/[^/]*)*/callout", re.IGNORECASE | re.ASCII)

Server = str | Mapping[str, object] | Behaviour | Callable[[], object]
"""What is at an address: a named behaviour, a script's content, a behaviour, or a maker of sessions."""


@dataclass(frozen=True, slots=True)
class Case:
    """One situation that a policy meets.

    ``zone`` are RRsets as ``world.rrsets`` reads them, or zones; ``servers`` what is at each address (nobody
    at others). ``kind`` is ``"delivery"`` or ``"callout"``; ``callout`` says which of ``Policy.callouts``.
    ``queue_runs`` are the options of runs after a delivery, ``"-qff"``. ``sender`` empty: a bounce; None:
    somebody at this machine. ``seed`` decides where Exim leaves it to chance. ``answers`` are those of
    databases and the like, in place of those that are given with the policy. ``notify`` is what the sender of
    a delivery asks to be told, as the words of NOTIFY, separated by commas.
    """

    recipients: tuple[str, ...]
    zone: Zones | Iterable[Mapping[str, object]]
    servers: Mapping[str, Server]
    kind: str = "delivery"
    sender: str | None = None
    queue_runs: tuple[str, ...] = ()
    callout: int = 0
    seed: int = 0
    answers: Asked | None = None
    notify: str = ""


@dataclass(frozen=True, slots=True)
class Callout:
    """A condition of the configuration that verifies by callout: ``what`` is recipient or sender."""

    what: str
    acl: str
    condition: AclCondition

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.condition.path}:{self.condition.line}"

    @property
    def asked(self) -> tuple[str, str]:
        """What is verified and how: callouts that have the same do the same."""
        return self.what, self.condition.argument

    def __str__(self) -> str:
        """The condition and its place."""
        return f"verify = {self.condition.argument} ({self.where})"


@dataclass(frozen=True)
class Policy:
    """A configuration, read for one release; raises ``InputError`` and ``Unsupported`` where it cannot be.

    ``path`` is what messages call it; ``text`` its content. ``defines`` are macros as of ``-D``. ``chains``
    are the certificates of the servers. ``sources`` is where the files are that it names; ``instead`` are
    contents that stand for files whatever is there (None: no such file).
    """

    path: str
    text: str
    profile: Profile
    chains: ChainSet
    defines: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    sources: Sources = field(default_factory=Sources)
    instead: Mapping[str, bytes | None] = field(default_factory=lambda: MappingProxyType({}))
    changed: Config | None = None
    """The configuration with options that ``with_option`` has changed."""

    @cached_property
    def files(self) -> ConfigFiles:
        """The files that the configuration names, and which of them were asked for."""
        own = {**self._client_certificates(), **self.instead}
        return ConfigFiles(self.path, self.text, self.sources, own)

    def _client_certificates(self) -> Mapping[str, bytes]:
        any_chain = next(iter(self.chains.chains.values()), None)
        if any_chain is None:
            return {}
        return dict.fromkeys(_named_certificates(self.text), any_chain.chain)

    @cached_property
    def config(self) -> Config:
        """What the configuration says."""
        if self.changed is not None:
            return self.changed
        return read_config(self.files, self.path, self.profile, self.defines, tolerant=True)

    @cached_property
    def callouts(self) -> tuple[Callout, ...]:
        """The conditions that verify a recipient or a sender by callout, in the configuration's order."""
        return tuple(
            Callout(found[1].lower(), name, condition)
            for name, verbs in self.config.acls.items()
            for verb in verbs
            for condition in verb.conditions
            if condition.name == "verify" and (found := _CALLOUT.match(condition.argument.replace(" ", "")))
        )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of cases that the configuration can meet: without a callout in it, deliveries only."""
        return ("delivery", "callout") if self.callouts else ("delivery",)

    def with_option(self, place: str, name: str, value: str | bool | int | None) -> Policy:
        """The same policy with another value of one option, as it would be read.

        ``place`` is ``"main"``, ``"router.NAME"`` or ``"transport.NAME"``. Raises ``KeyError``.
        """
        config = self.config
        kind, _, driver = place.partition(".")
        if kind == "main":
            return replace(self, changed=replace(config, main=config.main.replaced(**{name: value})))
        if kind == "transport":
            old = config.transports[driver]
            new = replace(old, options=old.options.replaced(**{name: value}))
            return replace(self, changed=replace(config, transports={**config.transports, driver: new}))
        if driver not in (router.name for router in config.routers):
            raise KeyError(driver)
        routers = tuple(
            replace(router, options=router.options.replaced(**{name: value}))
            if router.name == driver
            else router
            for router in config.routers
        )
        return replace(self, changed=replace(config, routers=routers))

    def run(self, case: Case, begun: Callable[[Machine], None] | None = None) -> Result:
        """Run one case from nothing, queue runs and all; ``begun`` is told on which machine."""
        session = self.session(case.zone, case.servers, case.seed, answers=case.answers)
        if begun is not None:
            begun(session.machine)
        if case.kind == "callout":
            return session.callout(case.recipients, case.callout)
        result = session.deliver(case.recipients, case.sender, case.notify)
        for option in case.queue_runs:
            result = session.queue_run(option)
        return result

    def session(
        self,
        zone: Zones | Iterable[Mapping[str, object]],
        servers: Mapping[str, Server],
        seed: int = 0,
        made: Callable[[Zones, Host], MemoryWorld] = MemoryWorld,
        answers: Asked | None = None,
    ) -> PolicySession:
        """A machine with this policy, on which several things can be done one after the other.

        ``made`` makes the world around it; ``answers`` are as in a case.
        """
        host = self._host if answers is None else replace(self._host, answers=answers)
        session = PolicySession(self, made(_NO_ZONES, host), seed)
        session.surround(zone, servers)
        return session

    def listeners(self, server: Server) -> Iterator[tuple[int, SessionFactory]]:
        """The ports at which a server listens, and what it is there."""
        if isinstance(server, str | Mapping):
            server = server_behaviour(server)
        if not isinstance(server, Behaviour):
            yield EVERY_PORT, server  # type: ignore[misc]  # a maker of sessions
        elif server.listen:
            yield EVERY_PORT, SmtpServer(server, self.chains.chains)
            tls_first = replace(server, tls_on_connect=True)
            for port in self._smtps_ports:
                yield port, SmtpServer(tls_first, self.chains.chains)

    @cached_property
    def _smtps_ports(self) -> tuple[int, ...]:
        ports = {_SMTPS_PORT}
        for transport in self.config.transports.values():
            if transport.driver == "smtp" and transport.options.text("protocol") == "smtps":
                port = transport.options.text("port") or ""
                ports.update({int(port)} if port.isdigit() else ())
        return tuple(sorted(ports))

    @cached_property
    def _host(self) -> Host:
        """The machine: its own addresses are those that the configuration sends from or listens at."""
        texts = [self.config.main.text("local_interfaces") or ""]
        texts += [
            transport.options.text("interface") or ""
            for transport in self.config.transports.values()
            if transport.driver == "smtp"
        ]
        return Host(
            addresses=tuple(dict.fromkeys(("127.0.0.1", *_named_addresses(tuple(texts))))),
            files=self.files,
            answers=self.sources.answers,
            kind_of=self.files.kind,
        )

    @cached_property
    def delivery_config(self) -> Config:
        """The configuration with its logs where they are found again."""
        main = self.config.main.replaced(log_file_path="/log/%slog")
        return replace(self.config, main=main)

    def callout_config(self, number: int) -> Config:
        """The same with an RCPT ACL that is one callout; each is made once."""
        if number not in self._callout_configs:
            self._callout_configs[number] = self._made_for_callout(number)
        return self._callout_configs[number]

    @cached_property
    def _callout_configs(self) -> dict[int, Config]:
        return {}

    def _made_for_callout(self, number: int) -> Config:
        if not self.callouts:
            raise InputError("no ACL verifies by callout", self.path)
        if not 0 <= number < len(self.callouts):
            raise InputError(f"no callout {number}; expected 0 to {len(self.callouts) - 1}", self.path)
        condition = self.callouts[number].condition
        verb = AclVerb("accept", (replace(condition, negated=False),), condition.path, condition.line)
        off = dict.fromkeys((f"acl_smtp_{name}" for name in _NO_ACLS), None)
        main = self.delivery_config.main.replaced(acl_smtp_rcpt=_CALLOUT_ACL, **off)
        acls = {**self.config.acls, _CALLOUT_ACL: (verb,)}
        return replace(self.config, main=main, acls=acls)


_NO_ZONES = rrset_zones(())
_ADDRESSES = re.compile(r"[0-9A-Fa-f:.]+")
_OWN_CERTIFICATE = re.compile(
    r"^[ \t]*tls_(?:certificate|privatekey)[ \t]*=[ \t]*(/\S+)[ \t]*$", re.MULTILINE
)


@lru_cache(maxsize=8)
def _named_certificates(text: str) -> tuple[str, ...]:
    """Files of certificates and keys that the text of a configuration names."""
    return tuple(_OWN_CERTIFICATE.findall(text))


@lru_cache(maxsize=64)
def _named_addresses(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The addresses in the values of options, each once."""
    named = (word for text in texts for part in _ADDRESSES.findall(text) for word in _readings(part))
    own = (word for word in named if string_is_ip_address(word)[0] and word not in _ANY_ADDRESS)
    return tuple(dict.fromkeys(own))


def _readings(text: str) -> Iterator[str]:
    """What addresses a part of a list may be: IPv4 between colons, IPv6 with its colons doubled or not."""
    yield from (text, text.replace("::", ":"), *text.split(":"))


class PolicySession:
    """One machine with one policy; its queue, its hints and its clock go on from one run to the next."""

    def __init__(self, policy: Policy, world: MemoryWorld, seed: int) -> None:
        self.policy, self.world = policy, world
        self.machine = new_machine(world, policy.profile, seed)
        self.machine.hostname, self.machine.environment_known = HOSTNAME, False
        self.machine.trust_store = der_chain(policy.chains.root)
        self._recipients: dict[str, Recipient] = {}
        self._served: list[tuple[str, int]] = []

    def surround(self, zone: Zones | Iterable[Mapping[str, object]], servers: Mapping[str, Server]) -> None:
        """Put this DNS and these servers around the machine, in place of those that were there."""
        for address, port in self._served:
            self.world.unlisten(address, port)
        self._served = []
        certificate = self.policy.chains.certificate
        self.world.zones = zone if isinstance(zone, Zones) else rrset_zones(zone, certificate=certificate)
        refusing = dict.fromkeys(servers, errno.ECONNREFUSED)
        self.world.host = replace(self.world.host, unreachable=refusing)
        for address, server in servers.items():
            for port, factory in self.policy.listeners(server):
                self.world.listen(address, port, factory)
                self._served.append((address, port))

    def deliver(self, recipients: Iterable[str], sender: str | None = None, notify: str = "") -> Result:
        """Take in a message from this machine and try to deliver it; ``sender`` empty is a bounce's.

        What the sender asks for with ``notify`` no command line can say: a message that is queued gets it.
        Raises ``InputError`` for an address that is none.
        """
        main = self.policy.config.main
        self._recipients = _unknown(recipients_of(recipients, main))
        given = ("-oep", "-f", sender_of(sender, main), "--", *self._recipients)
        refused = self._queued(given, notify) if notify else None
        return refused or self._deliveries(["-q"] if notify else ["-odf", *given])

    def _queued(self, given: Iterable[str], notify: str) -> Result | None:
        """Put a message on the queue whose sender asks to be told; what becomes of it if none is there."""
        result, queued = self._deliveries(["-odq", *given]), self.machine.spool.all_messages().values()
        for one in (recipient for message in queued for recipient in message.recipients):
            one.dsn_flags = frozenset(notify.split(","))
        return None if queued else result

    def queue_run(self, option: str = "-q") -> Result:
        """Run the queue; the recipients are those of the last delivery, as they are then."""
        return self._deliveries([option])

    def callout(self, addresses: Iterable[str], number: int = 0) -> Result:
        """Verify each address by the callout ``number`` of the policy; raises as ``deliver`` does."""
        self._recipients = _unknown(recipients_of(addresses, self.policy.config.main))
        config, what = self.policy.callout_config(number), self.policy.callouts[number].what
        said = tuple(dialogue(self._recipients, what))
        ran = self._exim(["-bs"], "".join(f"{line}\r\n" for line in said).encode(), config)
        return self._result(ran, verified(tuple(self._recipients), ran, said, what))

    def route(self, address: str) -> AddressTest:
        """Ask where an address would go (``exim -bt``); nothing is sent."""
        ran = self._exim(["-bt", "--", address], b"", self.policy.delivery_config)
        unsupported = tuple(dict.fromkeys(str(problem) for problem in self._missed(ran)))
        return AddressTest(ran.output, read_address_test(ran.output), unsupported)

    @property
    def log(self) -> tuple[str, ...]:
        """What the run that is under way has logged so far, as ``Result.log`` has it."""
        return normalised(self._raw_log)

    @property
    def _raw_log(self) -> tuple[str, ...]:
        written = ((mark, self.machine.files.get(path, ())) for path, mark in _LOGS)
        return tuple(f"{mark}{line}" for mark, lines in written for line in lines)

    def _deliveries(self, arguments: list[str]) -> Result:
        ran = self._exim(arguments, b"", self.policy.delivery_config)
        return self._result(ran, delivered(tuple(self._recipients), ran.decisions))

    def _exim(self, arguments: list[str], stdin: bytes, config: Config) -> Ran:
        return run_exim(self.machine, self.world, self.policy.profile, arguments, stdin, config)

    def _result(self, ran: Ran, decided: Mapping[str, Recipient]) -> Result:
        self._recipients.update(decided)
        broken = ran.stopped is not None or bool(self.machine.files.get(_PANIC_LOG))
        self._recipients.update(kept(self.machine.spool, self._recipients, broken=broken))
        if (why := self._why_unknown(ran)) is not None:
            for address, known in self._recipients.items():
                of_before = ran.stopped is not None and known.result == "deferred" and address not in decided
                if known.result == "unknown" or of_before:
                    self._recipients[address] = Recipient(address, why[0], reason=why[1])
        missed = tuple(self._missed(ran))
        return Result(
            recipients=tuple(self._recipients.values()),
            raw_log=self._raw_log,
            smtp=ran.output,
            connections=ran.connections,
            dns=ran.questions,
            decisions=ran.decisions,
            queued=len(self.machine.spool.all_messages()),
            exit=ran.exit,
            missed=tuple(dict.fromkeys(missed)),
            gaps=tuple(dict.fromkeys((*map(Gap.of, missed), *self._lost()))),
        )

    def _why_unknown(self, ran: Ran) -> tuple[str, str] | None:
        """What became of recipients about which nothing was decided, and why; None if Exim just went on."""
        if isinstance(ran.stopped, Unsupported):
            return "unsupported", str(ran.stopped).removeprefix("not modelled: ")
        if ran.stopped is not None:
            return "undefined", str(ran.stopped)
        if any(decision.is_of(ACL) and decision.outcome == "DISCARD" for decision in ran.decisions):
            return "delivered", "discarded by an ACL"
        if panics := self.machine.files.get(_PANIC_LOG, ()):
            _, _, said = Normaliser()(panics[-1]).partition("M1 ")
            return "crash", said or panics[-1]
        return ("failed", " ".join(ran.errors).removeprefix("exim: ")) if ran.errors else None

    def _lost(self) -> Iterator[Gap]:
        """Recipients of whom nobody can say what becomes of them."""
        for address, found in self._recipients.items():
            if found.result in _LOST:
                yield Gap(_LOST[found.result].format(address=address, reason=found.reason))

    def _missed(self, ran: Ran) -> Iterator[Unsupported]:
        """What the run met that the model does not have: where it stopped, and options that it passed by."""
        if isinstance(ran.stopped, Unsupported):
            yield ran.stopped
        left_out = self.policy.config.left_out
        if not left_out:
            return
        met = {"main"}
        for decision in ran.decisions:
            if decision.is_of(ROUTER):
                met.add(f"router.{decision.inputs['router']}")
            if decision.is_of(ROUTING):
                met.add(f"transport.{decision.inputs['transport']}")
        for left in left_out:
            if left.place in met and can_matter_outbound(left.place, left.name):
                yield left.problem


_LOST = {
    "unknown": "nothing was decided about {address}",
    "undefined": "Exim itself leaves open what happens: {reason}",
    "crash": "Exim dies: {reason}",
}


def _unknown(addresses: Iterable[str]) -> dict[str, Recipient]:
    return {address: Recipient(address, "unknown") for address in addresses}
