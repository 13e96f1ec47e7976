"""Exim's own test suite as pytest items: ``pytest --exim-tree exim/test --exim-program build/exim``.

Each test of the tree is one item, on the bench (``suite.bench``); every worker of pytest-xdist has a bench of
its own. Without paths on the command line, only the tree is collected.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from eximsim.suite.bench_results import Benched
    from eximsim.suite.runner import Setting, TestResult
    from eximsim.suite.source import TestCase
    from eximsim.suite.tree import EximTree

_HELPERS = "eximsim_helpers"
_AGAIN = "passed when run again"
"""The name of the property that such a test has in reports; its value says what was wrong at first."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this plugin."""
    group = parser.getgroup("eximsim")
    group.addoption("--exim-tree", metavar="DIR",
                    help="test/ folder of an Exim source tree, whose tests are to be run")  # fmt: skip
    group.addoption("--exim-program", metavar="PATH", help="the Exim program that they are run on")


def pytest_configure(config: pytest.Config) -> None:
    """Look at tree and program before anything is collected."""
    tree, program = config.getoption("--exim-tree"), config.getoption("--exim-program")
    if tree is None and program is None:
        return
    if tree is None or program is None:
        raise pytest.UsageError("--exim-tree DIR and --exim-program PATH are for each other: expected both")
    from eximsim.errors import InputError
    from eximsim.suite.bench import why_not
    from eximsim.suite.runner import exim_path
    from eximsim.suite.tree import EximTree

    root = config.invocation_params.dir
    try:
        source = EximTree(root / tree)
        path = exim_path(f"exim:{root / program}")
    except InputError as mistake:
        raise pytest.UsageError(str(mistake)) from None
    assert path is not None
    if lack := why_not(path):
        raise pytest.UsageError(f"the tree's tests cannot be run here: {lack}")
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = [str(source.root / "scripts")]
    config.pluginmanager.register(TreeTests(config, source, path), "eximsim-tree-tests")


class TreeTests:
    """What there is once for each process of a run: the tree, and the bench, made for the first test."""

    def __init__(self, config: pytest.Config, source: EximTree, program: Path) -> None:
        self.source, self.program = source, program
        self._config = config
        self._cases = {_whole(case.path): case for case in source.tests()}
        self._bench: Benched | None = None
        self._setting: Setting | None = None
        self._compiled: Mapping[str, bytes] | None = None
        self._named = {_whole(config.invocation_params.dir / one.partition("::")[0]) for one in config.args}

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """A script of the tree."""
        case = self._cases.get(_whole(file_path))
        if case is None:
            return None
        collected: TreeFile = TreeFile.from_parent(parent, path=file_path)
        collected.tests, collected.case = self, case
        return collected

    def is_named(self, path: Path) -> bool:
        """Whether the command line names this very file."""
        return _whole(path) in self._named

    @property
    def helpers(self) -> Mapping[str, bytes]:
        """The tree's helper programs, compiled once for all workers."""
        from eximsim.suite.helper_programs import compiled

        if self._compiled is None:
            given: dict[str, Any] = getattr(self._config, "workerinput", {})
            self._compiled = given.get(_HELPERS) or compiled(self.source.root)
        return self._compiled

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give a worker what was compiled."""
        node.workerinput[_HELPERS] = dict(self.helpers)

    def run(self, case: TestCase, *, ahead: bool = False) -> TestResult:
        """Run one test; ``ahead`` of the rest of the machine, if we may."""
        from eximsim.profiles import NEWEST, profile
        from eximsim.suite.bench_results import Benched
        from eximsim.suite.runner import Setting, subject_profile

        if self._bench is None or self._setting is None:
            subject = f"exim:{self.program}"
            self._setting = Setting(subject_profile(subject) or profile(NEWEST), subject=subject)
            self._bench = Benched(self.source.root, self.program, self.helpers)
        return self._bench.run(case, self._setting, ahead=ahead)

    @property
    def has_others_beside(self) -> bool:
        """Whether there is more than one worker, so that a test may fail for want of time."""
        given: dict[str, Any] = getattr(self._config, "workerinput", {})
        return int(given.get("workercount", 1)) > 1

    def pytest_unconfigure(self) -> None:
        """Take the bench down."""
        if self._bench is not None:
            self._bench.close()
            self._bench = None

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the tests that passed only at their second run."""
        again = [
            f"{report.nodeid}: at first {value}"
            for report in terminalreporter.getreports("passed")
            for name, value in getattr(report, "user_properties", ())
            if name == _AGAIN
        ]
        if again:
            terminalreporter.section(_AGAIN)
            for line in again:
                terminalreporter.line(line)


def _whole(path: Path) -> Path:
    """One name for a script, however its folder was called; some scripts are links to others."""
    return path.parent.resolve() / path.name


class TreeFile(pytest.File):
    """One script of a tree."""

    tests: TreeTests
    case: TestCase

    def collect(self) -> Iterator[pytest.Item]:
        """Its one test, named with number and title."""
        from eximsim.errors import InputError
        from eximsim.suite.source import is_automatic

        try:
            title = self.tests.source.script(self.case).title
        except InputError:  # the run of it says so
            title = ""
        item: TreeItem = TreeItem.from_parent(self, name="-".join([self.case.name, *_words(title)]))
        if not is_automatic(self.case) and not self.tests.is_named(self.path):
            item.add_marker(pytest.mark.skip(reason="special: to be run by its number"))
        yield item


def _words(title: str) -> list[str]:
    """The words of a title, so that the name of an item can be typed in a shell."""
    return re.findall(r"[\w.]+", title, re.ASCII)


class TreeFailure(Exception):
    """A test's outputs are not as they should be."""

    def __init__(self, result: TestResult) -> None:
        self.result = result
        super().__init__(result.reason)


class TreeItem(pytest.Item):
    """One test of a tree on the program."""

    def runtest(self) -> None:
        """Run it; what the program or the machine lacks is a reason to skip it."""
        from eximsim.suite.runner import Verdict

        tests, case = self._of.tests, self._of.case
        result = tests.run(case)
        if result.verdict is Verdict.FAIL and tests.has_others_beside:
            first, result = result, tests.run(case, ahead=True)
            if result.verdict is Verdict.PASS:
                self.user_properties.append((_AGAIN, first.reason))
        if result.verdict is Verdict.SKIP:
            pytest.skip(result.reason)
        if result.verdict is not Verdict.PASS:
            raise TreeFailure(result)

    @property
    def _of(self) -> TreeFile:
        assert isinstance(self.parent, TreeFile)
        return self.parent

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """The reason, the diffs, and the command that shows the place; no traceback."""
        from eximsim.errors import InputError

        if isinstance(excinfo.value, InputError):
            return str(excinfo.value)
        if not isinstance(excinfo.value, TreeFailure):
            return str(super().repr_failure(excinfo))
        result, tests = excinfo.value.result, self._of.tests
        words = ["eximsim", "suite", "--tree", str(tests.source.root), result.test,
                 "--subject", result.setting.subject, "--shell"]  # fmt: skip
        return "\n".join(
            filter(None, [result.reason, result.differences(), f"to go there: {shlex.join(words)}"])
        )

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the script is, and what it is about."""
        return self.path, 0, f"{self._of.case.group}: {self.name}"
