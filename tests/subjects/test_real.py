"""The reference program against the model, and against what has been recorded of it."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from eximsim.suite import real
from eximsim.suite.compare import choices, compare_one
from eximsim.suite.real import RealStand
from eximsim.suite.real_runs import own_certificates, run_all
from eximsim.suite.recording import Record, read_records
from eximsim.suite.replay import Stand
from tests.subjects.killing import all_end_after_kill
from tests.subjects.real import named_situations
from tests.suite.recorded import FOLDER

ROOT = Path(__file__).parents[2]
RECORDED = FOLDER / "exim-4.96-debian12.jsonl.gz"
_EVERY = 12
"""One situation in so many is run here; ``eximsim compare --exim PATH`` runs them all."""


@pytest.fixture(scope="module")
def certificates() -> Iterator[Path]:
    with own_certificates() as folder:
        yield folder


@pytest.fixture(scope="module")
def stand(exim: Path, certificates: Path) -> Iterator[RealStand]:
    with RealStand(exim, certificates) as opened:
        yield opened


def one(stand: RealStand, id: str, kind: str) -> Record:
    found = stand.replay(named_situations()[id], kind)
    profile = stand.program.profile
    return Record(profile.name, stand.program.tls, id, kind, found.outcome, True, found.seen, found.queuerun)


def test_model_and_program_do_the_same(stand: RealStand, certificates: Path) -> None:
    model, profile = Stand(certificates), stand.program.profile
    for id in list(named_situations())[::_EVERY]:
        for kind in named_situations()[id].kinds:
            found = compare_one(one(stand, id, kind), named_situations()[id], model, profile)
            assert found.result in ("agree", "explained"), (id, kind, found.fields)


def test_the_program_does_what_was_recorded_of_it(stand: RealStand) -> None:
    if stand.program.profile.name != "4.96-debian12":
        pytest.skip(f"the recording is of 4.96-debian12, the program is {stand.program.profile.name}")
    stable = (record for record in read_records(RECORDED) if record.stable)
    certain = [record for record in stable if choices(named_situations()[record.id]) == 1]
    assert len(certain) > 1200
    for record in certain[5::_EVERY]:
        assert one(stand, record.id, record.kind).as_json() == {**record.as_json(), "params": {}}


def test_a_crash_is_a_result(stand: RealStand) -> None:
    if stand.program.profile.name != "4.96-debian12":
        pytest.skip("this is a mistake of 4.96")
    assert one(stand, "E022", "delivery").outcome == "defer-1!crash"


def test_a_program_that_hangs_is_a_result(stand: RealStand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real, "RUN_SECONDS", 0.0)
    assert one(stand, "A001", "callout").seen.exit == "timeout"
    monkeypatch.undo()
    assert one(stand, "A001", "callout").seen.exit == 0


def test_one_situation_leaves_nothing_for_the_next(stand: RealStand) -> None:
    first = one(stand, "A001", "delivery")
    for id in ("B001", "E022", "A002"):
        one(stand, id, "delivery")
    assert one(stand, "A001", "delivery") == first


def test_several_processes_give_the_same_records(exim: Path, certificates: Path) -> None:
    tasks = [(named_situations()[id], "delivery") for id in ("A001", "K020", "E022", "B017", "K001")]
    alone, together = (list(run_all(exim, certificates, tasks, jobs, times=2)) for jobs in (1, 2))
    assert alone == together
    assert all(record.stable for record in alone)


@pytest.mark.parametrize("seconds", [0.3, 1.5])
def test_a_comparison_that_is_killed_leaves_no_process_of_any_kind(exim: Path, seconds: float) -> None:
    words = ["compare", "--exim", str(exim), "--random", "9999", "--seed", "1", "--jobs", "2"]
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from eximsim.cli import main; main()"
    mounts = Path("/proc/self/mountinfo").read_text()
    assert all_end_after_kill([sys.executable, "-c", program, *words], seconds)
    assert Path("/proc/self/mountinfo").read_text() == mounts
    before = set(Path(tempfile.gettempdir()).glob("eximsim-certificates-*"))
    with own_certificates() as folder:
        kept = set(Path(tempfile.gettempdir()).glob("eximsim-certificates-*"))
        assert all(in_use(path) for path in kept - before - {folder})


def in_use(folder: Path) -> bool:
    """Whether whoever made a folder of certificates lives, or has just begun."""
    lock = folder / "in-use"
    return (
        not lock.exists() or subprocess.run(["flock", "-n", str(lock), "true"], check=False).returncode != 0
    )


_MAKER = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from eximsim.suite.real_runs import own_certificates
with own_certificates() as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("killed", [True, False])
def test_certificates_are_removed_by_the_next_if_their_maker_was_killed(killed: bool) -> None:
    command = ["unshare", "--fork", "--pid", "--kill-child", sys.executable, "-c", _MAKER]
    if os.getuid():
        command.insert(1, "--map-root-user")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout is not None
        theirs = Path(maker.stdout.readline().strip())
        if killed:
            maker.kill()
            assert maker.stdout.read() == ""  # all of them have ended
        with own_certificates() as ours:
            assert ours != theirs
            assert theirs.exists() is not killed
        assert not ours.exists()
