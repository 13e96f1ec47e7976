"""A user's configuration on a real Exim, in a private namespace: the counterpart of a ``PolicySession``.

The program runs unmodified. Of the configuration that changes which the model has stand for something else:
where the spool and the logs are, and which authorities a client trusts (those of the test).
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eximsim.errors import InputError
from eximsim.ports import Endpoint
from eximsim.subjects.conversation import conversation_of
from eximsim.subjects.isolation import Place
from eximsim.subjects.namespace import Namespace, Ran
from eximsim.subjects.program import CONFIGURATION, ETC, EXIM, LOST_PRIVILEGE, examine, plain_accounts
from eximsim.subjects.resolver import Resolver
from eximsim.suite.address_test import AddressTest, read_address_test
from eximsim.suite.policy import Policy, Server
from eximsim.suite.policy_addresses import HOSTNAME, recipients_of, sender_of
from eximsim.suite.policy_result import Result
from eximsim.suite.recipients import Recipient
from eximsim.world.accepting import Acceptor, Door
from eximsim.world.host import Accepted
from eximsim.world.loop import Loop
from eximsim.world.reply import Zones
from eximsim.world.rrsets import rrset_zones
from eximsim.world.serving import Served
from eximsim.world.smtp_behaviour import Behaviour
from eximsim.world.smtp_script import server_behaviour
from eximsim.world.smtp_server import SmtpServer

if TYPE_CHECKING:
    from eximsim.ports import SessionFactory

_SPOOL, _ROOT = "/spool", "/certs/root.pem"
_LOGS = (("mainlog", ""), ("rejectlog", "REJECT: "), ("paniclog", "PANIC: "))
_NETWORK = "192.0.2.0/24"
"""Where the hosts of a test are unless it says otherwise."""
_SECONDS = 60.0
_SMTP, _SMTPS = 25, 465

_OURS = re.compile(r"^\s*(?:hide\s+)?(?:spool_directory|log_file_path|exim_path|pid_file_path)\s*=")
_TRUST = re.compile(r"^\s*tls_verify_certificates\s*=")
_SENDS = re.compile(r"^\s*driver\s*=\s*smtp\s*$")
_BEGIN = re.compile(r"^\s*begin\s+(\w+)")
_MACRO = re.compile(r"^\s*([A-Z]\w*)\s*==?")

_LINE = re.compile(
    r"\S+ \S+ \S+ (?P<flag>=>|->|==|\*\*) (?P<shown>\S+?)(?: <(?P<original>\S+)>)?:? (?P<rest>.*)"
)
_HOST = re.compile(r"\bH=(\S+) \[")
_VERIFIED = re.compile(r"\bCV=(\w+)")
_DEFER = re.compile(r"\bdefer \((-?\d+)\)(?::? ?)(.*)")


class RealPolicySession:
    """One machine with one policy, on the program ``exim``; its queue and its hints go on from run to run.

    Time is real. Raises ``NoNamespace`` where the machine does not allow one.
    """

    def __init__(self, policy: Policy, exim: Path) -> None:
        self._policy, self._exim = policy, exim.absolute()
        self._recipients: tuple[str, ...] = ()
        self._name = policy.config.main.text("primary_hostname") or HOSTNAME
        self._stack = ExitStack()
        self._doors: list[Door] = []
        self._accepted: list[Accepted] = []
        self._served: list[Served] = []
        self._open = False

    def close(self) -> None:
        """Leave nothing behind."""
        self._stack.close()

    def surround(self, zone: Zones | Iterable[Mapping[str, object]], servers: Mapping[str, Server]) -> None:
        """Put this DNS and these servers around the machine, in place of those that were there."""
        if not self._open:
            self._enter(servers)
        certificate = self._policy.chains.certificate
        self._resolver.zones = zone if isinstance(zone, Zones) else rrset_zones(zone, certificate=certificate)
        for door in self._doors:
            self._acceptor.shut(door)
        self._doors = []
        for address, server in servers.items():
            if not any(ip_address(address) in network for network in self._networks):
                raise InputError(f"server {address}: expected an address that the first run had")
            for port, factory in self._listeners(server):
                listener = self._inside.socket(socket.SOCK_STREAM, address, port)
                self._doors.append(self._acceptor.take(listener, factory, Endpoint(address, port)))

    def deliver(self, recipients: Iterable[str], sender: str | None = None) -> Result:
        """Take in a message from this machine and try to deliver it; ``sender`` empty is a bounce's."""
        main = self._policy.config.main
        self._recipients = recipients_of(recipients, main)
        return self._deliveries(["-odf", "-oep", "-f", sender_of(sender, main), "--", *self._recipients])

    def queue_run(self, option: str = "-q") -> Result:
        """Run the queue; the recipients are those of the last delivery, as they are then."""
        return self._deliveries([option])

    def route(self, address: str) -> AddressTest:
        """Ask where an address would go (``exim -bt``); nothing is sent."""
        ran, _ = self._run(["-bt", "--", address])
        lines = tuple(ran.stdout.decode("utf-8", "surrogateescape").splitlines())
        return AddressTest(lines, read_address_test(lines))

    # ---- what is around it

    def _enter(self, servers: Mapping[str, Server]) -> None:
        self._networks = [ip_network(_NETWORK), *(ip_network(address) for address in servers)]
        networks = tuple(dict.fromkeys(map(str, self._networks)))
        with ExitStack() as stack:
            place = Place(self._name, (), networks, ETC, {EXIM: str(self._exim)})
            self._inside = stack.enter_context(Namespace(place))
            program = examine(self._inside, self._exim, plain_accounts(self._inside))
            self._inside.fresh(_SPOOL, program.uid)
            self._loop = Loop()
            stack.callback(self._loop.close)
            self._resolver = Resolver(self._loop, self._inside)
            stack.callback(self._resolver.close)
            self._acceptor = Acceptor(self._loop, self._welcome)
            stack.callback(self._acceptor.close)
            self._loop.start()
            self._inside.write(self._files())
            self._stack = stack.pop_all()
        self._open = True

    def _files(self) -> dict[str, bytes]:
        """The configuration, what it includes, and the authority that is trusted."""
        named = {path: self._policy.files[path] for path in self._policy.files.found}
        text = real_configuration(self._policy.text, self._policy.defines)
        return {**named, CONFIGURATION: text.encode("latin-1", "replace"), _ROOT: self._policy.chains.root}

    def _listeners(self, server: Server) -> Iterator[tuple[int, SessionFactory]]:
        behaviour = server_behaviour(server) if isinstance(server, str | Mapping) else server
        if not isinstance(behaviour, Behaviour) or not behaviour.listen:
            return
        tls_first = replace(behaviour, tls_on_connect=True)
        for port in sorted({_SMTP, _SMTPS, *self._ports()}):
            what = tls_first if port == _SMTPS else behaviour
            yield port, SmtpServer(what, self._policy.chains.chains)

    def _ports(self) -> Iterator[int]:
        for transport in self._policy.config.transports.values():
            port = transport.options.text("port") if transport.driver == "smtp" else None
            if port and port.isdigit():
                yield int(port)

    def _welcome(self, wire: socket.socket, door: Door, peer: tuple[str, int]) -> None:
        session = door.factory()
        self._accepted.append(Accepted(Endpoint(*peer), door.place, session))
        served = Served(self._loop, wire, session)
        self._served.append(served)
        served.start(Endpoint(*peer), door.place)

    # ---- runs

    def _deliveries(self, arguments: Sequence[str]) -> Result:
        ran, log = self._run(arguments)
        found = {address: Recipient(address, "unknown") for address in self._recipients}
        found.update(told_by(log, self._recipients))
        queued = sum(path.endswith("-H") for path in self._inside.read(f"{_SPOOL}/input"))
        return Result(
            recipients=tuple(found.values()),
            raw_log=log,
            smtp=(),
            connections=tuple(map(conversation_of, self._accepted)),
            dns=tuple(self._resolver.questions),
            decisions=(),
            queued=queued,
            exit="timeout" if ran.exit is None else ran.exit,
        )

    def _run(self, arguments: Sequence[str]) -> tuple[Ran, tuple[str, ...]]:
        self._accepted.clear()
        self._resolver.questions.clear()
        ran = self._inside.run([EXIM, "-C", CONFIGURATION, *arguments], b"", seconds=_SECONDS)
        self._acceptor.drain()
        for served in self._served:
            served.rest(None)
        self._served.clear()
        files = self._inside.read(f"{_SPOOL}/log")
        log = [
            f"{mark}{line}"
            for name, mark in _LOGS
            for line in files.get(f"{_SPOOL}/log/{name}", b"").decode("utf-8", "surrogateescape").splitlines()
            if line and LOST_PRIVILEGE not in line
        ]
        for name, _ in _LOGS:
            self._inside.remove(f"*/{name}", f"{_SPOOL}/log")
        if ran.exit and not log:
            said = (ran.stderr + ran.stdout).decode("utf-8", "replace").strip().splitlines()
            raise InputError(f"the program says: {' '.join(said)}", self._policy.path)
        return ran, tuple(log)


