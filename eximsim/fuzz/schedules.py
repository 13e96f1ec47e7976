"""Situations under a schedule: the world for it, all schedules of one fault or two, and any at random."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import combinations, islice, permutations
from types import MappingProxyType
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from eximsim.fuzz.mutants import MUTANTS
from eximsim.fuzz.patches import Patch
from eximsim.fuzz.schedule import ANSWERED, WORDS, Attempt, Event, Rule, Schedule, Try, bare, schedule
from eximsim.fuzz.worlds import situations
from eximsim.ports import DnsAnswer
from eximsim.suite.recording import Situation
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.messages import Message, Question, response, truncated
from eximsim.world.network import Sent, Server
from eximsim.world.reply import Reply, Zones

if TYPE_CHECKING:
    from eximsim.profiles import Profile
    from eximsim.suite.replay import Replayed, Stand
    from eximsim.trace import Trace

MISTAKES: Mapping[str, Patch] = MappingProxyType(
    {id: MUTANTS[id].program.patches[0] for id in ("M14", "M15")}
)
"""What a resolver can do wrong that only a schedule (or a long answer) brings to light."""


# ---- the world ------------------------------------------------------------------------------------------


class ScheduledWorld(MemoryWorld):
    """A memory world whose name server keeps to a schedule; each run of Exim is an attempt of the queue."""

    def __init__(self, zones: Zones, host: Host | None = None, *, plan: Schedule) -> None:
        self.plan = plan
        self.attempt = 0
        super().__init__(zones, host)

    def name_server(self) -> Server:
        """See ``MemoryWorld``."""
        return _ScheduledServer(self, super().name_server())

    def hang_up(self) -> None:
        """See ``MemoryWorld``: a run of the program is over."""
        super().hang_up()
        self.attempt += 1

    def _needs_no_network(self, name: str, type: str, reply: Reply) -> bool:
        if self.plan.rule_for(Question(name, type)) is not None:
            return False
        return super()._needs_no_network(name, type, reply)


class _ScheduledServer:
    """A name server that does to an honest one's datagrams what the schedule says."""

    def __init__(self, world: ScheduledWorld, honest: Server) -> None:
        self._world = world
        self._honest = honest
        self._asked: Counter[tuple[int, str, str, int]] = Counter()
        self._held: list[Sent] = []
        self._no_tcp: set[int] = set()

    def udp(self, query: Message, socket: int) -> Iterable[Sent]:
        """See ``Server``."""
        held, self._held = self._held, []
        events = self._events(query.questions[0])
        return [*held, *(sent for true in self._honest.udp(query, socket) for sent in self._do(events, true))]

    def tcp(self, query: Message) -> tuple[float, Message | None]:
        """See ``Server``. What is said over TCP is the zones' answer."""
        return (0, None) if query.id in self._no_tcp else self._honest.tcp(query)

    def _events(self, question: Question) -> Try:
        for place, rule in enumerate(self._world.plan.rules):
            if rule.fits(question):
                attempt = min(self._world.attempt, len(rule.attempts) - 1)
                key = place, question.type, question.name.lower(), attempt
                self._asked[key] += 1
                return rule.attempts[attempt].at(self._asked[key] - 1)
        return ANSWERED

    def _do(self, events: Try, true: Sent) -> Iterator[Sent]:
        for event in events:
            match event.word:
                case "never":
                    pass
                case "after":
                    self._held.append(true)
                case "late":
                    yield replace(true, delay=true.delay + event.number)
                case "twice":
                    yield true
                    yield true
                case "tcreset":
                    self._no_tcp.add(true.message.id)
                    yield replace(true, message=truncated(true.message))
                case _:
                    yield replace(true, message=_CHANGES[event.word](true.message, int(event.number)))


def _cut(message: Message, records: int) -> Message:
    return replace(message, tc=True, answers=message.answers[:records]) if records else truncated(message)


def _permuted(message: Message, number: int) -> Message:
    chain = tuple(record for record in message.answers if record.type == "CNAME")
    rest = tuple(record for record in message.answers if record.type != "CNAME")
    orders = list(islice(permutations(rest), number + 1))
    return replace(message, answers=(*chain, *orders[number % len(orders)]))


def _without_data(message: Message, rcode: str) -> Message:
    return replace(message, rcode=rcode, answers=(), tc=False)


def _forged(message: Message) -> Message:
    return replace(_without_data(message, "NXDOMAIN"), ad=True)


def _about_another(message: Message) -> Message:
    other = tuple(replace(asked, name=f"other.{asked.name}") for asked in message.questions)
    return replace(_forged(message), questions=other)


def _failing(rcode: str) -> Callable[[Message, int], Message]:
    return lambda message, _: response(replace(message, response=False), DnsAnswer(rcode))


_CHANGES: Mapping[str, Callable[[Message, int], Message]] = MappingProxyType(
    {
        "now": lambda message, _: message,
        "tc": _cut,
        "id": lambda message, _: replace(_forged(message), id=message.id ^ 1),
        "name": lambda message, _: _about_another(message),
        "perm": _permuted,
        "noad": lambda message, _: replace(message, ad=False),
        "nxdomain": lambda message, _: _without_data(message, "NXDOMAIN"),
        "nodata": lambda message, _: _without_data(message, "NOERROR"),
        **{rcode.lower(): _failing(rcode) for rcode in ("SERVFAIL", "REFUSED", "NOTIMP", "FORMERR")},
    }
)


