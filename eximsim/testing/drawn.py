"""A world that was drawn at random around one's own configuration: what is in it, and what happens there.

It is plain data, so that Hypothesis can make it smaller, and is shown as the test that would describe it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eximsim.files import read_named_text
from eximsim.fuzz.schedule import Schedule
from eximsim.testing.machine import Machine
from eximsim.testing.server import Server
from eximsim.testing.zone import Zone

if TYPE_CHECKING:
    from pathlib import Path

    from eximsim.fuzz.promise import Promise
    from eximsim.suite.policy import Policy
    from eximsim.testing.result import Callout, Delivery

STARTTLS: Mapping[str, bool | str] = {
    "yes": True, "no": False, "4xx": "454 TLS not now", "5xx": "554 TLS never",
}  # fmt: skip
"""What STARTTLS comes to, by the word for it."""

REPLIES: Mapping[str, str] = {"4xx": "451 not now", "5xx": "550 no"}
COMMANDS = ("mail", "rcpt", "message")


@dataclass(frozen=True, slots=True)
class Host:
    """One host that mail can go to; the words are those of ``zone.add`` and ``server``."""

    name: str
    tlsa: str = "match"
    address_secure: bool = True
    certificate: str = "good"
    starttls: str = "yes"
    listen: bool = True
    replies: tuple[tuple[str, str], ...] = ()

    def into(self, zone: Zone, server: Server, domain: str, preference: int, mx_secure: bool) -> None:
        """Put the host into a world, as an MX of ``domain``."""
        zone.add(
            self.name, domain=domain, preference=preference, tlsa=self.tlsa, mx_secure=mx_secure,
            address_secure=self.address_secure,
        )  # fmt: skip
        one = server(self.name, certificate=self.certificate, listen=self.listen)
        one.set(starttls=STARTTLS[self.starttls])
        for command, word in self.replies:
            one.reply(command, REPLIES[word])

    def told(self, domain: str, preference: int, mx_secure: bool) -> Iterator[str]:
        """The lines of a test that put the host there; what is as usual is left out."""
        parent = self.name.partition(".")[2]
        zone: dict[str, object] = {}
        if domain != parent:
            zone["domain"] = domain
        if preference != 10:
            zone["preference"] = preference
        if not mx_secure:
            zone["mx_secure"] = False
        zone |= _unusual(self, ("tlsa", "address_secure"))
        yield f"zone.add({_arguments(self.name, zone)})"
        server = _unusual(self, ("certificate", "listen"))
        if self.starttls != "yes":
            server["starttls"] = STARTTLS[self.starttls]
        if server:
            yield f"server({_arguments(self.name, server)})"
        for command, word in self.replies:
            yield f'server("{self.name}").reply("{command}", "{REPLIES[word]}")'


def _unusual(host: Host, names: tuple[str, ...]) -> dict[str, object]:
    plain = Host(host.name)
    return {name: getattr(host, name) for name in names if getattr(host, name) != getattr(plain, name)}


def _arguments(name: str, named: Mapping[str, object]) -> str:
    shown = (f'"{value}"' if isinstance(value, str) else repr(value) for value in named.values())
    return ", ".join([f'"{name}"', *(f"{key}={value}" for key, value in zip(named, shown, strict=True))])


@dataclass(frozen=True)
class Drawn:
    """A world around a configuration. ``schedule`` is when the name server's answers come, and in what state.

    ``hosts`` are tried in this order; mail for ``recipient`` finds them as the configuration says, by MX
    records or by name.
    """

    policy: Policy = field(repr=False)
    recipient: str
    hosts: tuple[Host, ...]
    mx_secure: bool = True
    schedule: Schedule = field(default_factory=Schedule)

    @property
    def domain(self) -> str:
        """The recipient's domain."""
        return self.recipient.rpartition("@")[2]

    def machine(self) -> Machine:
        """A new machine with the configuration, in this world."""
        zone = Zone()
        server = Server(zone)
        for place, host in enumerate(self.hosts, 1):
            host.into(zone, server, self.domain, 10 * place, self.mx_secure)
        return Machine(self.policy, zone, server, plan=self.schedule if self.schedule.rules else None)

    def deliver(self) -> Delivery:
        """Send a message to the recipient, from nothing."""
        return self.machine().deliver(self.recipient)

    def callout(self) -> Callout:
        """Verify the recipient by the configuration's callout, from nothing; raises ``InputError``."""
        return self.machine().callout(self.recipient)

    def should_keep(self, *promises: str | Promise, baseline: str | Path | None = None) -> None:
        """These promises are not broken here, as a delivery and, if the configuration does them, a callout.

        Args:
            promises: names of presets, or promises (``eximsim.gate.promises.promise``).
            baseline: a file with the breaches that are known, as ``eximsim check`` writes it.

        Raises:
            AssertionError: one is; with the world as a test would describe it.
            InputError: there is no such preset or file.
            Unsupported: what is not modelled was met.
        """
        __tracebackhide__ = True
        from eximsim.fuzz.baseline import read_baseline
        from eximsim.gate.promises import preset
        from eximsim.testing.drawn_promises import breaches

        known = read_baseline(read_named_text(baseline, "a baseline"), str(baseline)) if baseline else ()
        given = [preset(item) if isinstance(item, str) else (item,) for item in promises]
        for breach in breaches(self, [one for some in given for one in some]):
            if not any(entry.covers(breach.entry) for entry in known):
                raise AssertionError(f"{breach}\n{self}")

    def __str__(self) -> str:
        """The world as a test describes it."""
        lines = [
            line
            for place, host in enumerate(self.hosts, 1)
            for line in host.told(self.domain, 10 * place, self.mx_secure)
        ]
        if self.schedule.rules:
            lines.append(f"# answers of the name server: {self.schedule}")
        lines.append(f'mta("{self.policy.path}").deliver("{self.recipient}")')
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<world:\n{self}\n>"