def told_by(log: Iterable[str], asked: Sequence[str]) -> dict[str, Recipient]:
    """What the log lines of a real program say of the recipients of a message; the last line counts."""
    found: dict[str, Recipient] = {}
    for line in log:
        match = _LINE.match(line)
        if match is None:
            continue
        address = match["original"] or match["shown"]
        if address not in asked:
            continue
        found[address] = _recipient(address, match["flag"], match["rest"])
    return found


def _recipient(address: str, flag: str, rest: str) -> Recipient:
    host = _HOST.search(rest)
    verified = _VERIFIED.search(rest)
    cv = verified[1] if verified else "no" if " X=" in rest else None
    facts: dict[str, Any] = {"host": host[1] if host else "", "cv": cv, "asked": host is not None}
    match flag:
        case "=>" | "->":
            return Recipient(address, "delivered", **facts)
        case "==":
            defer = _DEFER.search(rest)
            number, why = (int(defer[1]), defer[2]) if defer else (0, rest)
            return Recipient(address, "deferred", number, why, **facts)
    reason = rest.partition(": ")[2] if rest.startswith("R=") else rest
    return Recipient(address, "failed", reason=reason, **facts)


def real_configuration(text: str, defines: Mapping[str, str]) -> str:
    """The configuration as the program gets it: spool, log and what is trusted are the test's."""
    head = [f"{name} = {value}" for name, value in defines.items()]
    head += [f"exim_path = {EXIM}", f"spool_directory = {_SPOOL}", f"log_file_path = {_SPOOL}/log/%slog"]
    lines, section = [], ""
    for line in text.splitlines():
        if (begin := _BEGIN.match(line)) is not None:
            section = begin[1]
        macro = _MACRO.match(line)
        replaced = (
            (not section and _OURS.match(line) is not None)
            or (section == "transports" and _TRUST.match(line) is not None)
            or (macro is not None and macro[1] in defines)
        )
        lines.append("" if replaced else line)
        if section == "transports" and _SENDS.match(line):
            lines.append(f"  tls_verify_certificates = {_ROOT}")
    return "\n".join([*head, *lines]) + "\n"
