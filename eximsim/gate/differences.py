"""Where two decision diagrams come to something else: every class of changed situations, counted.

The two are walked together, and each pair of nodes once: what follows from a pair is the same whatever came
before, but for the answers that are asked for once more. What was logged before a pair, on one side only, is
put before what follows from it afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping

from eximsim.gate.diagram import Ask, End, Log, Node, Way, follow, outcome_at
from eximsim.gate.report import Outcome
from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """A class of situations with two outcomes, by its simplest one.

    ``answers`` are those that the two ask for there (axis -> value); ``size`` counts the situations.
    """

    answers: Mapping[str, str]
    before: Outcome
    after: Outcome
    size: int


def differences(
    before: Way, after: Way, size: int, kind: Callable[[Outcome], Hashable] = lambda outcome: outcome
) -> list[Difference]:
    """The classes of changed situations of two diagrams of one forest, in a space of ``size`` situations.

    Complete, and without overlap: the sizes add up to the number of situations that changed. Two situations
    are in one class if they have the same two outcomes, and also, where these are of one ``kind``, if the
    same lines are logged by one side only. Situations that differ only in what was logged before a part that
    is common to both are told by the plainest.
    """
    found = _Walk(kind, size).classes(before, after)
    return [
        Difference(answers, outcome_at(before, answers), outcome_at(after, answers), one.size)
        for one in found.values()
        for answers in (dict(one.answers()),)
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Only:
    """The lines that only one of two logs has, sorted; one object for each."""

    before: Log
    after: Log


_Pair = tuple[End, End, _Only]
"""What tells classes apart: both outcomes, and what only one of the two has logged if words are all."""


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A class below a pair of nodes: the simplest answers that lead there, and its size.

    The answers are a chain: this one, and those of ``rest``. ``unusual`` counts those out of the ordinary.
    """

    axis: str
    value: str
    rest: _Found | None
    unusual: int
    size: int

    def answers(self) -> Iterator[tuple[str, str]]:
        """Axis and value of each answer."""
        one: _Found | None = self
        while one is not None:
            if one.axis:
                yield one.axis, one.value
            one = one.rest


_Classes = Mapping[_Pair, _Found]


