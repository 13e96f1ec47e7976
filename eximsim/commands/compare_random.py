"""``eximsim compare --random``: the model and another program in situations made at random."""

from __future__ import annotations

import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from eximsim.profiles import Profile
from eximsim.profiles import profile as profile_named
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.fuzz.differential import Bout, Contest, Difference
    from eximsim.suite.compare import Comparison

_T = TypeVar("_T")
_SEEDS = 1 << 32

WORDS = ("program", "modelled")
"""What the two are called."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was asked for: how many situations, made from which seed, in how many processes, kept where."""

    count: int
    seed: int | None
    jobs: int
    keep: Path


def compare_random(
    drawn: Drawn,
    exim: Path | None,
    against: str | None,
    profile: str | None,
    add: Callable[[Comparison], None],
) -> Iterator[Difference]:
    """Compare in random situations and hand each result to ``add``; then the differences, made smaller.

    The other program is a real one, or the model under ``against``. Each difference has been written to a
    folder of its own below ``drawn.keep``. Raises ``InputError``.
    """
    from eximsim.fuzz.differential import Bout, Contest, ModelRival, RealRival
    from eximsim.subjects.exim import program_at
    from eximsim.suite.real_runs import own_certificates
    from eximsim.suite.replay import Stand

    seed = secrets.randbelow(_SEEDS) if drawn.seed is None else drawn.seed
    click.echo(f"seed {seed}", err=True)
    with ExitStack() as stack:
        certificates = stack.enter_context(own_certificates())
        stand = Stand(certificates)
        if exim is not None:
            theirs = program_at(exim).profile
            rival: ModelRival | RealRival = RealRival(exim, certificates, theirs)
        else:
            assert against is not None
            theirs = profile_named(against)
            rival = ModelRival(stand, theirs)
        ours = theirs if profile is None else profile_named(profile)
        contest = Contest(stand, ours, rival, seed)
        differing = list(_play(contest, drawn, add))
        for found in _watched(contest.settle(differing), None, "looking into differences"):
            if isinstance(found, Bout):
                add(found.found)
                continue
            _write(found, drawn.keep, certificates, exim, ours, theirs)
            for bout in differing:
                if bout.made.value.id in found.ids:
                    add(bout.found)
            yield found


def _play(contest: Contest, drawn: Drawn, add: Callable[[Comparison], None]) -> Iterator[Bout]:
    """The bouts that differ; the others are added, and all are counted."""
    kinds: Counter[str] = Counter()
    began = time.perf_counter()
    for bout in _watched(contest.play(drawn.count, drawn.jobs), drawn.count, "comparing"):
        situation = bout.made.value
        kinds["callouts"] += situation.kinds == ("callout",)
        kinds["queue runs"] += situation.queuerun is not None
        if bout.differs or bout.by_chance:
            yield bout
        else:
            add(bout.found)
    speed = drawn.count / (time.perf_counter() - began)
    made = f"{kinds['callouts']} callouts, {kinds['queue runs']} deliveries with a queue run"
    click.echo(f"{drawn.count} situations: {made}; {speed:.1f} a second", err=True)


def _watched(items: Iterable[_T], total: int | None, doing: str) -> Iterator[_T]:
    """The items, with a progress bar if somebody is there to see it."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, doing, total, console=Console(stderr=True), transient=True)


def _first_lines(found: Comparison) -> list[str]:
    """What differs first, in all runs."""
    from eximsim.suite.compare import differences

    record, ours = found.record, found.replayed
    if ours is None:
        return [f"not modelled: {found.rule}"]
    lines = differences(record.seen, ours.seen, WORDS)
    if record.queuerun is not None and ours.queuerun is not None:
        lines += differences(record.queuerun, ours.queuerun, WORDS)
    return lines


def _write(
    found: Difference, keep: Path, certificates: Path, exim: Path | None, ours: Profile, theirs: Profile
) -> None:
    """Write the smallest situation, with what the program did as the test's golden."""
    from eximsim.storage import whole_folder
    from eximsim.suite.project import ProjectSuite
    from eximsim.suite.replay_folder import write_artefact
    from eximsim.suite.runner import MODEL, Setting, run_test

    folder = keep / found.situation.id
    program = theirs.name if exim is None else str(exim)
    about = [f"A difference between the model and {program}", *_first_lines(found.found)]
    subject = MODEL if exim is None else f"exim:{exim.absolute()}"
    with whole_folder(folder) as new:
        write_artefact(found.situation, new, certificates, ours.name, about)
        source = ProjectSuite(new)
        for case in source.tests():
            done = run_test(source, case, Setting(theirs, subject=subject))
            source.store(case, ours, done.texts)
