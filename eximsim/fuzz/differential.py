"""The model against another program in situations made at random, differences shrunk.

The other program is a real Exim, or the model under another profile. A difference is known by its signature:
what differs first, with names and numbers left out. One situation of each signature is made smaller. What
comes out depends on the seed and the number of situations alone, not on how many processes there are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import tee
from pathlib import Path
from typing import Protocol

from eximsim.fuzz.examples import Found, examples, smallest
from eximsim.fuzz.worlds import situations
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.profiles import Profile
from eximsim.quick_dataclass import dataclass
from eximsim.suite.compare import (
    CHANCE,
    FIELDS,
    LOTS,
    RESTLESS,
    Comparison,
    alike,
    choices,
    compare_one,
    differences,
)
from eximsim.suite.real import RealStand
from eximsim.suite.real_runs import run_all
from eximsim.suite.recording import Record, Seen, Situation
from eximsim.suite.replay import Replayed, Stand
from eximsim.trace import Trace

_SEEDS = 2000
"""How many seeds of the model are tried in a situation in which Exim chooses by chance."""

_TRIES = 400
"""How many situations are tried at most to make one smaller."""

Ask = Callable[[Situation], Record]


class Rival(Protocol):
    """The other program; the record of an undefined behaviour has ``stable`` False and says so in its log."""

    @property
    def profile(self) -> Profile:
        """The release that it is."""

    def records(self, asked: Iterable[Situation], jobs: int) -> Iterator[Record]:
        """What it does in many situations, in order."""

    def open(self) -> AbstractContextManager[Ask]:
        """To ask it about one situation after the other."""


@dataclass(frozen=True, slots=True)
class RealRival:
    """A real Exim at ``exim``; ``certificates`` is a folder of chains with their keys."""

    exim: Path
    certificates: Path
    profile: Profile

    def records(self, asked: Iterable[Situation], jobs: int) -> Iterator[Record]:
        """See ``Rival``."""
        tasks = ((situation, situation.kinds[0]) for situation in asked)
        return run_all(self.exim, self.certificates, tasks, jobs)

    @contextmanager
    def open(self) -> Iterator[Ask]:
        """See ``Rival``."""
        with RealStand(self.exim, self.certificates) as stand:
            yield lambda situation: _record(
                situation, self.profile, stand.replay(situation, situation.kinds[0])
            )


@dataclass(frozen=True, slots=True)
class ModelRival:
    """The model under another profile, in the place of the other program."""

    stand: Stand
    profile: Profile

    def records(self, asked: Iterable[Situation], jobs: int) -> Iterator[Record]:
        """See ``Rival``; one process is enough."""
        return map(self._ask, asked)

    @contextmanager
    def open(self) -> Iterator[Ask]:
        """See ``Rival``."""
        yield self._ask

    def _ask(self, situation: Situation) -> Record:
        try:
            seen = self.stand.replay(situation, situation.kinds[0], self.profile)
            return _record(situation, self.profile, seen)
        except UndefinedBehaviour as reason:
            nothing = Replayed(Seen((str(reason),)), "", None, Trace())
            return replace(_record(situation, self.profile, nothing), stable=False)


def _record(situation: Situation, profile: Profile, replayed: Replayed) -> Record:
    return Record(
        release=profile.name,
        tls="gnutls" if profile.tls_library == "gnutls" else "openssl",
        id=situation.id,
        kind=situation.kinds[0],
        outcome=replayed.outcome,
        stable=True,
        seen=replayed.seen,
        queuerun=replayed.queuerun,
        params=situation.params,
    )


@dataclass(frozen=True, slots=True)
class Bout:
    """One situation and how the two compare in it."""

    made: Found[Situation]
    found: Comparison

    @property
    def differs(self) -> bool:
        """Whether there is a difference that nothing explains."""
        return self.found.result in _DIFFERENT

    @property
    def by_chance(self) -> bool:
        """Whether a difference is put down to chance: the rival has to be seen to choose by it, too."""
        return self.found.rule.startswith(CHANCE)


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which they differ: signature, the situations' ids, the smallest one, how it shows there."""

    signature: str
    ids: tuple[str, ...]
    situation: Situation
    found: Comparison


