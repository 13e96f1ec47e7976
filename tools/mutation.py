"""Do the tests notice? One small change at a time in the modules that decide, and the tests that should fail.

    python -m tools.covering coverage.json
    python -m tools.mutation --covering coverage.json --count 300 --seed 1

mutmut and cosmic-ray change files on disk and run one fixed command for each change; mutmut leaves out what
is outside of functions, where the decision tables are. Here nothing is written. The tests are collected once;
of each change a forked process runs those that come through the changed line, the quickest first. What is
inside of a function is changed in that process; what runs when the module is imported is tried in a process
that imports everything anew, with the pages that show the tables, and all tests that come through the module.
"""

from __future__ import annotations

import argparse
import ast
import gc
import importlib.abc
import importlib.machinery
import json
import math
import multiprocessing
import os
import random
import sys
import time
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from importlib.util import spec_from_loader
from itertools import accumulate
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import pytest

from tools.changes import NOTHING, Mutation, mutated, mutations
from tools.covering import PACKAGE, ROOT, Covering, modules_of, read_covering

MODULES = (
    "mta/transports/smtp*.py",
    "mta/transports/dane*.py",
    "mta/transports/tls*.py",
    "mta/transports/retry*.py",
    "mta/verify/verify*.py",
    "mta/certs/dane*.py",
    "mta/lookup/dns*.py",
    "mta/lookup/host*.py",
    "mta/delivery/retry*.py",
)
"""The modules that decide what becomes of a message."""

OPTIONS = ("-q", "-p", "no:cacheprovider", "--hypothesis-seed=0")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the tests made of a mutation: ``noticed``, ``survived`` or ``hung`` (which is noticed, too).

    ``test`` is the one that noticed; empty if the module could not even be imported.
    """

    mutation: Mutation
    result: str
    seconds: float
    test: str = ""


# ---- a process that imports a changed module ------------------------------------------------------------


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module as a mutation has it."""

    def __init__(self, mutation: Mutation) -> None:
        self._path = PACKAGE / mutation.module
        self._name = _name(mutation.module)
        self._tree = mutated(mutation, self._path.read_text())

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """See ``MetaPathFinder``."""
        return spec_from_loader(fullname, self) if fullname == self._name else None

    def pytest_configure(self) -> None:
        """Come before pytest's own finder, which rewrites the whole package: it brings a plugin along."""
        assert self._name not in sys.modules
        sys.meta_path.insert(0, self)

    def exec_module(self, module: ModuleType) -> None:
        """See ``Loader``."""
        module.__file__ = str(self._path)
        exec(compile(self._tree, str(self._path), "exec"), module.__dict__)


class _Witness:
    """A plugin of pytest's that keeps which test failed first."""

    def __init__(self) -> None:
        self.failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """See pytest."""
        if report.failed and not self.failed:
            self.failed = report.nodeid


def _import_anew(mutation: Mutation, tests: Sequence[str], told: Connection) -> None:
    os.chdir(ROOT)
    _be_quiet()
    witness = _Witness()
    code = pytest.main(["-x", *OPTIONS, *tests], plugins=[_Finder(mutation), witness])
    told.send(("survived" if code == 0 else "noticed", witness.failed))
    os._exit(0)


def _be_quiet() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _name(module: str) -> str:
    return "eximsim." + module.removesuffix(".py").replace("/", ".")


# ---- a process in which functions are changed -----------------------------------------------------------


def put_in(mutation: Mutation) -> bool:
    """Change the functions of a module that is imported already; whether the change is in one of them."""
    path = PACKAGE / mutation.module
    text = path.read_text()
    if mutation.node == NOTHING:
        return True
    old, new = (
        _codes(compile(ast.parse(text), path, "exec")),
        _codes(compile(mutated(mutation, text), path, "exec")),
    )
    changed = {key for key, code in new.items() if code != old.get(key)}
    name, found = _name(mutation.module), False
    for function in [one for one in gc.get_objects() if isinstance(one, FunctionType)]:
        key = (function.__code__.co_qualname, function.__code__.co_firstlineno)
        if function.__module__ == name and key in changed:
            try:
                function.__code__ = new[key]
            except ValueError:  # it refers to other variables around it than before
                return False
            found = True
    return found


