"""``eximsim record``: what a real program does in all known situations."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from eximsim import __version__
from eximsim.commands.situations import (
    Choice,
    choice_options,
    exim_option,
    jobs_option,
    meant,
    nameable,
    scenario_file,
)
from eximsim.storage import store
from eximsim.suite.scenarios import has_scenarios

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eximsim.suite.recording import Record
    from eximsim.suite.scenario_records import ScenarioRecord

_TIMES = 2


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@exim_option
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="The recording: JSON lines, compressed if the name ends in .gz.",
)  # fmt: skip
@choice_options
@jobs_option
@click.option("--json", "as_json", is_flag=True, help="Print what was recorded as a JSON object, too.")
def record(
    ids: tuple[str, ...], exim: Path | None, output: Path, scenarios: Path | None, groups: tuple[str, ...],
    kinds: tuple[str, ...], jobs: int, as_json: bool,
) -> None:  # fmt: skip
    """Record what a real program does in known situations, for comparison with the model or another program.

    Every situation is run twice; where the two runs differ, the record is marked unstable. The first object
    says what was recorded; its seed is null, since nothing in a known situation is made at random.
    Scenarios of several commands are recorded one after the other, with all their runs.

    \b
    eximsim record --exim /usr/sbin/exim4 -o exim-4.96.jsonl.gz --jobs 2
    """
    from eximsim.subjects.exim import program_at
    from eximsim.suite.real_runs import own_certificates, run_all
    from eximsim.suite.real_scenarios import record_scenarios

    if exim is None:
        raise click.UsageError("expected the program to record: --exim PATH")
    path = scenario_file(scenarios)
    several = has_scenarios(path)
    if several and (kinds or jobs > 1):
        raise click.UsageError("--kind and --jobs are not for scenarios of several commands")
    chosen = meant(path, ids, groups) if several else []
    tasks = [] if several else Choice(ids, groups, kinds).tasks(nameable(path), path)
    with own_certificates() as certificates:
        program = program_at(exim)
        head: dict[str, object] = {
            "eximsim": __version__, "program": program.version, "release": program.profile.name,
            "tls": program.tls, "library": program.library, "seed": None,
        }  # fmt: skip
        runs: Iterator[Record | ScenarioRecord] = (
            record_scenarios(exim, certificates, chosen, _TIMES)
            if several
            else run_all(exim, certificates, tasks, jobs, _TIMES)
        )
        label = f"Exim {program.version}"
        with click.progressbar(runs, len(chosen or tasks), label=label, file=_terminal()) as progress:
            lines = [head, *(one.as_json() for one in progress)]
    octets = "".join(json.dumps(line) + "\n" for line in lines).encode()
    store(output, gzip.compress(octets, mtime=0) if output.suffix == ".gz" else octets)
    if as_json:
        unstable = [line["id"] for line in lines[1:] if not line["stable"]]
        told = {**head, "output": str(output), "records": len(lines) - 1, "unstable": unstable}
        click.echo(json.dumps(told))


def _terminal() -> TextIO:
    """Where progress is shown: nowhere in a pipe."""
    return sys.stderr if sys.stderr.isatty() else io.StringIO()
