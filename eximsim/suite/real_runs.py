"""Many situations on a real program, in several processes, each with a namespace of its own."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing import resource_tracker
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from eximsim.errors import CouldNotLook
from eximsim.profiles import Profile
from eximsim.subjects.namespace import end_with_parent
from eximsim.subjects.program import Program
from eximsim.subjects.resources import check_limits
from eximsim.suite.real import RealStand
from eximsim.suite.recording import Record, Situation
from eximsim.suite.replay import Replayed
from eximsim.trace import Trace
from eximsim.world.certificates import save_chains, standard_chains

_AHEAD = 8
"""How many situations each process has waiting for it."""

_T = TypeVar("_T")

_PREFIX = "eximsim-certificates-"
_LOCK = "in-use"
_BEGINNING_SECONDS = 600.0

Task = tuple[Situation, str]
"""A situation and the kind in which it is run."""


@contextmanager
def own_certificates() -> Iterator[Path]:
    """A folder of new chains with their keys, while it is needed.

    Whoever made it holds a lock in it for as long as it lives, so that the next one knows what a killed one
    left, also where several containers, each with numbers of its own for processes, share a folder.
    """
    _remove_orphans(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name, open(Path(name, _LOCK), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        save_chains(standard_chains(), Path(name))
        yield Path(name)


def _remove_orphans(folder: Path) -> None:
    for path in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # it is another user's, in use, or gone
            if path.stat().st_uid == os.getuid() and _is_orphan(path):
                shutil.rmtree(path)


def _is_orphan(path: Path) -> bool:
    """Whether nobody needs the folder; raises ``OSError`` if somebody does."""
    try:
        with open(path / _LOCK) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:  # its maker was killed at once, or has just begun
        return time.time() - path.stat().st_mtime > _BEGINNING_SECONDS
    return True


def run_all(
    exim: Path, certificates: Path, tasks: Iterable[Task], jobs: int = 1, times: int = 1
) -> Iterator[Record]:
    """Run every situation ``times`` times, in order; a record is stable if all its runs were the same."""
    if jobs == 1:
        with RealStand(exim, certificates) as stand:
            for situation, kind in tasks:
                yield _record(stand, situation, kind, times)
        return
    check_limits()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _enter, (exim, certificates)) as pool:
        waiting: deque[Future[Record]] = deque()
        try:
            for situation, kind in tasks:
                waiting.append(submitted(pool, _run, situation, kind, times))
                if len(waiting) >= jobs * _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise CouldNotLook("a process that ran the program has died; somebody killed it") from None
        finally:
            pool.shutdown(cancel_futures=True)


def submitted(pool: ProcessPoolExecutor, work: Callable[..., _T], *given: object) -> Future[_T]:
    """``pool.submit()``; a process that it spawns is not told of an interrupt until it unblocks it.

    Otherwise each one that is still importing would end with a traceback of its own.
    """
    resource_tracker.ensure_running()  # to be first: when begun, it unblocks what is blocked here
    was = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(work, *given)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, was)


class Again:
    """A real program in the place of the model, when its first run in each situation is known already.

    A context manager; ``program`` is what it is. Where the first run will not do (Exim may choose by chance),
    the program is run again.
    """

    def __init__(self, exim: Path, certificates: Path) -> None:
        self._stand = RealStand(exim, certificates)
        self._first: Record | None = None

    def __enter__(self) -> Self:
        self._stand.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stand.__exit__(kind, error, trace)

    @property
    def program(self) -> Program:
        """The program."""
        return self._stand.program

    def after(self, first: Record) -> Self:
        """The next situation, and what the program did in it first."""
        self._first = first
        return self

    def replay(
        self, situation: Situation, kind: str, profile: Profile, seed: int = 0, later: int | None = None
    ) -> Replayed:
        """A run of the program; profile and chance are its own affair."""
        if seed or self._first is None:
            return self._stand.replay(situation, kind)
        return Replayed(self._first.seen, self._first.outcome, self._first.queuerun, Trace())


def _record(stand: RealStand, situation: Situation, kind: str, times: int) -> Record:
    first, *others = (stand.replay(situation, kind) for _ in range(times))
    return Record(
        release=stand.program.profile.name,
        tls=stand.program.tls,
        id=situation.id,
        kind=kind,
        outcome=first.outcome,
        stable=all(other == first for other in others),
        seen=first.seen,
        queuerun=first.queuerun,
        params=situation.params,
    )


# ---- in the processes ----------------------------------------------------------------------------------

_stand: RealStand
_open = ExitStack()


def _enter(exim: Path, certificates: Path) -> None:
    global _stand
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent sees to an interrupt
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    end_with_parent()
    _stand = _open.enter_context(RealStand(exim, certificates))


def _run(situation: Situation, kind: str, times: int) -> Record:
    return _record(_stand, situation, kind, times)
