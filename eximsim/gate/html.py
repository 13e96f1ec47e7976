"""Reports as pages: one file, nothing loaded from anywhere, no script; fit for phone, paper and ear."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from eximsim.gate import palette
from eximsim.gate.report import RESULTS, Change, Group, Outcome, Report, Security, Severity
from eximsim.gate.words import (
    MEANINGS,
    PROTECTIONS,
    SIGNS,
    at_worst,
    counted,
    coverage,
    occasion,
    verdict,
    visible,
)

OPEN = 3
"""How many groups, the worst ones, are unfolded when the page is opened."""

ROWS = 40
"""How many classes of a group are listed before the rest is folded away."""


def report_page(report: Report) -> str:
    """The report as one HTML page: what moved from which outcome to which, then each group, worst first."""
    return _templates().get_template("report.html.j2").render(
        report=report,
        moves=moves(report),
        tables=[matrix(group) for group in report.groups],
        unfolded=OPEN,
        rows=ROWS,
    )  # fmt: skip


@cache
def _templates() -> Environment:
    found = Environment(
        loader=PackageLoader("eximsim.gate", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals.update(
        Severity=Severity,
        Security=Security,
        light=palette.LIGHT,
        dark=palette.DARK,
        signs=SIGNS,
        meanings=MEANINGS,
        protections=PROTECTIONS,
        counted=counted,
        coverage=coverage,
        occasion=occasion,
        verdict=verdict,
        at_worst=at_worst,
    )
    found.filters["tone"] = tone
    return found


def _shown(value: object) -> object:
    """What is put on a page: text only as characters that can be seen."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def tone(severity: Severity) -> str:
    """The name of a severity among the colours: ``security-lost``."""
    return severity.value.replace(" ", "-")


def brief(outcome: Outcome) -> str:
    """The kind of outcome: what became of the recipient and how safely, ``delivered, DANE``."""
    return outcome.result if outcome.security is None else f"{outcome.result}, {outcome.security}"


@dataclass(frozen=True, slots=True)
class Moves:
    """How many situations moved from each kind of outcome to each other one.

    ``before`` and ``after`` are the kinds in the order of rows and columns; a cell counts by severity, worst
    first, and is empty if nothing moved that way.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    cells: tuple[tuple[tuple[tuple[Severity, int], ...], ...], ...]


def moves(report: Report) -> Moves:
    """The matrix at the top of the page, best kinds of outcome first."""
    changes = [change for group in report.groups for change in group.changes]
    before = _kinds(change.before for change in changes)
    after = _kinds(change.after for change in changes)
    counts: dict[tuple[str, str], dict[Severity, int]] = {}
    for change in changes:
        cell = counts.setdefault((brief(change.before), brief(change.after)), {})
        cell[change.severity] = cell.get(change.severity, 0) + change.size
    cells = tuple(
        tuple(tuple(sorted(counts.get((old, new), {}).items(), key=_rank)) for new in after) for old in before
    )
    return Moves(before, after, cells)


def _rank(cell: tuple[Severity, int]) -> int:
    return cell[0].rank


def _kinds(outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """The kinds of the outcomes, each once: by result, then the safest first."""
    return tuple(dict.fromkeys(brief(outcome) for outcome in sorted(outcomes, key=_order)))


def _order(outcome: Outcome) -> tuple[int, int]:
    safety = -1 if outcome.security is None else outcome.security.value
    return RESULTS.index(outcome.result), -safety


@dataclass(frozen=True, slots=True)
class Matrix:
    """The classes of a group by what was asked: what all have in common, and a column for each other axis.

    ``names`` are the axes, ``columns`` what they are called below ``spans``, which are headings over
    neighbours, each with its width; ``rows`` hold the value of each axis, None where it makes no difference.
    """

    common: tuple[tuple[str, str], ...]
    spans: tuple[tuple[str, int], ...]
    names: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[Change, tuple[str | None, ...]], ...]


def matrix(group: Group) -> Matrix:
    """The classes of a group as a table; axes of one host stand side by side."""
    asked = [_asked(change) for change in group.changes]
    axes = list(dict.fromkeys(axis for situation in asked for axis in situation))
    values = {axis: {situation.get(axis) for situation in asked} for axis in axes}
    common = tuple((axis, asked[0][axis]) for axis in axes if len(values[axis]) == 1)
    owners = list(dict.fromkeys(_owner(axis)[1] for axis in axes))
    varied = [axis for owner in owners for axis in axes if _owner(axis)[1] == owner and len(values[axis]) > 1]
    rows = tuple(
        (change, tuple(situation.get(axis) for axis in varied))
        for change, situation in zip(group.changes, asked, strict=True)
    )
    return Matrix(
        common, tuple(_spans(varied)), tuple(varied), tuple(_owner(axis)[0] for axis in varied), rows
    )


def _asked(change: Change) -> dict[str, str]:
    route = {"recipient": change.route} if change.route else {}
    return {"kind": change.kind, **route, **change.situation}


def _owner(axis: str) -> tuple[str, str]:
    """What is asked, and of whom: ``("TLSA", "host 1")`` of ``TLSA of host 1``."""
    what, of, owner = axis.rpartition(" of ")
    return (what, owner) if of else (axis, "")


def _spans(axes: Sequence[str]) -> Iterator[tuple[str, int]]:
    width = 0
    for number, axis in enumerate(axes):
        width += 1
        owner = _owner(axis)[1]
        if number + 1 == len(axes) or _owner(axes[number + 1])[1] != owner:
            yield owner, width
            width = 0
