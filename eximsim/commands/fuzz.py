"""``eximsim fuzz``: search for a situation that breaks a law, and tell it as a story."""

from __future__ import annotations

import secrets
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eximsim.commands.check import known_breaches, write_baseline
from eximsim.commands.fuzz_promises import Configuration, search_promises
from eximsim.commands.fuzz_report import Teller, watched
from eximsim.commands.policies import (
    Outside,
    build_options,
    outside_options,
    read_defines,
    sources,
    tell_what_was_read,
)
from eximsim.errors import ExitCode, InputError
from eximsim.profiles import NEWEST, profile, with_tls
from eximsim.storage import check_folder

if TYPE_CHECKING:
    from hypothesis.database import ExampleDatabase

    from eximsim.fuzz.baseline import Entry
    from eximsim.fuzz.promise import Promise
    from eximsim.fuzz.search import Target

_SEEDS = 1 << 32
_DEFAULT_DATABASE = ".hypothesis/examples"


@click.command()
@click.option("--profile", "release", default=None, metavar="P", help="The release; default: the newest.")
@click.option("--law", "laws", multiple=True, metavar="ID", help="Only this law; repeatable.")
@click.option(
    "--mutant", default="", metavar="ID", help="Put a known mistake into the model (docs/mutants.md)."
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Search for situations in which this configuration breaks a law.",
)
@build_options
@outside_options
@click.option(
    "--promises",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="With --config: search for breaches of these promises (docs/promises.md), and not of the laws.",
)
@click.option("--preset", "presets", multiple=True, metavar="NAME", help="The same for ready-made promises.")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="With --config: known breaches, which do not count.",
)
@click.option("--accept", is_flag=True, help="Add what is found to the baseline.")
@click.option(
    "--allow-incomplete",
    is_flag=True,
    help="Exit 0 even if something could not be looked at; the report still says so.",
)
@click.option(
    "--seed", type=click.IntRange(0), help="Seed of the random situations; default: a new one each time."
)
@click.option(
    "--max",
    "most",
    type=click.IntRange(1),
    default=20_000,
    show_default=True,
    metavar="N",
    help="How many scenarios are judged at most.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    metavar="N",
    help="How many processes search at the same time.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Search on the Dask cluster of this scheduler instead.")
