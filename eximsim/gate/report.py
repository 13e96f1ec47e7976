"""What the gate found: the form that every report is made from, and its JSON.

A report holds groups of changes, one group for each cause; a change is a class of situations that no decision
of either side tells apart, with what happened before and what happens after.
"""

from __future__ import annotations

from collections.abc import Mapping

from eximsim.errors import Gap
from eximsim.gate.severity import Severity
from eximsim.quick_dataclass import dataclass
from eximsim.status import Security

NOTHING_EXPLORED = "nothing was explored"
"""How the gap begins that says so."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the recipient in one situation.

    ``result`` is one of ``status.RESULTS``. ``security`` tells how the message went, or how a callout asked;
    None if no server was asked about the recipient. ``host`` is the host that took or refused it, empty if
    none did; ``reason`` what Exim said of it, on one line; ``log`` the log lines, normalised.
    ``unreachable``: it was not taken, and nothing but DNS, network and servers was in the way; otherwise the
    policy had a part in it.
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

    def as_json(self) -> dict[str, object]:
        """The outcome without its log lines."""
        return {
            "result": self.result,
            "security": None if self.security is None else self.security.name.lower(),
            "host": self.host,
            "reason": self.reason,
        }


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
    """Changes with one cause and one meaning, the same before and the same after: the smallest first.

    Several causes bring the change about only together: none of them can be left out.
    """

    cause: tuple[Cause, ...]
    severity: Severity
    changes: tuple[Change, ...]

    @property
    def witness(self) -> Change:
        """The smallest situation that shows it."""
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
class Everyday:
    """One of the situations that mail meets every day: what happens before and after."""

    situation: str
    before: Outcome
    after: Outcome
    severity: Severity | None = None
    """What the change means, None if nothing has changed."""


@dataclass(frozen=True, slots=True)
class Mail:
    """Everyday mail on one route: ``route`` is to whom, and by which router and transport."""

    route: str
    rows: tuple[Everyday, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What changes from ``base`` to ``head``: everyday mail, then all groups, worst first.

    ``situations`` is the size of the space, ``classes`` how many of its classes were told apart and run.
    ``gaps`` are what should have been looked at and could not be: they make the report incomplete, and the
    exit code 3 unless ``incomplete_allowed`` (``--allow-incomplete``). ``left_out`` are notes of what the
    exploration leaves out by choice. ``everyday`` has what ordinary mail does, route by route.
    ``agreed``: all of it was agreed to as the report was made (``--accept``), so nothing of it fails.
    """

    base: str
    head: str
    groups: tuple[Group, ...]
    situations: int
    classes: int
    left_out: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    incomplete_allowed: bool = False
    everyday: tuple[Mail, ...] = ()
    agreed: bool = False

    @property
    def complete(self) -> bool:
        """Whether all that should be looked at was: what is not reported has not changed."""
        return not self.gaps

    @property
    def explored(self) -> bool:
        """Whether any mail was looked at that goes out."""
        return not any(gap.what.startswith(NOTHING_EXPLORED) for gap in self.gaps)

    @property
    def unexplored(self) -> tuple[str, ...]:
        """A line for each gap, then those for what is left out by choice."""
        return (*map(str, self.gaps), *self.left_out)

    def of(self, severity: Severity) -> tuple[Change, ...]:
        """The classes of situations that changed in this way."""
        return tuple(
            change for group in self.groups for change in group.changes if change.severity is severity
        )

    @property
    def severities(self) -> frozenset[Severity]:
        """What changes there are: of all groups, and of everyday mail."""
        ordinary = (row.severity for mail in self.everyday for row in mail.rows if row.severity)
        return frozenset((*(group.severity for group in self.groups), *ordinary))

    def count(self, severity: Severity) -> int:
        """How many situations changed in this way."""
        return sum(change.size for change in self.of(severity))

    def share(self, situations: int) -> float:
        """How large a part of the space some situations are, from 0 to 1."""
        return situations / self.situations if self.situations else 0.0
