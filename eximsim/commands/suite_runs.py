"""Tests of an Exim tree, run one after the other or several at a time."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import lru_cache
from multiprocessing.util import Finalize
from pathlib import Path

from eximsim.errors import InputError, Unsupported
from eximsim.profiles import with_tls
from eximsim.subjects.namespace import end_with_parent
from eximsim.suite.bench_results import Benched, why_not
from eximsim.suite.duration import expected_seconds
from eximsim.suite.helper_programs import compiled
from eximsim.suite.model_beside_program import Sides
from eximsim.suite.requirements import required_library
from eximsim.suite.runner import Setting, TestResult, Verdict, exim_path, run_test
from eximsim.suite.source import TestCase
from eximsim.suite.tree import EximTree

_ON_ONE_BENCHED = 4
"""How many tests of a real program run for each job: most of their time is waiting."""

_SECOND = "when run again, with fewer others beside it"
_THIRD = "when run a third time, alone"


def run_all(
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
    with ProcessPoolExecutor(processes, initializer=_begin_process, initargs=(helpers,)) as pool:
        running = {pool.submit(run_case, tree, case, setting, either_library): case for case in order}
        try:
            if not benched:
                yield from (future.result() for future in running)
                return
            failed = []
            for future in as_completed(running):
                if future.result().verdict is Verdict.FAIL:
                    failed.append(((tree, running[future], setting, either_library), future.result()))
                else:
                    yield future.result()
            yield from _once_more(pool, jobs, failed)
        finally:
            for future in running:  # what has not begun when nobody wants the rest
                future.cancel()


def run_both(
    tree: Path, cases: Sequence[TestCase], one: Setting, other: Setting, jobs: int, either_library: bool
) -> Iterator[Sides]:
    """Each test on both subjects. Where a real program parts from the other, both run it once more at the
    end: what is only a matter of time differs from run to run, a change of the program does not.
    """
    by_name = {case.name: case for case in cases}

    def sides(chosen: Sequence[TestCase]) -> Iterator[Sides]:
        theirs = {
            found.test: found
            for found in run_all(
                tree, chosen, other, jobs, either_library and exim_path(other.subject) is None
            )
        }
        for result in run_all(tree, chosen, one, jobs, either_library):
            yield Sides(result, theirs[result.test])

    real = any(exim_path(setting.subject) is not None for setting in (one, other))
    first = {}
    for found in sides(cases):
        if found.parted and real:
            first[found.subject.test] = found
        else:
            yield found
    if first:
        for found in sides([by_name[name] for name in first]):
            yield replace(found, first=first[found.subject.test])


_Call = tuple[Path, TestCase, Setting, bool]


def _once_more(
    pool: ProcessPoolExecutor, jobs: int, failed: Sequence[tuple[_Call, TestResult]]
) -> Iterator[TestResult]:
    """What failed with many others beside it, with few and ahead of the rest of the machine: scripts count on
    a command being done in a second. What fails in another way then runs a last time, alone.
    """
    unsteady = []
    failed = sorted(failed, key=lambda one: one[1].seconds)  # those beside each other take about as long
    for batch in (failed[at : at + jobs] for at in range(0, len(failed), jobs)):
        running = [(pool.submit(run_case, *call, ahead=True), call, first) for call, first in batch]
        for future, call, first in running:
            result = future.result()
            if result.verdict is Verdict.FAIL and result.texts != first.texts:
                unsteady.append(call)
            else:
                yield _told(result, _SECOND)
    for call in unsteady:
        yield _told(pool.submit(run_case, *call, ahead=True).result(), _THIRD)


def _told(result: TestResult, when: str) -> TestResult:
    return replace(result, reason=when) if result.verdict is Verdict.PASS else result


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
def _benched(tree: Path, program: Path, test_mode: bool) -> Benched | None:
    """The bench of this process; None where it cannot be had, and a world of ours has to do."""
    if why_not(program):
        return None
    bench = Benched(tree, program, _helpers, test_mode=test_mode)
    Finalize(None, bench.close, exitpriority=10)  # also where this is one of several processes
    return bench


def run_case(
    tree: Path, case: TestCase, setting: Setting, either_library: bool, *, ahead: bool = False
) -> TestResult:
    """One result; a file of the test that cannot be read is a failure of that test, not of the whole run.

    A real program's test may run ``ahead`` of the rest of the machine (``Bench.run``). With
    ``either_library`` a test that is about one TLS library runs on the release built with that one.
    """
    try:
        program = exim_path(setting.subject)
        bench = None if program is None else _benched(tree, program, setting.test_mode)
        if bench is not None:
            return bench.run(case, setting, ahead=ahead)
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
