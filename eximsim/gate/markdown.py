"""A report as Markdown: a comment on a pull request, or the summary of a job."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from eximsim.gate.report import Change, Group, Report
from eximsim.gate.report_text import (
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
    sides,
    title,
    together,
    verdict,
)
from eximsim.visible import visible

LONGEST = 65_000
"""How many characters a comment may have: GitHub takes 65,536."""

_ROWS = (25, 8, 2, 0)
"""How many classes of a group are listed, fewer and fewer until the comment is short enough."""

_PARTS = 50
"""How many parts that were left out are named."""

_SPECIAL = re.compile(
    r"""
      (?P<entity> [<>&|] )
    | (?P<reference> [@#] )
    | (?P<markup> [\\`*_\[\]~$^!] | :(?=/) | (?<=www)\. )
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What Markdown, its tables, and a forge's search for links and mentions would not take as plain text."""

_START = re.compile(r"\A(\d*)([-+=.)])")
"""What would begin a list, or underline a heading."""


def markdown(report: Report) -> str:
    """The report: answers, everyday mail, one table of all groups, each group with its smallest witness.

    GitHub's dialect. What is said of the configuration and by servers is quoted, so that it is neither markup
    nor a mention. Where a comment would be too long, classes are left out of the lists, then the lists, then
    the groups that matter least; each time it says how many.
    """
    for rows in _ROWS:
        text = _written(report, report.groups, rows)
        if len(text) <= LONGEST:
            return text
    shown = len(report.groups)
    while shown and len(text) > LONGEST:
        shown //= 2
        text = _written(report, report.groups[:shown], 0)
    return text


def _written(report: Report, groups: Sequence[Group], rows: int) -> str:
    blocks = [f"## Mail policy: {code(report.base)} → {code(report.head)}"]
    blocks += [f"{prose(question)} **{prose(answer)}**" for question, answer in answers(report)]
    if report.gaps:
        blocks.append(f"**Could not look:**\n\n{items(map(str, report.gaps))}")
    for mail in report.everyday:
        blocks.append(f"Everyday mail to {prose(mail.route)}:")
        cells = (tuple(map(prose, row)) for row in everyday_table(mail))
        blocks.append(table(("", "situation", "before", "after"), cells))
    if groups:
        heads = ("", "what it means", "classes", "cause", "before → after", "smallest witness")
        blocks.append(table(heads, map(_summary, groups)))
    if len(groups) < len(report.groups):
        hidden = counted(len(report.groups) - len(groups), "group")
        blocks.append(f"*{hidden} more, no worse than these, do not fit here: see the whole report.*")
    if rows:
        for group in groups:
            blocks.extend(_group(report, group, rows))
    blocks.append(f"{prose(verdict(report))} {coverage(report)}")
    if report.left_out:
        blocks.append(_folded("What is left out by choice", items(report.left_out)))
    return "\n\n".join(blocks) + "\n"


def items(parts: Iterable[str]) -> str:
    """A list of plain texts, cut short if it is very long."""
    lines = [f"- {prose(part)}" for part in parts]
    if len(lines) > _PARTS:
        lines[_PARTS:] = [f"- *and {len(lines) - _PARTS:,} more: see the whole report*"]
    return "\n".join(lines)


def _summary(group: Group) -> tuple[str, ...]:
    return (
        group.severity.told.sign,
        meant(group),
        f"{len(group.changes):,}",
        "<br>".join(code(cause.name) for cause in group.cause),
        prose(move(group)),
        prose(asked(group.witness)),
    )


def _group(report: Report, group: Group, rows: int) -> Iterable[str]:
    witness = group.witness
    yield f"### {group.severity.told.sign} {prose(title(group))}"
    said = (sentence(meant(group)), sentence(amount(report, [group])), together(group))
    yield " ".join(map(prose, filter(None, said)))
    yield "\n".join(f"- {code(c.name)} ({code(c.where)}): {prose(c.text)}" for c in group.cause)
    situation = [(prose(axis), prose(value)) for axis, value in witness.situation.items()]
    if situation:
        yield f"Smallest witness, {prose(occasion(witness))}:"
        yield table(("asked", "answer"), situation)
    else:
        yield f"In every situation of a {prose(occasion(witness))}."
    yield table(("before", "after"), [tuple(map(prose, sides(witness)))])
    if witness.before.log or witness.after.log:
        yield _folded("Its log lines", _difference(witness))
    if len(group.changes) > 1:
        yield _folded(f"All {classes(len(group.changes))}", _listed(group, rows))


def _listed(group: Group, rows: int) -> str:
    text = table(("situation", "before", "after"), map(_row, group.changes[:rows]))
    rest = len(group.changes) - rows
    if rest > 0:
        text += f"\n\n*And {counted(rest, 'more class', 'more classes')}: see the whole report.*"
    return text


def _row(change: Change) -> tuple[str, ...]:
    return (prose(f"{change.kind}, {asked(change)}"), *map(prose, sides(change)))


def _difference(change: Change) -> str:
    """The log lines of both sides as a diff; its fence is longer than any in them."""
    lines = [f"- {visible(line)}" for line in change.before.log]
    lines += [f"+ {visible(line)}" for line in change.after.log]
    runs = [len(run) for line in lines for run in re.findall("`+", line)]
    fence = "`" * max(3, 1 + max(runs, default=0))
    return "\n".join([f"{fence}diff", *lines, fence])


def _folded(summary: str, text: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown; numbers stand to the right."""
    numbers = {"classes"}
    rule = ["---:" if head in numbers else "---" for head in heads]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def code(text: str) -> str:
    """Plain text in the type of code."""
    return f"<code>{prose(text)}</code>"


def prose(text: str) -> str:
    """Text that is only text: no markup, no link, nobody mentioned and no issue referred to."""
    return _START.sub(r"\1\\\2", _SPECIAL.sub(_replaced, visible(text).strip(" ")))


def _replaced(found: re.Match[str]) -> str:
    if found["entity"]:
        return f"&#{ord(found[0])};"
    if found["reference"]:
        return f"<span>{found[0]}</span>"
    return f"\\{found[0]}"
