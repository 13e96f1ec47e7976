"""Writes the pages of ``docs/`` that are generated: ``python -m tools.docs``.

The pages about decisions and profiles come from the program itself, and a test holds that they are current.
The page about agreement with recordings takes a minute, and is written only when a recording is given:
``python -m tools.docs --recorded testsuite/recordings/evidence.jsonl.gz``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from eximsim.commands.profiles import told
from eximsim.commands.table import rows_grid
from eximsim.commands.tabular import Grid, as_markdown
from eximsim.mta.base.tables import Table
from eximsim.mta.config.optionlist import Status
from eximsim.mta.config.optionlist import Table as OptionTable
from eximsim.mta.config.options_drivers import (
    MODELLED_ROUTERS,
    MODELLED_TRANSPORTS,
    ROUTER,
    ROUTERS,
    TRANSPORT,
    TRANSPORTS,
)
from eximsim.mta.config.options_main import MAIN
from eximsim.mta.decisions import TOPICS
from eximsim.profiles import ALIASES, BEFORE, PROFILES, Profile, differences, profile
from eximsim.switch_docs import switch_docs
from tools.docs.api import api_page
from tools.docs.diagrams import diagrams_page
from tools.docs.laws import findings_page, laws_page
from tools.docs.names import names_page

_TITLES: Mapping[str, str] = {
    "dane": "DANE: the answer to the TLSA question",
    "host-policy": "DANE: which hosts are asked about",
    "starttls": "STARTTLS",
    "tls": "The handshake and the certificate",
    "tls-required": "Calls without TLS",
    "setup": "Calls that fail before MAIL",
    "transaction": "RCPT, and transactions that break off",
    "callout": "Callouts",
}


@click.command()
@click.option("--docs", type=click.Path(path_type=Path, file_okay=False, exists=True), default=Path("docs"))
@click.option("--recorded", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def docs(docs: Path, recorded: Path | None) -> None:
    """Write the generated pages into the folder DOCS."""
    pages = {name: page() for name, page in PAGES.items()}
    if recorded is not None:
        pages["agreement.md"] = agreement_page(recorded)
    for name, text in pages.items():
        (docs / name).write_text(text, encoding="utf-8")
        click.echo(docs / name)


# ---- decisions -------------------------------------------------------------------------------------------


def decisions_page() -> str:
    """``docs/decisions.md``: every decision table, in each of its variants."""
    parts = [
        "# Decision tables",
        "Written by `python -m tools.docs` from the tables that the model runs; `eximsim table`"
        " prints them too.",
        'In each table the first row that fits decides; "any" stands for every value of an input. Names in'
        " braces are filled in. A table that differs between releases stands here once for each form.",
    ]
    for topic, tables in TOPICS.items():
        parts.append(f"## {_TITLES[topic]}")
        parts.append(f"`eximsim table {topic}`")
        parts += [_decision(table) for table in tables]
    return "\n\n".join(parts) + "\n"


def _decision(table: Table[Any]) -> str:
    forms: dict[object, list[Profile]] = {}
    for release in PROFILES.values():
        forms.setdefault(tuple((row.inputs, row.effect) for row in table.rows(release)), []).append(release)
    parts = [f"### {table.name}", table.about, f"Source: {table.source}."]
    if table.switches:
        parts.append(f"Switches: {', '.join(f'`{name}`' for name in table.switches)}.")
    for releases in forms.values():
        names = spans(release.name for release in releases)
        rows = rows_grid(table, releases[0]).rows
        if not rows:
            parts.append(f"Not in {names}: {table.absent.format(profile='the release')}.")
            continue
        if len(forms) > 1:
            parts.append(f"**{names}**")
        header = rows_grid(table, releases[0]).header
        parts.append(as_markdown(Grid("", "", "", header, rows)))
    return "\n\n".join(parts)


def spans(names: Iterable[str]) -> str:
    """Names of profiles, neighbours joined: ``4.86 to 4.88, 4.90``."""
    order = list(PROFILES)
    numbered = sorted(order.index(name) for name in names)
    runs = [
        [order[number] for _, number in run]
        for _, run in groupby(enumerate(numbered), key=lambda pair: pair[1] - pair[0])
    ]
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(run) for run in runs)


# ---- profiles --------------------------------------------------------------------------------------------


def profiles_page() -> str:
    """``docs/profiles.md``: what each release changed, and what each switch is."""
    parts = [
        "# Profiles",
        "Written by `python -m tools.docs` from `eximsim/switches.py`; `eximsim profiles A B`"
        " prints what differs between any two.",
        "Each profile is written as what it changed against one before it.",
    ]
    for alias, name in ALIASES.items():
        parts.append(f"`{alias}` is another name for `{name}`.")
    for release in PROFILES.values():
        parts.append(f"## {release.name}")
        parts.append(_release(release))
    parts.append("## All switches")
    parts.append("\n".join(f"- `{name}`: {text}" for name, text in switch_docs().items()))
    return "\n\n".join(parts) + "\n"


def _release(release: Profile) -> str:
    before = BEFORE.get(release.name)
    if before is None:
        return "The state that all switches begin with."
    changed = differences(profile(before), release)
    rows = [[f"`{name}`", *told(was, now)] for name, (was, now) in changed.items()]
    return f"Against {before}:\n\n" + as_markdown(Grid("", "", "", ["switch", "before", "now"], rows))


# ---- options ---------------------------------------------------------------------------------------------


def options_page() -> str:
    """``docs/options.md``: which options of a configuration the model has."""
    parts = [
        "# Options",
        "Written by `python -m tools.docs` from the option tables (`eximsim/mta/options*.py`),"
        " which have every option of 4.85 to 4.99.",
        "An *inert* option is read and changes nothing here; the tables say why. An *unsupported* one is an"
        " error that names file and line, unless it is set to what it would be anyway. All others are"
        " modelled. A driver that is not listed is unsupported with all its options.",
    ]
    for title, table in _OPTION_TABLES.items():
        found = {
            status: [name for name, option in table.items() if option.status is status] for status in Status
        }
        parts.append(f"## {title}")
        parts.append(f"{len(found[Status.MODELLED])} options are modelled.")
        parts += [
            f"{status.value.capitalize()}: {', '.join(f'`{name}`' for name in found[status])}."
            for status in (Status.INERT, Status.UNSUPPORTED)
            if found[status]
        ]
    return "\n\n".join(parts) + "\n"


_OPTION_TABLES: Mapping[str, OptionTable] = {
    "Main section": MAIN,
    "All routers": ROUTER,
    **{f"The router {name}": ROUTERS[name] for name in sorted(MODELLED_ROUTERS) if ROUTERS[name]},
    "All transports": TRANSPORT,
    **{f"The transport {name}": TRANSPORTS[name] for name in sorted(MODELLED_TRANSPORTS)},
}


# ---- agreement -------------------------------------------------------------------------------------------


def agreement_page(recorded: Path) -> str:
    """``docs/agreement.md``: how far the model agrees with a recording, by release and group."""
    cells: dict[tuple[str, str], dict[str, Counter[str]]] = {}
    rules: Counter[str] = Counter()
    unstable = 0
    for release, kind, group, result, rule in _compared(recorded):
        if result == "unstable":
            unstable += 1
            continue
        cells.setdefault((kind, release), {}).setdefault(group, Counter())[result] += 1
        if result != "agree":
            rules[f"{result}: {rule}".split(" (seed")[0]] += 1
    total: Counter[str] = Counter()
    for groups in cells.values():
        for cell in groups.values():
            total.update(cell)
    counts = ", ".join(
        f"{total[result]:,} {result}" for result in ("agree", "explained", "differ", "unsupported")
    )
    parts = [
        "# Agreement with the recordings",
        "Written by `python -m tools.docs --recorded testsuite/recordings/evidence.jsonl.gz`.",
        f"Of {total.total():,} stable records: {counts}. {unstable} records that were not the same twice are"
        " left out.",
        "A cell is the number of records, all of which agree in every field unless it says otherwise:"
        " e is explained (see [differences](differences.md)), d differs, u is unsupported.",
    ]
    for kind in ("delivery", "callout"):
        parts.append(f"## {kind.capitalize()}")
        parts.append(as_markdown(_agreement_grid({r: g for (k, r), g in cells.items() if k == kind})))
    parts.append("## Explained, and not")
    parts.append("\n".join(f"- {count} {rule}" for rule, count in sorted(rules.items())) or "None.")
    return "\n\n".join(parts) + "\n"


def _agreement_grid(by_release: Mapping[str, Mapping[str, Counter[str]]]) -> Grid:
    groups = sorted({group for cells in by_release.values() for group in cells})
    rows = [
        [release, *(_cell(cells.get(group, Counter())) for group in groups)]
        for release, cells in by_release.items()
    ]
    return Grid("", "", "", ["release", *groups], rows)


def _cell(found: Counter[str]) -> str:
    others = [
        f"{found[result]}{result[0]}" for result in ("explained", "differ", "unsupported") if found[result]
    ]
    return " ".join([str(found.total()), *([f"({', '.join(others)})"] if others else [])]) if found else ""


def _compared(recorded: Path) -> Iterator[tuple[str, str, str, str, str]]:
    """Release, kind, group, result and rule of each record."""
    from eximsim.profiles import recorded_profile
    from eximsim.suite.compare import compare_one
    from eximsim.suite.recording import read_records, read_situations
    from eximsim.suite.replay import Stand

    situations = read_situations(recorded.with_name("scenarios.jsonl.gz"))
    stand = Stand(recorded.with_name("certs"))
    for record in read_records(recorded):
        if not record.stable:
            yield record.release, record.kind, record.group, "unstable", ""
            continue
        release = recorded_profile(record.release, record.tls)
        found = compare_one(record, situations[record.id], stand, release)
        yield record.release, record.kind, record.group, found.result, found.rule


PAGES: Mapping[str, Callable[[], str]] = {
    "api.md": api_page,
    "decisions.md": decisions_page,
    "diagrams.md": lambda: diagrams_page(TOPICS, _TITLES),
    "findings.md": findings_page,
    "laws.md": laws_page,
    "names.md": names_page,
    "options.md": options_page,
    "profiles.md": profiles_page,
}
"""The pages that need nothing but the program."""


if __name__ == "__main__":
    docs()
