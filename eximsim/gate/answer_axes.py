"""Answers of what stands beside the machine, as axes of the space: databases, commands, services.

What is explored of a question is every kind of answer: the text that is given, nothing, and that it cannot be
asked. Where no text is given, the two others are explored all the same, and the question is a gap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING

from eximsim.errors import Gap, Unanswered
from eximsim.explore.choices import Axis
from eximsim.mta.config.places import placed
from eximsim.ports import Told
from eximsim.quick_dataclass import dataclass
from eximsim.world.answers import Answers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eximsim.explore.choices import Chooser
    from eximsim.mta.process.globals import Machine
    from eximsim.suite.policy import Case, Policy

ANSWER = "answer"
GIVEN, NOTHING, DEFERS = "given", "nothing", "cannot be asked"
_NEVER_DEFER = frozenset(("authresults", "env", "file", "stat", "variable"))
"""What is always there to be asked."""
_BY_COMMAND = ("lmtp", "pipe")
"""What is asked by a command with its arguments, or by a socket: the configuration has its name."""
_SAID: Mapping[str, Told] = {NOTHING: Told(), DEFERS: Told(deferred=True, error="cannot be asked")}


def axis_of_question(kind: str, question: str, said: Told | None) -> Axis:
    """The axis of a question to which ``said`` is given (None: nothing is); the plainest value first."""
    name = f"{ANSWER} of {kind}:{question}".replace("\n", "\\n")
    plain = GIVEN
    if said is None or (said.value is None and not said.deferred):
        plain = NOTHING
    elif said.deferred:
        plain = DEFERS
    others = (NOTHING,) if kind in _NEVER_DEFER else (NOTHING, DEFERS)
    return Axis(name, tuple(dict.fromkeys((plain, *others))))


@dataclass
class LatticeAnswers:
    """What is said in a run; ``unknown`` are the questions to which no text is given."""

    known: Answers
    choose: Chooser
    unknown: dict[tuple[str, str], None] = field(default_factory=dict)

    def ask(self, kind: str, question: str) -> Told:
        """See ``World``."""
        said = self.known.find(kind, question)
        if said is None:
            self.unknown[kind, question] = None
        elif kind in _NEVER_DEFER:
            return said
        axis = axis_of_question(kind, question, said)
        value = self.choose.choose(axis.name, axis.values)
        return said if value == GIVEN and said is not None else _SAID.get(value, Told())

    def find(self, kind: str, question: str) -> Told | None:
        """See ``Asked``."""
        return self.known.find(kind, question)


class Plainest:
    """A ``Chooser`` that has the plainest value of everything."""

    def choose(self, axis: str, values: Sequence[str]) -> str:
        """See ``Chooser``."""
        return values[0]


@dataclass(frozen=True)
class _Raising:
    """Answers like others, but nobody knows one question."""

    others: LatticeAnswers
    missing: tuple[str, str]

    def ask(self, kind: str, question: str) -> Told:
        if (kind, question) == self.missing:
            raise Unanswered(kind, question)
        return self.others.ask(kind, question)

    def find(self, kind: str, question: str) -> Told | None:
        return self.others.find(kind, question)


Located = dict[tuple[int, str, str], Gap]
"""The gaps that are known, by policy (as an object) and question."""


def gaps_of(
    policy: Policy,
    case: Case,
    answers: LatticeAnswers,
    located: Located,
    begun: Callable[[Machine], None] | None = None,
) -> Iterator[Gap]:
    """The questions of a run to which no text is given, each with its place: what it says could matter.

    What is ``located`` is not found out again; ``begun`` is as in ``Policy.run``.
    """
    for kind, question in tuple(answers.unknown):
        key = (id(policy), kind, question)
        if key not in located:
            again = _Raising(LatticeAnswers(answers.known, answers.choose), (kind, question))
            problem = Unanswered(kind, question)
            for missed in policy.run(replace(case, answers=again), begun).missed:
                if isinstance(missed, Unanswered) and missed.item == problem.item:
                    problem = missed
            said = question.split(maxsplit=1)[0] if kind in _BY_COMMAND else question
            located[key] = Gap.of(placed(problem, policy.config, said))
        yield located[key]