def replay(
    stand: Stand,
    situation: Situation,
    kind: str,
    profile: Profile,
    plan: Schedule,
    seed: int = 0,
    later: int | None = None,
    trace: Trace | None = None,
) -> Replayed:
    """Run a situation under a schedule; otherwise as ``Stand.replay``."""

    def world(zones: Zones, host: Host) -> ScheduledWorld:
        return ScheduledWorld(zones, host, plan=plan)

    return stand.replay(situation, kind, profile, seed, later, trace, world)


# ---- a schedule as a part of a situation ------------------------------------------------------------------

PARAMETER = "schedule"
"""Under this name a situation of the search has its schedule among its ``params``."""


def scheduled(situation: Situation, plan: Schedule) -> Situation:
    """The situation with a schedule of its own, so that it is printed, kept and run again with it."""
    rest = {name: value for name, value in situation.params.items() if name != PARAMETER}
    return replace(situation, params={**rest, PARAMETER: str(plan)} if plan.rules else rest)


def plan_of(situation: Situation) -> Schedule:
    """The schedule that a situation has; raises ``InputError`` for one that is none."""
    return schedule(str(situation.params[PARAMETER])) if PARAMETER in situation.params else Schedule()


# ---- all schedules of a few faults ----------------------------------------------------------------------

RECOVERED = ("late0.5", "twice", "tc", "tc1", "id+now", "name+now", "perm1", "now+servfail")
"""Faults that a careful resolver overcomes with one try; what order records have is up to the program."""

RECOVERED_BY_TRIES = (
    "never",
    "late1.5,never",
    "after",
    "servfail",
    "refused",
    "notimp",
    "id",
    "name",
    "never,late0.5",
)
"""Faults that it overcomes with another try (of 1 s, as situations have it) or two."""

LASTING = ("never*", "servfail*", "refused*", "notimp*", "tcreset*", "id*", "name*")
"""Faults that leave the program without an answer."""

CHANGED = ("noad*", "formerr*", "nxdomain*", "nodata*", "now|nxdomain*", "now|noad*", "servfail*|now")
"""Other answers, for good or from the next attempt of the queue on."""

FAULTS = (*RECOVERED, *RECOVERED_BY_TRIES, *LASTING, *CHANGED)
"""All kinds of faults, each as what one rule does."""


def targets(situation: Situation) -> tuple[str, ...]:
    """The questions that the zone of a situation has something for, as rules name them."""
    found = (
        f"{str(entry['type']).lower()}@{bare(str(entry['name'])).partition('.')[0]}"
        for entry in situation.zone
        if entry["type"] != "CNAME"
    )
    return tuple(dict.fromkeys(found))


def singles(situation: Situation, faults: Iterable[str] = FAULTS) -> Iterator[Schedule]:
    """Each fault, at each question."""
    faults = tuple(faults)
    for target in targets(situation):
        for fault in faults:
            yield schedule(f"{target}:{fault}")


def pairs(situation: Situation, faults: Iterable[str] = FAULTS) -> Iterator[Schedule]:
    """Each two faults, at each two questions."""
    faults = tuple(faults)
    for one, two in combinations(targets(situation), 2):
        for first in faults:
            for second in faults:
                yield schedule(f"{one}:{first} {two}:{second}")


# ---- any schedule ---------------------------------------------------------------------------------------

_SECONDS = ("0.5", "1", "1.5", "2", "7")


def _events() -> st.SearchStrategy[Event]:
    plain = [Event(word) for word, (number, _) in WORDS.items() if number != "must"]
    numbered = [
        Event("tc", "1"),
        Event("perm", "1"),
        Event("perm", "2"),
        *(Event("late", s) for s in _SECONDS),
    ]
    return st.sampled_from([*plain, *numbered])


def _tries() -> st.SearchStrategy[Try]:
    several = st.lists(_events().filter(lambda event: event.word != "never"), min_size=2, max_size=2)
    return st.one_of(_events().map(lambda event: (event,)), several.map(tuple))


def _attempts() -> st.SearchStrategy[Attempt]:
    return st.builds(Attempt, st.lists(_tries(), min_size=1, max_size=3).map(tuple), st.booleans())


@lru_cache(maxsize=256)
def at_questions(names: tuple[str, ...]) -> st.SearchStrategy[Schedule]:
    """Schedules with rules for up to three questions of these names, ``tlsa@h1-a``; none is the plainest."""
    attempts = st.lists(_attempts(), min_size=1, max_size=2).map(tuple)

    def rule(target: str, plan: tuple[Attempt, ...]) -> Rule:
        type, _, name = target.partition("@")
        return Rule(type, name, plan)

    rules = st.builds(rule, st.sampled_from(names), attempts)
    some = st.lists(rules, max_size=3, unique_by=lambda one: one.target)
    return st.builds(Schedule, some.map(tuple))


def schedules(situation: Situation) -> st.SearchStrategy[Schedule]:
    """Schedules with rules for up to three of a situation's questions; none at all is the plainest."""
    return at_questions(targets(situation) or ("*",))


def scheduled_situations() -> st.SearchStrategy[Situation]:
    """Situations (``worlds.situations``) with schedules for their questions."""
    return _situations()


@lru_cache(maxsize=1)
def _situations() -> st.SearchStrategy[Situation]:
    def with_schedule(situation: Situation) -> st.SearchStrategy[Situation]:
        return schedules(situation).map(lambda plan: scheduled(situation, plan))

    return situations().flatmap(with_schedule)
