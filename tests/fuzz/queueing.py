"""A machine with a queue, a domain with two MX hosts, and DNS and servers that change between its runs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from eximsim.fuzz.answers import RRset, rrset
from eximsim.fuzz.schedule import schedule
from eximsim.fuzz.schedules import ScheduledWorld
from eximsim.profiles import Profile
from eximsim.subjects.runs import Ran, new_machine, run_exim
from eximsim.suite.replay import NETWORK, SENDER, Stand, configuration
from eximsim.suite.stand_configuration import SERVER_PORT
from eximsim.trace import Decision
from eximsim.world.host import Host
from eximsim.world.rrsets import rrset_zones
from eximsim.world.smtp_script import server_behaviour
from eximsim.world.smtp_server import SmtpServer
from tests.fuzz.scheduled import situation

DOMAIN = "one.test.ex"
HOSTS: Mapping[str, str] = MappingProxyType({"h1-a.test.ex": "10.9.1.1", "h2-a.test.ex": "10.9.2.1"})
FAILING: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "servfail": {"rcode": "SERVFAIL", "ad": False},
        "dropped": {"drop": True, "ad": False},
    }
)
ANSWERS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"secure": {}, "insecure": {"ad": False}, **FAILING}
)
"""What the name server says about MX and A."""

TLSA: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "match": {"data": ["3 1 1 @cert:good"]},
        "mismatch": {"data": ["030101" + "00" * 32]},
        "insecure": {"data": ["3 1 1 @cert:good"], "ad": False},
        "none": {},
        "no name": {"rcode": "NXDOMAIN"},
        **FAILING,
    }
)
"""What it says about TLSA."""

SCRIPTS: Mapping[str, str | Mapping[str, object]] = MappingProxyType(
    {
        "ok": "ok",
        "refused": {"listen": False},
        "nostarttls": {"extensions": ["HELP"]},
        "mail450": {"mail": "450 later"},
        "rcpt550": {"rcpt": "550 unknown"},
        "data451": {"end_of_data": "451 fault"},
    }
)


class Queue:
    """The machine; ``mx``, ``a``, ``tlsa`` and ``servers`` are what is outside of it now."""

    def __init__(self, stand: Stand, profile: Profile) -> None:
        self.mx = "secure"
        self.a = dict.fromkeys(HOSTS, "secure")
        self.tlsa = dict.fromkeys(HOSTS, "match")
        self.servers = dict.fromkeys(HOSTS, "ok")
        self.sent: list[str] = []
        self.log: list[str] = []
        self._stand = stand
        self._profile = profile
        config = configuration(
            situation(transport={"hosts_try_dane": "*"}, main={"dns_retry": "2", "delay_warning": "0s"})
        )
        pem = {"certs/root.pem": stand.chains.chains["good"].chain}
        files = {"/config": config.encode(), **pem}
        self.world = ScheduledWorld(
            rrset_zones(()), Host(local_networks=(NETWORK,), files=files), plan=schedule("now")
        )
        self.machine = new_machine(self.world, profile)
        self._listening: set[str] = set()

    def send(self) -> tuple[Decision, ...]:
        """Send a message to another address, and have it delivered; what was decided about addresses."""
        self.sent.append(f"u{len(self.sent) + 1}@{DOMAIN}")
        return self._run("-odf", "-f", SENDER, self.sent[-1])

    def queue_run(self, option: str) -> tuple[Decision, ...]:
        """Run the queue; what was decided about addresses."""
        return self._run(option)

    def change(self, part: str, value: str) -> None:
        """Change what is outside before the next run: ``mx``, or ``a``, ``tlsa``, ``server`` of a host."""
        what, _, host = part.partition(" ")
        match what:
            case "mx":
                self.mx = value
            case "a":
                self.a[host] = value
            case "tlsa":
                self.tlsa[host] = value
            case _:
                self.servers[host] = value

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.world.sleep(seconds)

    def waiting(self) -> list[str]:
        """The addresses that are on the queue, in order."""
        return [
            recipient.address
            for name in self.machine.spool.ids()
            for recipient in self.machine.spool.messages[name].recipients
            if recipient.address not in self.machine.spool.messages[name].nonrecipients
        ]

    def _run(self, *arguments: str) -> tuple[Decision, ...]:
        self._prepare()
        ran: Ran = run_exim(self.machine, self.world, self._profile, ["-C", "/config", *arguments])
        assert ran.stopped is None, ran.stopped
        self.log += self.machine.files.get("/spool/log/mainlog", [])
        self.log += self.machine.files.get("/spool/log/paniclog", [])
        return tuple(one for one in ran.decisions if one.rule == "address outcome")

    def _prepare(self) -> None:
        self.world.zones = rrset_zones(self._zone(), certificate=self._stand.chains.certificate)
        for address in self._listening:
            self.world.unlisten(address, SERVER_PORT)
        self._listening.clear()
        for host, address in HOSTS.items():
            behaviour = server_behaviour(SCRIPTS[self.servers[host]])
            if behaviour.listen:
                self.world.listen(address, SERVER_PORT, SmtpServer(behaviour, self._stand.chains.chains))
                self._listening.add(address)

    def _zone(self) -> list[RRset]:
        hosts = [[10 * place, host] for place, host in enumerate(HOSTS, 1)]
        zone = [_entry(DOMAIN, "MX", hosts, ANSWERS[self.mx])]
        for host, address in HOSTS.items():
            zone.append(_entry(host, "A", [address], ANSWERS[self.a[host]]))
            zone.append(rrset(host, "AAAA", ad=self.a[host] == "secure"))
            zone.append(_entry(f"_{SERVER_PORT}._tcp.{host}", "TLSA", (), TLSA[self.tlsa[host]]))
        return zone


def _entry(name: str, type: str, data: Any, how: Mapping[str, Any]) -> RRset:
    """An RRset; what fails holds no data."""
    return {**rrset(name, type, () if "rcode" in how or "drop" in how else data), **how}
