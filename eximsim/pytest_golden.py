"""The fixture ``golden``, its option, and the report of goldens that no test used.

Each test writes the goldens of its own only, so that workers of pytest-xdist do not meet; what they used and
what they know of is brought together in the process that reports.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from eximsim.testing import Golden

_OUTPUT = "eximsim_goldens"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of goldens."""
    group = parser.getgroup("eximsim")
    group.addoption("--golden-update", action="store_true",
                    help="write the goldens of the tests that run instead of comparing")  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to write goldens in CI, and keep account of them."""
    if config.getoption("--golden-update"):
        from eximsim.errors import InputError
        from eximsim.suite.golden import refuse_under_ci

        try:
            refuse_under_ci()
        except InputError as refused:
            raise pytest.UsageError(f"--golden-update: {refused.message}") from None
    config.pluginmanager.register(Account(config), "eximsim-goldens-account")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Iterator[Golden]:
    """Compares a value with a file beside the test: ``golden(result.log)``."""
    from eximsim.testing import Golden

    update = request.config.getoption("--golden-update")
    folder, name = _place(request.node)
    colour = request.config.get_terminal_writer().hasmarkup or request.config.getoption("color") == "yes"
    found = Golden(folder, name, update=update, shown_from=request.config.rootpath, colour=colour)
    yield found
    account: Account = request.config.pluginmanager.getplugin("eximsim-goldens-account")
    account.used.update(map(str, found.used))


def _place(item: pytest.Item) -> tuple[Path, str]:
    """The folder of the goldens of a test's module, and the test's name within the module."""
    from eximsim.testing.golden import FOLDER

    name = item.nodeid.partition("::")[2].replace("::", ".")
    return item.path.parent / FOLDER / item.path.stem, name


class Account:
    """Which goldens were used, which tests there are, and which of them were run to a good end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.used: set[str] = set()
        self.tests: dict[str, set[str]] = {}
        """By the folder of their goldens."""
        self.passed: set[tuple[str, str]] = set()
        self._places: dict[str, tuple[str, str]] = {}
        self._unused: list[Path] = []
        self._whole = not any("::" in str(argument) for argument in config.args)

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Know of a test, also of one that is deselected later."""
        folder, name = _place(item)
        self.tests.setdefault(str(folder), set()).add(name)
        self._places[item.nodeid] = str(folder), name

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Know that a test was run to a good end."""
        if report.when == "call" and report.passed and report.nodeid in self._places:
            self.passed.add(self._places[report.nodeid])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A worker tells the process that reports, which fails for goldens that nobody wants."""
        output = getattr(session.config, "workeroutput", None)
        if output is None:
            self._settle(session)
        else:
            output[_OUTPUT] = {
                "used": sorted(self.used),
                "tests": {folder: sorted(names) for folder, names in self.tests.items()},
                "passed": sorted(map(list, self.passed)),
            }

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Hear what a worker has to tell."""
        told = getattr(node, "workeroutput", {}).get(_OUTPUT)
        if told is not None:
            self.used.update(told["used"])
            self.passed.update((folder, name) for folder, name in told["passed"])
            for folder, names in told["tests"].items():
                self.tests.setdefault(folder, set()).update(names)

    def _settle(self, session: pytest.Session) -> None:
        """Fail for unused goldens; with ``--golden-update``, remove them."""
        self._unused = self.unused()
        if not self._unused:
            return
        if self._config.getoption("--golden-update"):
            from eximsim.storage import remove_below

            for path in self._unused:
                remove_below(path.parent, path.name)
        elif session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def unused(self) -> list[Path]:
        """The goldens that no test wants any more.

        They belong to a test that passed without them; or to none, or to a module that is gone, if whole
        modules were run.
        """
        from eximsim.testing.golden import SUFFIX, belongs_to

        found = [path for folder in self._abandoned() for path in sorted(folder.glob(f"*{SUFFIX}"))]
        for folder, names in sorted(self.tests.items()):
            for path in sorted(Path(folder).glob(f"*{SUFFIX}")):
                owner = belongs_to(path.name, names)
                gone = self._whole if owner is None else (folder, owner) in self.passed
                if gone and str(path) not in self.used:
                    found.append(path)
        return found

    def _abandoned(self) -> list[Path]:
        """The folders of goldens beside those of tests that were collected whose module is gone."""
        if not self._whole:
            return []
        places = sorted({Path(folder).parent for folder in self.tests})
        return [
            folder
            for place in places
            for folder in sorted(place.glob("*/"))
            if self._is_module(f"{folder.name}.py") and not (place.parent / f"{folder.name}.py").exists()
        ]

    def _is_module(self, file: str) -> bool:
        return any(fnmatchcase(file, pattern) for pattern in self._config.getini("python_files"))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the unused goldens."""
        unused = self._unused
        if not unused:
            return
        removed = self._config.getoption("--golden-update")
        count = f"{len(unused)} unused golden{'' if len(unused) == 1 else 's'}"
        title = f"{count} removed" if removed else count
        terminalreporter.section(title, yellow=bool(removed), red=not removed)
        if not removed:
            terminalreporter.line("No test compares with these files any more; --golden-update removes them.")
        for path in unused:
            terminalreporter.line(os.path.relpath(path, self._config.rootpath))
