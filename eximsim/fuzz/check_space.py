"""Every law over a complete space: each behaviour is run once, and pairs of runs are looked up.

A law that compares two runs needs no further runs: the run of the varied situation is a leaf of the same
tree, or of the other kind's. Where the varied situation asks for what the first did not, all of its leaves
are compared, so that nothing is left to the plainest values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cache

from eximsim.explore.choices import Choices, Leaf, explore
from eximsim.explore.vocabulary import CONNECT, RCPT, TLSA, asked_of
from eximsim.fuzz.hold_laws import Broken, Hosts, perform, told_by, undefined
from eximsim.fuzz.law import Law
from eximsim.fuzz.laws import LAWS
from eximsim.fuzz.lazy_world import Stage, play
from eximsim.fuzz.merge import Explorer, Whole
from eximsim.fuzz.run import Run
from eximsim.fuzz.space import OPTIONS, SERVER_STEPS, Space
from eximsim.fuzz.variations import LOOSER, STRICTER, Varied, Vary
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.profiles import Profile
from eximsim.quick_dataclass import dataclass
from eximsim.subjects.conversation import Conversation
from eximsim.suite.replay import Normaliser, Replayed, Stand, logged
from eximsim.trace import Decision, Trace

Path = Mapping[str, str]


@dataclass(slots=True)
class _Node:
    """A place in the tree: the axis that is asked next, or the leaf."""

    axis: str = ""
    children: dict[str, _Node] = field(default_factory=dict)
    leaf: Leaf[Run] | None = None


class Tree:
    """All leaves of a space with their runs. Equal decisions and lines are kept once.

    ``merged``: where runs come to the same state, the rest is run once (``merge``); the leaves are the same.
    ``runs`` is how many runs were made to the end.
    """

    def __init__(self, space: Space, profile: Profile, stand: Stand, *, merged: bool = True) -> None:
        self.space = space
        self.leaves: list[Leaf[Run]] = []
        self.runs = 0
        self._root = _Node()
        self._decisions: dict[object, Decision] = {}
        self._program = profile, stand
        self._about_hosts = [name for name in space.axes if asked_of(name)[0] not in SERVER_STEPS]
        self._hosts: dict[object, Hosts] = {}
        self._exchanged: dict[int, Run] = {}
        stage = Stage(space, stand.chains)
        for leaf in self._merged(stage) if merged else self._each(stage):
            self._add(leaf)

    def _merged(self, stage: Stage) -> Iterator[Leaf[Run]]:
        profile, stand = self._program
        explorer = Explorer(lambda choices: play(stage, stand, choices, profile), self.space, _meeting_point)
        for whole in explorer.wholes():
            yield Leaf(whole.path, self._run_of(whole), whole.size, self.space)
        self.runs = explorer.runs

    def _run_of(self, whole: Whole) -> Run:
        profile, stand = self._program
        situation, told, kind = self.space.situation(whole.path), whole.told, self.space.kind
        trace = Trace(list(told.decisions))
        known = self._hosts.setdefault(tuple(map(whole.path.get, self._about_hosts)), {})
        if whole.end.replayed is None:
            return undefined(situation, kind, profile, stand, trace, whole.end.undefined, 0, known)
        seen = replace(
            whole.end.replayed.seen,
            log=logged(told.logs, Normaliser()),
            servers=tuple(Conversation(c.address, tuple(c.events), c.sni, c.tls, "ok") for c in told.calls),
            dns=told.questions,
        )
        replayed = Replayed(seen, whole.end.replayed.outcome, None, trace)
        return told_by(situation, kind, profile, stand, replayed, 0, known)

    def _each(self, stage: Stage) -> Iterator[Leaf[Run]]:
        profile, stand = self._program
        space = self.space

        def run(choices: Choices) -> Run:
            trace = Trace()
            try:
                replayed = play(stage, stand, choices, profile, trace=trace)
            except UndefinedBehaviour as reason:
                situation = space.situation(choices.path)
                return undefined(situation, space.kind, profile, stand, trace, str(reason))
            return told_by(space.situation(choices.path), space.kind, profile, stand, replayed)

        for leaf in explore(run, space):
            self.runs += 1
            yield Leaf(leaf.path, self._shared(leaf.result), leaf.size, leaf.plan)

    def _shared(self, run: Run) -> Run:
        decisions = tuple(self._decisions.setdefault(_key(one), one) for one in run.decisions)
        return replace(run, decisions=decisions)

    def _add(self, leaf: Leaf[Run]) -> None:
        self.leaves.append(leaf)
        node = self._root
        for axis, value in leaf.path.items():
            node.axis = axis
            node = node.children.setdefault(value, _Node())
        node.leaf = leaf

    def exchanged(self, leaf: Leaf[Run]) -> Run:
        """The run of a leaf, told with each host's name standing for the other."""
        known = self._exchanged.get(id(leaf))
        if known is None:
            known = self._exchanged[id(leaf)] = leaf.result.calling(self.space.exchanged)
        return known

    def compatible(self, wanted: Path) -> Iterator[Leaf[Run]]:
        """The leaves of all situations that have these values."""
        pending = [self._root]
        while pending:
            node = pending.pop()
            while node.axis in wanted:
                node = node.children[wanted[node.axis]]
            if node.leaf is not None:
                yield node.leaf
            else:
                pending.extend(node.children.values())


