"""Decision diagrams: how a policy's outcome depends on the situation, question by question.

A diagram is found by running the policy again and again, each time with other answers to the questions that
it asks (which it does in its own order, and only as far as it wants to know). It is complete: every situation
of the space leads to exactly one outcome. What makes no difference is merged: equal parts are one part, and a
question whose answers all lead to the same is left out. What is logged on the way to a question stands on the
way, so that parts are equal whatever was logged before.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace

from eximsim.explore import walk
from eximsim.explore.choices import Chooser
from eximsim.explore.walk import Answers
from eximsim.gate.report import Outcome
from eximsim.quick_dataclass import dataclass

Log = tuple[str, ...]
"""Log lines: those of the main log, then those of reject and panic log, which begin with a mark."""

_MARKS = ("REJECT: ", "PANIC: ")


def _rank(line: str) -> int:
    return next((rank for rank, mark in enumerate(_MARKS, 1) if line.startswith(mark)), 0)


def joined(before: Log, after: Log) -> Log:
    """What a log holds that held ``before`` when ``after`` was written to it."""
    if not before or not after:
        return before or after
    return tuple(sorted((*before, *after), key=_rank))


def since(log: Log, before: Log) -> Log:
    """What was written to a log that held ``before``."""
    counts = [0] * (len(_MARKS) + 1)
    for line in before:
        counts[_rank(line)] += 1
    new = []
    for line in log:
        rank = _rank(line)
        if counts[rank]:
            counts[rank] -= 1
        else:
            new.append(line)
    return tuple(new)


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """All questions are answered: this is what happens (what is logged stands on the way)."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Way:
    """What is logged on the way to a node, and the node."""

    log: Log
    node: Node


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """A question: one way goes on for each of its values."""

    axis: str
    values: tuple[str, ...]
    ways: tuple[Way, ...]

    def way(self, value: str) -> Way:
        """The way on if the answer is ``value``."""
        return self.ways[self.values.index(value)]


Node = End | Ask


class Forest:
    """The nodes of several diagrams, each node once: equal parts of two diagrams are the same object."""

    def __init__(self) -> None:
        self._ends: dict[Outcome, End] = {}
        self._asks: dict[tuple[str, tuple[str, ...], tuple[tuple[Log, int], ...]], Ask] = {}

    def end(self, outcome: Outcome) -> Way:
        """The way to the end with this outcome."""
        bare = replace(outcome, log=())
        return Way(outcome.log, self._ends.setdefault(bare, End(bare)))

    def ask(self, axis: str, values: tuple[str, ...], ways: tuple[Way, ...]) -> Way:
        """The way to this question; to what follows, if that is the same whatever the answer."""
        if all(way.node is ways[0].node and way.log == ways[0].log for way in ways):
            return ways[0]
        key = (axis, values, tuple((way.log, id(way.node)) for way in ways))
        return Way((), self._asks.setdefault(key, Ask(axis, values, ways)))


State = Callable[[str], tuple[Hashable, Log]]
"""Tells the state of the program that asks, and what it has logged: equal states go on in the same way."""

_Run = Answers[Log, Way]


class Explorer(walk.Explorer[_Run, Log, Way, Way]):
    """Finds the diagram of one run function."""

    def __init__(self, forest: Forest, run: Callable[[Chooser], Outcome], state: State | None = None) -> None:
        super().__init__()
        self._forest, self._run, self._state = forest, run, state

    def diagram(self) -> Way:
        """The whole diagram."""
        return self.explore({}, ())[0]

    def answers(self, given: Mapping[str, str]) -> _Run:
        """See ``walk.Explorer``."""
        return Answers(given, self._look, self.find)

    def _look(self, axis: str, values: Sequence[str]) -> tuple[Hashable, Log]:
        return self._state(axis) if self._state else (None, ())

    def end(self, answers: _Run) -> tuple[Way, Log]:
        """See ``walk.Explorer``."""
        outcome = self._run(answers)
        return self._forest.end(replace(outcome, log=())), outcome.log

    def way(self, answers: _Run, before: Log, log: Log, rest: Way) -> Way:
        """See ``walk.Explorer``; ``log`` is what is logged when ``rest`` begins."""
        return Way(joined(since(log, before), rest.log), rest.node)

    def ask(self, axis: str, values: tuple[str, ...], ways: tuple[Way, ...]) -> Way:
        """See ``walk.Explorer``."""
        return self._forest.ask(axis, values, ways)