@dataclass(frozen=True, slots=True)
class Contest:
    """The model under ``profile`` and its rival; ``seed`` makes the situations."""

    stand: Stand
    profile: Profile
    rival: Rival
    seed: int

    def play(self, count: int, jobs: int = 1) -> Iterator[Bout]:
        """Compare ``count`` situations, in order; their ids are ``rSEED-NUMBER``."""
        drawn = examples(situations(), count, self.seed)
        named = (self._named(one, number) for number, one in enumerate(drawn, 1))
        ours, theirs = tee(named)
        records = self.rival.records((made.value for made in theirs), jobs)
        for record, made in zip(records, ours, strict=True):
            yield Bout(made, self.compare(made.value, record))

    def compare(self, situation: Situation, record: Record) -> Comparison:
        """What the rival did against what the model does."""
        if not record.stable:
            return Comparison(record, "explained", rule=f"undefined: {record.seen.log[0]}")
        real = isinstance(self.rival, RealRival)
        return compare_one(record, situation, self.stand, self.profile, _SEEDS, any_build=real)

    def settle(self, differing: Sequence[Bout]) -> Iterator[Bout | Difference]:
        """Look into differences: ask the rival again, and make one situation of each signature smaller.

        A bout that comes back is one that the rival has thought better of, or in which it was seen to choose
        by chance.
        """
        groups: dict[str, list[Bout]] = {}
        with self.rival.open() as ask:
            for bout in differing:
                if bout.by_chance:
                    if self._chooses(bout, ask):
                        yield bout
                    else:
                        fixed = self._without_chance(bout)
                        groups.setdefault(signature(fixed.found), []).append(fixed)
                    continue
                again = self.compare(bout.made.value, ask(bout.made.value))
                if again.result in _DIFFERENT:
                    groups.setdefault(signature(bout.found), []).append(bout)
                else:
                    yield Bout(bout.made, replace(again, result="explained", rule=RESTLESS))
            for name, bouts in groups.items():
                ids = tuple(bout.made.value.id for bout in bouts)
                least = self._smallest(name, bouts[0].made, ask)
                yield Difference(name, ids, least, self.compare(least, ask(least)))

    def _chooses(self, bout: Bout, ask: Ask) -> bool:
        """Whether the rival does not always do the same; a model that is the rival chooses once for all."""
        if not isinstance(self.rival, RealRival):
            return True
        return any(not alike(bout.found.record, ask(bout.made.value)) for _ in range(LOTS))

    def _without_chance(self, bout: Bout) -> Bout:
        record, situation = bout.found.record, bout.made.value
        return replace(
            bout, found=compare_one(record, situation, self.stand, self.profile, 0, any_build=True)
        )

    def _smallest(self, name: str, start: Found[Situation], ask: Ask) -> Situation:
        lines = set(name.split(_BETWEEN))
        by_chance = choices(start.value) > 1

        def holds(situation: Situation) -> bool:
            if choices(situation) > 1 and not by_chance:
                return False  # nothing that is by chance can be what differs
            found = self.compare(situation, ask(situation))
            return found.result in _DIFFERENT and not lines.isdisjoint(_unlike(found))

        nameless = Found(replace(start.value, id=""), start.batch)
        least = smallest(situations(), self.seed, nameless, holds, _TRIES)
        return replace(least, id=f"{start.value.id}-least")

    def _named(self, made: Found[Situation], number: int) -> Found[Situation]:
        return Found(replace(made.value, id=f"r{self.seed}-{number}"), made.batch)


_DIFFERENT = ("differ", "unsupported")
_NAMES = re.compile(r"[\w*-]+(?:\.[\w-]+)+|\"[^\"]*\"|\d+")


_BETWEEN = " <> "


def signature(found: Comparison) -> str:
    """In what way two runs differ: the first line that does, on either side, without names and numbers."""
    return _BETWEEN.join(_unlike(found))


def _unlike(found: Comparison) -> list[str]:
    """The lines of the signature; where one side has none, only the other's."""
    ours = found.replayed
    if ours is None:
        return [f"not modelled: {_NAMES.sub('*', found.rule)}"]
    lines = differences(found.record.seen, ours.seen)
    if not lines and found.record.queuerun is not None and ours.queuerun is not None:
        lines = differences(found.record.queuerun, ours.queuerun)
    fields = [name for name in FIELDS if not found.fields.get(name, True)]
    shown = [_NAMES.sub("*", line) for line in lines[:2] if not line.endswith(": None")]
    return shown or [f"{', '.join(fields)} differ"]
