"""Proves promises over the whole space of situations, or finds how they break.

For each promise the diagrams of all ways on which its mail goes out are walked to the end. What comes out is
complete: every outcome that breaks it, each with the smallest situations that lead there. A situation is told
by what is out of the ordinary in it: two ways to break a promise are one breach only if the same is at the
bottom of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from eximsim.errors import Gap
from eximsim.explore.vocabulary import asked_of
from eximsim.fuzz.baseline import Entry
from eximsim.fuzz.promise import Condition, Promise
from eximsim.gate.diagram import End, Node, Way
from eximsim.gate.explore_policies import survey
from eximsim.gate.lattice import Scene
from eximsim.gate.outcome import essence
from eximsim.gate.promises import AXES, some_recipient
from eximsim.gate.report import Outcome
from eximsim.gate.routes import LOCAL
from eximsim.gate.views import View, Wanted
from eximsim.quick_dataclass import dataclass
from eximsim.status import TAKEN
from eximsim.suite.policy import Policy

Answers = Mapping[str, str]
Watch = Callable[[View], None]


@dataclass(frozen=True, slots=True)
class Breach:
    """One way in which a promise breaks.

    ``situation`` is the smallest that shows it: what is out of the ordinary, axis by axis. ``roots`` are
    those of its answers that are about the host which took the mail (the first one, if none did), and about
    the domain: they tell this breach from others.
    """

    promise: Promise
    view: View
    situation: Answers
    roots: frozenset[tuple[str, str]]
    outcome: Outcome

    @property
    def entry(self) -> Entry:
        """What a baseline knows the breach by."""
        roots = told_answers(dict(self.roots))
        return Entry(self.promise.name, self.view.name, roots, told(self.outcome))

    @property
    def is_open(self) -> bool:
        """Whether Exim itself leaves open what happens, so that the promise may hold and may break."""
        return self.outcome.result == "undefined"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one promise: how it breaks, simplest first, and in how many views it was looked at.

    With breaches that are open it is not known whether it holds.
    """

    promise: Promise
    breaches: tuple[Breach, ...]
    views: int


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of all promises; ``gaps`` are what could not be looked at. ``runs`` counts the model's."""

    verdicts: tuple[Verdict, ...]
    gaps: tuple[Gap, ...]
    runs: int

    @property
    def breaches(self) -> tuple[Breach, ...]:
        """All of them."""
        return tuple(breach for verdict in self.verdicts for breach in verdict.breaches)


def told(outcome: Outcome) -> str:
    """``delivered to mx1.example.com (TLS, not verified)``: an outcome without Exim's words."""
    return str(replace(essence(outcome), reason=""))


def told_answers(answers: Answers) -> str:
    """``EHLO of mx1.example.com: no STARTTLS``; several in order, so that the text is a key."""
    return ", ".join(f"{axis}: {value}" for axis, value in sorted(answers.items())) or "all is well"


def _nobody(_: View) -> None:
    return