_MEETING_POINTS = (TLSA.name, CONNECT.name, RCPT.name)


def _meeting_point(axis: str) -> bool:
    """Whether states are compared at an axis: where many ways meet, before a host is called or told."""
    return asked_of(axis)[0] in _MEETING_POINTS


def _key(decision: Decision) -> object:
    return decision.rule, decision.outcome, decision.source, *map(str, decision.inputs.items())


@dataclass(frozen=True, slots=True)
class Breach:
    """A law that a leaf breaks; for a law that compares, ``other`` is the path of the other run."""

    leaf: Leaf[Run]
    broken: Broken
    other: Path | None = None


def search(
    trees: Mapping[str, Tree],
    profile: Profile,
    stand: Stand,
    laws: Mapping[str, Law] = LAWS,
    seen: Callable[[Leaf[Run]], None] = lambda leaf: None,
) -> Iterator[Breach]:
    """Hold laws against every leaf of the trees (by kind); each is told to ``seen`` before it is judged.

    ``same-bytes`` runs the situation again; all other comparisons are between leaves.
    """
    for tree in trees.values():
        for leaf in tree.leaves:
            seen(leaf)
            for law in laws.values():
                if law.applies(leaf.result):
                    yield from _held(law, leaf, tree, trees, profile, stand)


def _held(
    law: Law, leaf: Leaf[Run], tree: Tree, trees: Mapping[str, Tree], profile: Profile, stand: Stand
) -> Iterator[Breach]:
    run = leaf.result
    if law.varies is None:
        for fault in law.check(run):
            yield Breach(leaf, Broken(law, fault.explanation, fault.decision, run))
        return
    for words, kind, wanted in _varied(law.varies, leaf.path, tree.space):
        if kind not in trees:
            continue
        if law.varies is Vary.AGAIN:
            again = perform(run.situation, kind, profile, stand)
            others = [Leaf(leaf.path, again, leaf.size, leaf.plan)]
        else:
            others = list(trees[kind].compatible(wanted))
        for other in others:
            varied = Varied(law.varies, words, other.result.situation, kind, 0)
            result = other.result
            if law.varies is Vary.HOSTS:
                result = tree.exchanged(other)
            for fault in law.compare(run, result, varied):
                broken = Broken(law, fault.explanation, fault.decision, run, words)
                yield Breach(leaf, broken, other.path)


def _varied(vary: Vary, path: Path, space: Space) -> Iterator[tuple[str, str, Path]]:
    """The variations of a leaf: in words, the kind, and the values that the other situation has for sure."""
    kind = space.kind
    if vary is Vary.AGAIN:
        yield vary.value, kind, path
    elif vary is Vary.KIND:
        other = "delivery" if kind == "callout" else "callout"
        yield f"as a {other}", other, path
    elif vary in (Vary.STRICTER, Vary.LOOSER_CHECK):
        for words, values in _SETTINGS[vary]:
            if values.keys() <= space.axes.keys() and any(path.get(n, v) != v for n, v in values.items()):
                yield words, kind, {**path, **values}
    elif vary is Vary.HOSTS and len(space.names) > 1:
        yield "hosts turned round", kind, {_turned(name): value for name, value in path.items()}
    elif vary is Vary.RECORDS:
        for name, value in path.items():
            if asked_of(name)[0] != TLSA.name:
                continue
            turned = " and ".join(reversed(value.split(" and ")))
            if turned != value:
                yield f"{name} turned round", kind, {**path, name: turned}


_OTHER = {"h1": "h2", "h2": "h1"}


@cache
def _turned(axis: str) -> str:
    """The axis that is about the other host, if one is about a host."""
    what, host = asked_of(axis)
    return f"{what} of {_OTHER[host]}" if host else axis


def _value(option: str, setting: str) -> str:
    """The value of an option's axis that stands for a setting."""
    return next(word for word, text in OPTIONS[option].items() if text == setting)


_SETTINGS: Mapping[Vary, Sequence[tuple[str, Mapping[str, str]]]] = {
    vary: [
        (", ".join(f"{n} = {s}" for n, s in one.items()), {n: _value(n, s) for n, s in one.items()})
        for one in settings
    ]
    for vary, settings in ((Vary.STRICTER, STRICTER), (Vary.LOOSER_CHECK, LOOSER))
}
"""The variations of options: in words, and the values of their axes."""
