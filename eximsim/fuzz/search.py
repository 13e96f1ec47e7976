"""The search for broken laws: finite spaces, random situations and schedules of answers in turn.

A search is cut into parts that depend on nothing but themselves: one space, or a number of batches of random
situations. What is found, and after how many scenarios, is therefore the same however many workers there are.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import field, replace

from eximsim.errors import EximsimError, Gap, Unsupported
from eximsim.explore.choices import Choices, explore
from eximsim.fuzz import farm
from eximsim.fuzz.baseline import Entry
from eximsim.fuzz.examples import batch_of
from eximsim.fuzz.hold_laws import Broken, default_stand, judge, perform
from eximsim.fuzz.laws import LAWS
from eximsim.fuzz.lazy_world import Stage, play
from eximsim.fuzz.mutants import MUTANTS
from eximsim.fuzz.patches import Program
from eximsim.fuzz.scenario import Scenario
from eximsim.fuzz.schedules import scheduled, scheduled_situations, singles
from eximsim.fuzz.shrink import least
from eximsim.fuzz.space import DETAILS, Space
from eximsim.fuzz.worlds import situations
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.profiles import Profile
from eximsim.quick_dataclass import dataclass
from eximsim.suite.recording import Situation

BATCHES = 10
"""How many batches of random situations make one part of a search."""

Settings = Mapping[str, str]

_DANE = ("hosts_try_dane", "hosts_require_dane")
_BOTH = ("nobody", "everybody")
_TRIED: Mapping[str, tuple[str, ...]] = {"hosts_try_dane": ("everybody",)}
FIRST_SPACES: tuple[Space, ...] = tuple(
    Space(hosts=1, kind=kind, options=_DANE, values=_TRIED) for kind in ("delivery", "callout")
)
"""The finite spaces that are searched whole before anything else."""

_PLAIN = {kind: values[:1] for kind, values in DETAILS["full"].items()}
_RECORDS = {kind: DETAILS["full"][kind] for kind in ("TLSA", "certificate")}
_ANSWERS = {kind: DETAILS["full"][kind] for kind in ("MX", "A", "AAAA")}
_HANGING_UP = {
    "EHLO": ("STARTTLS", "no STARTTLS"),
    "MAIL": ("2xx", "connection lost"),
    "DATA": ("2xx", "connection lost"),
    "end of data": ("2xx", "connection lost"),
}
NARROW_SPACES: tuple[Space, ...] = tuple(
    Space(hosts, kind, options=_DANE, values={**_PLAIN, **wide, **_TRIED, "hosts_require_dane": _BOTH})
    for hosts, wide in ((1, _RECORDS), (1, {**_ANSWERS, "TLSA": ("match", "no data")}), (2, _HANGING_UP))
    for kind in ("delivery", "callout")
)
"""Every TLSA answer with every certificate, every answer about a host, two hosts that hang up in the middle
of a message: searched whole after that."""

AGAIN: Settings = {"dns_again_means_nonexist": "*"}
"""The settings under which the first of them is searched once more."""

SCHEDULED: tuple[Space, ...] = tuple(Space(kind=kind) for kind in ("delivery", "callout"))
"""The spaces whose plainest situation is tried with every schedule of one fault after that."""

TURNS = 10
"""After how many parts of random situations, each with one of schedules, a wider space has its turn."""

SPACES: tuple[Space, ...] = tuple(
    Space(hosts=hosts, kind=kind, detail=detail, options=_DANE, values=_TRIED)
    for hosts, detail in ((1, "full"), (2, "short"))
    for kind in ("delivery", "callout")
)
"""The wider finite spaces, each searched whole when it has its turn among random situations and schedules."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Settings of a configuration whose promises are searched; they take the place of the search's own.

    ``gaps`` are what they depend on and no situation has.
    """

    main: Settings = field(default_factory=dict)
    router: Settings = field(default_factory=dict)
    transport: Settings = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()

    def put_into(self, situation: Situation) -> Situation:
        """The situation under this policy."""
        return replace(situation, main=self.main, router=self.router, transport=self.transport)


@dataclass(frozen=True, slots=True)
class Target:
    """What is searched: a release, or the mistake ``mutant`` (``mended``: taken out); and for which laws.

    ``contrast``: what is broken without the mistake too does not count. With a ``policy`` its settings hold,
    and no others. What is ``known`` does not count.
    """

    profile: Profile
    laws: tuple[str, ...] = tuple(LAWS)
    mutant: str = ""
    mended: bool = False
    contrast: bool = False
    policy: Policy | None = None
    known: frozenset[Entry] = frozenset()

    @property
    def program(self) -> Program:
        """What runs."""
        if not self.mutant:
            return Program(self.profile)
        mutant = MUTANTS[self.mutant]
        return mutant.mended if self.mended else mutant.program

    def judged(self, situation: Situation, seed: int = 0) -> list[Broken]:
        """The laws, of those asked for, that a situation breaks; raises as ``judge``.

        With ``contrast`` only those that hold when the mistake is taken out.
        """
        laws = {id: LAWS[id] for id in self.laws}
        stand = default_stand()
        with self.program.running() as profile:
            run = perform(situation, situation.kinds[0], profile, stand, seed)
            broken = judge(situation, profile, laws, stand, run=run)
        broken = [one for one in broken if one.entry not in self.known] if self.known else broken
        if not (broken and self.contrast):
            return broken
        anyway = {one.law.id for one in replace(self, mended=True, contrast=False).judged(situation, seed)}
        return [one for one in broken if one.law.id not in anyway]

    def breaks(self, law: str, situation: Situation) -> bool:
        """Whether a situation breaks one law."""
        return bool(replace(self, laws=(law,)).judged(situation))

    def smallest(self, law: str, situation: Situation) -> Situation:
        """The smallest situation that breaks a law as this one does."""
        return self.kept(least(situation, lambda smaller: self.breaks(law, self.kept(smaller))))

    def kept(self, situation: Situation) -> Situation:
        """A situation as it is searched: with the policy's settings, if there is one."""
        return situation if self.policy is None else self.policy.put_into(situation)

    def scenario(self, situation: Situation, *laws: str) -> Scenario:
        """A situation that was run here, as it is printed."""
        mutant = "" if self.mended else self.mutant
        return Scenario(situation, situation.kinds[0], self.program.profile, mutant=mutant, laws=laws)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a search: all of ``space``, or the random situations from batch ``first`` on.

    ``scheduled``: they have schedules (``fuzz.schedules``); of a space it is the plainest situation, with
    every schedule of one fault. ``main`` are settings of the main section for the
    whole space. After ``most`` situations it ends (0: only at its own end).
    """

    target: Target
    space: Space | None = None
    main: Settings = field(default_factory=dict)
    seed: int = 0
    first: int = 0
    most: int = 0
    scheduled: bool = False

    def __str__(self) -> str:
        if self.space is None:
            return "random schedules" if self.scheduled else "random situations"
        if self.scheduled:
            return f"every schedule of one fault, {self.space.kind}"
        hosts = "one host" if self.space.hosts == 1 else f"{self.space.hosts} hosts"
        return f"every {self.space.kind} to {hosts}"

    def situations(self) -> Iterator[Situation]:
        """The situations of the part, in order."""
        if self.space is None:
            return map(self.target.kept, self._random())
        if self.scheduled:
            plain = self._under(self.space.situation({}))
            return (scheduled(plain, plan) for plan in singles(plain))
        return self._leaves(self.space)

    def _random(self) -> Iterator[Situation]:
        made = scheduled_situations() if self.scheduled else situations()
        for number in range(self.first, self.first + BATCHES):
            yield from batch_of(made, self.seed, number)

    def _leaves(self, space: Space) -> Iterator[Situation]:
        """One situation for each behaviour of the program in a space."""
        stand = default_stand()
        stage, base = Stage(space, stand.chains), self._under(space.situation({}))

        def run(choices: Choices) -> None:
            with self.target.program.running() as profile, suppress(UndefinedBehaviour, Unsupported):
                play(stage, stand, choices, profile, base)

        return (self._under(leaf.situation()) for leaf in explore(run, space))

    def _under(self, situation: Situation) -> Situation:
        situation = replace(situation, main={**situation.main, **self.main})
        return self.target.kept(situation)


@dataclass(frozen=True, slots=True)
class Find:
    """A situation that breaks a law, and which one of the search it was, from 1."""

    law: str
    situation: Situation
    number: int


@dataclass(frozen=True, slots=True)
class Searched:
    """What came of a part: its number of scenarios, the first counterexample of each law.

    ``unsupported`` counts what could not be judged, by what is not modelled.
    """

    part: Part
    scenarios: int
    finds: tuple[Find, ...] = ()
    unsupported: Mapping[str, int] = field(default_factory=dict)


def search_part(part: Part) -> Searched:
    """Judge the situations of a part; it ends early when all laws are broken."""
    finds: dict[str, Find] = {}
    unsupported: Counter[str] = Counter()
    scenarios = 0
    for situation in part.situations():
        scenarios += 1
        try:
            broken = part.target.judged(situation)
        except Unsupported as reason:
            unsupported[reason.item] += 1
            continue
        for law in dict.fromkeys(one.law.id for one in broken):
            finds.setdefault(law, Find(law, situation, scenarios))
        if len(finds) == len(part.target.laws) or scenarios == part.most:
            break
    return Searched(part, scenarios, tuple(finds.values()), dict(unsupported))


def search(
    target: Target, most: int, seed: int, executor: Executor | None = None, jobs: int = 1
) -> Iterator[Searched]:
    """Search until ``most`` scenarios have been judged, or every law is broken.

    The finds of each part are those of laws that no earlier part broke; their numbers count from the start
    of the search.
    """
    scenarios = 0
    broken: set[str] = set()
    results = farm.in_order(executor, search_part, _parts(target, most, seed), jobs)
    for one in results:
        new = tuple(
            replace(find, number=scenarios + find.number)
            for find in one.finds
            if find.law not in broken and scenarios + find.number <= most
        )
        counted = min(one.scenarios, most - scenarios)
        scenarios += counted
        broken.update(find.law for find in new)
        yield replace(one, finds=new, scenarios=counted)
        if scenarios >= most or len(broken) == len(target.laws):
            return


def _parts(target: Target, most: int, seed: int) -> Iterator[Part]:
    def whole(spaces: Iterable[Space], main: Settings) -> Iterator[Part]:
        for space in spaces:
            fixed = space if target.policy is None else replace(space, options=())
            yield Part(target, fixed, main, most=most)

    def random(*, scheduled: bool) -> Iterator[Part]:
        for first in itertools.count(0, BATCHES):
            yield Part(target, seed=seed, first=first, scheduled=scheduled)

    drawn, timed = random(scheduled=False), random(scheduled=True)
    turns = itertools.chain.from_iterable(zip(drawn, timed, strict=True))
    yield from whole(FIRST_SPACES, {})
    if target.policy is None:
        yield from whole(FIRST_SPACES[:1], AGAIN)
    yield from whole(NARROW_SPACES, {})
    for space in SCHEDULED:
        yield Part(target, space, most=most, scheduled=True)
    for space in SPACES:
        yield from itertools.islice(turns, 2 * TURNS)
        yield from whole([space], {})
    yield from turns


def again(target: Target, scenario: Scenario) -> list[Broken]:
    """What a scenario that broke a law once breaks now, under ``target``; nothing if it cannot be judged."""
    try:
        return target.judged(target.kept(scenario.situation), scenario.seed)
    except EximsimError:
        return []