class Prover:
    """One policy, whose diagrams are made once for all promises that are held against it."""

    def __init__(self, policy: Policy, hosts: int) -> None:
        self._hosts = hosts
        self._plan = survey((policy,), hosts)
        self._diagrams: dict[str, Way] = {}

    def prove(self, promises: Sequence[Promise], watch: Watch = _nobody) -> Proof:
        """Hold promises against the policy; ``watch`` is told each view before it is explored."""
        self._reach(promises)
        verdicts, gaps = [], {}
        for promise in promises:
            verdict, open_ends = self._verdict(promise, watch)
            verdicts.append(verdict)
            gaps.update(dict.fromkeys(open_ends))
        return Proof(tuple(verdicts), tuple({**self._plan.gaps, **gaps}), self._plan.runs)

    def _views(self, promise: Promise) -> list[View]:
        """The views that a promise is about, each by a recipient that it is about."""
        found = []
        for view in self._plan.views:
            scenes = (view.scene, *view.also)
            about = (scene for scene in scenes if promise.is_about(scene.recipient))
            if view.kind in promise.kinds and (scene := next(about, None)) is not None:
                found.append(view if scene is view.scene else replace(view, scene=scene, also=()))
        return found

    def _reach(self, promises: Iterable[Promise]) -> None:
        """Survey again for the patterns that no recipient of the plan fits."""
        known = {scene.recipient for view in self._plan.views for scene in (view.scene, *view.also)}
        wanted = [
            some_recipient(pattern)
            for one in promises
            for pattern in one.recipients
            if not any(replace(one, recipients=(pattern,)).is_about(recipient) for recipient in known)
        ]
        if wanted:
            runs = self._plan.runs
            self._plan = survey(self._plan.policies, Wanted(self._hosts, tuple(dict.fromkeys(wanted))))
            self._plan.runs += runs
            self._diagrams.clear()

    def _verdict(self, promise: Promise, watch: Watch) -> tuple[Verdict, list[Gap]]:
        (policy,) = self._plan.policies
        breaches: list[Breach] = []
        gaps: list[Gap] = []
        views = self._views(promise)
        if not views:
            kinds = " or ".join(promise.kinds)
            gaps.append(
                Gap(f"promise {promise.name}: the configuration has no {kinds} for it", promise.where)
            )
        for view in views:
            if view.name not in self._diagrams:
                watch(view)
                self._diagrams[view.name] = self._plan.diagram(policy, view)
                self._plan.note_undelivered((policy,), (view,))
            for found in _Search(promise, view.scene).breaches(self._diagrams[view.name]):
                outcome = self._plan.at(policy, view, found.answers)
                if outcome.result == "undefined" and self._not_modelled(outcome):
                    continue  # a gap, and told as that
                situation = {axis: found.answers[axis] for axis in sorted(found.unusual)}
                breaches.append(Breach(promise, view, situation, found.roots, outcome))
        ordered = sorted(breaches, key=lambda one: (len(one.situation), one.view.kind != "delivery"))
        return Verdict(promise, tuple(ordered), len(views)), gaps

    def _not_modelled(self, outcome: Outcome) -> bool:
        item = outcome.reason.partition(" (")[0]
        return item == LOCAL or any(item in gap.what for gap in self._plan.gaps)


# ---- the walk ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """Answers that lead to a breach, which are out of the ordinary, and which tell it from others."""

    answers: Answers
    unusual: frozenset[str]
    roots: frozenset[tuple[str, str]]


_Key = tuple[Outcome, frozenset[tuple[str, str]]]