class _Walk:
    """Walks two diagrams together."""

    def __init__(self, kind: Callable[[Outcome], Hashable], size: int) -> None:
        self._kind, self._size = kind, size
        self._end = _Found("", "", None, 0, size)
        self._logs: dict[tuple[Log, Log], _Only] = {}
        self._nothing = self._only((), ())
        self._known: dict[object, _Classes] = {}
        self._joined: dict[tuple[_Only, _Only], _Only] = {}
        self._kinds: dict[End, Hashable] = {}
        self._below: dict[Node, tuple[frozenset[str], frozenset[Hashable]]] = {}

    def classes(self, before: Way, after: Way) -> _Classes:
        """The changes between two diagrams."""
        return self._after(before, after, {}, whole=False)

    def _after(self, before: Way, after: Way, answers: dict[str, str], *, whole: bool) -> _Classes:
        """The classes that follow from here, what is logged on the way included.

        Only changes, unless ``whole``: then also what is the same on both sides, each by its plainest.
        """
        before, after = follow(before, answers), follow(after, answers)
        one, two = before.node, after.node
        logs = self._only(before.log, after.log)
        if one is two:
            if logs is self._nothing and not whole:
                return {}
            end = _plainest(one, answers)
            return {(end, end, logs): self._end}
        (axes, kinds), (others, other_kinds) = self._follows(one), self._follows(two)
        if kinds.isdisjoint(other_kinds):
            logs, whole = self._nothing, False
        asked = tuple((axis, value) for axis, value in answers.items() if axis in axes or axis in others)
        key = (one, two, whole or logs is not self._nothing, frozenset(asked) if asked else None)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._classes(one, two, answers, whole=key[2])
        return found if logs is self._nothing else self._put_before(logs, found, whole=whole)

    def _put_before(self, logs: _Only, found: _Classes, *, whole: bool) -> _Classes:
        """The classes with what was logged before them."""
        made: dict[_Pair, _Found] = {}
        for (was, now, below), one in found.items():
            own = self._join(logs, below) if self._alike(was, now) else below
            if was is now and own is self._nothing and not whole:
                continue
            _add(made, (was, now, own), one)
        return made

    def _classes(self, one: Node, two: Node, answers: dict[str, str], *, whole: bool) -> _Classes:
        """What follows from two nodes that are not the same."""
        if isinstance(one, End) and isinstance(two, End):
            return {(one, two, self._nothing): self._end}
        asking = self._first(one, two)
        found: dict[_Pair, _Found] = {}
        for value in asking.values:
            unusual = value != asking.values[0]
            answers[asking.axis] = value
            following = self._after(Way((), one), Way((), two), answers, whole=whole)
            for pair, rest in following.items():
                size = rest.size // len(asking.values)
                _add(found, pair, _Found(asking.axis, value, rest, rest.unusual + unusual, size))
        del answers[asking.axis]
        return found

    def _first(self, one: Node, two: Node) -> Ask:
        """The question to ask first: one that the other side will not come to later, if there is one.

        Else its answer would have to be kept in mind, with all others that are given before it is needed.
        """
        if isinstance(one, Ask) and isinstance(two, Ask):
            return two if one.axis in self._follows(two)[0] and two.axis not in self._follows(one)[0] else one
        asking = one if isinstance(one, Ask) else two
        assert isinstance(asking, Ask)
        return asking

    def _alike(self, was: End, now: End) -> bool:
        return was is now or self._kind_of(was) == self._kind_of(now)

    def _kind_of(self, end: End) -> Hashable:
        if end not in self._kinds:
            self._kinds[end] = self._kind(end.outcome)
        return self._kinds[end]

    def _follows(self, node: Node) -> tuple[frozenset[str], frozenset[Hashable]]:
        """What can still be asked below a node, and the kinds of outcomes that can follow."""
        if node not in self._below:
            if isinstance(node, End):
                self._below[node] = frozenset(), frozenset({self._kind_of(node)})
            else:
                below = [self._follows(way.node) for way in node.ways]
                axes = frozenset({node.axis}).union(*(axes for axes, _ in below))
                self._below[node] = axes, frozenset().union(*(kinds for _, kinds in below))
        return self._below[node]

    # ---- what only one of two logs has

    def _only(self, before: Log, after: Log) -> _Only:
        if before == after:
            before = after = ()
        else:
            common = Counter(before) & Counter(after)
            before, after = _without(before, common), _without(after, common)
        return self._logs.setdefault((before, after), _Only(before, after))

    def _join(self, first: _Only, then: _Only) -> _Only:
        if first is self._nothing or then is self._nothing:
            return then if first is self._nothing else first
        key = first, then
        if key not in self._joined:
            self._joined[key] = self._only(first.before + then.before, first.after + then.after)
        return self._joined[key]


def _add(found: dict[_Pair, _Found], pair: _Pair, one: _Found) -> None:
    """Add a class, or make one larger that is there; the simpler answers stay, of equals the first."""
    known = found.get(pair)
    if known is None:
        found[pair] = one
        return
    simpler = known if known.unusual <= one.unusual else one
    size = known.size + one.size
    found[pair] = _Found(simpler.axis, simpler.value, simpler.rest, simpler.unusual, size)


def _plainest(node: Node, answers: Mapping[str, str]) -> End:
    """The end to which these answers lead, and the plainest ones where there are none."""
    while isinstance(node, Ask):
        node = node.way(answers.get(node.axis, node.values[0])).node
    return node


def _without(log: Log, common: Counter[str]) -> Log:
    return tuple(sorted((Counter(log) - common).elements()))
