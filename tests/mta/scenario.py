"""Small mail systems in the memory world: a client under test and the scripted servers of one domain."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from eximsim.mta.config.readconf import read_config
from eximsim.mta.process.globals import Process
from eximsim.mta.program import exim
from eximsim.mta.records.structs import Address
from eximsim.mta.routing.address import deliver_make_addr, deliver_split_address
from eximsim.mta.routing.route import route_address
from eximsim.profiles import Profile, profile
from eximsim.subjects.runs import new_machine
from eximsim.trace import Decision
from eximsim.world.certificates import KeyType, der_chain, standard_chains
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.rrsets import rrset_zones
from eximsim.world.smtp_behaviour import Answer, Behaviour, Then
from eximsim.world.smtp_content import Received
from eximsim.world.smtp_server import SmtpServer, SmtpSession

OK = Behaviour()
CHAINS = standard_chains(KeyType.ECDSA)
DOMAIN = "test.ex"
SENDER = "s@myhost.test.ex"
OLD, NEW, NEWEST = "4.87", "4.88-jh03", "4.99"

Settings = Mapping[str, str]
RRset = Mapping[str, object]


def _digest(chain: str) -> str:
    return hashlib.sha256(der_chain(CHAINS.chains[chain].chain)[0]).hexdigest()


# ---- what a server says of itself in DNS -----------------------------------------------

GOOD: RRset = {"ad": True, "data": [f"030001{_digest('good')}"]}
"""DANE-EE with the digest of the chain that servers show unless told otherwise."""
WRONG: RRset = {"ad": True, "data": [f"030001{_digest('selfsigned')}"]}
UNUSABLE: RRset = {"ad": True, "data": [f"010001{_digest('good')}"]}
INSECURE: RRset = {**GOOD, "ad": False}
NXDOMAIN: RRset = {"rcode": "NXDOMAIN", "ad": True}
NODATA: RRset = {"ad": True, "data": []}
UNSIGNED_NXDOMAIN: RRset = {"rcode": "NXDOMAIN", "ad": False}
UNSIGNED_NODATA: RRset = {"ad": False, "data": []}
SERVFAIL: RRset = {"rcode": "SERVFAIL"}
SILENT: RRset = {"drop": True}
BROKEN: RRset = {"rcode": "FORMERR"}

# ---- how a server behaves --------------------------------------------------------------

REFUSING = Behaviour(listen=False)
PLAIN = Behaviour(extensions=("HELP",))
PIPELINING = Behaviour(extensions=("PIPELINING", "SIZE 1000000"))
BAD_TLS = Behaviour(starttls=Answer(("220 go ahead",), Then.CLOSE))


@dataclass(frozen=True, slots=True)
class Mx:
    """One mail server of the domain: its answers in DNS and its behaviour."""

    behaviour: Behaviour = OK
    tlsa: RRset | None = None
    dnssec: bool = True
    preference: int | None = None


@dataclass
class Site:
    """The client with the servers ``mx1.test.ex``, ``mx2.test.ex``, ... at 10.9.1.1, 10.9.1.2, ...

    Options are given by section; ``transport`` has neither TLS nor DANE options unless it is told.
    ``routers`` are routers, written out, before the one that looks the domain up. ``callout`` are the
    parameters of the recipient callout in the RCPT ACL.
    """

    servers: Sequence[Mx] = (Mx(),)
    release: str | Profile = NEW
    transport: Settings = field(default_factory=dict)
    main: Settings = field(default_factory=dict)
    router: Settings = field(default_factory=dict)
    routers: str = ""
    authenticators: str = ""
    retry: str = "* * F,5d,10m"
    callout: str = "5s,no_cache"
    zone: Sequence[RRset] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        self.profile = profile(self.release) if isinstance(self.release, str) else self.release
        files = {"/config": self._configuration().encode(), "/root.pem": CHAINS.root, **self.files}
        host = Host(local_networks=("10.9.0.0/16",), files=files)
        self.world = MemoryWorld(rrset_zones([*self._zone(), *self.zone]), host)
        for number, server in enumerate(self.servers, 1):
            if server.behaviour.listen:
                self.serve(f"10.9.1.{number}", server.behaviour)
        self.machine = new_machine(self.world, self.profile, self.seed)

    def serve(self, address: str, behaviour: Behaviour, port: int = 25) -> None:
        """Put one more server on the network."""
        self.world.listen(address, port, SmtpServer(behaviour, CHAINS.chains))

    def replace_server(self, number: int, behaviour: Behaviour) -> None:
        """Let server ``number`` (from 1) behave otherwise from now on."""
        self.world.unlisten(f"10.9.1.{number}", 25)
        self.serve(f"10.9.1.{number}", behaviour)

    # ---- what the client is told to do

    def exim(self, *arguments: str, stdin: str = "") -> exim.ExitStatus:
        """One call of the program."""
        status = exim.run(self.machine, ["-C", "/config", *arguments], stdin.encode(), {}, self.profile)
        self.world.hang_up()
        return status

    def deliver(self, *recipients: str, body: str = "") -> list[str]:
        """Send a message to ``recipients`` (``a@test.ex`` if none) at once; the log lines of the delivery."""
        first = len(self.log)
        self.exim("-odf", "-f", SENDER, *(recipients or (f"a@{DOMAIN}",)), stdin=body)
        return self.log[first + 1 :]

    def queue_run(self, option: str = "-q") -> list[str]:
        """Run the queue; the log lines of the deliveries."""
        first = len(self.log)
        self.exim(option)
        return [line for line in self.log[first:] if "queue run" not in line]

    def verify(self, *recipients: str) -> list[str]:
        """What an SMTP client is told about ``recipients`` (``a@test.ex`` if none)."""
        lines = [f"RCPT TO:<{recipient}>" for recipient in recipients or (f"a@{DOMAIN}",)]
        dialogue = "".join(f"{line}\r\n" for line in ("EHLO client", f"MAIL FROM:<{SENDER}>", *lines, "QUIT"))
        replies = re.split(
            r"(?<=\n)(?=\d{3} )", self.exim("-bs", stdin=dialogue).stdout.replace("\r\n", "\n")
        )
        return [reply.strip() for reply in replies[-1 - len(lines) : -1]]

    def process(self) -> Process:
        """A process of the program that has done nothing yet."""
        config = read_config(self.world, "/config", self.profile)
        return Process(self.machine, config, self.profile, self.machine.new_pid())

    def addresses(self, *recipients: str, process: Process | None = None) -> list[Address]:
        """Addresses as the router leaves them, their hosts found."""
        process = process or self.process()
        found = []
        for recipient in recipients or (f"a@{DOMAIN}",):
            addr = deliver_make_addr(recipient)
            deliver_split_address(process, addr)
            route_address(process, addr, verify=None)
            found.append(addr)
        return found

    # ---- what came of it

    @property
    def log(self) -> list[str]:
        """The main log without times, message ids and ``X=``."""
        lines = self.machine.files.get("/spool/log/mainlog", [])
        return [re.sub(r"^\S+ \S+ (?:\w{6}-\w{6,11}-\w{2,4} )?|(?<= )X=\S+ ", "", line) for line in lines]

    @property
    def panic_log(self) -> list[str]:
        """The panic log without times and message ids."""
        lines = self.machine.files.get("/spool/log/paniclog", [])
        return [re.sub(r"^\S+ \S+ (?:\w{6}-\w{6,11}-\w{2,4} )?", "", line) for line in lines]

    @property
    def outcomes(self) -> dict[str, str]:
        """What became of each address in the last delivery: ``sent to HOST (CV)``, or why not."""
        found = {}
        for decision in self.machine.trace:
            if decision.rule == "address outcome":
                seen = decision.inputs
                sent = f"sent to {seen['host']} ({seen['cv'] or 'clear'})"
                why = f"{decision.outcome} {seen['errno']}: {seen['message']}"
                found[str(seen["address"])] = sent if decision.outcome == "OK" else why
        return found

    @property
    def outcome(self) -> str:
        """What became of the first address."""
        return next(iter(self.outcomes.values()))

    def decided(self, rule: str) -> list[str]:
        """The outcomes of every decision by ``rule``, oldest first."""
        return [decision.outcome for decision in self.decisions(rule)]

    def decisions(self, rule: str) -> list[Decision]:
        """Every decision by ``rule``, oldest first."""
        return [decision for decision in self.machine.trace if decision.rule == rule]

    @property
    def calls(self) -> list[tuple[str, list[str]]]:
        """The connections in order: server, and what it saw."""
        return [(session.log.server.address, session.log.events) for session in self._sessions]  # type: ignore[union-attr]

    @property
    def called(self) -> list[str]:
        """The servers that were connected to, in order: ``mx1``, ..."""
        return [f"mx{address.rpartition('.')[2]}" for address, _ in self.calls]

    @property
    def events(self) -> list[str]:
        """What servers noted, in order of the connections."""
        return [event for session in self._sessions for event in session.log.events]

    @property
    def messages(self) -> list[Received]:
        """The messages that servers took, in order of the connections."""
        return [message for session in self._sessions for message in session.log.messages]

    @property
    def _sessions(self) -> list[SmtpSession]:
        return [item.session for item in self.world.accepted if isinstance(item.session, SmtpSession)]

    @property
    def asked_for_tlsa(self) -> list[str]:
        """The hosts whose TLSA records were asked for."""
        return [question.partition("_tcp.")[2] for question in self.world.questions if question[:4] == "TLSA"]

    # ---- what it is made of

    def _zone(self) -> list[RRset]:
        exchangers = []
        zone: list[RRset] = []
        for number, server in enumerate(self.servers, 1):
            name, ad = f"mx{number}.{DOMAIN}", server.dnssec
            exchangers.append([10 * number if server.preference is None else server.preference, name])
            zone.append({"name": name, "type": "A", "ad": ad, "data": [f"10.9.1.{number}"]})
            zone.append({"name": name, "type": "AAAA", "ad": ad, "data": []})
            if server.tlsa is not None:
                zone.append({"name": f"_25._tcp.{name}", "type": "TLSA", **server.tlsa})
        secure = all(server.dnssec for server in self.servers)
        return [{"name": DOMAIN, "type": "MX", "ad": secure, "data": exchangers}, *zone]

    def _configuration(self) -> str:
        main = {
            "primary_hostname": "myhost.test.ex",
            "spool_directory": "/spool",
            "dns_retrans": "1s",
            "dns_retry": "1",
            "remote_max_parallel": "1",
            "acl_smtp_rcpt": "check_rcpt",
            "tls_advertise_hosts": "",
            **self.main,
        }
        router = {
            "driver": "dnslookup",
            "self": "send",
            "dnssec_request_domains": "*",
            "transport": "smtp",
            **self.router,
        }
        transport = {
            "driver": "smtp",
            "allow_localhost": "true",
            "connect_timeout": "5s",
            "command_timeout": "5s",
            "tls_verify_certificates": "/root.pem",
            "hosts_try_dane": "",
            **self.transport,
        }
        lines = [
            *_settings(main),
            "begin acl",
            "check_rcpt:",
            f"  accept verify = recipient/callout={self.callout}",
            "begin routers",
            self.routers,
            "r:",
            *_settings(router),
            "begin transports",
            "smtp:",
            *_settings(transport),
            "begin authenticators",
            self.authenticators,
            "begin retry",
            self.retry,
        ]
        return "\n".join(lines) + "\n"


def _settings(values: Settings) -> list[str]:
    return [f"{name} = {value}" for name, value in values.items()]


def variant(release: str, **switches: object) -> Profile:
    """A release with some switches set otherwise."""
    return replace(profile(release), **switches)  # type: ignore[arg-type]  # by name


def delivered(server: Mx, release: str | Profile = NEW, **transport: str) -> Site:
    """The site after a message went to its one host, or was tried."""
    site = Site([server], release, transport=transport)
    site.deliver()
    return site
