"""Tests of an Exim tree, run one after the other or several at a time."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from functools import lru_cache
from multiprocessing.util import Finalize
from pathlib import Path

from eximsim.errors import InputError, Unsupported
from eximsim.profiles import with_tls
from eximsim.subjects.namespace import end_with_parent
from eximsim.subjects.scripted import may_go_ahead
from eximsim.suite.bench_results import Benched, why_not
from eximsim.suite.duration import expected_seconds
from eximsim.suite.helper_programs import compiled
from eximsim.suite.model_beside_program import Sides
from eximsim.suite.requirements import required_library
from eximsim.suite.runner import Setting, TestResult, Verdict, exim_path, run_test
from eximsim.suite.source import TestCase
from eximsim.suite.tree import EximTree

_ON_ONE_BENCHED = 6
"""How many tests of a real program run for each job: nine tenths of their time is waiting."""

_READY = 2
"""How many tests wait for a process, so that none of them waits for the next test."""

_AHEAD, _FEWER = "when run again, ahead of the others", "when run again, with fewer others beside it"
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
    with ProcessPoolExecutor(processes, initializer=_begin_process, initargs=(helpers,)) as pool:
        if benched:
            order = _longest_first(EximTree(tree), cases)
            calls = [(tree, case, setting, either_library) for case in order]
            yield from _Benched(pool, processes, jobs).results(calls)
            return
        running = [pool.submit(run_case, tree, case, setting, either_library) for case in cases]
        try:
            yield from (future.result() for future in running)
        finally:
            _cancel(running)


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


class _Benched:
    """Runs a real program's tests beside each other, and what fails once more: scripts count on a command
    being done in a second.

    It runs again at once and ahead of the rest of the machine if we may have that, else at the end with few
    beside it. What then fails in another way runs a last time, alone.
    """

    def __init__(self, pool: Executor, processes: int, jobs: int) -> None:
        self._pool = pool
        self._processes = processes
        self._jobs = jobs
        self._at_once = may_go_ahead()
        self._running: dict[Future[TestResult], tuple[_Call, TestResult | None]] = {}
        """What runs, and how it failed at first."""
        self._late: list[tuple[_Call, TestResult | None]] = []
        self._unsteady: list[_Call] = []

    def results(self, calls: Iterable[_Call]) -> Iterator[TestResult]:
        """The results as they come."""
        try:
            yield from self._all(deque((call, None) for call in calls), self._processes + _READY)
            late = sorted(self._late, key=lambda one: one[1].seconds if one[1] else 0.0)
            yield from self._all(deque(late), self._jobs)  # those beside each other take about as long
            for call in self._unsteady:
                yield _told(self._submit(call, ahead=True).result(), _THIRD)
        finally:
            _cancel(self._running)  # what has not begun when nobody wants the rest

    def _submit(self, call: _Call, *, ahead: bool) -> Future[TestResult]:
        return self._pool.submit(run_case, *call, ahead=ahead)

    def _all(self, calls: deque[tuple[_Call, TestResult | None]], most: int) -> Iterator[TestResult]:
        while calls or self._running:
            while calls and len(self._running) < most:
                call, first = calls.popleft()
                self._running[self._submit(call, ahead=first is not None)] = call, first
            for future in wait(self._running, return_when=FIRST_COMPLETED).done:
                call, first = self._running.pop(future)
                result = future.result()
                if result.verdict is not Verdict.FAIL:
                    yield result if first is None else _told(result, _AHEAD if self._at_once else _FEWER)
                elif first is not None and result.texts == first.texts:
                    yield result
                elif first is not None:
                    self._unsteady.append(call)
                elif self._at_once:
                    calls.appendleft((call, result))
                else:
                    self._late.append((call, result))


def _cancel(futures: Iterable[Future[TestResult]]) -> None:
    for future in futures:
        future.cancel()


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
