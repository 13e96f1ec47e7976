"""``eximsim table``: the decision tables that the model runs, or where two releases decide differently."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import click

from eximsim.commands.tabular import Grid, as_markdown, as_terminal
from eximsim.mta.base.tables import Inputs, Row, Table, differences, shown
from eximsim.mta.decisions import TOPICS
from eximsim.profiles import NEWEST, Profile, profile

ALL = "all"


@click.command()
@click.argument("name", metavar="NAME", type=click.Choice([*TOPICS, ALL]))
@click.option(
    "--profile", "profile_name", metavar="P", default=NEWEST, show_default=True, help="The release."
)
@click.option("--against", metavar="P2", help="Print only where this release decides differently.")
@click.option("--markdown", is_flag=True, help="Markdown, for documents.")
@click.option("--json", "as_json", is_flag=True, help="JSON, for machines.")
def table(name: str, profile_name: str, against: str | None, markdown: bool, as_json: bool) -> None:
    """Print the decision tables of one topic, or of all.

    \b
    dane          what an answer to the TLSA question means
    host-policy   whether TLSA is asked for
    starttls      what the reply to STARTTLS means
    tls           verification, and what a failed handshake means
    tls-required  whether a call without TLS may go on
    setup         what a call means that fails before MAIL
    transaction   replies to RCPT; whose fault a broken transaction is
    callout       how a callout reads all that
    all           all of these

    These are the rows that run: in each table, the first row that fits decides. "any" stands for every value
    of an input. With --against, every case is listed whose outcome or words differ.
    """
    if markdown and as_json:
        raise click.UsageError("--markdown and --json exclude each other")
    tables = [item for topic in TOPICS if name in (topic, ALL) for item in TOPICS[topic]]
    old, new = profile(profile_name), profile(against) if against else None
    if as_json:
        found = [_json(item, old) if new is None else _json_difference(item, old, new) for item in tables]
        click.echo(json.dumps([item for item in found if item["rows"] or new is None], indent=2))
        return
    grids = [grid for item in tables if (grid := _grid(item, old, new)) is not None]
    if not grids and new is not None:
        click.echo(f"{old.name} and {new.name} decide alike")
    for number, grid in enumerate(grids):
        if number:
            click.echo()
        click.echo(as_markdown(grid) if markdown else as_terminal(grid, colour=sys.stdout.isatty()))


def rows_grid(item: Table[Any], release: Profile) -> Grid:
    """One table of one release, ready to be shown."""
    rows = item.rows(release)
    names = [column.name for column in item.columns]
    body = [[*map(shown, row.inputs), *_effect(row)] for row in rows]
    note = "" if rows else f"Not in {release.name}: {item.absent.format(profile=release.name)}."
    return Grid(item.name, item.about, item.source, [*names, "outcome", "text", "own log line"], body, note)


def _grid(item: Table[Any], old: Profile, new: Profile | None) -> Grid | None:
    """What there is to show of one table; nothing if two releases decide alike."""
    if new is None:
        return rows_grid(item, old)
    names = [column.name for column in item.columns]
    if bool(item.rows(old)) != bool(item.rows(new)):
        only = old if item.rows(old) else new
        grid = rows_grid(item, only)
        return Grid(item.name, item.about, item.source, grid.header, grid.rows, f"Only in {only.name}.")
    body = [[*map(shown, inputs), _told(was), _told(now)] for inputs, was, now in _changed(item, old, new)]
    return Grid(item.name, item.about, item.source, [*names, old.name, new.name], body) if body else None


def _changed(item: Table[Any], old: Profile, new: Profile) -> Iterator[tuple[Inputs, Row[Any], Row[Any]]]:
    for found in differences(item, old, new):
        yield found.inputs, found.old, found.new


def _effect(row: Row[Any]) -> list[str]:
    return [shown(row.outcome), row.text, row.log]


def _told(row: Row[Any]) -> str:
    """A row's effect in one cell."""
    return "; ".join(
        part for part in (shown(row.outcome), row.text, f"logs {row.log!r}" if row.log else "") if part
    )


def _json(item: Table[Any], release: Profile) -> dict[str, Any]:
    return {
        "table": item.name,
        "about": item.about,
        "source": item.source,
        "profile": release.name,
        "switches": {name: shown(getattr(release, name)) for name in item.switches},
        "rows": [{"inputs": _inputs(item, row.inputs), **_json_effect(row)} for row in item.rows(release)],
    }


def _json_difference(item: Table[Any], old: Profile, new: Profile) -> dict[str, Any]:
    if bool(item.rows(old)) != bool(item.rows(new)):
        only = old if item.rows(old) else new
        return {**_json(item, only), "against": (new if only is old else old).name}
    return {
        "table": item.name,
        "profile": old.name,
        "against": new.name,
        "rows": [
            {"inputs": _inputs(item, inputs), "profile": _json_effect(was), "against": _json_effect(now)}
            for inputs, was, now in _changed(item, old, new)
        ],
    }


def _json_effect(row: Row[Any]) -> dict[str, str]:
    return {"outcome": shown(row.outcome), "text": row.text, "log": row.log}


def _inputs(item: Table[Any], inputs: Inputs) -> dict[str, str]:
    return {column.name: shown(value) for column, value in zip(item.columns, inputs, strict=True)}
