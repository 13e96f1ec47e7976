"""A command that is killed while it stores something leaves the old or the new, never a part."""

from __future__ import annotations

import json
import multiprocessing
import os
import pkgutil
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

import eximsim
from eximsim.cli import main
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
        _suite, ("eximsim", "run", "--suite", "out", "--accept", "5840"), "out/logs", whole=False
    ),
    "--golden-update": Storing(
        _golden, ("pytest", "-q", "-p", "no:cacheprovider", "--golden-update", "test_it.py"), "goldens"
    ),
    "gate --accept": Storing(
        _lock,
        ("eximsim", "gate", "exim.conf", "--hosts", "1", "--lock", "out/lock", "--accept"),
        "out",
    ),
    "record -o": Storing(
        _recording,
        ("eximsim", "record", "--exim", "exim", "-o", "out/recording.jsonl", "A046"),
        "out",
    ),
    "fuzz --save": Storing(
        _saved, ("eximsim", "fuzz", "--replay", _replayed(), "--save", "out/saved"), "out"
    ),
}


_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["pytest", *(module.name for module in pkgutil.walk_packages(eximsim.__path__, "eximsim."))]
)
"""What takes longest, by far, is done once."""


def _be_ready() -> None:
    """What is done once is done now, so that no command takes longer for it."""
    first = _FORKS.Process(target=int)
    first.start()
    first.join()


def _command(folder: Path, words: Sequence[str], watch: Callable[[], None] = lambda: None) -> None:
    os.chdir(folder)
    watch()
    os.environ["CI"] = ""  # where it is set, nothing is accepted
    said = os.open("said", os.O_RDWR | os.O_CREAT)
    for number in range(3):
        os.dup2(said, number)
    if words[0] == "pytest":
        sys.exit(pytest.main(list(words[1:])))
    sys.argv = list(words)
    main()


@contextmanager
def started(folder: Path, storing: Storing) -> Iterator[BaseProcess]:
    """The command, as a process that is killed at the end."""
    process = _FORKS.Process(target=_command, args=(folder, storing.words))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def files(folder: Path, storing: Storing) -> dict[str, bytes]:
    """What is stored; what begins with a dot, or is below such a folder, is not complete and not counted.

    Certificates are others each time.
    """
    root = folder / storing.stored
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return {
        path.as_posix(): b"made anew" if "certs" in path.parts else (root / path).read_bytes()
        for path in found
        if not any(part.startswith(".") for part in path.parts)
    }


@pytest.mark.parametrize("name", STORING)
def test_what_a_killed_command_has_stored_is_the_old_or_the_new(
    name: str, tmp_path: Path, *, long: bool
) -> None:
    storing = STORING[name]
    whole = tmp_path / "whole"
    whole.mkdir()
    storing.prepare(whole)
    old = files(whole, storing)
    _be_ready()
    began = time.monotonic()
    with started(whole, storing) as process:
        process.join(600)
    lasted = time.monotonic() - began
    new = files(whole, storing)
    said = whole / "said"
    assert new != old, (process.exitcode, said.read_text() if said.exists() else "nothing")
    moments = 200 if long else 3
    for moment in range(moments):
        folder = tmp_path / f"killed{moment}"
        folder.mkdir()
        storing.prepare(folder)
        with started(folder, storing):
            time.sleep(lasted * 1.2 * moment / moments)
        left = files(folder, storing)
        for file, content in left.items():
            assert content in (old.get(file), new.get(file)), file
        assert not storing.whole or left in (old, new)
        shutil.rmtree(folder)


CHANGES = frozenset(
    f"os.{name}" for name in ("rename", "remove", "link", "symlink", "mkdir", "rmdir", "truncate", "chmod")
)


def _watched(folder: Path, storing: Storing) -> None:
    """Run the command; what is stored at each of its calls that change files goes to ``moments``."""
    moments, seen = (folder / "moments").open("w"), [False]
    root = str(folder / storing.stored)

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if seen[0]:
            return
        path, mode, flags = (*arguments, None, None, None)[:3] if event == "open" else (None, None, None)
        writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
        if event not in CHANGES and not writes:
            return
        seen[0] = True
        try:
            name = os.path.abspath(os.fsdecode(path)) if isinstance(path, (str, bytes)) else ""
            open_now = name.startswith(f"{root}/") and "/." not in name[len(root) :]
            found = {file: content.hex() for file, content in files(folder, storing).items()}
            moments.write(json.dumps([event, mode, name if open_now else "", found]) + "\n")
            moments.flush()
        finally:
            seen[0] = False

    _command(folder, storing.words, lambda: sys.addaudithook(note))


@pytest.mark.parametrize("name", STORING)
def test_between_two_calls_of_the_system_what_is_stored_is_the_old_or_the_new(
    name: str, tmp_path: Path
) -> None:
    storing = STORING[name]
    storing.prepare(tmp_path)
    old = files(tmp_path, storing)
    process = _FORKS.Process(target=_watched, args=(tmp_path, storing))
    process.start()
    process.join(900)
    new = files(tmp_path, storing)
    assert new != old
    moments = [json.loads(line) for line in (tmp_path / "moments").read_text().splitlines()]
    assert any(event == "os.rename" for event, *_ in moments)
    for event, mode, written, found in moments:
        assert not written, f"{written} is written where it is: {event} {mode}"
        left = {file: bytes.fromhex(content) for file, content in found.items()}
        for file, content in left.items():
            assert content in (old.get(file), new.get(file)), (event, file)
        assert not storing.whole or left in (old, new), event
