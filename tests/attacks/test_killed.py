"""A command that is killed while it stores something leaves the old or the new, never a part."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.gate.policies import CONF
from tests.subjects.reference import Missing, reference_exim

ROOT = Path(__file__).parents[2]
GOLDEN_TEST = "def test_it(golden):\n    golden([f'line {number}' for number in range(20_000)])\n"


@dataclass(frozen=True, slots=True)
class Storing:
    """A command that stores: how its folder is made, its words, where what it stores is, if as a whole."""

    prepare: Callable[[Path], None]
    words: tuple[str, ...]
    stored: str
    whole: bool = True


def _lock(folder: Path) -> None:
    (folder / "exim.conf").write_text(CONF.replace("OPTIONS", "  hosts_require_tls = *"))
    (folder / "out").mkdir()


def _suite(folder: Path) -> None:
    shutil.copytree(ROOT / "testsuite", folder / "out", ignore=shutil.ignore_patterns("recordings"))
    for path in (folder / "out/logs").rglob("5840*"):
        path.write_text("old\n")


def _golden(folder: Path) -> None:
    (folder / "test_it.py").write_text(GOLDEN_TEST)
    (folder / "goldens/test_it").mkdir(parents=True)
    (folder / "goldens/test_it/test_it.txt").write_text("old\n")


def _recording(folder: Path) -> None:
    try:
        (folder / "exim").symlink_to(reference_exim())
    except Missing as missing:
        pytest.skip(str(missing))
    (folder / "out").mkdir()
    (folder / "out/recording.jsonl").write_text("old\n")


def _saved(folder: Path) -> None:
    (folder / "out/saved/scripts").mkdir(parents=True)
    (folder / "out/saved/scripts/0001").write_text("old\n")


def _replayed() -> str:
    """A counterexample: the first that was ever found."""
    with (ROOT / "testsuite/replays.jsonl").open() as lines:
        line: str = json.loads(next(lines))["line"]
    return line


STORING = {
    "run --accept": Storing(
        _suite, ("-m", "eximsim.cli", "run", "--suite", "out", "--accept", "5840"), "out/logs", whole=False
    ),
    "--golden-update": Storing(
        _golden, ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--golden-update", "test_it.py"), "goldens"
    ),
    "gate --accept": Storing(
        _lock,
        ("-m", "eximsim.cli", "gate", "exim.conf", "--hosts", "1", "--lock", "out/lock", "--accept"),
        "out",
    ),
    "record -o": Storing(
        _recording,
        ("-m", "eximsim.cli", "record", "--exim", "exim", "-o", "out/recording.jsonl", "A046"),
        "out",
    ),
    "fuzz --save": Storing(
        _saved, ("-m", "eximsim.cli", "fuzz", "--replay", _replayed(), "--save", "out/saved"), "out"
    ),
}


def started(folder: Path, storing: Storing) -> subprocess.Popen[bytes]:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [sys.executable, *storing.words], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def files(folder: Path, storing: Storing) -> dict[str, bytes]:
    """What is stored; what begins with a dot and is not complete does not count."""
    root = folder / storing.stored
    found = (path for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize("name", STORING)
def test_what_a_killed_command_has_stored_is_the_old_or_the_new(
    name: str, tmp_path: Path, *, long: bool
) -> None:
    storing = STORING[name]
    whole = tmp_path / "whole"
    whole.mkdir()
    storing.prepare(whole)
    old = files(whole, storing)
    began = time.monotonic()
    started(whole, storing).wait(timeout=600)
    lasted = time.monotonic() - began
    new = files(whole, storing)
    assert new != old
    moments = 200 if long else 3
    for moment in range(moments):
        folder = tmp_path / f"killed{moment}"
        folder.mkdir()
        storing.prepare(folder)
        process = started(folder, storing)
        time.sleep(lasted * (0.5 + 0.6 * moment / moments))
        process.kill()
        process.wait()
        left = files(folder, storing)
        for file, content in left.items():
            assert content in (old.get(file), new.get(file)), file
        assert not storing.whole or left in (old, new)
        shutil.rmtree(folder)
