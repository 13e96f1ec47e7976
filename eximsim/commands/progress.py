"""How far an exploration has come, with the time that is left: on a terminal, not in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

from eximsim.gate.memory import Watch

if TYPE_CHECKING:
    from rich.progress import Progress

_RUNS: Mapping[int, int] = MappingProxyType({1: 300, 2: 3_000, 3: 12_000})
"""So many runs an exploration takes, about, by the number of hosts."""

_SHOWN_EVERY = 25


class Shown(Watch):
    """Moves a bar; an exploration that takes longer than others stays just below its end."""

    def __init__(self, progress: Progress, hosts: int) -> None:
        self._progress, self._expected = progress, _RUNS[hosts]
        self._task = progress.add_task("exploring", total=None)
        self._done = self._runs = 0

    def planned(self, explorations: int) -> None:
        """See ``Watch``."""
        self._progress.update(self._task, total=explorations)

    def run(self) -> None:
        """See ``Watch``; the bar is moved now and then."""
        self._runs += 1
        if self._runs % _SHOWN_EVERY == 0:
            part = min(self._runs / self._expected, 0.95)
            self._progress.update(self._task, completed=self._done + part)

    def explored(self) -> None:
        """See ``Watch``."""
        self._done, self._runs = self._done + 1, 0
        self._progress.update(self._task, completed=self._done)


@contextmanager
def exploring(hosts: int) -> Iterator[Watch]:
    """A bar for explorations with so many hosts, while they are made."""
    if not sys.stderr.isatty():
        yield Watch()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Shown(progress, hosts)
