"""Laws held against a situation under a schedule.

A law compares what was done with what the zone says. Under a schedule the program may learn less than that,
so only those laws are held that leave room for it: about what is never done, not about what is reached.
Laws that compare two runs are left to situations without a schedule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.fuzz import judge as judging
from eximsim.fuzz.judge import Broken, default_stand, told_by, undefined
from eximsim.fuzz.laws import LAWS
from eximsim.fuzz.schedules import replay
from eximsim.mta.globals import UndefinedBehaviour
from eximsim.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eximsim.fuzz.law import Law
    from eximsim.fuzz.run import Run
    from eximsim.fuzz.schedule import Schedule
    from eximsim.profiles import Profile
    from eximsim.suite.recording import Situation
    from eximsim.suite.replay import Stand

WHATEVER_IS_SAID = frozenset(
    {
        "required-dane", "required-tls", "no-stronger-claim", "dane-means-match", "callout-ran",
        "no-connection-without-recipient", "nothing-lost", "log-names-the-host",
    }
)  # fmt: skip
"""The laws that hold under any schedule."""

IF_NOTHING_IS_CHANGED = frozenset({"no-downgrade", "sni-is-tlsa-base"})
"""The laws that hold if the schedule only delays, loses and forges answers."""


def judge(
    situation: Situation, profile: Profile, plan: Schedule, stand: Stand | None = None, seed: int = 0
) -> list[Broken]:
    """The laws that a situation breaks under a schedule. Raises as ``fuzz.judge.judge``."""
    stand = stand or default_stand()
    run = perform(situation, profile, plan, stand, seed)
    return judging.judge(situation, profile, laws_under(plan), stand, run=run)


def laws_under(plan: Schedule) -> Mapping[str, Law]:
    """The laws that hold under a schedule, by id."""
    kept = WHATEVER_IS_SAID if plan.changes_answers else WHATEVER_IS_SAID | IF_NOTHING_IS_CHANGED
    return {name: law for name, law in LAWS.items() if name in kept and law.varies is None}


def perform(situation: Situation, profile: Profile, plan: Schedule, stand: Stand, seed: int = 0) -> Run:
    """Run a situation under a schedule, as its first kind, in the form in which laws read it."""
    kind = situation.kinds[0]
    trace = Trace()
    try:
        replayed = replay(stand, situation, kind, profile, plan, seed, trace=trace)
        return told_by(situation, kind, profile, stand, replayed, seed)
    except UndefinedBehaviour as reason:
        return undefined(situation, kind, profile, stand, trace, str(reason), seed)