def _codes(module: CodeType) -> dict[tuple[str, int], CodeType]:
    """All functions' code by name and line; a name that is there twice on one line is left out."""
    found: dict[tuple[str, int], CodeType | None] = {}

    def walk(code: CodeType) -> None:
        for inner in code.co_consts:
            if isinstance(inner, CodeType):
                key = (inner.co_qualname, inner.co_firstlineno)
                found[key] = None if key in found else inner
                walk(inner)

    walk(module)
    return {key: code for key, code in found.items() if code is not None}


def _change_functions(
    mutation: Mutation, items: Sequence[pytest.Item], witness: _Witness, told: Connection
) -> None:
    _be_quiet()
    if not put_in(mutation):
        told.send(("elsewhere", ""))
        os._exit(0)
    witness.failed = ""
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        if witness.failed:
            break
    told.send(("noticed" if witness.failed else "survived", witness.failed))
    os._exit(0)


# ---- runs ----------------------------------------------------------------------------------------------


class Trial:
    """Tries mutations with the tests that a ``Covering`` knows; each run hangs after ``seconds``.

    Tests of ``enough`` seconds are tried on each. It is a plugin of pytest's: ``work`` is called when the
    tests are collected.
    """

    def __init__(
        self,
        covering: Covering,
        seconds: float,
        work: Callable[[], None] = lambda: None,
        *,
        enough: float = math.inf,
    ) -> None:
        self._covering, self._seconds, self._work, self._enough = covering, seconds, work, enough
        self._witness = _Witness()
        self._items: Mapping[str, pytest.Item] = {}
        self._unsound: dict[str, bool] = {}

    def pytest_configure(self, config: pytest.Config) -> None:
        """See pytest."""
        config.pluginmanager.register(self._witness)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """See pytest."""
        self._items = {item.nodeid: item for item in session.items}
        if missing := self._covering.seconds.keys() - self._items.keys():
            pytest.exit(f"the covering is not of these tests, make it again: {min(missing)}", 2)
        session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # one for all forks
        self._work()
        return True

    def tests(self, mutation: Mutation) -> list[str]:
        """The tests to run: those of the statement. No others could notice, unless it is run at import.

        Those of the module's own file come first, then the quickest; no more than are enough.
        """
        covering, (first, last) = self._covering, mutation.statement
        pages = [] if (near := covering.of_lines(mutation.module, range(first, last + 1))) else covering.pages
        own = f"/test_{Path(mutation.module).stem}.py::"
        quickest = covering.quickest(near or covering.of_module(mutation.module))
        ordered = [*pages, *sorted(quickest, key=lambda test: own not in test)]
        ends = list(accumulate(covering.seconds[test] for test in ordered))
        return ordered[: max(1, bisect_right(ends, self._enough))]

    def of(self, mutation: Mutation) -> Outcome:
        """Try one mutation."""
        tests, took = self.tests(mutation), 0.0
        while tests:
            outcome = self._forked(mutation, tests)
            took += outcome.seconds
            if outcome.result == "elsewhere":
                outcome = self._anew(mutation, tests)
                took += outcome.seconds
            if outcome.result != "noticed" or not (outcome.test and self._fails_anyhow(outcome.test)):
                return replace(outcome, seconds=took)
            tests.remove(outcome.test)
        return Outcome(mutation, "survived", took)

    def _fails_anyhow(self, test: str) -> bool:
        """Whether a test that passed among others fails alone, or by chance."""
        if test not in self._unsound:
            nothing = Mutation(next(iter(self._covering.lines)), NOTHING, 0, "")
            self._unsound[test] = self._forked(nothing, [test]).result != "survived"
        return self._unsound[test]

    def _forked(self, mutation: Mutation, tests: Sequence[str]) -> Outcome:
        """Run tests on a change in functions; ``elsewhere`` if it is in none, or in one that makes tables."""
        covering, (first, last) = self._covering, mutation.statement
        if mutation.node != NOTHING and not covering.of_lines(mutation.module, range(first, last + 1)):
            return Outcome(mutation, "elsewhere", 0.0)
        items = [self._items[test] for test in tests]
        return self._run("fork", mutation, _change_functions, items, self._witness)

    def _anew(self, mutation: Mutation, tests: Sequence[str]) -> Outcome:
        return self._run("spawn", mutation, _import_anew, tests)

    def _run(self, method: str, mutation: Mutation, child: Callable[..., None], *given: object) -> Outcome:
        began = time.monotonic()
        context = multiprocessing.get_context(method)
        hearing, telling = context.Pipe(duplex=False)
        process = context.Process(target=child, args=(mutation, *given, telling))  # type: ignore[attr-defined]
        process.start()
        telling.close()
        result, test = "hung", ""
        if hearing.poll(self._seconds):
            try:
                result, test = hearing.recv()
            except EOFError:
                result = "noticed"  # it has not even come to an end
        process.kill()
        process.join()
        return Outcome(mutation, result, time.monotonic() - began, test)


