"""``eximsim compare --sequences`` and ``--configurations``: a real program in what is made at random."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from random import Random

import click

from eximsim.commands.compare_scenarios import on_both, print_comparisons
from eximsim.suite.scenario_compare import ScenarioComparison

_SEEDS = 1 << 32


def compare_sequences(
    exim: Path, count: int, seed: int | None, keep: Path, *, configurations: bool, as_json: bool
) -> bool:
    """Give ``count`` sequences or configurations to the program and to the model; whether all agree.

    Those in which they differ are kept below ``keep`` in a folder that is named for the seed, as scenarios
    and as a recording. Raises ``InputError``.
    """
    from eximsim.fuzz.configurations import configuration
    from eximsim.fuzz.sequences import sequence
    from eximsim.suite.many_runs import many_runs
    from eximsim.suite.real_runs import own_certificates
    from eximsim.suite.real_scenarios import RealScenarioStand
    from eximsim.suite.scenario_replay import ScenarioStand
    from eximsim.suite.scenarios import scenario_of
    from eximsim.world.certificates import load_chains, save_chains

    chosen = secrets.randbelow(_SEEDS) if seed is None else seed
    draw, what = (configuration, "configurations") if configurations else (sequence, "sequences")
    click.echo(f"seed {chosen}", err=True)
    found: list[ScenarioComparison] = []
    kept: list[tuple[dict[str, object], dict[str, object]]] = []
    with own_certificates() as certificates, RealScenarioStand(exim, certificates) as real, many_runs():
        stand = ScenarioStand(certificates)
        for number in range(count):
            name = f"{what[0]}{chosen}-{number:04}"
            drawn = draw(Random(f"{chosen}-{number}"), name, real.program.profile)
            scenario = scenario_of(drawn)
            found.append(on_both(real, stand, scenario))
            if as_json:
                click.echo(json.dumps(found[-1].as_json()))
            if found[-1].result == "differ":
                kept.append((drawn, found[-1].record.as_json()))
        if kept:
            save_chains(load_chains(certificates), keep / f"{what}-{chosen}" / "certs")
    if kept:
        _write(keep / f"{what}-{chosen}", kept)
    if not as_json:
        print_comparisons(found)
    return not kept


def _write(folder: Path, kept: list[tuple[dict[str, object], dict[str, object]]]) -> None:
    from eximsim.storage import store

    for name, lines in (
        ("scenarios", [drawn for drawn, _ in kept]),
        ("outcomes", [done for _, done in kept]),
    ):
        store(folder / f"{name}.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines).encode())
    click.echo(
        f"eximsim compare --recorded {folder}/outcomes.jsonl --scenarios {folder}/scenarios.jsonl", err=True
    )
