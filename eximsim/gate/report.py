"""What the gate found: the form that every report is made from, and its JSON.

A report holds groups of changes, one group for each cause; a change is a class of situations that no decision
of either side tells apart, with what happened before and what happens after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from eximsim.errors import Gap
from eximsim.status import Security


class Severity(Enum):
    """What a change means for whoever runs the mail system; worst first."""

    SECURITY_LOST = "security lost"
    REACHABILITY_LOST = "reachability lost"
    SECURITY_GAINED = "security gained"
    REACHABILITY_GAINED = "reachability gained"
    WORDING = "wording only"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


RESULTS = (
    "delivered", "deferred", "failed", "accepted", "refused", "tempfailed", "crash", "undefined",
)  # fmt: skip
"""What can become of a recipient: the first three in a delivery, the next three in a callout."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the recipient in one situation.

    ``result`` is one of ``RESULTS``. ``security`` tells how the message went, or how a callout asked; None if
    no server was asked about the recipient. ``host`` is the host that took or refused it, empty if none did;
    ``reason`` what Exim said of it, on one line; ``log`` the log lines, normalised. ``unreachable``: it was
    not taken, and nothing but DNS, network and servers was in the way; otherwise the policy had a part in it.
    """

    result: str
    security: Security | None = None
    host: str = ""
    reason: str = ""
    log: tuple[str, ...] = ()
    unreachable: bool = False

    def __str__(self) -> str:
        """``delivered to mx1.example.com (DANE)``, ``deferred: tlsa lookup DEFER``."""
        where = f" to {self.host}" if self.host and self.result == "delivered" else ""
        how = "" if self.security is None else f" ({self.security})"
        why = f": {self.reason}" if self.reason and self.result != "delivered" else ""
        return f"{self.result}{where}{how}{why}"


@dataclass(frozen=True, slots=True)
class Change:
    """A class of situations with another outcome than before.

    ``situation`` tells what was asked, axis by axis, as people read it: ``{"TLSA of host 1": "SERVFAIL"}``.
    What it does not name makes no difference; ``size`` counts the situations of the space that it stands for.
    ``kind`` is ``"delivery"`` or ``"callout"``, ``route`` what was being sent, ``"someone@example.com"``.
    """

    situation: Mapping[str, str]
    kind: str
    before: Outcome
    after: Outcome
    severity: Severity
    size: int = 1
    route: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an outcome changed: an option of the configuration, or a switch of the release.

    ``where`` is ``file:line``, or the commit and ChangeLog item of the switch; ``text`` is one sentence.
    """

    name: str
    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """Changes that have one cause: smallest witness first, one severity (the worst of them)."""

    cause: tuple[Cause, ...]
    severity: Severity
    changes: tuple[Change, ...]

    @property
    def witness(self) -> Change:
        """The smallest situation that shows the worst of the group."""
        return self.changes[0]

    @property
    def name(self) -> str:
        """What ``--accept`` and reports call the group: the names of its causes."""
        return "+".join(cause.name for cause in self.cause)

    @property
    def size(self) -> int:
        """How many situations of the space it changes."""
        return sum(change.size for change in self.changes)


@dataclass(frozen=True, slots=True)
class Report:
    """What changes from ``base`` to ``head``: groups, worst first.

    ``situations`` is the size of the space, ``classes`` how many of its classes were told apart and run.
    ``gaps`` are what should have been looked at and could not be: they make the report incomplete, and the
    exit code 3 unless ``incomplete_allowed`` (``--allow-incomplete``). ``left_out`` are notes of what the
    exploration leaves out by choice.
    """

    base: str
    head: str
    groups: tuple[Group, ...]
    situations: int
    classes: int
    left_out: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    incomplete_allowed: bool = False

    @property
    def complete(self) -> bool:
        """Whether all that should be looked at was: what is not reported has not changed."""
        return not self.gaps

    @property
    def unexplored(self) -> tuple[str, ...]:
        """A line for each gap, then those for what is left out by choice."""
        return (*map(str, self.gaps), *self.left_out)

    def count(self, severity: Severity) -> int:
        """How many situations changed in this way."""
        return sum(
            change.size for group in self.groups for change in group.changes if change.severity is severity
        )

    def as_json(self) -> dict[str, object]:
        """The report as ``eximsim gate --json`` prints it."""
        return {
            "base": self.base,
            "head": self.head,
            "complete": self.complete,
            "situations": self.situations,
            "classes": self.classes,
            "changed": {severity.value: self.count(severity) for severity in Severity},
            "groups": [_group(group) for group in self.groups],
            "gaps": [{"what": gap.what, "where": gap.where, "remedy": gap.remedy} for gap in self.gaps],
            "left_out": list(self.left_out),
        }


def _group(group: Group) -> dict[str, object]:
    return {
        "name": group.name,
        "severity": group.severity.value,
        "cause": [{"name": c.name, "where": c.where, "text": c.text} for c in group.cause],
        "situations": group.size,
        "changes": [_change(change) for change in group.changes],
    }


def _change(change: Change) -> dict[str, object]:
    return {
        "situation": dict(change.situation),
        "kind": change.kind,
        "route": change.route,
        "severity": change.severity.value,
        "size": change.size,
        "before": _outcome(change.before),
        "after": _outcome(change.after),
    }


def _outcome(outcome: Outcome) -> dict[str, object]:
    return {
        "result": outcome.result,
        "security": None if outcome.security is None else outcome.security.name.lower(),
        "host": outcome.host,
        "reason": outcome.reason,
        "log": list(outcome.log),
        "unreachable": outcome.unreachable,
    }
