"""A report of the gate for a terminal: the answer, everyday mail, then the groups, worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from eximsim.gate.report import Change, Group, Mail, Report
from eximsim.gate.report_text import (
    amount,
    answers,
    asked,
    counted,
    coverage,
    everyday_table,
    meant,
    occasion,
    simplest,
    title,
    together,
    verdict,
)
from eximsim.visible import visible

_SHOWN_LOG = 3
_GAPS = 3


def terminal(report: Report, *, verbose: bool = False) -> str:
    """The report as plain text; with every class of every group if ``verbose``."""
    return "\n".join(visible(line).rstrip() for line in _lines(report, verbose))


def _lines(report: Report, verbose: bool) -> Iterator[str]:
    yield f"{report.base} -> {report.head}"
    for question, answer in answers(report):
        yield f"{question} {answer}"
    gaps = list(map(str, report.gaps))
    for gap in gaps if verbose else gaps[:_GAPS]:
        yield f"! could not look: {gap}"
    if len(gaps) > _GAPS and not verbose:
        yield f"! and {counted(len(gaps) - _GAPS, 'more thing')}, named at the end"
    for mail in report.everyday:
        yield ""
        yield f"everyday mail to {mail.route}"
        yield from _columns(mail)
    for group in report.groups:
        yield ""
        yield from _group(report, group, verbose)
    yield ""
    yield verdict(report)
    yield coverage(report)
    for item in report.unexplored if gaps[_GAPS:] else report.left_out:
        yield f"  {item}"


def _columns(mail: Mail) -> Iterator[str]:
    rows = [("", "", "before", "after"), *everyday_table(mail)]
    widths = [max(len(visible(row[column])) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(map(visible, row), widths, strict=True))


def _group(report: Report, group: Group, verbose: bool) -> Iterator[str]:
    yield f"{group.severity.told.sign} {meant(group).upper()}  {title(group)}  ({amount(report, [group])})"
    for cause in group.cause:
        yield f"  {cause.where}: {cause.name}: {cause.text}"
    if said := together(group):
        yield f"  {said}"
    yield from _change(group.witness, "for example")
    if verbose:
        for change in group.changes[1:]:
            yield from _change(change, "and")
        return
    if others := simplest(group):
        yield f"  the same with {'; '.join(others)}"
    if more := len(group.changes) - 1:
        yield f"  and {counted(more, 'other class', 'other classes')} of situations (--verbose shows all)"


def _change(change: Change, word: str) -> Iterator[str]:
    yield f"  {word}, {occasion(change)}; {asked(change)}"
    sides = (("before", change.before, change.after), ("after", change.after, change.before))
    for side, outcome, other in sides:
        yield f"    {side}: {outcome}"
        yield from _logged(outcome.log, other.log)


def _logged(log: Sequence[str], other: Iterable[str]) -> Iterator[str]:
    new = [line for line in log if line not in other]
    yield from (f"      {line}" for line in new[:_SHOWN_LOG])
