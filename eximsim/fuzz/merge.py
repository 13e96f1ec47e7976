"""Every run of a finite space, where runs that have come to the same state share what follows.

The runs of a space are a tree: a question at every branch. Where two runs come to the same state of the
model (``states``), the rest is run once. What a run tells (decisions, log, calls, questions to the name
server) is kept in segments from one question to the next, so that a run that was not made is put together
from a beginning and a rest that were: each leaf is a whole run, as if it had been made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod

from eximsim.explore import walk
from eximsim.explore.choices import Choices, Plan
from eximsim.explore.stack import owner_within
from eximsim.fuzz.states import digest
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.quick_dataclass import dataclass
from eximsim.suite.replay import LOG_FILES, Replayed, StandRun
from eximsim.trace import Decision
from eximsim.world.smtp_server import ConnectionLog, log_of

Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A connection to a server at ``address``: what it saw, and what it was told in the handshake."""

    address: str
    events: Lines
    sni: str | None
    tls: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """What a run has told so far; ``logs`` are the lines of ``LOG_FILES``."""

    decisions: tuple[Decision, ...] = ()
    logs: tuple[Lines, ...] = ((),) * len(LOG_FILES)
    calls: tuple[Call, ...] = ()
    questions: Lines = ()

    def then(self, more: Segment) -> Told:
        """What it has told after another segment."""
        calls = self.calls
        if more.calls or more.going_on:
            found = list(calls)
            for place, on in more.going_on:
                found[place] = Call(on.address, found[place].events + on.events, on.sni, on.tls)
            calls = (*found, *more.calls)
        logs = self.logs
        if any(more.logs):
            logs = tuple([before + after for before, after in zip(logs, more.logs, strict=True)])
        return Told(self.decisions + more.decisions, logs, calls, self.questions + more.questions)


@dataclass(frozen=True, slots=True)
class Segment:
    """What a run tells from one question to the next.

    ``going_on`` is what was added to calls that were there before, with their places from the end of these.
    """

    decisions: tuple[Decision, ...]
    logs: tuple[Lines, ...]
    calls: tuple[Call, ...]
    going_on: tuple[tuple[int, Call], ...]
    questions: Lines


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """The end of a run: what it came to, or why that is undefined."""

    replayed: Replayed | None
    undefined: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """What is told on the way to a node, and the node."""

    segment: Segment
    node: End | Ask


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """A question: one way goes on for each of its values."""

    axis: str
    values: tuple[str, ...]
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class Whole:
    """A complete run: its choices in order, the number of situations it stands for, all that it told."""

    path: Mapping[str, str]
    size: int
    told: Told
    end: End


# ---- what a run has told at a moment --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Mark:
    """How much a run has told at a moment."""

    decisions: int
    logs: tuple[int, ...]
    calls: tuple[tuple[int, str | None, str | None], ...]
    questions: int


class Recorder:
    """Reads what the run of a stand has told."""

    def __init__(self, run: StandRun) -> None:
        self._world = run.world
        self._decisions = run.machine.trace.decisions
        self._files = run.machine.files

    def mark(self) -> _Mark:
        """The present moment."""
        logs = [len(self._files.get(path, ())) for path in LOG_FILES]
        calls = [(len(log.events), log.sni, log.tls) for log in self._logs()]
        return _Mark(len(self._decisions), tuple(logs), tuple(calls), len(self._world.questions))

    def between(self, one: _Mark, two: _Mark) -> Segment:
        """What was told from one moment to another."""
        logs = [
            tuple(self._files.get(path, [])[start:end])
            for path, start, end in zip(LOG_FILES, one.logs, two.logs, strict=True)
        ]
        known = len(one.calls)
        calls, going_on = [], []
        for place, (now, accepted) in enumerate(zip(two.calls, self._world.accepted, strict=False)):
            before = one.calls[place] if place < known else (0, None, None)
            if place < known and now == before:
                continue
            events = tuple(log_of(accepted).events[before[0] : now[0]])
            call = Call(accepted.server.address, events, *now[1:])
            if place < known:
                going_on.append((place - known, call))
            else:
                calls.append(call)
        return Segment(
            tuple(self._decisions[one.decisions : two.decisions]),
            tuple(logs),
            tuple(calls),
            tuple(going_on),
            self._world.questions[one.questions : two.questions],
        )

    def _logs(self) -> Iterator[ConnectionLog]:
        return map(log_of, self._world.accepted)


