"""The jobs that the documentation offers for copying: valid for their hosts, and what they run exists."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from eximsim import cli
from tests.test_docs import DOCS
from tests.test_docs_examples import read

EXAMPLES = DOCS / "examples"
SCHEMAS = {
    "github-actions.yml": ["vendor.github-workflows"],
    "exim-suite-github.yml": ["vendor.github-workflows"],
    "gitlab-ci.yml": ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"],
}

RUNNER = "exim-suite.sh"

Runner = Callable[..., subprocess.CompletedProcess[str]]


def check(path: Path, schema: list[str]) -> int:
    pytest.importorskip("check_jsonschema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", *schema, str(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode


@pytest.mark.parametrize("name", SCHEMAS)
def test_an_example_is_valid_for_its_host(name: str) -> None:
    assert check(EXAMPLES / name, SCHEMAS[name]) == 0


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_broken_example_would_be_noticed(name: str, tmp_path: Path) -> None:
    broken = tmp_path / name
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    broken.write_text(re.sub(r"\b(steps|script):", "stepz:", text))
    assert check(broken, SCHEMAS[name]) == 1


def test_every_example_is_checked() -> None:
    assert {path.name for path in EXAMPLES.iterdir()} == {*SCHEMAS, RUNNER}


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_the_commands_of_an_example_can_be_read(name: str) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    commands = re.findall(r"^\s*(?:- |- run: |run: )?(eximsim .*)$", text, re.MULTILINE)
    assert len(commands) == 2
    assert [problem for command in commands if (problem := read(cli.eximsim, shlex.split(command)[1:]))] == []


def test_the_command_of_the_job_for_exims_suite_can_be_read() -> None:
    text = (EXAMPLES / "exim-suite-github.yml").read_text(encoding="utf-8").replace("\\\n", " ")
    (command,) = re.findall(r'^ *sudo "\$\(command -v eximsim\)" (suite .*)$', text, re.MULTILINE)
    words = shlex.split(command.replace("$(nproc)", "2"))
    assert read(cli.eximsim, words) is None


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """The script for any runner, with an eximsim that prints what it is given."""
    stub = tmp_path / "bin/eximsim"
    stub.parent.mkdir()
    stub.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 3\n')
    stub.chmod(0o755)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", str(EXAMPLES / RUNNER), *arguments], cwd=tmp_path, capture_output=True, text=True,
            env={"PATH": f"{stub.parent}:/usr/bin:/bin"}, check=False,
        )  # fmt: skip

    return run


@pytest.mark.parametrize("baseline", [[], ["old.jsonl"]])
def test_the_script_for_any_runner_runs_the_suite_and_gives_its_exit_code(
    runner: Runner, tmp_path: Path, baseline: list[str]
) -> None:
    done = runner("build/my exim", "exim/test", *baseline)
    given = (tmp_path / "suite.jsonl").read_text(encoding="utf-8").splitlines()
    assert (done.returncode, given[:5]) == (
        3,
        ["suite", "--tree", "exim/test", "--subject", "exim:build/my exim"],
    )
    assert ("--baseline" in given) == bool(baseline)
    assert read(cli.eximsim, given) is None


def test_the_script_for_any_runner_says_how_it_is_called(
    runner: Runner,
) -> None:
    done = runner("build/exim")
    assert done.returncode == 2
    assert "usage: exim-suite.sh PROGRAM TREE" in done.stderr
