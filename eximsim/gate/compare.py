"""What changes from one policy to another, in every situation, and what brings it about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from eximsim.gate.answer_axes import GIVEN
from eximsim.gate.certificate_files import certificate_gaps
from eximsim.gate.change_steps import toggles, watched
from eximsim.gate.differences import Difference, differences
from eximsim.gate.everyday import everyday
from eximsim.gate.explore_policies import Survey, survey
from eximsim.gate.memory import Memory
from eximsim.gate.outcome import Standing, fate, severity, standing
from eximsim.gate.report import Cause, Change, Group, Outcome, Report
from eximsim.gate.step import Toggle
from eximsim.gate.told import outcome_and_told, told_otherwise
from eximsim.gate.unseen import unseen_gaps
from eximsim.gate.views import View, Wanted
from eximsim.quick_dataclass import dataclass
from eximsim.suite.policy import Policy

AS_IT_SHOULD_BE = {"everything": "as it should be"}
"""How a situation is told in which nothing is out of the ordinary."""


def compare(
    base: Policy,
    head: Policy,
    *,
    hosts: int = 1,
    names: tuple[str, str] | None = None,
    wanted: Wanted | None = None,
    memory: Memory | None = None,
) -> Report:
    """Compare two policies in all situations with so many ``hosts``; the report calls them by ``names``.

    ``wanted`` says more than the number of hosts; with a ``memory`` the same base need not be explored again.
    Raises ``InputError`` and ``Unsupported`` for a configuration that cannot be read.
    """
    plan = survey((base, head), wanted or Wanted(hosts), memory=memory)
    comparison = Comparison(plan)
    groups = comparison.groups()
    plan.note_undelivered(plan.policies, plan.views)
    unseen = unseen_gaps((base, head), comparison.steps, groups, map(plan.taken_by, plan.policies))
    plan.gaps.update(dict.fromkeys((*certificate_gaps(base, head), *unseen)))
    old, new = names or (base.path, head.path)
    mail = everyday(plan)
    return Report(
        old, new, groups, plan.size, plan.runs, tuple(plan.left_out), tuple(plan.gaps), everyday=mail
    )


@dataclass(frozen=True, slots=True)
class _Class:
    """Situations of a view with the same two outcomes: the simplest of them, and how many there are.

    If it is ``told``, the two differ in nothing but what servers are told.
    """

    view: View
    found: Difference
    told: bool = False


class Comparison:
    """Two policies, the steps from one to the other, and what has been learnt about their effects."""

    def __init__(self, plan: Survey) -> None:
        self._plan = plan
        self._base, self._head = plan.policies
        self._kind = kind_of if any(len(view.scene.addresses) > 1 for view in plan.views) else one_kind
        self._steps: tuple[Toggle, ...] = ()
        self._known: list[tuple[Toggle, ...]] = []
        self._policies: dict[tuple[Toggle, ...], Policy] = {(): self._base}

    @property
    def steps(self) -> tuple[Toggle, ...]:
        """All steps from one policy to the other, once the groups have been found."""
        return self._steps

    def groups(self) -> tuple[Group, ...]:
        """The changes by cause: the worst group first, in it the worst and then the simplest change first."""
        found: dict[tuple[Toggle, ...], list[Change]] = {}
        for one in self._classes():
            for causes, difference in self._caused(one):
                found.setdefault(causes, []).append(change_of(one.view, difference))
        made = [
            group
            for causes, changes in found.items()
            for group in grouped(tuple(toggle.cause for toggle in causes), changes)
        ]
        return tuple(sorted(made, key=lambda group: (group.severity.rank, _simplicity(group.witness))))

    def _classes(self) -> Iterator[_Class]:
        """Every class with two outcomes, in all views."""
        plan, views = self._plan, self._plan.views
        before = [plan.explored(self._base, view) for view in views]
        steps = toggles(self._base, self._head)
        after = [
            plan.explored(self._head, view) if can_reach(steps, one.met) else one
            for view, one in zip(views, before, strict=True)
        ]
        self._steps = toggles(self._base, self._head)  # by now all files are known
        if any(plan.patience_lost(policy) is not None for policy in plan.policies):
            return  # what was not run on one side is no change
        for view, one, two in zip(views, before, after, strict=True):
            for found in differences(one.way, two.way, view.scene.size, self._kind):
                yield _Class(view, self._worded(view, found) if view.wordless else found)
        if self._base.profile == self._head.profile:
            for view, one in zip(views, before, strict=True):
                if can_reach(self._steps, one.met):
                    yield from self._told(view)

    def _told(self, view: View) -> Iterator[_Class]:
        """What changes of what servers are told, where nothing else does."""
        for answers, before, after in told_otherwise(self._plan, self._base, self._head, view):
            yield _Class(view, Difference(answers, before, after, 1), told=True)

    def _worded(self, view: View, found: Difference) -> Difference:
        """A difference that was found without words, with them."""
        before, after = (self._plan.at(policy, view, found.answers) for policy in (self._base, self._head))
        return replace(found, before=before, after=after)

    # ---- causes

    def _caused(self, one: _Class) -> list[tuple[tuple[Toggle, ...], Difference]]:
        """What brings a change about: a set of steps and what it changes.

        Several, each with what it changes, if each of them alone changes some of the words.
        """
        if len(self._steps) == 1:
            return [(self._steps, one.found)]
        words = _same_standing(one.found.before, one.found.after)
        for causes in self._known:
            if self._reaches(one, causes, whole=words):
                return [(causes, one.found)]
        steps = self._candidates(one)
        if words:
            alone = ((step, self._at(one, (step,))) for step in steps)
            single: list[tuple[tuple[Toggle, ...], Difference]] = [
                ((step,), replace(one.found, after=after))
                for step, after in alone
                if after != one.found.before and not step.rest
            ]
            if single:
                return single
        return [(self._sufficient(one, steps, whole=words), one.found)]

    def _candidates(self, one: _Class) -> tuple[Toggle, ...]:
        """The steps that can matter: options, and the switches that one of the two runs asks for."""
        seen: set[str] = set()
        for policy in (self._base, self._head):
            watching, asked = watched(policy)
            self._plan.at(watching, one.view, one.found.answers)
            seen |= asked
        return tuple(step for step in self._steps if step.switch is None or step.switch in seen)

    def _sufficient(self, one: _Class, steps: tuple[Toggle, ...], *, whole: bool) -> tuple[Toggle, ...]:
        """The fewest steps that lead to the new outcome: one, or a set that none can be left out of."""
        specific = tuple(step for step in steps if not step.rest)
        causes = (
            self._fewest(one, specific, whole=whole) or self._fewest(one, steps, whole=whole) or self._steps
        )
        self._known.append(causes)
        self._known.sort(key=len)
        return causes

    def _fewest(self, one: _Class, steps: tuple[Toggle, ...], *, whole: bool) -> tuple[Toggle, ...]:
        """The fewest of these steps that lead to the new outcome; none if all together do not."""
        for step in steps:
            if self._reaches(one, (step,), whole=whole):
                return (step,)
        if not steps or not self._reaches(one, steps, whole=whole):
            return ()
        causes = steps
        for step in reversed(steps):
            fewer = tuple(other for other in causes if other is not step)
            if fewer and self._reaches(one, fewer, whole=whole):
                causes = fewer
        return causes

    def _here(self, one: _Class, policy: Policy) -> Outcome:
        if one.told:
            return outcome_and_told(self._plan, policy, one.view, one.found.answers)
        return self._plan.at(policy, one.view, one.found.answers)

    def _reaches(self, one: _Class, steps: tuple[Toggle, ...], *, whole: bool) -> bool:
        found = self._at(one, steps)
        return found == one.found.after if whole else _same_standing(found, one.found.after)

    def _at(self, one: _Class, steps: tuple[Toggle, ...]) -> Outcome:
        policy = self._policies.get(steps)
        if policy is None:
            policy = self._base
            for step in sorted(steps, key=lambda step: step.switch is None):
                policy = step.apply(policy)
            self._policies[steps] = policy
        return self._here(one, policy)


def can_reach(steps: Sequence[Toggle], met: frozenset[str] | None) -> bool:
    """Whether steps can change what becomes of mail that comes to these routers and transports.

    A run reads no option of a driver that it does not come to, and goes on as before until it reads one.
    """
    if met is None:
        return bool(steps)
    return any(step.driver is None or step.driver in met for step in steps)


def one_kind(_: Outcome) -> str:
    """For one host: a class has the same log lines, too, so that what brings it about is one thing."""
    return ""


def kind_of(outcome: Outcome) -> tuple[Standing, str, str]:
    """All of an outcome but words: with several hosts every way to a failure would be a class of its own."""
    return standing(outcome), outcome.result, outcome.host


def _same_standing(one: Outcome, two: Outcome) -> bool:
    return kind_of(one) == kind_of(two)


def unusual(found: Difference) -> dict[str, str]:
    """The answers of a situation that are not the plainest."""
    return {axis: value for axis, value in found.answers.items() if value not in PLAIN}


PLAIN = frozenset({"secure", "match", "accepted", "2xx", "STARTTLS", "completes", "good", GIVEN})
"""The first values of all axes."""


def change_of(view: View, found: Difference) -> Change:
    """A difference as reports show it."""
    weight = severity(found.before, found.after)
    assert weight is not None
    situation = unusual(found) or AS_IT_SHOULD_BE
    return Change(situation, view.kind, found.before, found.after, weight, found.size, view.name)


def _simplicity(change: Change) -> tuple[object, ...]:
    return change.severity.rank, len(change.situation), change.kind != "delivery", -change.size


def grouped(cause: tuple[Cause, ...], changes: Iterable[Change]) -> Iterator[Group]:
    """The groups of one cause: one for each kind of run, what became of it before, and what after."""
    apart: dict[tuple[object, ...], list[Change]] = {}
    for change in changes:
        kind, before, after = change.kind, change.before, change.after
        key = (kind, fate(before, kind), fate(after, kind), change.severity)
        apart.setdefault(key, []).append(change)
    for members in apart.values():
        ordered = sorted(members, key=_simplicity)
        yield Group(cause, ordered[0].severity, tuple(ordered))
