"""The walk over all runs of a space, in which runs that have come to the same state share what follows.

The runs are a tree: a question at every branch. The first run is given the plainest answers; then, from the
last of its questions back to the first, each other answer is tried, in the same way. A run that comes to a
state from which everything is known is broken off there. What is made of the runs is the client's: what it
has of a run at a question (a moment), what follows from a question (the rest), and what is told on the way
from one moment to another, with the rest behind it (a way).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import field
from typing import Any, Generic, TypeVar

from eximsim.explore.choices import Choices
from eximsim.quick_dataclass import dataclass

Moment = TypeVar("Moment")
Rest = TypeVar("Rest")
Way = TypeVar("Way")


class Merged(BaseException):
    """The rest of this run is known: it is broken off. (No handler of the model's may catch it.)"""


@dataclass(slots=True)
class Known(Generic[Rest]):
    """What follows from a state, for those who gave the same answers to what is asked for once more."""

    again: Mapping[str, str]
    rest: Rest
    reads: frozenset[str]


@dataclass(slots=True)
class Question(Generic[Moment]):
    """A question that a run came to first; ``reads`` is what was read from here up to the next one."""

    axis: str
    values: tuple[str, ...]
    state: Hashable
    moment: Moment
    reads: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Settled:
    """A state in which something is settled, however the ``axes`` were answered that decided it."""

    state: Hashable
    axes: frozenset[str]

    def without(self, answers: Mapping[str, str]) -> Mapping[str, str]:
        """The answers that still matter."""
        return {axis: value for axis, value in answers.items() if axis not in self.axes}


Look = Callable[[str, Sequence[str]], tuple[Hashable, Moment]]
"""The state and the moment of the run that asks a question; no state if it is not to be compared."""

Find = Callable[[Hashable, Mapping[str, str]], Known[Rest] | None]
"""What follows from a state with these answers, if that is known."""


class Answers(Choices, Generic[Moment, Rest]):
    """The choices of one run: given ones first, then the plainest, and notes of what is asked.

    Up to the last of the given answers the run is one that was made before, and what it reads is known.
    """

    def __init__(self, given: Mapping[str, str], look: Look[Moment], find: Find[Rest]) -> None:
        super().__init__()
        self.path.update(given)
        self.questions: list[Question[Moment]] = []
        self.before: set[str] = set()
        self.met: tuple[Known[Rest], Moment] | None = None
        self._branch = next(reversed(self.path), None)
        self._look, self._find = look, find

    def choose(self, axis_name: str, values: Sequence[str]) -> str:
        """See ``Choices``; raises ``Merged`` at a state from which everything is known."""
        if self._branch is None:
            (self.questions[-1].reads if self.questions else self.before).add(axis_name)
        elif axis_name == self._branch:
            self._branch = None
        value = self.path.get(axis_name)
        if value is None:
            state, moment = self._look(axis_name, values)
            known = None if state is None else self._find(state, self.path)
            if known is not None:
                self.met = known, moment
                raise Merged
            self.questions.append(Question(axis_name, tuple(values), state, moment, {axis_name}))
            value = self.path[axis_name] = values[0]
        return value


Run = TypeVar("Run", bound=Answers[Any, Any])


class Explorer(ABC, Generic[Run, Moment, Rest, Way]):
    """Makes all runs of a space; ``runs`` counts those made to the end, ``broken_off`` the others.

    What a run does must depend on its answers alone.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, list[Known[Rest]]] = {}
        self.runs = self.broken_off = 0

    @abstractmethod
    def answers(self, given: Mapping[str, str]) -> Run:
        """The answers of a run that begins with these."""

    @abstractmethod
    def end(self, answers: Run) -> tuple[Rest, Moment]:
        """Make the run of these answers; what it came to, and the moment of its end."""

    @abstractmethod
    def way(self, answers: Run, since: Moment, until: Moment, rest: Rest) -> Way:
        """What a run tells from one moment to another, and what follows then."""

    @abstractmethod
    def ask(self, axis: str, values: tuple[str, ...], ways: tuple[Way, ...]) -> Rest:
        """What follows from a question: a way for each of its values."""

    def explore(self, given: Mapping[str, str], start: Moment) -> tuple[Way, frozenset[str]]:
        """The way from the moment ``start``, where the last of these was answered; and all it reads."""
        answers = self.answers(given)
        try:
            rest, end = self.end(answers)
            reads = frozenset[str]()
            self.runs += 1
        except Merged:
            assert answers.met is not None
            known, end = answers.met
            rest, reads = known.rest, known.reads
            self.broken_off += 1
        path = dict(answers.path)
        for question in reversed(answers.questions):
            del path[question.axis]
            ways = [self.way(answers, question.moment, end, rest)]
            reads |= question.reads
            for value in question.values[1:]:
                other, read = self.explore({**path, question.axis: value}, question.moment)
                ways.append(other)
                reads |= read
            rest, end = self.ask(question.axis, question.values, tuple(ways)), question.moment
            if question.state is not None:
                again: Mapping[str, str] = {axis: value for axis, value in path.items() if axis in reads}
                if isinstance(question.state, Settled):
                    again = question.state.without(again)
                self._known.setdefault(question.state, []).append(Known(again, rest, reads))
        return self.way(answers, start, end, rest), reads | answers.before

    def find(self, state: Hashable, answers: Mapping[str, str]) -> Known[Rest] | None:
        """See ``Find``."""
        for known in self._known.get(state, ()):
            if all(answers.get(axis) == value for axis, value in known.again.items()):
                return known
        return None
