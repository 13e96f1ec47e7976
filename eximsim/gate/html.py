"""Reports as pages: one file, nothing loaded from anywhere, no script; fit for phone, paper and ear."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from eximsim.explore.vocabulary import asked_of
from eximsim.gate import palette
from eximsim.gate.outcome import fate
from eximsim.gate.outcome import severity as weigh
from eximsim.gate.report import Change, Group, Outcome, Report
from eximsim.gate.report_text import (
    PROTECTIONS,
    UNCHANGED,
    amount,
    answers,
    asked,
    classes,
    counted,
    coverage,
    everyday_table,
    meant,
    move,
    occasion,
    sentence,
    simplest,
    title,
    together,
    verdict,
)
from eximsim.gate.severity import Severity
from eximsim.quick_dataclass import dataclass
from eximsim.status import RESULTS, Security
from eximsim.visible import visible

if TYPE_CHECKING:
    from eximsim.gate.explain import Explained, Explanation, Step

OPEN = 3
"""How many groups, the worst ones, are unfolded when the page is opened."""

ROWS = 6
"""How many classes of a group are listed before the rest is folded away."""

MOST_ROWS = 12
"""How many classes of a group are listed at all."""

PAGE_ROWS, PAGE_GROUPS = 180, 80
"""How many classes and groups a page shows, so that it stays small enough to be sent."""

GAPS = 12
"""How many things that could not be looked at are named before the rest is folded away."""


def report_page(report: Report) -> str:
    """The report as one HTML page: the answers, everyday mail, what became of what, then each group."""
    return templates().get_template("report.html.j2").render(
        report=report,
        moves=moves(report),
        tables=[matrix(group) for group in report.groups[:PAGE_GROUPS]],
        listed=listed(report.groups[:PAGE_GROUPS]),
        groups=PAGE_GROUPS,
        unfolded=OPEN,
        rows=ROWS,
        most_gaps=GAPS,
    )  # fmt: skip


def listed(groups: Iterable[Group]) -> list[int]:
    """How many classes of each group are listed, the worst groups first."""
    left, found = PAGE_ROWS, []
    for group in groups:
        found.append(min(len(group.changes), MOST_ROWS, left))
        left -= found[-1]
    return found


def explanation_page(explanation: Explanation) -> str:
    """An explanation as one HTML page: outcome, hosts, what would lead to another, each decision."""
    return templates().get_template("explanation.html.j2").render(explanation=explanation)


def stages(explained: Explained) -> list[tuple[str, list[Step]]]:
    """The steps of a way, in order, those of one stage that follow each other together."""
    return [(stage, list(steps)) for stage, steps in groupby(explained.steps, lambda step: step.stage)]


@cache
def templates() -> Environment:
    """What all pages are made with: everything quoted, one style, light and dark."""
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
        protections=PROTECTIONS,
        unchanged=UNCHANGED,
        weigh=weigh,
        stages=stages,
        **{
            function.__name__: function
            for function in (
                *(
                    amount,
                    answers,
                    asked,
                    classes,
                    counted,
                    coverage,
                    everyday_table,
                    fate,
                    meant,
                    move,
                    occasion,
                ),
                *(sentence, simplest, title, together, verdict),
            )
        },
    )
    found.filters["tone"] = tone
    return found


def _shown(value: object) -> object:
    """What is put on a page: text only as characters that can be seen."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def tone(severity: Severity) -> str:
    """The class of a severity on a page: ``is-given-up``."""
    return f"is-{severity.key}"


@dataclass(frozen=True, slots=True)
class Moves:
    """How many classes of situations moved from each kind of outcome to each other one.

    ``before`` and ``after`` are the kinds in the order of rows and columns; a cell counts by severity, worst
    first, and is empty if nothing moved that way.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    cells: tuple[tuple[tuple[tuple[Severity, int], ...], ...], ...]


def moves(report: Report) -> Moves:
    """The matrix of the page, best kinds of outcome first."""
    changes = [change for group in report.groups for change in group.changes]
    before = _kinds((change.before, change.kind) for change in changes)
    after = _kinds((change.after, change.kind) for change in changes)
    counts: dict[tuple[str, str], dict[Severity, int]] = {}
    for one in changes:
        cell = counts.setdefault((fate(one.before, one.kind), fate(one.after, one.kind)), {})
        cell[one.severity] = cell.get(one.severity, 0) + 1
    cells = tuple(
        tuple(tuple(sorted(counts.get((old, new), {}).items(), key=_rank)) for new in after) for old in before
    )
    return Moves(before, after, cells)


def _rank(cell: tuple[Severity, int]) -> int:
    return cell[0].rank


def _kinds(outcomes: Iterable[tuple[Outcome, str]]) -> tuple[str, ...]:
    """The kinds of the outcomes, each once: by result, then the safest first."""
    return tuple(dict.fromkeys(fate(outcome, kind) for outcome, kind in sorted(outcomes, key=_order)))


def _order(found: tuple[Outcome, str]) -> tuple[int, int]:
    outcome, _ = found
    safety = -1 if outcome.security is None else outcome.security.value
    return RESULTS.index(outcome.result), -safety


@dataclass(frozen=True, slots=True)
class Matrix:
    """The classes of a group: what all have in common, and a column for each host or domain that was asked.

    ``columns`` are their names, empty for what belongs to none. ``rows`` hold for each column what was asked
    there and answered, as far as it is not common to all.
    """

    common: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[Change, tuple[tuple[tuple[str, str], ...], ...]], ...]


def matrix(group: Group) -> Matrix:
    """The classes of a group as a table; what is asked of one host stands in one column."""
    asked = [{"case": occasion(change), **change.situation} for change in group.changes]
    axes = list(dict.fromkeys(axis for situation in asked for axis in situation))
    common = {axis: asked[0].get(axis) for axis in axes if len({each.get(axis) for each in asked}) == 1}
    columns = tuple(dict.fromkeys(asked_of(axis)[1] for axis in axes if axis not in common))
    rows = tuple(
        (change, tuple(_cell(situation, column, common.keys()) for column in columns))
        for change, situation in zip(group.changes, asked, strict=True)
    )
    return Matrix(tuple((axis, value) for axis, value in common.items() if value is not None), columns, rows)


def _cell(situation: Mapping[str, str], column: str, common: Collection[str]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (asked_of(axis)[0], value)
        for axis, value in situation.items()
        if axis not in common and asked_of(axis)[1] == column
    )
