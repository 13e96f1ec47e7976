"""Diagrams of the decisions, as Mermaid text made from the tables that the model runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eximsim.mta.base.tables import ANY, Column, Table, shown
from eximsim.profiles import NEWEST, Profile, profile

_MANY = 6
"""Of more values than this a diagram shows the number."""


def diagrams_page(topics: Mapping[str, Sequence[Table[Any]]], titles: Mapping[str, str]) -> str:
    """``docs/diagrams.md``: the way through the decisions, and each decision with its inputs and outcomes."""
    release = profile(NEWEST)
    parts = [
        "# Diagrams",
        "Written by `python -m tools.docs` from the tables that the model runs;"
        " [decisions](decisions.md) has them row by row.",
        "## The way of a message",
        "Topics in the order in which a delivery meets them, with their decisions; a callout takes the same"
        " connection set-up and has decisions of its own.",
        _fenced(_overview(topics)),
    ]
    for topic, tables in topics.items():
        parts.append(f"## {titles[topic]}")
        parts.append(f"`eximsim table {topic}`; outcomes are those of {release.name}.")
        parts += [_fenced(_decision(table, release)) for table in tables]
    return "\n\n".join(parts) + "\n"


def _overview(topics: Mapping[str, Sequence[Table[Any]]]) -> list[str]:
    lines = ["flowchart TD"]
    for number, (topic, tables) in enumerate(topics.items()):
        lines.append(f"  subgraph t{number}[{_text(topic)}]")
        lines += [f"    t{number}d{place}[{_text(table.name)}]" for place, table in enumerate(tables)]
        lines.append("  end")
    lines += [f"  t{number - 1} --> t{number}" for number in range(1, len(topics))]
    return lines


def _decision(table: Table[Any], release: Profile) -> list[str]:
    """One decision: what it looks at, and what it can come to in a release."""
    lines = ["flowchart LR", f"  decision{{{{{_text(table.name)}}}}}"]
    lines += [
        f"  in{number}[{_text(f'{column.name}: {_values(column)}')}] --> decision"
        for number, column in enumerate(table.columns)
    ]
    rows = table.rows(release)
    outcomes = dict.fromkeys(shown(row.outcome) for row in rows)
    lines += [f"  decision --> out{number}([{_text(text)}])" for number, text in enumerate(outcomes)]
    if not rows:
        lines.append(f"  decision -.-> none([{_text(table.absent.format(profile=release.name))}])")
    return lines


def _values(column: Column) -> str:
    values = [shown(value) for value in column.values if value is not ANY]
    return " / ".join(values) if len(values) <= _MANY else f"{len(values)} values"


def _text(text: str) -> str:
    """A label that no character of which means anything to Mermaid."""
    escaped = text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
    return f'"{escaped}"'


def _fenced(lines: Iterable[str]) -> str:
    return "\n".join(["```mermaid", *lines, "```"])
