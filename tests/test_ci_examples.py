"""The jobs that the documentation offers for copying: valid for their hosts, and what they run exists."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from eximsim import cli
from tests.test_docs import DOCS
from tests.test_docs_examples import read

EXAMPLES = DOCS / "examples"
SCHEMAS = {
    "github-actions.yml": ["vendor.github-workflows"],
    "gitlab-ci.yml": ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"],
}


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
    assert {path.name for path in EXAMPLES.iterdir()} == set(SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_commands_of_an_example_can_be_read(name: str) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    commands = re.findall(r"^\s*(?:- |- run: |run: )?(eximsim .*)$", text, re.MULTILINE)
    assert len(commands) == 2
    assert [problem for command in commands if (problem := read(cli.eximsim, shlex.split(command)[1:]))] == []
