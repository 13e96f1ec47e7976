"""Edits of configurations, a line each, and what they change: by ``explain``, and by the gate."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from eximsim.commands.gate import exit_code
from eximsim.errors import EximsimError, ExitCode, Gap
from eximsim.gate.compare import compare
from eximsim.gate.explain import outcome_of
from eximsim.gate.explore_policies import survey
from eximsim.gate.lock import check, current
from eximsim.gate.lock_text import read_lock, written
from eximsim.gate.memory import Memory
from eximsim.gate.report import Report
from eximsim.gate.severity import Severity
from eximsim.gate.views import Wanted
from eximsim.profiles import NEWEST, profile
from eximsim.suite.config_files import Sources
from eximsim.suite.policy import Case, Policy
from eximsim.world.certificates import ChainSet, chains_for

Files = Mapping[str, str]
CONF = "exim.conf"

_HOSTS = {
    "mx.partner.example": "203.0.113.1",
    "mx.bank.example": "203.0.113.2",
    "old.legacy.example": "203.0.113.3",
    "mx.other.example": "203.0.113.4",
    "mx.signed.example": "198.51.100.5",
    "mx.inside.example": "10.1.2.3",
    "smart.partner.example": "203.0.113.7",
    "smart.legacy.example": "203.0.113.8",
    "deep.bank.example": "198.51.100.9",
}
_DOMAINS = {
    "partner.example": "mx.partner.example",
    "bank.example": "mx.bank.example",
    "legacy.example": "old.legacy.example",
    "other.example": "mx.other.example",
    "signed.example": "mx.signed.example",
    "inside.example": "mx.inside.example",
    "unheard-of.example": "deep.bank.example",
}
_MAILS: tuple[tuple[str, str | None], ...] = (
    ("a@partner.example", None),
    ("joe@bank.example", None),
    ("joe@legacy.example", None),
    ("kim@legacy.example", None),
    ("a@other.example", None),
    ("a@signed.example", None),
    ("a@inside.example", None),
    ("a@unheard-of.example", None),
    ("a@nowhere.example", None),
    ("a+secure@other.example", None),
    ("sales@own.example", None),
    ("joe@own.example", None),
    ("a@host.own.example", None),
    ("real-joe@home.example", None),
    ("sales@home.example", None),
    ("a@partner.example", "news@own.example"),
    ("a@other.example", "x@lists.example"),
    ("a@other.example", "spammer@own.example"),
    ("a@bank.example", ""),
    ("root@own.example", None),
)
_WORLDS: tuple[Mapping[str, object], ...] = (
    {},
    {"ad": False, "tlsa": None, "server": {"extensions": []}},
)
"""All is well and signed; nothing is signed and no server has TLS."""
_ODD: tuple[tuple[Mapping[str, object], tuple[int, ...]], ...] = (
    ({"tlsa": None, "server": {"chain": "selfsigned"}}, (0, 1, 4, 7)),
    ({"tlsa": "SERVFAIL"}, (0, 1, 4)),
    ({"ad": False, "server": {"chain": "wrongname"}}, (0, 2, 5)),
)

CHAINS: ChainSet = chains_for(tuple(_HOSTS))


def cases() -> Iterator[Case]:
    """The fixed situations."""
    for world in _WORLDS:
        yield from (_case(mail, world) for mail in _MAILS)
    for world, chosen in _ODD:
        yield from (_case(_MAILS[number], world) for number in chosen)


def _case(mail: tuple[str, str | None], world: Mapping[str, object]) -> Case:
    recipient, sender = mail
    ad, tlsa = world.get("ad", True), world.get("tlsa", "match")
    zone: list[dict[str, object]] = []
    for domain, host in _DOMAINS.items():
        zone.append({"name": domain, "type": "MX", "ad": ad, "data": [[10, host]]})
    for host, address in _HOSTS.items():
        zone.append({"name": host, "type": "A", "ad": ad, "data": [address]})
        if tlsa == "SERVFAIL":
            zone.append({"name": f"_25._tcp.{host}", "type": "TLSA", "rcode": "SERVFAIL", "data": []})
        elif tlsa is not None:
            record = {"name": f"_25._tcp.{host}", "type": "TLSA", "ad": ad, "data": ["3 1 1 @cert:good"]}
            zone.append(record)
    servers = {address: world.get("server", "ok") for address in _HOSTS.values()}
    return Case((recipient,), zone, servers, sender=sender)  # type: ignore[arg-type]  # as a script has it


def policy(files: Files) -> Policy:
    """The policy of some files."""
    given = {name: text.encode() for name, text in files.items() if name != CONF}
    return Policy(CONF, files[CONF], profile(NEWEST), CHAINS, {}, Sources(given=given))


# ---- edits -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Edit:
    """One line of one file, from 1, that is gone (``now`` is None) or reads otherwise."""

    name: str
    line: int
    was: str
    now: str | None

    def applied(self, files: Files) -> dict[str, str]:
        """The files after it."""
        lines = files[self.name].splitlines()
        lines[self.line - 1 : self.line] = [] if self.now is None else [self.now]
        return {**files, self.name: "".join(f"{line}\n" for line in lines)}

    def __str__(self) -> str:
        """Where, and what."""
        return f"{self.name}:{self.line}: {self.was!r} -> {self.now!r}"


def edits(files: Files, number: int, seed: int) -> list[Edit]:
    """Some edits of some files, the same for the same seed; comments and blank lines are left alone."""
    chance = random.Random(seed)
    places = [
        (name, number, line)
        for name, text in files.items()
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    chosen = chance.sample(places, min(number, len(places)))
    chosen += [chance.choice(places) for _ in range(number - len(chosen))]
    return [Edit(*place, _otherwise(place[2], chance)) for place in chosen]


def _otherwise(line: str, chance: random.Random) -> str | None:
    """Another line in place of one, or None."""
    value = line.find("=") + 1
    places = [at for at in range(value, len(line)) if line[at].isalpha() and line[at - 1].isalpha()]
    if not places or chance.random() < 0.6:
        return None
    if chance.random() < 0.2 and ("= *" in line or "true" in line):
        return line.replace("= *", "=").replace("true", "false")
    at = chance.choice(places)
    return f"{line[:at]}{line[at + 1 :]}"


# ---- what they change ------------------------------------------------------------------------------------


def explained(files: Files) -> tuple[object, ...] | None:
    """What becomes of each of the situations, None if the configuration cannot be read."""
    try:
        one = policy(files)
        return tuple(_told(one, case) for case in cases())
    except EximsimError:
        return None


def _told(one: Policy, case: Case) -> object:
    (recipient,) = one.run(case).recipients
    found = outcome_of(recipient)
    return found.result, found.security, found.host


WANTED = Wanted(1)
FAILING = tuple(Severity)


@dataclass
class Gates:
    """The gate and the lock of one configuration, against which edits of it are held."""

    files: Files

    def __post_init__(self) -> None:
        self.base, self.memory = policy(self.files), Memory()
        plan = survey((self.base,), WANTED, memory=self.memory)
        self.gaps = tuple(plan.gaps)
        self.lock = written(current(plan, NEWEST, WANTED.hosts))

    def gate(self, edited: Policy) -> Report:
        """What ``eximsim gate`` says of an edit."""
        return compare(self.base, edited, wanted=WANTED, memory=self.memory)

    def locked(self, edited: Policy) -> Report:
        """What ``eximsim gate --lock`` says of it."""
        agreed = read_lock(self.lock, "policy.lock", self.memory.forest)
        plan = survey((edited,), WANTED, tuple(agreed.views.values()), self.memory)
        return check(agreed, current(plan, NEWEST, WANTED.hosts), plan, "policy.lock", CONF)


def complaints(files: Files, number: int, seed: int, every: int = 20) -> list[str]:
    """What the gate and the lock miss of so many edits: that an outcome changes, or where it comes from.

    An edit that changes none is looked at now and then (``every``): it must not end in an exception.
    """
    before = explained(files)
    assert before is not None
    gates, found = Gates(files), []
    for place, edit in enumerate(edits(files, number, seed)):
        edited = edit.applied(files)
        after = explained(edited)
        if after is None or (after == before and place % every):
            continue
        head = policy(edited)
        for name, report in (("gate", gates.gate(head)), ("lock", gates.locked(head))):
            if after != before and (problem := complaint(report, edit, gates.gaps)):
                found.append(f"{name}: {edit}: {problem}")
    return found


def complaint(report: Report, edit: Edit, known: tuple[Gap, ...]) -> str:
    """What is wrong with a report of an edit that changes an outcome; empty if nothing is.

    The gaps of the configuration itself, ``known``, are no answer.
    """
    fresh = replace(report, gaps=tuple(gap for gap in report.gaps if gap not in known))
    if exit_code(fresh, FAILING) is ExitCode.AS_IT_SHOULD_BE:
        return "exit code 0"
    causes = [cause for group in fresh.groups for cause in group.cause]
    told = " ".join((*(f"{cause.where} {cause.text}" for cause in causes), *map(str, fresh.gaps)))
    if re.search(rf"(?<![\w/]){re.escape(edit.name)}:{edit.line}(?!\d)", told):
        return ""
    return f"{edit.name}:{edit.line} is not among {', '.join(dict.fromkeys(c.where for c in causes))}"
