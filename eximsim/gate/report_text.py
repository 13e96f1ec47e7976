"""Words that every written form of a report shares; those of a severity are in ``severity.py``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from eximsim.gate.outcome import fate
from eximsim.gate.report import Change, Everyday, Group, Mail, Outcome, Report
from eximsim.gate.severity import STOPS, Severity
from eximsim.status import TAKEN, Security

PROTECTIONS: Mapping[Security, str] = MappingProxyType(
    {
        Security.CLEAR: "Nothing is encrypted.",
        Security.TLS: "Encrypted, but to whoever answers: its certificate was not verified.",
        Security.VERIFIED: "Encrypted, to a host whose certificate was verified against known authorities.",
        Security.DANE: "Encrypted, to a host whose certificate matches its signed TLSA records.",
    }
)
"""What each level of security means, in one sentence."""

_POSITION = re.compile(r"(?P<file>.*[^:]):(?P<line>[1-9][0-9]*)", re.DOTALL)


def position(where: str) -> tuple[str, int] | None:
    """The file and line of ``file:line``; None if it is no place in a file: a commit, a ChangeLog item."""
    found = _POSITION.fullmatch(where)
    return None if found is None else (found["file"], int(found["line"]))


def counted(number: int, noun: str = "situation", plural: str = "") -> str:
    """``1 situation``, ``14,400 situations``, ``2 classes``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def sentence(text: str) -> str:
    """The words with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."


def asked(change: Change) -> str:
    """The situation of a change as one phrase: ``MX: insecure, TLSA of host 1: SERVFAIL``."""
    found = ", ".join(f"{axis}: {value}" for axis, value in change.situation.items())
    return found or "in every situation"


def occasion(change: Change) -> str:
    """``delivery to someone@example.com``; the route may say the kind itself."""
    if change.route.startswith(change.kind):
        return change.route
    return f"{change.kind} to {change.route}" if change.route else change.kind


def sides(change: Change) -> tuple[str, str]:
    """What happened before and after, a phrase each; if only the log differs, with the lines that do."""
    before, after = change.before, change.after
    if str(before) != str(after):
        return str(before), str(after)
    return _told(before, after), _told(after, before)


def _told(one: Outcome, other: Outcome) -> str:
    own = [line for line in one.log if line not in other.log]
    return f"{one}; logged: {' / '.join(own) or 'nothing more'}"


def move(group: Group) -> str:
    """What became of what: ``delivered in clear → held back for want of protection``."""
    one = group.witness
    before, after = fate(one.before, one.kind), fate(one.after, one.kind)
    if before != after:
        return f"{before} → {after}"
    return f"{before}, by another host" if group.severity is Severity.ELSEWHERE else before


def title(group: Group) -> str:
    """``hosts_try_dane: delivered in clear → held back for want of protection``."""
    return f"{group.name}: {move(group)}"


def meant(group: Group) -> str:
    """What the group's change means: ``delivered before, now held back``."""
    return group.severity.words(group.witness.kind)


def together(group: Group) -> str:
    """Said of several causes; empty for one."""
    return "Only together: none of them does this alone." if len(group.cause) > 1 else ""


def portion(share: float) -> str:
    """A share as people say it: ``12 %``, ``0.4 %``."""
    percent = 100 * share
    return f"{percent:.1f} %" if percent < 10 else f"{percent:.0f} %"


def amount(report: Report, groups: Sequence[Group]) -> str:
    """How much some groups are: ``3 classes, 0.4 % of all situations``, if it is a share worth telling."""
    number = classes(sum(len(group.changes) for group in groups))
    share = report.share(sum(group.size for group in groups))
    return f"{number}, {portion(share)} of all situations" if share >= _LEAST else number


_LEAST = 0.001


def classes(number: int) -> str:
    """``1 class``, ``1,203 classes``."""
    return counted(number, "class", "classes")


def simplest(group: Group, most: int = 5) -> tuple[str, ...]:
    """Situations other than the witness in which a single answer brings about what the group shows."""
    found = dict.fromkeys(asked(change) for change in group.changes[1:] if len(change.situation) == 1)
    found.pop(asked(group.witness), None)
    return tuple(found)[:most]


