"""``eximsim suite``: replay tests of an Exim source tree's own ``test/`` folder."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import lru_cache
from multiprocessing.util import Finalize
from pathlib import Path

import click

from eximsim.commands.results import Reporter, keep_option, setting_options
from eximsim.errors import InputError, Unsupported
from eximsim.profiles import NEWEST, TLS_LIBRARIES, Profile, with_tls
from eximsim.profiles import profile as profile_named
from eximsim.subjects.namespace import end_with_parent
from eximsim.suite.auto import AUTO
from eximsim.suite.benched import Benched, why_not
from eximsim.suite.duration import expected_seconds
from eximsim.suite.helper_programs import compiled
from eximsim.suite.requirements import required_library
from eximsim.suite.runner import Setting, TestResult, Verdict, exim_path, run_test, subject_profile
from eximsim.suite.source import TestCase, choose, is_automatic
from eximsim.suite.tree import EximTree

_ON_ONE_BENCHED = 4
"""How many tests of a real program run for each job: most of their time is waiting."""

_SHOWN_IN_FULL = 10
"""With more tests than this only the reason of a failure is shown, not the diff."""


@click.command()
@click.argument("tests", nargs=-1, metavar="[TEST|FIRST-LAST|GROUP]...")
@click.option(
    "--tree",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder that holds scripts/, confs/ and log/.",
)
@setting_options(profile_help="The release, or auto for the tree's own; default: the newest.")
@keep_option
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    metavar="N",
    help="How many tests run at the same time; of a real program's, which mostly wait, four times as many.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per test, for machines.")
@click.pass_context
def suite(
    context: click.Context, tests: tuple[str, ...], tree: Path, profile: str | None, tls: str | None,
    world: str, subject: str, keep: Path | None, jobs: int, as_json: bool,
) -> None:  # fmt: skip
    """Replay tests of an Exim source tree's own test/ folder, unmodified."""
    source = EximTree(tree)
    setting = Setting(_release(source, profile, tls, subject), world, subject)
    either_library = tls is None and exim_path(subject) is None
    cases = choose(source.tests(), tests, tree)
    program = exim_path(subject)
    if program is not None and (lack := why_not(program)):
        click.echo(f"eximsim: not in the surroundings of runtest: {lack}; many tests want them", err=True)
    reporter = Reporter(as_json=as_json, keep=keep, brief=len(cases) > _SHOWN_IN_FULL)
    run = [case for case in cases if tests or is_automatic(case)]
    for result in _results(tree, run, setting, jobs, either_library):
        reporter.add(result)
    for case in cases[len(run) :]:
        reporter.add(TestResult(case.name, setting, Verdict.SKIP, "special: to be run by its number"))
    context.exit(reporter.finish())


def _release(source: EximTree, wanted: str | None, tls: str | None, subject: str) -> Profile:
    """The release that the tests run under; with a real program its TLS library is the program's own."""
    program = subject_profile(subject) if wanted in (None, AUTO) else None
    if wanted != AUTO:
        release = program or profile_named(wanted or NEWEST)
        return with_tls(release, tls) if tls else release
    if tls is None and program is not None:
        tls = next(name for name in TLS_LIBRARIES if program.tls_library.startswith(name))
    release = source.own_program()
    return with_tls(release, tls) if tls else release


def _results(
    tree: Path, cases: Sequence[TestCase], setting: Setting, jobs: int, either_library: bool
) -> Iterator[TestResult]:
    """The results in the order of the cases; of a real program, in the order in which they come."""
    program = exim_path(setting.subject)
    benched = program is not None and not why_not(program)
    helpers = compiled(tree) if benched else {}
    processes = min(jobs * _ON_ONE_BENCHED if benched else jobs, len(cases))
    if processes == 1:
        _begin(helpers)
        yield from (run_case(tree, case, setting, either_library) for case in cases)
        return
    order = _longest_first(EximTree(tree), cases) if benched else cases
    pool = ProcessPoolExecutor(processes, initializer=_begin_process, initargs=(helpers,))
    try:
        running = [pool.submit(run_case, tree, case, setting, either_library) for case in order]
        yield from (future.result() for future in (as_completed(running) if benched else running))
    finally:
        pool.shutdown(cancel_futures=True)


def _longest_first(source: EximTree, cases: Sequence[TestCase]) -> list[TestCase]:
    def seconds(case: TestCase) -> float:
        try:
            return expected_seconds(source.script(case))
        except (InputError, Unsupported):
            return 0.0

    return sorted(cases, key=seconds, reverse=True)


_helpers: dict[str, bytes] = {}
"""What the benches of this process have, whatever they run."""


def _begin(helpers: Mapping[str, bytes]) -> None:
    _helpers.clear()
    _helpers.update(helpers)


def _begin_process(helpers: Mapping[str, bytes]) -> None:
    end_with_parent()
    _begin(helpers)


@lru_cache(maxsize=2)
def _opened(tree: Path) -> EximTree:
    return EximTree(tree)


@lru_cache(maxsize=1)
def _benched(tree: Path, program: Path) -> Benched | None:
    """The bench of this process; None where it cannot be had, and a world of ours has to do."""
    if why_not(program):
        return None
    bench = Benched(tree, program, _helpers)
    Finalize(None, bench.close, exitpriority=10)  # also where this is one of several processes
    return bench


def run_case(tree: Path, case: TestCase, setting: Setting, either_library: bool) -> TestResult:
    """One result; a file of the test that cannot be read is a failure of that test, not of the whole run.

    With ``either_library`` a test that is about one TLS library runs on the release built with that one.
    """
    try:
        program = exim_path(setting.subject)
        bench = None if program is None else _benched(tree, program)
        if bench is not None:
            return bench.run(case, setting)
        source = _opened(tree)
        if either_library and (library := required_library(source.requirements(case))):
            setting = replace(setting, profile=with_tls(setting.profile, library))
        return replace(run_test(source, case, setting), trace=None)
    except InputError as error:
        return TestResult(case.name, setting, Verdict.FAIL, f"bad input: {error}")
    except Exception as error:  # a mistake of ours in one test must not hide the results of the others
        place = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"internal error: {type(error).__name__}: {error} ({place.filename}:{place.lineno})"
        return TestResult(case.name, setting, Verdict.FAIL, " ".join(reason.split()))
