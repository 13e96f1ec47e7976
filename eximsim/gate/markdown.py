"""A report as Markdown: a comment on a pull request, or the summary of a job."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from eximsim.gate.report import Change, Group, Report
from eximsim.gate.words import SIGNS, asked, counted, coverage, occasion, sides, title, verdict
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
    """The report, worst first: one table of all groups, then each group with its smallest witness.

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
    blocks = [f"## Mail policy: {_code(report.base)} → {_code(report.head)}", f"**{verdict(report)}**"]
    if groups:
        heads = ("", "what changes", "situations", "cause", "smallest witness", "before", "after")
        blocks.append(_table(heads, map(_summary, groups)))
    if len(groups) < len(report.groups):
        hidden = counted(len(report.groups) - len(groups), "group")
        blocks.append(f"*{hidden} more, no worse than these, do not fit here: see the whole report.*")
    if rows:
        for group in groups:
            blocks.extend(_group(group, rows))
    blocks.append(coverage(report))
    if report.unexplored:
        parts = [f"- {_prose(part)}" for part in report.unexplored[:_PARTS]]
        if len(report.unexplored) > _PARTS:
            parts.append(f"- *and {len(report.unexplored) - _PARTS:,} more: see the whole report*")
        blocks.append(_folded("What was left out", "\n".join(parts)))
    return "\n\n".join(blocks) + "\n"


def _summary(group: Group) -> tuple[str, ...]:
    witness = group.witness
    return (
        SIGNS[group.severity],
        group.severity.value,
        f"{group.size:,}",
        "<br>".join(_code(cause.name) for cause in group.cause),
        _prose(asked(witness)),
        *map(_prose, sides(witness)),
    )


def _group(group: Group, rows: int) -> Iterable[str]:
    witness = group.witness
    yield f"### {SIGNS[group.severity]} {_prose(title(group))}"
    yield "\n".join(f"- {_code(c.name)} ({_code(c.where)}): {_prose(c.text)}" for c in group.cause)
    situation = [(_prose(axis), _prose(value)) for axis, value in witness.situation.items()]
    if situation:
        yield f"Smallest witness, {_prose(occasion(witness))}:"
        yield _table(("asked", "answer"), situation)
    else:
        yield f"In every situation of a {_prose(occasion(witness))}."
    yield _table(("before", "after"), [tuple(map(_prose, sides(witness)))])
    if witness.before.log or witness.after.log:
        yield _folded("Its log lines", _difference(witness))
    if len(group.changes) > 1:
        yield _folded(
            f"All of it: {counted(group.size)} in {counted(len(group.changes), 'class', 'classes')}",
            _listed(group, rows),
        )


def _listed(group: Group, rows: int) -> str:
    shown = group.changes[:rows]
    heads = ("", "situation", "situations", "before", "after")
    text = _table(heads, map(_row, shown))
    rest = group.changes[rows:]
    if rest:
        size = sum(change.size for change in rest)
        classes = counted(len(rest), "more class", "more classes")
        text += f"\n\n*And {classes} ({counted(size)}): see the whole report.*"
    return text


def _row(change: Change) -> tuple[str, ...]:
    return (
        SIGNS[change.severity],
        _prose(f"{change.kind}, {asked(change)}"),
        f"{change.size:,}",
        *map(_prose, sides(change)),
    )


def _difference(change: Change) -> str:
    """The log lines of both sides as a diff; its fence is longer than any in them."""
    lines = [f"- {visible(line)}" for line in change.before.log]
    lines += [f"+ {visible(line)}" for line in change.after.log]
    runs = [len(run) for line in lines for run in re.findall("`+", line)]
    fence = "`" * max(3, 1 + max(runs, default=0))
    return "\n".join([f"{fence}diff", *lines, fence])


def _folded(summary: str, text: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    numbers = {"situations"}
    rule = ["---:" if head in numbers else "---" for head in heads]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def _code(text: str) -> str:
    return f"<code>{_prose(text)}</code>"


def _prose(text: str) -> str:
    """Text that is only text: no markup, no link, nobody mentioned and no issue referred to."""
    return _START.sub(r"\1\\\2", _SPECIAL.sub(_replaced, visible(text).strip(" ")))


def _replaced(found: re.Match[str]) -> str:
    if found["entity"]:
        return f"&#{ord(found[0])};"
    if found["reference"]:
        return f"<span>{found[0]}</span>"
    return f"\\{found[0]}"
