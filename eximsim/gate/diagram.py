"""Decision diagrams: how a policy's outcome depends on the situation, question by question.

A diagram is found by running the policy again and again, each time with other answers to the questions that
it asks (which it does in its own order, and only as far as it wants to know). It is complete: every situation
of the space leads to exactly one outcome. What makes no difference is merged: equal parts are one part, and a
question whose answers all lead to the same is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from eximsim.gate.report import Outcome


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """All questions are answered: this is what happens."""

    outcome: Outcome


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """A question: one node follows for each of its values."""

    axis: str
    values: tuple[str, ...]
    nodes: tuple[Node, ...]

    def node(self, value: str) -> Node:
        """What follows if the answer is ``value``."""
        return self.nodes[self.values.index(value)]


Node = End | Ask


class Forest:
    """The nodes of several diagrams, each node once: equal parts of two diagrams are the same object."""

    def __init__(self) -> None:
        self._ends: dict[Outcome, End] = {}
        self._asks: dict[tuple[str, tuple[str, ...], tuple[int, ...]], Ask] = {}

    def end(self, outcome: Outcome) -> Node:
        """The end with this outcome."""
        return self._ends.setdefault(outcome, End(outcome))

    def ask(self, axis: str, values: tuple[str, ...], nodes: tuple[Node, ...]) -> Node:
        """The node for this question; what follows, if that is the same whatever the answer."""
        if all(node is nodes[0] for node in nodes):
            return nodes[0]
        return self._asks.setdefault((axis, values, tuple(map(id, nodes))), Ask(axis, values, nodes))


class Chooser(Protocol):
    """Who answers the questions of the space (``fuzz.explore.Choices`` is one)."""

    def choose(self, axis: str, values: Sequence[str], /) -> str:
        """The value of ``axis``, one of ``values``; the same whenever it is asked."""


State = Callable[[], Hashable]
"""Tells the state of the program that asks: equal states go on in the same way."""


class Merged(BaseException):
    """The rest of this run is known: it is broken off. (No handler of the model's may catch it.)"""


@dataclass(slots=True)
class _Known:
    """What follows from a state, for those who gave the same answers to what is asked for once more."""

    again: Mapping[str, str]
    node: Node
    reads: frozenset[str]


@dataclass(slots=True)
class _Question:
    axis: str
    values: tuple[str, ...]
    state: Hashable
    reads: set[str] = field(default_factory=set)
    """What was read from here up to the next question."""


class Answers:
    """The ``Chooser`` of one run: given answers first, then the plainest ones, and notes of what is asked.

    Up to the last of the given answers the run is one that was made before, and what it reads is known.
    """

    def __init__(self, given: Mapping[str, str], find: Callable[[Hashable, Mapping[str, str]], _Known | None],
                 state: State | None) -> None:  # fmt: skip
        self.answers = dict(given)
        self.questions: list[_Question] = []
        self.before: set[str] = set()
        self.rest: _Known | None = None
        self._branch = next(reversed(self.answers), None)
        self._find, self._state = find, state

    def choose(self, axis: str, values: Sequence[str]) -> str:
        """See ``Chooser``; raises ``Merged`` at a state from which everything is known."""
        if self._branch is None:
            (self.questions[-1].reads if self.questions else self.before).add(axis)
        elif axis == self._branch:
            self._branch = None
        if axis not in self.answers:
            state = self._state() if self._state else None
            if state is not None:
                self.rest = self._find(state, self.answers)
                if self.rest is not None:
                    raise Merged
            self.questions.append(_Question(axis, tuple(values), state, {axis}))
            self.answers[axis] = values[0]
        return self.answers[axis]


class Explorer:
    """Finds the diagram of one run function. ``runs`` counts how often it was run to an end of its own."""

    def __init__(self, forest: Forest, run: Callable[[Chooser], Outcome], state: State | None = None) -> None:
        self._forest, self._run, self._state = forest, run, state
        self._known: dict[Hashable, list[_Known]] = {}
        self.runs = 0

    def diagram(self) -> Node:
        """The whole diagram."""
        return self._explore({})[0]

    def _explore(self, given: Mapping[str, str]) -> tuple[Node, frozenset[str]]:
        """What follows from these answers, and all that is read on the way."""
        answers = Answers(given, self._find, self._state)
        try:
            outcome = self._run(answers)
        except Merged:
            rest = answers.rest
            assert rest is not None
            node, reads = rest.node, rest.reads
        else:
            self.runs += 1
            node, reads = self._forest.end(outcome), frozenset[str]()
        known = dict(answers.answers)
        for question in reversed(answers.questions):
            del known[question.axis]
            nodes, reads = [node], reads | question.reads
            for value in question.values[1:]:
                other, read = self._explore({**known, question.axis: value})
                nodes.append(other)
                reads |= read
            node = self._forest.ask(question.axis, question.values, tuple(nodes))
            if question.state is not None:
                again = {axis: value for axis, value in known.items() if axis in reads}
                self._known.setdefault(question.state, []).append(_Known(again, node, reads))
        return node, reads | answers.before

    def _find(self, state: Hashable, answers: Mapping[str, str]) -> _Known | None:
        for known in self._known.get(state, ()):
            if all(answers.get(axis) == value for axis, value in known.again.items()):
                return known
        return None


@dataclass(frozen=True, slots=True)
class Difference:
    """A class of situations (axis -> value; what is not named makes no difference) with two outcomes."""

    answers: Mapping[str, str]
    before: Outcome
    after: Outcome
    size: int


def differences(before: Node, after: Node, size: int) -> Iterator[Difference]:
    """Where two diagrams of one forest come to something else, in a space of ``size`` situations.

    Complete, and without overlap: the sizes add up to the number of situations that changed.
    """
    yield from _differences(before, after, size, {})


def _differences(before: Node, after: Node, size: int, answers: dict[str, str]) -> Iterator[Difference]:
    before, after = _follow(before, answers), _follow(after, answers)
    if before is after:
        return
    asking = before if isinstance(before, Ask) else after
    if not isinstance(asking, Ask):
        assert isinstance(before, End)
        assert isinstance(after, End)
        yield Difference(dict(answers), before.outcome, after.outcome, size)
        return
    for value in asking.values:
        answers[asking.axis] = value
        yield from _differences(before, after, size // len(asking.values), answers)
    del answers[asking.axis]


def _follow(node: Node, answers: Mapping[str, str]) -> Node:
    """The node at which a question comes that has no answer yet."""
    while isinstance(node, Ask) and node.axis in answers:
        node = node.node(answers[node.axis])
    return node


def outcome_at(node: Node, answers: Mapping[str, str]) -> Outcome:
    """The outcome in a situation; an answer that is missing is the plainest."""
    while isinstance(node, Ask):
        node = node.node(answers.get(node.axis, node.values[0]))
    return node.outcome


def ends(node: Node, size: int) -> Mapping[Outcome, tuple[Mapping[str, str], int]]:
    """Every outcome of a diagram: its smallest situation, and how many situations of ``size`` have it."""
    found: dict[Outcome, tuple[Mapping[str, str], int]] = {}
    for answers, outcome, count in _paths(node, size, {}):
        smallest, before = found.get(outcome, (answers, 0))
        found[outcome] = (min(smallest, answers, key=len), before + count)
    return found


def _paths(
    node: Node, size: int, answers: dict[str, str]
) -> Iterator[tuple[Mapping[str, str], Outcome, int]]:
    if isinstance(node, End):
        yield dict(answers), node.outcome, size
        return
    for value, following in zip(node.values, node.nodes, strict=True):
        answers[node.axis] = value
        yield from _paths(following, size // len(node.values), answers)
    del answers[node.axis]


def mapped(forest: Forest, node: Node, change: Callable[[Outcome], Outcome]) -> Node:
    """The diagram with every outcome changed; what then makes no difference is merged."""
    made: dict[int, Node] = {}

    def copy(one: Node) -> Node:
        if id(one) not in made:
            if isinstance(one, End):
                made[id(one)] = forest.end(change(one.outcome))
            else:
                made[id(one)] = forest.ask(one.axis, one.values, tuple(map(copy, one.nodes)))
        return made[id(one)]

    return copy(node)


def combined(forest: Forest, before: Node, after: Node, pick: Callable[[Outcome, Outcome], Outcome]) -> Node:
    """The diagram that has, for each situation, what ``pick`` makes of the outcomes of two."""
    return _combined(forest, before, after, pick, {})


def _combined(
    forest: Forest,
    before: Node,
    after: Node,
    pick: Callable[[Outcome, Outcome], Outcome],
    answers: dict[str, str],
) -> Node:
    before, after = _follow(before, answers), _follow(after, answers)
    if before is after:
        return before
    asking = before if isinstance(before, Ask) else after
    if not isinstance(asking, Ask):
        assert isinstance(before, End)
        assert isinstance(after, End)
        return forest.end(pick(before.outcome, after.outcome))
    nodes = []
    for value in asking.values:
        answers[asking.axis] = value
        nodes.append(_combined(forest, before, after, pick, answers))
    del answers[asking.axis]
    return forest.ask(asking.axis, asking.values, tuple(nodes))