# ---- everyday mail ---------------------------------------------------------------------------------------

UNCHANGED = "="
"""The sign of a row in which nothing changes."""


def everyday_table(mail: Mail) -> Iterator[tuple[str, str, str, str]]:
    """The lines of everyday mail: sign, situation, what happens before, and after (``the same``)."""
    usual = next((row.before.host for row in mail.rows if row.before.result in TAKEN), "")
    for row in mail.rows:
        sign = UNCHANGED if row.severity is None else row.severity.told.sign
        before, after = (_briefly(outcome, usual) for outcome in (row.before, row.after))
        said = {None: "the same", Severity.WORDS: "the same, in other words"}.get(row.severity)
        yield sign, row.situation, before, said or after


def _briefly(outcome: Outcome, usual: str) -> str:
    """What happens; with the host that takes it if that is another one than usual."""
    elsewhere = outcome.result in TAKEN and outcome.host != usual
    return f"{fate(outcome)} by {outcome.host}" if elsewhere else fate(outcome)


# ---- the answers that come first -------------------------------------------------------------------------

STOPS_ASKED = "Does any mail that went out before stop?"
LESS_ASKED = "Does any mail go out with less protection?"


def answers(report: Report) -> tuple[tuple[str, str], ...]:
    """What everybody asks first, each with an answer of one line."""
    went = [group for group in report.groups if group.witness.before.result in TAKEN]
    stopping = [group for group in went if group.severity in STOPS]
    weaker = [group for group in report.groups if group.severity is Severity.LESS]
    released = [group for group in report.groups if group.severity is Severity.RELEASED]
    ordinary = [row for mail in report.everyday for row in mail.rows]
    stops = [row for row in ordinary if row.severity in STOPS and row.before.result in TAKEN]
    less = _answer(report, weaker, [row for row in ordinary if row.severity is Severity.LESS])
    if released:
        less += f" Mail that was kept back goes out now: {amount(report, released)}."
    return (STOPS_ASKED, _answer(report, stopping, stops)), (LESS_ASKED, less)


_EVERYDAY_NAMED = 4


def _answer(report: Report, groups: Sequence[Group], ordinary: Sequence[Everyday]) -> str:
    unknown = f"{counted(len(report.gaps), 'thing')} could not be looked at" if report.gaps else ""
    if not groups and not ordinary and not report.explored:
        return "Not known: nothing was explored."
    if not groups and not ordinary:
        return f"Not known: {unknown}; in what was looked at, no." if unknown else "No."
    named = list(dict.fromkeys(row.situation for row in ordinary))
    said = []
    if named:
        more = "; ..." if len(named) > _EVERYDAY_NAMED else ""
        said.append(f"everyday mail ({'; '.join(named[:_EVERYDAY_NAMED])}{more})")
    for kind, word in (("delivery", "deliveries"), ("callout", "callouts")):
        some = [group for group in groups if group.witness.kind == kind]
        if some:
            said.append(f"{word}: {amount(report, some)}")
    if not named:
        said.append(f"for example {asked(groups[0].witness)}")
    return f"Yes. {sentence('; '.join(said))}{f' And {unknown}.' if unknown else ''}"


def verdict(report: Report) -> str:
    """The whole report in one sentence: how many classes of situations changed, and how."""
    counts = [
        f"{severity.value}: {classes(len(found))}" for severity in Severity if (found := report.of(severity))
    ]
    if not counts and not report.explored:
        return "Nothing was explored."
    if not counts:
        return "No outcome changes." if report.complete else "No outcome changes in what was explored."
    return sentence("; ".join(counts)) + (" Agreed to: the lock holds it now." if report.agreed else "")


def coverage(report: Report) -> str:
    """What was looked at, in one sentence: whether what is not reported has not changed."""
    run = f"{classes(report.classes)} of situations told apart"
    if report.complete:
        return f"Complete: {run}, all of them run."
    allowed = " (allowed)" if report.incomplete_allowed else ""
    return f"Not complete{allowed}: {run}; {counted(len(report.gaps), 'thing')} could not be looked at."
