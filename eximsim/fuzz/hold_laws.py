"""Running a situation and holding laws against what the model did."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from eximsim.fuzz.baseline import Entry
from eximsim.fuzz.expected import Expectations, Expected
from eximsim.fuzz.laws import LAWS, Law
from eximsim.fuzz.run import Run
from eximsim.fuzz.schedule_laws import laws_under
from eximsim.fuzz.schedules import plan_of, replay
from eximsim.fuzz.variations import variations
from eximsim.mta.config.readconf import read_config
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.mta.transports.smtp_context import RECIPIENT_NAMED
from eximsim.quick_dataclass import dataclass
from eximsim.suite.real_runs import own_certificates
from eximsim.suite.recipients import Recipient, delivered
from eximsim.suite.recording import Seen, Situation
from eximsim.suite.replay import Replayed, Stand, configuration
from eximsim.suite.stand_configuration import SERVER_PORT
from eximsim.trace import Decision, Trace
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.rrsets import rrset_zones

if TYPE_CHECKING:
    from eximsim.mta.config.options import Options
    from eximsim.profiles import Profile


_MAILBOX = re.compile(r"[\w.+-]+@[\w.-]+")
_HOST = re.compile(r"\b[\w-]+(?:\.[\w-]+)*\.(?:test\.ex|example)\b")
_ADDRESS = re.compile(r"\b\d+\.\d+\.\d+\.\d+\b")


@dataclass(frozen=True, slots=True)
class Broken:
    """A law that a run broke.

    ``explanation`` says how; ``decision`` is the number of the decision in ``run.decisions`` that did it,
    None if no single one did. ``variation`` says what was varied, for laws that compare two runs.
    """

    law: Law
    explanation: str
    decision: int | None
    run: Run
    variation: str = ""

    @property
    def entry(self) -> Entry:
        """What a baseline knows it by: the decision that did it, and how, whatever the names are."""
        how = _ADDRESS.sub("an address", _HOST.sub("a host", _MAILBOX.sub("a recipient", self.explanation)))
        return Entry(self.law.id, self.run.kind, self.rule or "no single decision", how)

    @property
    def rule(self) -> str:
        """The name of the rule that the decision applied; empty if there is no decision."""
        return "" if self.decision is None else self.run.decisions[self.decision].rule


def judge(
    situation: Situation,
    profile: Profile,
    laws: Mapping[str, Law] = LAWS,
    stand: Stand | None = None,
    kind: str | None = None,
    run: Run | None = None,
) -> list[Broken]:
    """Run the situation, and all variations that the laws ask for; the laws that were broken.

    ``kind`` is the situation's first kind if it is not given; ``run`` what the situation did, if it has been
    run. Raises ``InputError``, and ``Unsupported`` for what is not modelled.
    """
    stand = stand or default_stand()
    first = run or perform(situation, kind or situation.kinds[0], profile, stand)
    held = laws_under(plan_of(situation), laws)
    applying = [law for law in held.values() if law.applies(first)]
    broken = [
        Broken(law, fault.explanation, fault.decision, first)
        for law in applying
        if law.varies is None
        for fault in law.check(first)
    ]
    known: dict[tuple[str, str], Run] = {}
    for law in applying:
        for varied in variations(law.varies, first) if law.varies is not None else ():
            if varied.key not in known:
                other = perform(varied.situation, varied.kind, profile, stand, varied.seed)
                known[varied.key] = other
            broken += [
                Broken(law, fault.explanation, fault.decision, first, varied.words)
                for fault in law.compare(first, known[varied.key], varied)
            ]
    return broken


def perform(situation: Situation, kind: str, profile: Profile, stand: Stand, seed: int = 0) -> Run:
    """Run a situation once, under its schedule if it has one, in the form in which laws read it.

    An undefined behaviour is a run too.
    """
    trace = Trace()
    try:
        replayed = replay(stand, situation, kind, profile, plan_of(situation), seed, trace=trace)
        return told_by(situation, kind, profile, stand, replayed, seed)
    except UndefinedBehaviour as reason:
        return undefined(situation, kind, profile, stand, trace, str(reason), seed)


def told_by(
    situation: Situation,
    kind: str,
    profile: Profile,
    stand: Stand,
    replayed: Replayed,
    seed: int = 0,
    known: Hosts | None = None,
) -> Run:
    """The run of a situation that has been replayed; ``known`` is as in ``Expectations``."""
    decisions = tuple(replayed.trace)
    if kind == "callout":
        results = _verified(situation.recipients, replayed.seen, decisions)
    else:
        results = {name: Recipient(name, "unknown") for name in situation.recipients}
        results.update(delivered(situation.recipients, decisions))
    expected = _expected(situation, profile, stand, known)
    seen = (replayed.seen, *([replayed.queuerun] if replayed.queuerun else []))
    return Run(situation, kind, profile, seed, decisions, seen, results, expected)


def undefined(
    situation: Situation,
    kind: str,
    profile: Profile,
    stand: Stand,
    trace: Trace,
    reason: str,
    seed: int = 0,
    known: Hosts | None = None,
) -> Run:
    """The run of a situation in which the program leaves open what happens next."""
    results = {name: Recipient(name, "undefined", reason=reason) for name in situation.recipients}
    expected = _expected(situation, profile, stand, known)
    return Run(situation, kind, profile, seed, tuple(trace), (Seen(),), results, expected)


def _verified(recipients: Iterable[str], seen: Seen, decisions: tuple[Decision, ...]) -> dict[str, Recipient]:
    """What became of each callout, from the replies to RCPT."""
    replies = [line for line in seen.smtp if line[3:4] != "-"]
    named = {d.inputs["address"]: d for d in decisions if d.is_of(RECIPIENT_NAMED)}
    results = {}
    for number, name in enumerate(recipients):
        reply = replies[number] if number < len(replies) else ""
        died = not reply and seen.exit != 0
        result = "crash" if died else _BY_DIGIT.get(reply[:1], "unknown")
        told = named.get(name)
        host = str(told.inputs["host"]) if told else ""
        cv = None if told is None or told.outcome == "clear" else told.outcome
        results[name] = Recipient(name, result, 0, reply[4:], host, cv, told is not None)
    return results


_BY_DIGIT = {"2": "accepted", "4": "tempfailed", "5": "refused"}


Hosts = dict[str, Mapping[str, Expected]]
"""What is expected of the hosts of each recipient."""


def _expected(situation: Situation, profile: Profile, stand: Stand, known: Hosts | None) -> Expectations:
    @lru_cache(maxsize=1)
    def options() -> Options:
        settings = (situation.main, situation.router, situation.transport)
        key = tuple([tuple(one.items()) for one in settings])
        return _OPTIONS.get((profile, key)) or _read_options(situation, profile, key)

    def option(name: str) -> str | None:
        return options().text(name)

    return Expectations(situation, stand.chains, option, SERVER_PORT, known)


def _read_options(situation: Situation, profile: Profile, key: object) -> Options:
    """The transport's options as the release reads them; those of the same settings are read once."""
    world = MemoryWorld(_NO_ZONES, Host(files={"/config": configuration(situation).encode()}))
    if len(_OPTIONS) >= _MOST_OPTIONS:
        _OPTIONS.clear()
    _OPTIONS[profile, key] = read_config(world, "/config", profile).transports["t"].options
    return _OPTIONS[profile, key]


_OPTIONS: dict[tuple[Profile, object], Options] = {}
_MOST_OPTIONS = 4096
_NO_ZONES = rrset_zones(())


@lru_cache(maxsize=1)
def default_stand() -> Stand:
    """A stand with certificates of its own, made once in a process."""
    with own_certificates() as certificates:
        return Stand(certificates)
