"""What came of promises, as lines for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple

from eximsim.errors import ExitCode, Gap
from eximsim.fuzz.baseline import Entry
from eximsim.gate.proof import Answers, Breach, Proof, Verdict, told
from eximsim.gate.report_text import counted
from eximsim.quick_dataclass import dataclass
from eximsim.visible import visible

_SHOWN = 5
"""How many ways to break a promise are shown beside the simplest one."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A proof held against a baseline.

    ``incomplete_is_fine`` says that what could not be looked at does not count.
    """

    config: str
    release: str
    proof: Proof
    known: frozenset[Entry] = frozenset()
    incomplete_is_fine: bool = False

    def new(self, verdict: Verdict) -> list[Breach]:
        """The breaches of a promise that are not in the baseline; last those that Exim leaves open."""
        new = [one for one in verdict.breaches if one.entry not in self.known]
        return sorted(new, key=lambda one: one.is_open)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What came of each promise, those first that are not kept."""
        return tuple(sorted(self.proof.verdicts, key=lambda one: not self.new(one)))

    def certain(self, verdict: Verdict) -> list[Breach]:
        """The new breaches of a promise of which Exim leaves nothing open: these count."""
        return [one for one in self.new(verdict) if not one.is_open]

    @property
    def gone(self) -> list[Entry]:
        """What the baseline has of these promises and is not found any more."""
        names = {verdict.promise.name for verdict in self.proof.verdicts}
        found = {breach.entry for breach in self.proof.breaches}
        return sorted((one for one in self.known - found if one.promise in names), key=astuple)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What could not be looked at, and what Exim itself leaves open."""
        unsettled = dict.fromkeys(
            Gap(f"{one.view.name}: Exim leaves open what happens: {one.outcome.reason}", remedy=_REMEDY)
            for verdict in self.proof.verdicts
            for one in self.new(verdict)
            if one.is_open
        )
        return (*self.proof.gaps, *unsettled)

    @property
    def exit_code(self) -> ExitCode:
        """1 if a promise is broken in a way that is not known, 3 if something could not be looked at."""
        if any(map(self.certain, self.proof.verdicts)):
            return ExitCode.DIFFERENCE
        if self.gaps and not self.incomplete_is_fine:
            return ExitCode.COULD_NOT_LOOK
        return ExitCode.AS_IT_SHOULD_BE


_REMEDY = "a baseline can hold it (--baseline FILE --accept)"


def lines(judgement: Judgement, *, verbose: bool = False) -> Iterator[str]:
    """The report for a terminal; ``verbose``: every breach, and not the simplest ones alone."""
    yield headline(judgement)
    for gap in judgement.gaps:
        yield f"could not look: {visible(str(gap))}"
    for verdict in judgement.verdicts:
        yield ""
        yield from verdict_lines(judgement, verdict, verbose=verbose)
    if judgement.gone:
        gone = counted(len(judgement.gone), "known breach", "known breaches")
        yield f"\n{gone} did not happen any more; --accept takes them out of the baseline"


def headline(judgement: Judgement) -> str:
    """How many promises are broken."""
    verdicts = judgement.proof.verdicts
    broken = sum(map(bool, map(judgement.certain, verdicts)))
    told_by = visible(f"{judgement.config} ({judgement.release})")
    return f"{told_by}: {broken or 'none'} of {counted(len(verdicts), 'promise')} broken"


def sign_of(judgement: Judgement, verdict: Verdict) -> str:
    """Kept, broken, or neither."""
    if judgement.certain(verdict):
        return "✗"
    return "?" if judgement.new(verdict) or not verdict.views else "✓"


def verdict_lines(judgement: Judgement, verdict: Verdict, *, verbose: bool) -> Iterator[str]:
    """What came of one promise: its sign and name, then how it breaks."""
    new = judgement.new(verdict)
    known = len(verdict.breaches) - len(new)
    promise = verdict.promise
    place = f" ({promise.where})" if promise.where else ""
    yield f"{sign_of(judgement, verdict)} {visible(promise.name)}{place}"
    if promise.sentence != promise.name:
        yield f"  {visible(promise.sentence)}"
    if known:
        yield f"  {counted(known, 'breach', 'breaches')} that the baseline has"
    for number, breach in enumerate(new):
        if number > _SHOWN and not verbose:
            yield f"  and in {counted(len(new) - number, 'other way')} (--verbose shows all)"
            return
        yield from _breach(breach, first=number == 0)


def _breach(breach: Breach, *, first: bool) -> Iterator[str]:
    outcome = visible(str(breach.outcome))
    if not first:
        yield f"  and by {breach.view.kind}, {', '.join(situation_lines(breach.situation))} -> {outcome}"
        return
    yield f"  {'not settled in' if breach.is_open else 'broken by'} {breach.view.name}"
    yield from (f"    {line}" for line in situation_lines(breach.situation))
    yield f"    -> {outcome}"
    yield from (f"       {visible(line)}" for line in breach.outcome.log)


def broken_by(breach: Breach) -> str:
    """A breach on one line: the mail, the situation, and what becomes of it."""
    situation = ", ".join(situation_lines(breach.situation))
    return visible(f"{breach.view.name}, {situation} -> {breach.outcome}")


def situation_lines(situation: Answers) -> list[str]:
    """A situation, one answer a line."""
    return [f"{axis}: {value}" for axis, value in situation.items()] or ["everything as it should be"]


def as_json(judgement: Judgement) -> dict[str, object]:
    """The report as ``eximsim check --json`` prints it."""
    return {
        "config": judgement.config,
        "release": judgement.release,
        "exit": int(judgement.exit_code),
        "complete": not judgement.gaps,
        "promises": [_promise(judgement, verdict) for verdict in judgement.proof.verdicts],
        "gaps": [{"what": gap.what, "where": gap.where, "remedy": gap.remedy} for gap in judgement.gaps],
        "gone": [{"promise": one.promise, "in": one.where, "when": one.when} for one in judgement.gone],
    }


def _promise(judgement: Judgement, verdict: Verdict) -> dict[str, object]:
    new = judgement.new(verdict)
    return {
        "name": verdict.promise.name,
        "sentence": verdict.promise.sentence,
        "where": verdict.promise.where,
        "holds": False if verdict.breaches and not all(one.is_open for one in verdict.breaches) else None
        if verdict.breaches or not verdict.views else True,
        "breaches": [
            {
                "known": one not in new,
                "in": one.view.name,
                "kind": one.view.kind,
                "recipient": one.view.scene.recipient,
                "situation": dict(one.situation),
                "outcome": told(one.outcome),
                "result": one.outcome.result,
                "reason": one.outcome.reason,
                "log": list(one.outcome.log),
            }
            for one in verdict.breaches
        ],
    }  # fmt: skip
