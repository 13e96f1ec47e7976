"""pytest plugin: fixtures for policy tests, and the scripts of a test folder as tests.

It is there wherever eximsim is installed. The fixtures are in ``eximsim.pytest_fixtures`` and
``eximsim.pytest_golden``, Exim's own suite is in ``eximsim.pytest_bench``. A script becomes one item per
profile and world; the folder is laid out as ``eximsim.suite.project`` says, and ini options say where it is
and in which worlds its tests run.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from eximsim.suite.project import ProjectSuite
    from eximsim.suite.runner import TestResult
    from eximsim.suite.source import TestCase

pytest_plugins = ("eximsim.pytest_fixtures", "eximsim.pytest_golden", "eximsim.pytest_bench")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this plugin."""
    parser.addini("eximsim_testsuite", "folder of the scripts, confs and goldens", default="testsuite")
    parser.addini("eximsim_worlds", "worlds to run scripts in", type="args", default=["memory", "loopback"])
    group = parser.getgroup("eximsim")
    group.addoption("--eximsim-world", action="append", metavar="WORLD",
                    help="run scripts in this world only (memory or loopback; may be repeated)")  # fmt: skip
    group.addoption("--eximsim-subject", metavar="SUBJECT",
                    help="what runs scripts and policy tests: model, or exim:PATH (a program)")  # fmt: skip


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a file that is a script of the configured test folder."""
    root = parent.config.rootpath / parent.config.getini("eximsim_testsuite")
    if root / "scripts" not in file_path.parents:
        return None
    suite = _suite(root)
    case = suite.case_at(file_path)
    if case is None:
        return None
    collected: ScriptFile = ScriptFile.from_parent(parent, path=file_path)
    collected.suite, collected.case = suite, case
    return collected


@lru_cache(maxsize=4)
def _suite(root: Path) -> ProjectSuite:
    from eximsim.suite.project import ProjectSuite

    return ProjectSuite(root)


class ScriptFile(pytest.File):
    """One script."""

    suite: ProjectSuite
    case: TestCase

    def collect(self) -> Iterator[pytest.Item]:
        """One item for each profile that the script names, in each world; a real program gets one."""
        from eximsim.pytest_settings import settings_of, subject_of
        from eximsim.suite.runner import WORLDS

        if subject_of(self.config) != "model":
            yield self._item("exim", "", WORLDS[0])
            return
        said = settings_of(self.config).world
        usual = [said] if said else self.config.getini("eximsim_worlds")
        worlds = self.config.getoption("--eximsim-world") or usual
        for profile in self.suite.profiles(self.case):
            for world in worlds:
                yield self._item("-".join(filter(None, (profile, world))), profile, world)

    def _item(self, setting: str, profile: str, world: str) -> ScriptItem:
        name = f"{self.case.name}[{setting}]"
        # said as a text: pytest reads it as it reads those of its cache, where brackets mean something
        item: ScriptItem = ScriptItem.from_parent(self, name=name, nodeid=f"{self.nodeid}::{name}")
        item.profile, item.world = profile, world
        return item


class ScriptFailure(Exception):
    """A script's outputs are not as they should be."""

    def __init__(self, result: TestResult) -> None:
        self.result = result
        super().__init__(result.reason)


class ScriptItem(pytest.Item):
    """One script under one profile in one world."""

    profile: str
    world: str

    def runtest(self) -> None:
        """Run it; a test that is not modelled fails, since it is not a pass."""
        from eximsim.profiles import NEWEST, profile
        from eximsim.pytest_settings import subject_of
        from eximsim.suite.runner import Setting, Verdict, run_test, subject_profile

        parent = self.parent
        assert isinstance(parent, ScriptFile)
        subject = subject_of(self.config)
        own = subject_profile(subject) if not self.profile else None
        setting = Setting(own or profile(self.profile or NEWEST), self.world, subject)
        result = run_test(parent.suite, parent.case, setting)
        if result.verdict is Verdict.SKIP:
            pytest.skip(result.reason)
        if result.verdict is not Verdict.PASS:
            raise ScriptFailure(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """The reason and the diffs, without a traceback."""
        if isinstance(excinfo.value, ScriptFailure):
            result = excinfo.value.result
            return "\n".join(filter(None, [result.reason, result.differences()]))
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the script is."""
        return self.path, 0, self.name
