"""Searches worlds around a configuration for breaches of its promises, beyond the space that is proven."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eximsim.errors import Gap, InputError, Unsupported
from eximsim.fuzz.examples import examples, smallest
from eximsim.gate.messages import ANY_DOMAIN
from eximsim.gate.promises import some_recipient
from eximsim.testing.drawn_promises import WorldBreach, breaches
from eximsim.testing.schedules import over_policy

if TYPE_CHECKING:
    from eximsim.fuzz.baseline import Entry
    from eximsim.fuzz.promise import Promise
    from eximsim.suite.policy import Policy
    from eximsim.testing.drawn import Drawn

_SHRINKING = 400
"""How many worlds are tried at most to make one smaller."""


@dataclass(frozen=True, slots=True)
class PromiseFind:
    """A breach, and the smallest world that was found to have it."""

    breach: WorldBreach
    world: Drawn


@dataclass(slots=True)
class PromiseSearch:
    """A search for breaches that are not in ``known``; ``policy`` has the chains of ``testing.certificates``.

    ``worlds`` counts those that were run; ``gaps`` and ``unsupported`` are what could not be looked at.
    """

    policy: Policy
    promises: Sequence[Promise]
    known: Collection[Entry] = ()
    worlds: int = 0
    gaps: dict[Gap, None] = field(default_factory=dict)
    unsupported: Counter[str] = field(default_factory=Counter)

    def finds(self, most: int, seed: int) -> Iterator[PromiseFind]:
        """The first breach of each promise, made smaller, in ``most`` worlds; the same for the same seed."""
        recipients = self._recipients()
        left = list(self.promises)
        for place, recipient in enumerate(recipients):
            mine = [one for one in left if one.is_about(recipient)]
            try:
                strategy = over_policy(self.policy, recipient)
            except InputError as problem:
                self.gaps[Gap(problem.message, self.policy.path)] = None
                continue
            share = most // len(recipients) + (place < most % len(recipients))
            for example in examples(strategy, share, seed) if mine else ():
                self.worlds += 1
                for breach in self._new(example.value, mine):
                    if breach.promise not in mine:
                        continue
                    mine.remove(breach.promise)
                    left.remove(breach.promise)

                    def breaks(world: Drawn, promise: Promise = breach.promise) -> bool:
                        return bool(self._new(world, [promise]))

                    world = smallest(strategy, seed, example, breaks, _SHRINKING)
                    yield PromiseFind(self._new(world, [breach.promise])[0], world)
                if not mine:
                    break

    def _recipients(self) -> tuple[str, ...]:
        patterns = (pattern for one in self.promises for pattern in one.recipients)
        return tuple(dict.fromkeys(map(some_recipient, patterns))) or (f"someone@{ANY_DOMAIN}",)

    def _new(self, world: Drawn, promises: Sequence[Promise]) -> list[WorldBreach]:
        try:
            found = list(breaches(world, promises))
        except Unsupported as problem:
            self.unsupported[problem.item] += 1
            return []
        return [one for one in found if not any(entry.covers(one.entry) for entry in self.known)]