def drawn(count: int, seed: int, patterns: Sequence[str]) -> list[Mutation]:
    """Some of all mutations, by chance."""
    found = [
        mutation
        for path in modules_of(patterns)
        for mutation in mutations(path.relative_to(PACKAGE).as_posix(), path.read_text())
    ]
    return random.Random(seed).sample(found, min(count, len(found)))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--covering", type=Path, required=True, help="what tools.covering has written")
    parser.add_argument("--count", type=int, default=300, help="how many mutations")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--module", action="append", help="a pattern below eximsim/ instead of what decides")
    parser.add_argument("--seconds", type=float, default=300, help="after which tests hang")
    parser.add_argument(
        "--enough", type=float, default=math.inf, help="seconds that the tests of one take at most, unchanged"
    )
    parser.add_argument("--minutes", type=float, default=1e9, help="begin none after so many")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="leave out so many of them")
    parser.add_argument("--out", type=Path, help="a file to append the outcomes to, a JSON object each")
    wanted = parser.parse_args()
    chosen = drawn(wanted.count, wanted.seed, wanted.module or MODULES)[wanted.first :]
    print(f"seed {wanted.seed}, {len(chosen)} mutations", flush=True)
    end = time.monotonic() + wanted.minutes * 60
    counts = {"noticed": 0, "survived": 0, "hung": 0}

    def one(mutation: Mutation) -> Outcome | None:
        return trial.of(mutation) if time.monotonic() < end else None

    def work() -> None:
        with ThreadPoolExecutor(wanted.jobs) as pool:
            for outcome in filter(None, pool.map(one, chosen)):
                counts[outcome.result] += 1
                told = outcome.mutation
                print(
                    f"{outcome.result:9}{told.module}:{told.line}: {told.what} ({outcome.seconds:.0f} s)",
                    flush=True,
                    file=shown,
                )
                if wanted.out is not None:
                    with wanted.out.open("a") as file:
                        file.write(json.dumps(asdict(outcome)) + "\n")

    shown = os.fdopen(os.dup(1), "w")
    covering = read_covering(wanted.covering)
    trial = Trial(covering, wanted.seconds, work, enough=wanted.enough)
    files = sorted({test.partition("::")[0] for test in covering.seconds})
    if (code := pytest.main([*OPTIONS, "--capture=sys", *files], plugins=[trial])) != 0:
        sys.exit(int(code))
    total = sum(counts.values())
    print(f"{total - counts['survived']} of {total} noticed", flush=True)
    sys.exit(1 if counts["survived"] else 0)


if __name__ == "__main__":
    main()