class _Search:
    """Looks for the breaches of one promise in the diagrams of one scene."""

    def __init__(self, promise: Promise, scene: Scene) -> None:
        self._promise, self._scene = promise, scene
        self._hosts = tuple(scene.addresses)
        self._conditional: dict[str, dict[Condition, str]] = {}
        for host in ("", *self._hosts):
            for condition, subject in promise.conditions(host, self._hosts, scene.domain):
                own = "" if condition.host or condition.axis == "MX" else subject
                self._conditional.setdefault(f"{condition.axis} of {subject}", {})[condition] = own
        self._below: dict[Node, frozenset[str] | None] = {}
        self._known: dict[tuple[Node, frozenset[tuple[str, str]]], dict[_Key, _Found]] = {}

    def breaches(self, way: Way) -> list[_Found]:
        """The smallest situation of every way to break the promise."""
        return list(self._search(way.node, {}).values())

    def _search(self, node: Node, answers: Answers) -> Mapping[_Key, _Found]:
        axes = self._axes(node)
        if axes is None:
            return {}
        out = self._ruled_out(answers)
        if out is None or (self._hosts and out.issuperset(self._hosts)):
            return {}
        counts = frozenset(
            (axis, value if axis in axes else "")
            for axis, value in answers.items()
            if axis in axes
            or (axis in self._conditional and not out.issuperset(self._conditional[axis].values()))
        ) | {("", host) for host in out}
        found = self._known.get((node, counts))
        if found is None:
            found = self._known[node, counts] = self._searched(node, answers)
        return found

    def _ruled_out(self, answers: Answers) -> set[str] | None:
        """The hosts that conditions rule out after these answers; None: the promise does not apply."""
        out = set()
        for axis, conditions in self._conditional.items():
            value = answers.get(axis)
            for condition, host in conditions.items() if value is not None else ():
                if value not in condition.values:
                    if not host:
                        return None
                    out.add(host)
        return out

    def _searched(self, node: Node, answers: Answers) -> dict[_Key, _Found]:
        if isinstance(node, End):
            return self._at_end(essence(node.outcome), answers)
        if node.axis in answers:
            return dict(self._search(node.way(answers[node.axis]).node, answers))
        found: dict[_Key, _Found] = {}
        tried: set[Node] = set()
        for value, way in zip(node.values, node.ways, strict=True):
            if way.node in tried and node.axis not in self._conditional:
                continue  # what a plainer answer leads to as well
            tried.add(way.node)
            plain = value == node.values[0]
            for (outcome, _), one in self._search(way.node, {**answers, node.axis: value}).items():
                more = frozenset[str]() if plain else frozenset({node.axis})
                about = not plain and self._is_root(node.axis, outcome)
                roots = one.roots | {(node.axis, value)} if about else one.roots
                made = _Found({node.axis: value, **one.answers}, one.unusual | more, roots)
                known = found.get((outcome, roots))
                if known is None or len(made.unusual) < len(known.unusual):
                    found[outcome, roots] = made
        return _smallest(found)

    def _at_end(self, outcome: Outcome, answers: Answers) -> dict[_Key, _Found]:
        undefined = outcome.result == "undefined"
        if not undefined and not self._promise.is_broken_by(outcome.result, outcome.security):
            return {}
        chosen: dict[str, str] = {}
        unusual: set[str] = set()
        for condition, subject in self._conditions(outcome):
            axis = f"{condition.axis} of {subject}"
            if subject not in self._hosts and subject != self._scene.domain:
                return {}
            if axis in answers:
                if answers[axis] not in condition.values:
                    return {}
                continue
            chosen[axis] = condition.values[0]
            if condition.values[0] != AXES[condition.axis.lower()].values[0]:
                unusual.add(axis)
        roots = frozenset((axis, chosen[axis]) for axis in unusual)
        return {(outcome, roots): _Found(chosen, frozenset(unusual), roots)}

    def _conditions(self, outcome: Outcome) -> Iterator[tuple[Condition, str]]:
        taken = outcome.result in TAKEN
        host = outcome.host if taken else ""
        conditions = self._promise.conditions(host, self._hosts, self._scene.domain)
        return (pair for pair in conditions if pair[0].axis != "MX" or self._scene.mx)

    def _is_root(self, axis: str, outcome: Outcome) -> bool:
        _, subject = asked_of(axis)
        host = outcome.host if outcome.host in self._hosts else next(iter(self._hosts), "")
        return subject in (host, self._scene.domain)

    def _axes(self, node: Node) -> frozenset[str] | None:
        """What can be asked from a node on; None if the promise holds whatever is answered."""
        if node not in self._below:
            if isinstance(node, End):
                outcome = node.outcome
                breaks = outcome.result == "undefined" or self._promise.is_broken_by(
                    outcome.result, outcome.security
                )
                self._below[node] = frozenset() if breaks else None
            else:
                below = [self._axes(way.node) for way in node.ways]
                some = [axes for axes in below if axes is not None]
                self._below[node] = frozenset({node.axis}).union(*some) if some else None
        return self._below[node]


def _smallest(found: dict[_Key, _Found]) -> dict[_Key, _Found]:
    """Without the breaches that are another one with more that is out of the ordinary."""
    return {
        (outcome, roots): one
        for (outcome, roots), one in found.items()
        if not any(other == outcome and fewer < roots for other, fewer in found)
    }
