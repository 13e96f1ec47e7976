"""What is installed from the wheel works anywhere, without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel holds."""
    folder = tmp_path_factory.mktemp("wheel")
    (path,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(path) as wheel:
        wheel.extractall(folder / "installed")
    return folder / "installed"


def eximsim(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(installed), "CI": ""}
    return subprocess.run(
        [sys.executable, "-m", "eximsim", *arguments],
        cwd=cwd, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_first_command_of_the_readme_works_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    done = eximsim(installed, tmp_path, "run", "5840")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("2 pass, 0 fail, 0 unsupported, 0 skip\n")
    assert list(tmp_path.iterdir()) == []


def test_the_known_situations_are_there(installed: Path, tmp_path: Path) -> None:
    done = eximsim(installed, tmp_path, "compare", "--exim", sys.executable, "--group", "9")
    assert "eximsim/testsuite/recordings/scenarios.jsonl.gz: no situation matches" in done.stderr


def test_another_folder_of_that_name_is_not_taken_for_tests(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "testsuite").mkdir()
    assert eximsim(installed, tmp_path, "run", "5840").returncode == 0


def test_the_tests_that_were_installed_are_not_overwritten(installed: Path, tmp_path: Path) -> None:
    done = eximsim(installed, tmp_path, "run", "5840", "--accept")
    assert (done.returncode, "give yours with --suite DIR" in done.stderr) == (2, True)
