"""``eximsim run``: a test whose configuration asks a database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.invoking import Done, invoke
from tests.writing import write_files

FILES = {
    "scripts/0000-Basic/0001": "# a database\nexim -be\n${lookup redis{get a}{<$value>}{nothing}}\n****\n",
    "confs/0001": "primary_hostname = myhost.test.ex\n",
    "stdout/0001": "> <one>\n> \n",
    "dnszones/db.test.ex": "a A 127.0.0.1\n",
}


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    return write_files(tmp_path, FILES)


def run(suite: Path, *arguments: str) -> Done:
    return invoke("run", "--suite", str(suite), *arguments, "0001")


def test_the_answer_is_what_the_test_sees(suite: Path) -> None:
    assert run(suite, "--answer", "redis:get a=one").exit_code == 0
    assert run(suite, "--answer", "redis:get a=two").exit_code == 1


def test_without_it_the_test_is_unsupported_and_says_how_to_give_it(suite: Path) -> None:
    assert "redis is asked, and no answer is given: get a" in run(suite).stdout


def test_a_real_program_asks_by_itself(suite: Path) -> None:
    done = run(suite, "--answer", "redis:get a=one", "--subject", "exim:/bin/true")
    assert (done.exit_code, "for the model" in done.stderr) == (2, True)