def follow(way: Way, answers: Mapping[str, str]) -> Way:
    """The way up to a question that has no answer yet."""
    while isinstance(way.node, Ask) and way.node.axis in answers:
        way = _step(way, way.node, answers[way.node.axis])
    return way


def _step(way: Way, node: Ask, value: str) -> Way:
    on = node.way(value)
    return Way(joined(way.log, on.log), on.node)


def outcome_at(way: Way, answers: Mapping[str, str]) -> Outcome:
    """The outcome in a situation; an answer that is missing is the plainest."""
    while isinstance(way.node, Ask):
        way = _step(way, way.node, answers.get(way.node.axis, way.node.values[0]))
    return replace(way.node.outcome, log=way.log)


def comes_to(way: Way, wanted: Callable[[Outcome], bool]) -> bool:
    """Whether some situation has an outcome like this (its log aside)."""
    seen: set[int] = set()
    left = [way.node]
    while left:
        node = left.pop()
        if isinstance(node, End):
            if wanted(node.outcome):
                return True
        elif id(node) not in seen:
            seen.add(id(node))
            left += [one.node for one in node.ways]
    return False


def ends(way: Way, size: int) -> Mapping[Outcome, tuple[Mapping[str, str], int]]:
    """Every outcome of a diagram: its smallest situation, and how many situations of ``size`` have it."""
    found: dict[Outcome, tuple[Mapping[str, str], int]] = {}
    for answers, outcome, count in _paths(way, size, {}):
        smallest, before = found.get(outcome, (answers, 0))
        found[outcome] = (min(smallest, answers, key=len), before + count)
    return found


def _paths(way: Way, size: int, answers: dict[str, str]) -> Iterator[tuple[Mapping[str, str], Outcome, int]]:
    node = way.node
    if isinstance(node, End):
        yield dict(answers), replace(node.outcome, log=way.log), size
        return
    for value in node.values:
        answers[node.axis] = value
        yield from _paths(_step(way, node, value), size // len(node.values), answers)
    del answers[node.axis]


def mapped(forest: Forest, way: Way, change: Callable[[Outcome], Outcome]) -> Way:
    """The diagram with every outcome changed, and without its log; what makes no difference is merged."""
    made: dict[int, Way] = {}

    def copy(one: Way) -> Way:
        node = one.node
        if id(node) not in made:
            if isinstance(node, End):
                made[id(node)] = forest.end(change(node.outcome))
            else:
                made[id(node)] = forest.ask(node.axis, node.values, tuple(map(copy, node.ways)))
        return made[id(node)]

    return copy(way)


def combined(forest: Forest, before: Way, after: Way, pick: Callable[[Outcome, Outcome], Outcome]) -> Way:
    """The diagram that has, for each situation, what ``pick`` makes of the outcomes of two without a log."""
    return _combined(forest, before, after, pick, {})


def _combined(
    forest: Forest,
    before: Way,
    after: Way,
    pick: Callable[[Outcome, Outcome], Outcome],
    answers: dict[str, str],
) -> Way:
    before, after = follow(before, answers), follow(after, answers)
    if before.node is after.node:
        return before
    asking = before.node if isinstance(before.node, Ask) else after.node
    if not isinstance(asking, Ask):
        return forest.end(pick(outcome_at(before, answers), outcome_at(after, answers)))
    ways = []
    for value in asking.values:
        answers[asking.axis] = value
        ways.append(_combined(forest, before, after, pick, answers))
    del answers[asking.axis]
    return forest.ask(asking.axis, asking.values, tuple(ways))
