"""``eximsim compare --recorded`` for recordings of scenarios: several commands, several programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eximsim.commands.compare_random import WORDS
from eximsim.errors import InputError
from eximsim.suite.scenario_compare import ScenarioComparison, compare_scenario
from eximsim.suite.scenario_records import FIELDS, ScenarioRecord, read_scenario_records
from eximsim.suite.scenarios import Scenario, read_scenarios
from eximsim.visible import visible

if TYPE_CHECKING:
    from eximsim.suite.real_scenarios import RealScenarioStand
    from eximsim.suite.scenario_replay import ScenarioStand

_SHOWN = 10
_RESULTS = ("agree", "explained", "differ", "unsupported")


def compare_scenarios(
    recorded: Path,
    scenarios: Path,
    certificates: Path,
    ids: tuple[str, ...],
    groups: tuple[str, ...],
    releases: tuple[str, ...],
    *,
    as_json: bool,
) -> bool:
    """Hold the model against a recording of scenarios and print how they compare; whether all agree.

    ``ids``, ``groups`` (first words of ids) and ``releases`` say what is meant; empty: everything. Raises
    ``InputError``.
    """
    from eximsim.suite.many_runs import many_runs
    from eximsim.suite.scenario_replay import ScenarioStand

    known = read_scenarios(scenarios)
    wanted = [
        record
        for record in read_scenario_records(recorded)
        if (not ids or record.id in ids)
        and (not groups or record.id.partition("-")[0] in groups)
        and (not releases or record.release in releases)
    ]
    _check(wanted, known, recorded, scenarios)
    stand = ScenarioStand(certificates)
    found: list[ScenarioComparison] = []
    with many_runs():
        for record in wanted:
            found.append(compare_scenario(record, known[record.id], stand))
            if as_json:
                click.echo(json.dumps(found[-1].as_json()))
    if not as_json:
        print_comparisons(found)
    return all(one.result in ("agree", "explained") for one in found)


def compare_program(exim: Path, scenarios: Iterable[Scenario], *, as_json: bool) -> bool:
    """Give scenarios to a real program and to the model and print how they compare; whether all agree.

    Raises as ``suite.real.RealStand`` does.
    """
    from eximsim.suite.many_runs import many_runs
    from eximsim.suite.real_runs import own_certificates
    from eximsim.suite.real_scenarios import RealScenarioStand
    from eximsim.suite.scenario_replay import ScenarioStand

    found: list[ScenarioComparison] = []
    with own_certificates() as certificates, RealScenarioStand(exim, certificates) as real, many_runs():
        stand = ScenarioStand(certificates)
        for scenario in scenarios:
            found.append(on_both(real, stand, scenario))
            if as_json:
                click.echo(json.dumps(found[-1].as_json()))
    if not as_json:
        print_comparisons(found)
    return all(one.result in ("agree", "explained") for one in found)


def on_both(real: RealScenarioStand, stand: ScenarioStand, scenario: Scenario) -> ScenarioComparison:
    """What the program does in a scenario, compared with the model; a difference is asked for again."""
    from eximsim.suite.scenario_settle import settled

    first = compare_scenario(real.record(scenario), scenario, stand, WORDS)
    return settled(first, scenario, stand, partial(real.record, scenario))


def _check(wanted: list[ScenarioRecord], known: dict[str, Scenario], recorded: Path, scenarios: Path) -> None:
    if not wanted:
        raise InputError("no record matches what was asked for", str(recorded))
    missing = sorted({record.id for record in wanted} - known.keys())
    if missing:
        raise InputError(f"expected a scenario {missing[0]}, which the recording names", str(scenarios))


def print_comparisons(found: list[ScenarioComparison]) -> None:
    """A table of programs, then the reasons, then what differs first."""
    columns = ("records", *_RESULTS, *FIELDS)
    click.echo(f"{'program':<28}" + "".join(f"{name:>12}" for name in columns))
    programs = dict.fromkeys(f"{one.record.release} {one.record.tls}" for one in found)
    for program in (*programs, "all"):
        of_it = [one for one in found if program in ("all", f"{one.record.release} {one.record.tls}")]
        cells = Counter(one.result for one in of_it)
        agreeing = Counter(name for one in of_it for name in FIELDS if one.fields.get(name, bool(one.fields)))
        counts = (len(of_it), *(cells[name] for name in _RESULTS), *(agreeing[name] for name in FIELDS))
        click.echo(f"{program:<28}" + "".join(f"{count:>12}" for count in counts))
    unstable = sum(bool(one.record.unstable) for one in found)
    click.echo(f"{unstable} records have fields that are unstable, which are left out")
    reasons = Counter(f"{one.result}: {one.rule}" for one in found if one.rule)
    for reason, count in reasons.most_common():
        click.echo(f"{count:6} {visible(reason)}")
    differing = [one for one in found if one.result == "differ"]
    if differing:
        click.echo(f"\n{len({one.record.id for one in differing})} scenarios differ:")
    for id in dict.fromkeys(one.record.id for one in differing):
        releases = (f"{one.record.release} {one.record.tls}" for one in differing if one.record.id == id)
        click.echo(visible(f"  {id}: {', '.join(releases)}"))
    for one in differing[:_SHOWN]:
        click.echo(f"\n{visible(f'{one.record.id} {one.record.release} {one.record.tls}')}")
        for line in one.lines:
            click.echo(f"  {visible(line)}")
