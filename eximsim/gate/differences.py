"""Where two decision diagrams come to something else: every class of changed situations, counted.

The two are walked together, and each pair of nodes once: what follows from a pair is the same whatever came
before, but for the answers that are asked for once more and for what was logged on one way only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from eximsim.gate.diagram import Ask, End, Log, Node, Way, follow, outcome_at
from eximsim.gate.report import Outcome


@dataclass(frozen=True, slots=True)
class Difference:
    """A class of situations with two outcomes, by its simplest one.

    ``answers`` are those that the two ask for there (axis -> value); ``size`` counts the situations.
    """

    answers: Mapping[str, str]
    before: Outcome
    after: Outcome
    size: int


_Pair = tuple[Outcome, Outcome, Log, Log]
"""What tells classes apart: both outcomes, and what only one of the two has logged if words are all."""


@dataclass(frozen=True, slots=True)
class _Found:
    """The simplest answers that lead to a pair, how many of them are out of the ordinary, and the share."""

    answers: Mapping[str, str]
    unusual: int
    share: Fraction


def differences(
    before: Way, after: Way, size: int, kind: Callable[[Outcome], Hashable] = lambda outcome: outcome
) -> list[Difference]:
    """The classes of changed situations of two diagrams of one forest, in a space of ``size`` situations.

    Complete, and without overlap: the sizes add up to the number of situations that changed. Two situations
    are in one class if they have the same two outcomes, and also, where these are of one ``kind``, if the
    same lines are logged by one side only. Situations that differ only in what was logged before a part that
    is common to both are told by the plainest.
    """
    return [
        Difference(
            found.answers,
            outcome_at(before, found.answers),
            outcome_at(after, found.answers),
            int(found.share * size),
        )
        for found in _Walk(kind).classes(before, after, {}).values()
    ]


_NOTHING: tuple[Log, Log] = ((), ())


class _Walk:
    """Walks two diagrams together."""

    def __init__(self, kind: Callable[[Outcome], Hashable]) -> None:
        self._kind = kind
        self._known: dict[object, dict[_Pair, _Found]] = {}
        self._below: dict[Node, tuple[frozenset[str], frozenset[Hashable]]] = {}

    def classes(self, before: Way, after: Way, answers: Mapping[str, str]) -> Mapping[_Pair, _Found]:
        """The changes that follow from here; of what was logged, only the differences count."""
        before, after = follow(before, answers), follow(after, answers)
        one, two = before.node, after.node
        logs = _only(before.log, after.log)
        if one is two and logs == _NOTHING:
            return {}
        (axes, kinds), (others, other_kinds) = self._follows(one), self._follows(two)
        if kinds.isdisjoint(other_kinds):
            logs = _NOTHING
        asked = frozenset((axis, value) for axis, value in answers.items() if axis in axes or axis in others)
        key = (one, two, logs, asked)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._classes(Way(logs[0], one), Way(logs[1], two), answers)
        return found

    def _classes(self, before: Way, after: Way, answers: Mapping[str, str]) -> dict[_Pair, _Found]:
        asking = before.node if isinstance(before.node, Ask) else after.node
        if before.node is after.node or not isinstance(asking, Ask):
            was, now = (replace(outcome_at(way, answers), log=()) for way in (before, after))
            logs = (before.log, after.log) if self._kind(was) == self._kind(now) else _NOTHING
            return {(was, now, *logs): _Found({}, 0, Fraction(1))}
        found: dict[_Pair, _Found] = {}
        share = Fraction(1, len(asking.values))
        for value in asking.values:
            unusual = value != asking.values[0]
            following = self.classes(before, after, {**answers, asking.axis: value})
            for pair, one in following.items():
                known = found.get(pair)
                total = one.share * share + (known.share if known else 0)
                if known is not None and known.unusual <= one.unusual + unusual:
                    found[pair] = _Found(known.answers, known.unusual, total)
                else:
                    simpler = {asking.axis: value, **one.answers}
                    found[pair] = _Found(simpler, one.unusual + unusual, total)
        return found

    def _follows(self, node: Node) -> tuple[frozenset[str], frozenset[Hashable]]:
        """What can still be asked below a node, and the kinds of outcomes that can follow."""
        if node not in self._below:
            if isinstance(node, End):
                self._below[node] = frozenset(), frozenset({self._kind(node.outcome)})
            else:
                below = [self._follows(way.node) for way in node.ways]
                axes = frozenset({node.axis}).union(*(axes for axes, _ in below))
                self._below[node] = axes, frozenset().union(*(kinds for _, kinds in below))
        return self._below[node]


def _only(one: Log, two: Log) -> tuple[Log, Log]:
    """The lines that only one of two logs has."""
    if one == two:
        return _NOTHING
    common = Counter(one) & Counter(two)
    return _without(one, common), _without(two, common)


def _without(log: Log, common: Counter[str]) -> Log:
    left, kept = Counter(common), []
    for line in log:
        if left[line]:
            left[line] -= 1
        else:
            kept.append(line)
    return tuple(kept)
