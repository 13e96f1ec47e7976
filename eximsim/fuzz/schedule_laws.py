"""Which laws are held against a situation under a schedule.

A law compares what was done with what the zone says. Under a schedule the program may learn less than that,
so only those laws are held that leave room for it: about what is never done, not about what is reached.
Laws that compare two runs are left to situations without a schedule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eximsim.fuzz.law import Law
    from eximsim.fuzz.schedule import Schedule

WHATEVER_IS_SAID = frozenset(
    {
        "required-dane", "required-tls", "no-stronger-claim", "dane-means-match", "callout-ran",
        "no-connection-without-recipient", "nothing-lost", "log-names-the-host",
    }
)  # fmt: skip
"""The laws that hold under any schedule."""

IF_NOTHING_IS_CHANGED = frozenset({"no-downgrade", "sni-is-tlsa-base"})
"""The laws that hold if the schedule only delays, loses and forges answers."""


def laws_under(plan: Schedule, laws: Mapping[str, Law]) -> Mapping[str, Law]:
    """The laws, of those given, that hold under a schedule; without rules all of them do."""
    if not plan.rules:
        return laws
    kept = WHATEVER_IS_SAID if plan.changes_answers else WHATEVER_IS_SAID | IF_NOTHING_IS_CHANGED
    return {name: law for name, law in laws.items() if name in kept and law.varies is None}
