"""Which tests come through which lines of a module, and how long each takes.

    python -m tools.covering coverage.json

A test that fails is left out. What runs when a module is imported belongs to no test.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coverage
import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "eximsim"

TESTS = (
    "tests/mta",
    "tests/suite/test_own_suite.py",
    "tests/suite/test_recordings.py",
    "tests/suite/test_scenario_compare.py",
    "tests/suite/test_mended.py",
    "tests/suite/test_found.py",
    "tests/fuzz/test_laws.py",
    "tests/test_docs.py",
)
"""The tests that hold what the model decides; the last has the pages that show its tables."""


@dataclass(frozen=True, slots=True)
class Covering:
    """``seconds`` has each test that passed, ``lines`` the tests of each line of each module (below the
    package)."""

    seconds: Mapping[str, float]
    lines: Mapping[str, Mapping[int, Collection[str]]]

    def of_lines(self, module: str, lines: range) -> set[str]:
        """The tests that come through one of the lines."""
        found = self.lines.get(module, {})
        return {test for line in lines for test in found.get(line, ())}

    def of_module(self, module: str) -> set[str]:
        """The tests that come through the module."""
        return {test for tests in self.lines.get(module, {}).values() for test in tests}

    @property
    def pages(self) -> list[str]:
        """The tests that hold the pages with the tables to be current."""
        return [test for test in self.seconds if test.startswith(TESTS[-1])]

    def quickest(self, tests: Collection[str]) -> list[str]:
        """The tests in the order of how long they take."""
        return sorted(tests, key=lambda test: (self.seconds[test], test))


def read_covering(path: Path) -> Covering:
    """What ``main`` has written."""
    told = json.loads(path.read_text())
    names = list(told["seconds"])
    lines = {
        module: {int(line): [names[number] for number in numbers] for line, numbers in found.items()}
        for module, found in told["lines"].items()
    }
    return Covering(told["seconds"], lines)


class _Watch:
    """A plugin of pytest's that tells coverage.py which test runs."""

    def __init__(self, modules: Sequence[Path]) -> None:
        self._coverage = coverage.Coverage(
            data_file=None, config_file=False, include=[str(path) for path in modules]
        )
        self._modules = modules
        self._failed: set[str] = set()
        self._seconds: dict[str, float] = {}

    def pytest_sessionstart(self) -> None:
        self._coverage.start()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._coverage.switch_context(item.nodeid)
        yield
        self._coverage.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.outcome != "passed":
            self._failed.add(report.nodeid)
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration

    def told(self) -> dict[str, Any]:
        """What was found, for JSON."""
        self._coverage.stop()
        data = self._coverage.get_data()
        seconds = {test: round(took, 3) for test, took in self._seconds.items() if test not in self._failed}
        number = {test: index for index, test in enumerate(seconds)}
        lines = {
            path.relative_to(PACKAGE).as_posix(): {
                line: sorted(number[test] for test in tests if test in number)
                for line, tests in data.contexts_by_lineno(str(path)).items()
            }
            for path in self._modules
        }
        return {"seconds": seconds, "lines": lines}


def modules_of(patterns: Sequence[str]) -> list[Path]:
    """The modules that patterns below the package name."""
    return sorted({path for pattern in patterns for path in PACKAGE.glob(pattern)})


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path, help="a JSON file")
    parser.add_argument("patterns", nargs="*", default=["mta/**/*.py"], help="modules, below eximsim/")
    parser.add_argument("--tests", action="append", help="other tests than those of the model")
    wanted = parser.parse_args()
    watch = _Watch(modules_of(wanted.patterns))
    options = ["-q", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    pytest.main([*options, *(wanted.tests or TESTS)], plugins=[watch])
    wanted.out.write_text(json.dumps(watch.told()))
    sys.exit(0)


if __name__ == "__main__":
    main()