_START = _Mark(0, (0,) * len(LOG_FILES), (), 0)


# ---- one run ---------------------------------------------------------------------------------------------


class _Answers(walk.Answers[_Mark, End | Ask]):
    """The choices of one run, and the run itself; only questions that ``looks_at`` are looked at."""

    def __init__(
        self, given: Mapping[str, str], find: walk.Find[End | Ask], looks_at: Callable[[str], bool]
    ) -> None:
        super().__init__(given, self._see, find)
        self._looks_at = looks_at
        self._asking: tuple[StandRun, Recorder] | None = None

    @property
    def recorder(self) -> Recorder:
        """Reads what the run has told."""
        return self._run()[1]

    def choose(self, axis_name: str, values: Sequence[str]) -> str:
        """See ``Choices``."""
        self._run()
        return super().choose(axis_name, values)

    def _see(self, axis: str, values: Sequence[str]) -> tuple[bytes | None, _Mark]:
        run, recorder = self._run()
        compared = len(values) > 1 and self._looks_at(axis)
        return digest(axis, run) if compared else None, recorder.mark()

    def _run(self) -> tuple[StandRun, Recorder]:
        """The run that asks: there is one for each object of this kind."""
        if self._asking is None:
            asking = owner_within(StandRun.exim.__code__)
            assert isinstance(asking, StandRun)
            self._asking = asking, Recorder(asking)
        return self._asking


# ---- all runs --------------------------------------------------------------------------------------------


class Explorer(walk.Explorer[_Answers, _Mark, End | Ask, Way]):
    """Finds all runs of ``run`` over a space.

    What ``run`` does must depend on its choices alone. ``looks_at`` says at which axes states are compared.
    """

    def __init__(
        self, run: Callable[[Choices], Replayed], plan: Plan, looks_at: Callable[[str], bool]
    ) -> None:
        super().__init__()
        self._run, self._plan, self._looks_at = run, plan, looks_at

    def wholes(self) -> Iterator[Whole]:
        """All complete runs, depth first."""
        sizes = {name: len(axis.values) for name, axis in self._plan.axes.items()}
        all_of_them = prod(sizes.values())
        way, _ = self.explore({}, _START)
        pending: list[tuple[Way, dict[str, str], Told, int]] = [(way, {}, Told(), 1)]
        while pending:
            way, path, told, asked = pending.pop()
            node = way.node
            told = told.then(way.segment)
            if isinstance(node, End):
                yield Whole(path, all_of_them // asked, told, node)
            elif node.axis in path:
                pending.append((node.ways[node.values.index(path[node.axis])], path, told, asked))
            else:
                asked *= sizes[node.axis]
                for value, on in zip(reversed(node.values), reversed(node.ways), strict=True):
                    pending.append((on, {**path, node.axis: value}, told, asked))

    def answers(self, given: Mapping[str, str]) -> _Answers:
        """See ``walk.Explorer``."""
        return _Answers(given, self.find, self._looks_at)

    def end(self, answers: _Answers) -> tuple[End, _Mark]:
        """See ``walk.Explorer``."""
        try:
            end = End(self._run(answers))
        except UndefinedBehaviour as reason:
            end = End(None, str(reason))
        return end, answers.recorder.mark()

    def way(self, answers: _Answers, since: _Mark, until: _Mark, rest: End | Ask) -> Way:
        """See ``walk.Explorer``."""
        return Way(answers.recorder.between(since, until), rest)

    def ask(self, axis: str, values: tuple[str, ...], ways: tuple[Way, ...]) -> Ask:
        """See ``walk.Explorer``."""
        return Ask(axis, values, ways)