@click.option(
    "--database",
    default=_DEFAULT_DATABASE,
    show_default=True,
    metavar="DIR|redis://...",
    help="Where counterexamples are kept, and looked up first; empty for nowhere.",
)
@click.option(
    "--shared",
    multiple=True,
    metavar="DIR|redis://...",
    help="Another database, which is only read; repeatable.",
)
@click.option("--replay", metavar="STRING", help="Judge one scenario again, from its printed line.")
@click.option(
    "--save",
    type=click.Path(path_type=Path),
    metavar="NAME",
    help="Write the first counterexample as a test folder (eximsim run --suite NAME).",
)
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object for each counterexample, for machines."
)
@click.pass_context
def fuzz(
    context: click.Context, release: str | None, tls: str | None, laws: tuple[str, ...], mutant: str,
    config: Path | None, defines: tuple[str, ...], outside: Outside, promises: tuple[Path, ...],
    presets: tuple[str, ...], baseline: Path | None, accept: bool, allow_incomplete: bool, seed: int | None,
    most: int, jobs: int, scheduler: str | None, database: str, shared: tuple[str, ...], replay: str | None,
    save: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Search for a broken promise: a situation in which a law does not hold.

    \b
    eximsim fuzz                               all laws, the newest release
    eximsim fuzz --profile 4.87 --law no-downgrade
    eximsim fuzz --config my.conf              the laws under this configuration
    eximsim fuzz --config my.conf --promises promises.toml --baseline known.toml
    eximsim fuzz --replay STRING               a counterexample again

    The finite spaces of one and two hosts are searched completely, and random situations as well. The first
    counterexample of each law is shrunk and printed.

    Exit codes: 0 nothing is broken, 1 a law or a promise is, 2 bad input; with --config 3: something could
    not be looked at.
    """
    if config is None and (promises or presets or baseline or defines or outside != Outside()):
        raise click.UsageError(
            "-D, --promises, --preset, --baseline, and what is beside a configuration (--file, --answers, "
            "--answer, --env, --read-system), need --config"
        )
    if (outside.answers or outside.answer_files or outside.environment) and not (promises or presets):
        raise click.UsageError("--answers, --answer and --env need --promises or --preset: laws ask nobody")
    if accept and baseline is None:
        raise click.UsageError("--accept needs --baseline")
    if save is not None:
        check_folder(save)
    teller = Teller(as_json, save)
    if replay is not None:
        _replay(replay, laws, teller)
    else:
        from eximsim.fuzz.database import open_database
        from eximsim.fuzz.farm import workers

        seed = secrets.randbelow(_SEEDS) if seed is None else seed
        known = known_breaches(baseline)
        under = None if config is None else Configuration(config, defines, sources(str(config), outside))
        entries, blind = set(known), False
        if under is not None and (promises or presets):
            given = _own_promises(promises, presets)
            searched, found = search_promises(
                under, release or NEWEST, tls, given, known, most, seed, as_json=as_json
            )
            entries |= {find.breach.entry for find in found}
            blind = bool(searched.gaps or searched.unsupported)
        if laws or not (promises or presets):
            target = replace(_target(release, tls, laws, mutant, under), known=known)
            if target.policy is not None:
                teller.miss(target.policy.gaps)
            kept = open_database(database or None, shared)
            with workers(jobs, scheduler) as executor:
                _search(target, most, seed, executor, jobs, kept, teller)
            entries |= teller.entries
            blind = blind or (under is not None and teller.is_blind)
        if under is not None:
            tell_what_was_read(under.sources)
        context.exit(
            _settled(baseline if accept else None, known, frozenset(entries), blind, allow_incomplete)
        )
    context.exit(ExitCode.DIFFERENCE if teller.laws else ExitCode.AS_IT_SHOULD_BE)


def _settled(
    baseline: Path | None, known: frozenset[Entry], found: frozenset[Entry], blind: bool, allowed: bool
) -> ExitCode:
    """The exit code; what was found is written to the ``baseline`` if there is one, and does not count."""
    if baseline is not None and (allowed or not blind):
        write_baseline(baseline, found)
        known = found
    if found - known:
        return ExitCode.DIFFERENCE
    return ExitCode.COULD_NOT_LOOK if blind and not allowed else ExitCode.AS_IT_SHOULD_BE


def _own_promises(files: tuple[Path, ...], presets: tuple[str, ...]) -> tuple[Promise, ...]:
    from eximsim.gate.promises import given_promises

    return given_promises(files, presets)


def _target(
    release: str | None, tls: str | None, laws: tuple[str, ...], mutant: str, config: Configuration | None
) -> Target:
    from eximsim.fuzz.mutants import MUTANTS
    from eximsim.fuzz.search import Target

    chosen = _laws(laws)
    if mutant and (release or tls or config):
        raise InputError("--mutant brings its own release; leave out --profile, --tls and --config")
    if mutant and mutant not in MUTANTS:
        raise InputError(f"unknown mistake {mutant!r}; choose from {', '.join(MUTANTS)}")
    one = MUTANTS[mutant].program.profile if mutant else profile(release or NEWEST)
    built = with_tls(one, tls) if tls else one
    if config is None:
        return Target(built, chosen, mutant)
    from eximsim.fuzz.promised_settings import policy_of

    return Target(
        built, chosen, policy=policy_of(config.path, built, read_defines(config.defines), config.sources)
    )


def _laws(ids: tuple[str, ...]) -> tuple[str, ...]:
    from eximsim.fuzz.laws import LAWS

    if unknown := [id for id in ids if id not in LAWS]:
        raise InputError(f"unknown law {unknown[0]!r}; choose from {', '.join(LAWS)}")
    return ids or tuple(LAWS)


# ---- the search -------------------------------------------------------------------------------------------


def _search(
    target: Target, most: int, seed: int, executor: Executor | None, jobs: int,
    kept: ExampleDatabase | None, teller: Teller,
) -> None:  # fmt: skip
    """First what is known, then what is new; each counterexample is told as soon as it is small."""
    from eximsim.fuzz.database import forget, keep, stored
    from eximsim.fuzz.search import again, search

    known = stored(kept)
    if known.unreadable:
        click.echo(f"{known.unreadable} entries of the database cannot be read here", err=True)
    for scenario in known.scenarios:
        broken = [one for one in again(target, scenario) if one.law.id not in teller.laws]
        for law in dict.fromkeys(one.law.id for one in broken):
            teller.tell(target.scenario(scenario.situation, law), broken, "known from the database")
        if not broken and scenario.program == target.program:
            forget(kept, scenario)
    left = tuple(law for law in target.laws if law not in teller.laws)
    if left:
        click.echo(f"seed {seed}", err=True)
        with watched(most) as watch:
            for searched in search(replace(target, laws=left), most, seed, executor, jobs):
                watch(searched)
                teller.count(searched)
                for find in searched.finds:
                    scenario = target.scenario(target.smallest(find.law, find.situation), find.law)
                    keep(kept, scenario)
                    broken = target.judged(scenario.situation)
                    teller.tell(scenario, broken, f"found after {find.number} scenarios")
    teller.finish(target)


def _replay(line: str, laws: tuple[str, ...], teller: Teller) -> None:
    """Judge the scenario of a printed line, under its own release, by all laws or those asked for."""
    from eximsim.fuzz.scenario import scenario_of
    from eximsim.fuzz.search import Target

    scenario = scenario_of(line)
    target = Target(scenario.profile, _laws(laws), scenario.mutant)
    broken = target.judged(scenario.situation, scenario.seed)
    for law in dict.fromkeys(one.law.id for one in broken):
        teller.tell(replace(scenario, laws=(law,)), broken, "replayed")
    if not broken:
        was = f" (it was found to break {', '.join(scenario.laws)})" if scenario.laws else ""
        teller.say(f"no law is broken under {target.program}{was}")
