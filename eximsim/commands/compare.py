"""``eximsim compare``: the model against real programs, or one program against a recording of another."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eximsim.commands.compare_random import WORDS, Drawn, compare_random
from eximsim.commands.compare_scenarios import compare_program, compare_scenarios
from eximsim.commands.compare_sequences import compare_sequences
from eximsim.commands.compare_tests import are_tests, compare_tests
from eximsim.commands.situations import (
    Choice,
    choice_options,
    exim_option,
    jobs_option,
    meant,
    nameable,
    scenario_file,
)
from eximsim.errors import InputError
from eximsim.storage import check_folder
from eximsim.suite.compare import CHANCE, FIELDS, MODELLED, Comparison, Words, compare_one, differences
from eximsim.suite.recording import Record, Situation, read_records, read_situations
from eximsim.suite.scenario_records import has_runs
from eximsim.suite.scenarios import has_scenarios
from eximsim.visible import visible, visible_lines

if TYPE_CHECKING:
    from eximsim.fuzz.differential import Difference

_SHOWN = 10


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option(
    "--recorded",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The recording to compare with: JSON lines, plain or gzip.",
)
@exim_option
@click.option(
    "--certificates",
    type=click.Path(path_type=Path, file_okay=False),
    help="The servers' certificate chains, for the model. Default: the folder certs beside the scenarios.",
)
@click.option("--release", "releases", multiple=True, help="Only records of this release; repeatable.")
@choice_options
@click.option(
    "--tree", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
    help="With numbers of tests: the test/ folder of an Exim source tree. Default: the project's own tests.",
)  # fmt: skip
@click.option(
    "--random", "count", type=click.IntRange(1, 1_000_000), metavar="N",
    help="Compare in N situations made at random; differences are shrunk and kept.",
)  # fmt: skip
@click.option(
    "--sequences", "drawn", type=click.IntRange(1, 1_000_000), metavar="N",
    help="With --exim: compare in N sequences of commands made at random; those that differ are kept.",
)  # fmt: skip
@click.option(
    "--configurations", "configured", type=click.IntRange(1, 1_000_000), metavar="N",
    help="With --exim: the same with N configurations made at random, and sessions that come to them.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(0), metavar="S",
    help="With what is made at random: the same seed draws the same. Default: a new one, which is printed.",
)  # fmt: skip
@click.option(
    "--against", metavar="P", help="With --random: the model under this release takes the program's place."
)
@click.option(
    "--profile", metavar="P", help="With --random: the model's release. Default: the one that fits."
)
@click.option(
    "--keep", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", default=Path("differences"),
    show_default=True, help="With what is made at random: where differences are kept.",
)  # fmt: skip
@jobs_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each record.")
def compare(
    ids: tuple[str, ...],
    recorded: Path | None,
    exim: Path | None,
    scenarios: Path | None,
    certificates: Path | None,
    releases: tuple[str, ...],
    groups: tuple[str, ...],
    kinds: tuple[str, ...],
    tree: Path | None,
    count: int | None,
    drawn: int | None,
    configured: int | None,
    seed: int | None,
    against: str | None,
    profile: str | None,
    keep: Path,
    jobs: int,
    as_json: bool,
) -> None:
    """Compare the model with real programs, or a program with a recording of another.

    Every run is compared field by field: outcome, log, SMTP replies, what each server saw, DNS questions,
    messages left queued. With --recorded alone the model runs under the profile of each record's release,
    with --exim alone under the one that fits the program. Records that are marked unstable are left out and
    counted. An ID names a situation, or is the number of a test, whose client outputs are compared.

    \b
    eximsim compare --recorded evidence.jsonl.gz --scenarios scenarios.jsonl.gz --release 4.88-jh03 --group A
    eximsim compare --recorded evidence.jsonl.gz A046 B101
    eximsim compare --exim /usr/sbin/exim4 --jobs 2
    eximsim compare --exim /usr/sbin/exim4 --tree exim/test 5820
    eximsim compare --recorded old.jsonl --exim build-Linux-x86_64/exim
    eximsim compare --exim /usr/sbin/exim4 --random 500 --seed 7 --jobs 2
    eximsim compare --exim /usr/sbin/exim4 --sequences 100
    eximsim compare --exim /usr/sbin/exim4 --configurations 100
    eximsim compare --against 4.95 --profile 4.96 --random 500
    """
    if sum(number is not None for number in (count, drawn, configured)) > 1:
        raise click.UsageError("expected one of --random, --sequences and --configurations")
    if count or drawn or configured:
        check_folder(keep)
    if count is not None:
        report = _Report(as_json=as_json, words=WORDS)
        _at_random(Drawn(count, seed, jobs, keep), exim, against, profile, report)
        sys.exit(1 if report.different else 0)
    many = configured if drawn is None else drawn
    if many is not None:
        if exim is None or against is not None or profile is not None or jobs > 1:
            name = "--configurations" if drawn is None else "--sequences"
            raise click.UsageError(f"{name} goes with --exim PATH, --seed and --keep")
        agree = compare_sequences(exim, many, seed, keep, configurations=drawn is None, as_json=as_json)
        sys.exit(0 if agree else 1)
    for name, given in (("--seed", seed), ("--against", against), ("--profile", profile)):
        if given is not None:
            raise click.UsageError(f"{name} goes with --random N")
    if exim is not None and are_tests(ids):
        sys.exit(0 if compare_tests(exim, ids, tree, as_json=as_json) else 1)
    choice = Choice(ids, groups, kinds)
    path = scenario_file(scenarios, recorded)
    if recorded is not None and has_runs(recorded):
        if exim is not None or kinds:
            raise click.UsageError("a recording of scenarios goes with neither --exim nor --kind")
        chains = certificates or path.parent / "certs"
        same = compare_scenarios(recorded, path, chains, ids, groups, releases, as_json=as_json)
        sys.exit(0 if same else 1)
    if recorded is None:
        if exim is None:
            raise click.UsageError("expected what to compare: --recorded FILE, --exim PATH, or both")
        if has_scenarios(path):
            if kinds or jobs > 1:
                raise click.UsageError("--kind and --jobs are not for scenarios of several commands")
            sys.exit(0 if compare_program(exim, meant(path, ids, groups), as_json=as_json) else 1)
        report = _Report(as_json=as_json, words=WORDS)
        _program(exim, choice.tasks(nameable(path), path), jobs, report)
    else:
        report = _Report(as_json=as_json, words=("recorded", "program") if exim else MODELLED)
        wanted = _wanted(recorded, choice, releases)
        if exim is None:
            situations = read_situations(path)
            _check_situations(wanted, situations, path)
            _recording(wanted, situations, certificates or path.parent / "certs", report)
        else:
            situations = nameable(path)
            _check_situations(wanted, situations, path)
            _both(wanted, situations, exim, jobs, report)
    report.finish()
    sys.exit(1 if report.different else 0)


def _at_random(
    drawn: Drawn, exim: Path | None, against: str | None, profile: str | None, report: _Report
) -> None:
    """The model against the program, or another release, in random situations."""
    if (exim is None) == (against is None):
        raise click.UsageError("expected --exim PATH or --against P with --random N")
    if against is not None and profile is None:
        raise click.UsageError("expected --profile P with --against P")
    differences = list(compare_random(drawn, exim, against, profile, report.add))
    report.finish(first=False)
    for found in differences:
        report.difference(found, drawn.keep)


def _wanted(recorded: Path, choice: Choice, releases: tuple[str, ...]) -> list[Record]:
    wanted = [
        record
        for record in read_records(recorded)
        if choice.takes(record.id, record.kind) and (not releases or record.release in releases)
    ]
    if not wanted:
        raise InputError("no record matches what was asked for", str(recorded))
    return wanted


def _check_situations(wanted: list[Record], situations: dict[str, Situation], path: Path) -> None:
    missing = sorted({record.id for record in wanted} - situations.keys())
    if missing:
        raise InputError(f"expected a situation {missing[0]}, which the recording names", str(path))


def _recording(
    wanted: list[Record], situations: dict[str, Situation], certificates: Path, report: _Report
) -> None:
    """The model against the recording."""
    from eximsim.profiles import recorded_profile
    from eximsim.suite.many_runs import many_runs
    from eximsim.suite.replay import Stand

    stand = Stand(certificates)
    with many_runs():
        for record in report.stable(wanted):
            profile = recorded_profile(record.release, record.tls)
            report.add(compare_one(record, situations[record.id], stand, profile))


def _program(exim: Path, tasks: list[tuple[Situation, str]], jobs: int, report: _Report) -> None:
    """The model against the program."""
    from eximsim.subjects.exim import program_at
    from eximsim.suite.real_runs import own_certificates, run_all
    from eximsim.suite.replay import Stand

    with own_certificates() as certificates:
        stand, profile = Stand(certificates), program_at(exim).profile
        for (situation, _), record in zip(tasks, run_all(exim, certificates, tasks, jobs), strict=True):
            report.add(compare_one(record, situation, stand, profile, any_build=True))


def _both(
    wanted: list[Record], situations: dict[str, Situation], exim: Path, jobs: int, report: _Report
) -> None:
    """The program against the recording."""
    from eximsim.suite.real_runs import Again, own_certificates, run_all

    records = list(report.stable(wanted))
    tasks = [(situations[record.id], record.kind) for record in records]
    with own_certificates() as certificates, Again(exim, certificates) as again:
        for old, new in zip(records, run_all(exim, certificates, tasks, jobs), strict=True):
            report.add(compare_one(old, situations[old.id], again.after(new), again.program.profile))


class _Report:
    """Prints as it goes (JSON) or at the end: a table of release x group, then the first differences."""

    def __init__(self, *, as_json: bool, words: Words = MODELLED) -> None:
        self._json = as_json
        self._words = words
        self._cells: dict[tuple[str, str], Counter[str]] = {}
        self._reasons: Counter[str] = Counter()
        self._first: list[Comparison] = []
        self.unstable = 0
        self.different = 0

    def stable(self, records: list[Record]) -> Iterator[Record]:
        """The records that are stable; the others are counted."""
        for record in records:
            self.unstable += not record.stable
            if record.stable:
                yield record

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
            rule = CHANCE if found.rule.startswith(CHANCE) else found.rule
            self._reasons[f"{found.result}: {rule}"] += 1
        if found.result in ("differ", "unsupported"):
            self.different += 1
        if found.result == "differ" and len(self._first) < _SHOWN:
            self._first.append(found)

    def difference(self, found: Difference, keep: Path) -> None:
        """One difference in random situations, at its smallest."""
        folder = keep / found.situation.id
        if self._json:
            kept = {"difference": found.signature, "ids": found.ids, "folder": str(folder)}
            click.echo(json.dumps(kept))
            return
        click.echo(f"\n{len(found.ids)} times, first in {found.ids[0]}; replay it with")
        click.echo(f"  eximsim run --suite {folder}")
        click.echo(f"  eximsim compare --exim PATH --scenarios {folder / 'scenario.jsonl'}")
        if found.found.replayed is not None:
            _show(found.found, self._words)
        else:
            click.echo(f"  {found.signature}")

    def finish(self, *, first: bool = True) -> None:
        """Print what a person wants to know, with the first differences if these are not shown otherwise."""
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
            click.echo(visible(f"{count:6} {reason}"))
        for found in self._first if first else ():
            _show(found, self._words)


def _show(found: Comparison, words: Words) -> None:
    record, ours = found.record, found.replayed
    assert ours is not None
    click.echo()
    click.echo(visible(f"{record.id} {record.kind} {record.release}: {dict(record.params)}"))
    if record.outcome != ours.outcome:
        click.echo(visible(f"  outcome {words[0]}: {record.outcome} {words[1]}: {ours.outcome}"))
    for line in differences(record.seen, ours.seen, words):
        click.echo(visible_lines(f"  {line}"))
    if record.queuerun is not None and ours.queuerun is not None:
        for line in differences(record.queuerun, ours.queuerun, words):
            click.echo(visible_lines(f"  queue run: {line}"))
