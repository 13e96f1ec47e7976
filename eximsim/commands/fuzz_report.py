"""What ``eximsim fuzz`` shows: progress, the story of each counterexample, and what was searched."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eximsim.errors import Gap, InputError
from eximsim.visible import visible, visible_lines

if TYPE_CHECKING:
    from eximsim.fuzz.baseline import Entry
    from eximsim.fuzz.hold_laws import Broken
    from eximsim.fuzz.scenario import Scenario
    from eximsim.fuzz.search import Searched, Target


class Teller:
    """Tells each broken law once, as a story or as JSON; ``save`` is where the first one is written to."""

    def __init__(self, as_json: bool, save: Path | None) -> None:
        self.laws: list[str] = []
        self.entries: set[Entry] = set()
        self._as_json, self._save = as_json, save
        self._scenarios = 0
        self._gaps: tuple[Gap, ...] = ()
        self._unsupported: Counter[str] = Counter()
        self._began = time.perf_counter()

    def tell(self, scenario: Scenario, broken: Sequence[Broken], how: str) -> None:
        """Tell how a scenario breaks the one law that it names; ``broken`` is all that it breaks."""
        from eximsim.fuzz.story import story

        (law,) = scenario.laws
        mine = [one for one in broken if one.law.id == law][:1]
        self.laws.append(law)
        self.entries.add(mine[0].entry)
        if self._as_json:
            click.echo(json.dumps(_told(scenario, mine[0], how)))
        else:
            click.echo("\n".join([*map(visible_lines, story(scenario, mine)), f"({how})", ""]))
        if self._save is not None:
            _write(scenario, mine[0], self._save)
            self.say(f"written to {self._save}: eximsim run --suite {self._save}")
            self._save = None

    @property
    def is_blind(self) -> bool:
        """Whether something could not be judged."""
        return bool(self._unsupported or self._gaps)

    def miss(self, gaps: tuple[Gap, ...]) -> None:
        """Note what no scenario has, and something depends on."""
        self._gaps = gaps

    def say(self, text: str) -> None:
        """A remark, where it does not get between objects for machines."""
        click.echo(text, err=self._as_json)

    def count(self, searched: Searched) -> None:
        """Note what was searched."""
        self._scenarios += searched.scenarios
        self._unsupported.update(searched.unsupported)

    def finish(self, target: Target) -> None:
        """Sum up."""
        seconds = time.perf_counter() - self._began
        for gap in self._gaps:
            self.say(f"could not look: {visible(str(gap))}")
        for item, number in self._unsupported.most_common():
            self.say(f"not modelled, and not judged: {item} ({number} scenarios)")
        broken = ", ".join(self.laws) or "none"
        self.say(f"{self._scenarios} scenarios in {seconds:.0f} s under {target.program}; broken: {broken}")


def _told(scenario: Scenario, broken: Broken, how: str) -> dict[str, object]:
    from eximsim.fuzz.scenario import situation_json

    number = broken.decision
    return {
        "law": broken.law.id,
        "promise": broken.law.promise,
        "reference": broken.law.reference,
        "explanation": broken.explanation,
        "variation": broken.variation,
        "program": str(scenario.program),
        "kind": scenario.kind,
        "how": how,
        "situation": situation_json(scenario.situation),
        "decision": None if number is None else str(broken.run.decisions[number]),
        "log": [line for seen in broken.run.seen for line in seen.log],
        "replay": scenario.line(),
    }


def _write(scenario: Scenario, broken: Broken, folder: Path) -> None:
    """Write a counterexample as a test, with what the model does as its goldens."""
    from eximsim.profiles import profile
    from eximsim.storage import whole_folder
    from eximsim.suite.project import ProjectSuite
    from eximsim.suite.real_runs import own_certificates
    from eximsim.suite.replay_folder import write_artefact
    from eximsim.suite.runner import Setting, run_test

    if scenario.profile != profile(scenario.profile.name) or scenario.program.patches:
        raise InputError(f"--save writes tests for releases as they are, not for {scenario.program}")
    about = [
        f"broken: {broken.law.id}",
        broken.law.promise,
        broken.explanation,
        f"eximsim fuzz --replay {scenario.line()}",
    ]
    with whole_folder(folder) as new:
        with own_certificates() as certificates:
            write_artefact(scenario.situation, new, certificates, scenario.profile.name, about)
        source = ProjectSuite(new)
        for case in source.tests():
            done = run_test(source, case, Setting(scenario.profile))
            source.store(case, scenario.profile, done.texts)


@contextmanager
def watched(most: int) -> Iterator[Callable[[Searched], None]]:
    """A progress bar on a terminal; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("searching", total=most)

        def watch(searched: Searched) -> None:
            progress.update(task, advance=searched.scenarios, description=str(searched.part))

        yield watch
