"""``eximsim compare``: the model against what real programs did."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import click

from eximsim.errors import InputError
from eximsim.suite.compare import FIELDS, Comparison, compare_one, differences
from eximsim.suite.recording import Record, Situation, read_records, read_situations

_SHOWN = 10


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option(
    "--recorded",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The recording to compare with: JSON lines, plain or gzip.",
)
@click.option(
    "--scenarios",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The situations of the recording. Default: scenarios.jsonl.gz beside it.",
)
@click.option(
    "--certificates",
    type=click.Path(path_type=Path, file_okay=False),
    help="The servers' certificate chains. Default: the folder certs beside the scenarios.",
)
@click.option(
    "--release", "releases", multiple=True, help="Only records of this release; several times for several."
)
@click.option(
    "--group", "groups", multiple=True, help="Only situations of this group; several times for several."
)
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(["delivery", "callout"]), help="Only this kind."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each record.")
def compare(
    ids: tuple[str, ...],
    recorded: Path,
    scenarios: Path | None,
    certificates: Path | None,
    releases: tuple[str, ...],
    groups: tuple[str, ...],
    kinds: tuple[str, ...],
    as_json: bool,
) -> None:
    """Hold the model against a recording of real programs.

    Every record is run on the model under the profile of its release, and compared field by field:
    outcome, log, SMTP replies, what each server saw, DNS questions, messages left queued. Records that are
    marked unstable are left out and counted.

    \b
    eximsim compare --recorded evidence.jsonl.gz --scenarios scenarios.jsonl.gz --release 4.88-jh03 --group A
    eximsim compare --recorded evidence.jsonl.gz A046 B101
    """
    scenario_file = scenarios or recorded.with_name("scenarios.jsonl.gz")
    situations = read_situations(scenario_file)
    wanted = [
        record
        for record in read_records(recorded)
        if (not ids or record.id in ids)
        and (not releases or record.release in releases)
        and (not groups or record.group in groups)
        and (not kinds or record.kind in kinds)
    ]
    if not wanted:
        raise InputError("no record matches what was asked for", str(recorded))
    _check_situations(wanted, situations, scenario_file)
    report = _Report(as_json=as_json)
    _run(wanted, situations, certificates or scenario_file.parent / "certs", report)
    report.finish()
    sys.exit(1 if report.different else 0)


def _check_situations(wanted: list[Record], situations: dict[str, Situation], path: Path) -> None:
    missing = sorted({record.id for record in wanted} - situations.keys())
    if missing:
        raise InputError(f"expected a situation {missing[0]}, which the recording names", str(path))


def _run(wanted: list[Record], situations: dict[str, Situation], certificates: Path, report: _Report) -> None:
    from eximsim.profiles import recorded_profile
    from eximsim.suite.replay import Stand

    stand = Stand(certificates)
    for record in wanted:
        if record.stable:
            profile = recorded_profile(record.release, record.tls)
            report.add(compare_one(record, situations[record.id], stand, profile))
        else:
            report.unstable += 1


class _Report:
    """Prints as it goes (JSON) or at the end: a table of release x group, then the first differences."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._cells: dict[tuple[str, str], Counter[str]] = {}
        self._reasons: Counter[str] = Counter()
        self._first: list[Comparison] = []
        self.unstable = 0
        self.different = 0

    def add(self, found: Comparison) -> None:
        """One comparison more."""
        if self._json:
            click.echo(json.dumps(found.as_json()))
        cell = self._cells.setdefault((found.record.release, found.record.group), Counter())
        cell["records"] += 1
        cell[found.result] += 1
        for name in FIELDS:
            cell[name] += found.fields.get(name, False)
        if found.result in ("unsupported", "explained"):
            self._reasons[f"{found.result}: {found.rule}"] += 1
        if found.result in ("differ", "unsupported"):
            self.different += 1
        if found.result == "differ" and len(self._first) < _SHOWN:
            self._first.append(found)

    def finish(self) -> None:
        """Print what a person wants to know."""
        if self._json:
            return
        columns = ("records", "agree", "explained", "differ", "unsupported", *FIELDS)
        click.echo(f"{'release':<16}{'group':<6}" + "".join(f"{name:>12}" for name in columns))
        for (release, group), cell in self._cells.items():
            click.echo(f"{release:<16}{group:<6}" + "".join(f"{cell[name]:>12}" for name in columns))
        total: Counter[str] = Counter()
        for cell in self._cells.values():
            total.update(cell)
        click.echo(f"{'all':<22}" + "".join(f"{total[name]:>12}" for name in columns))
        click.echo(f"{self.unstable} unstable records left out")
        for reason, count in self._reasons.most_common():
            click.echo(f"{count:6} {reason}")
        for found in self._first:
            _show(found)


def _show(found: Comparison) -> None:
    record, ours = found.record, found.replayed
    assert ours is not None
    click.echo(f"\n{record.id} {record.kind} {record.release}: {dict(record.params)}")
    if record.outcome != ours.outcome:
        click.echo(f"  outcome recorded: {record.outcome} modelled: {ours.outcome}")
    for line in differences(record.seen, ours.seen):
        click.echo(f"  {line}")
    if record.queuerun is not None and ours.queuerun is not None:
        for line in differences(record.queuerun, ours.queuerun):
            click.echo(f"  queue run: {line}")
