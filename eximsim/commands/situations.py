"""What ``compare`` and ``record`` have in common: which known situations are meant, and where they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from eximsim.commands.run import default_folder
from eximsim.errors import InputError
from eximsim.quick_dataclass import dataclass
from eximsim.suite.recording import Situation, read_situations
from eximsim.suite.scenarios import Scenario, read_scenarios

_F = TypeVar("_F", bound=Callable[..., object])

exim_option = click.option(
    "--exim", metavar="PATH", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A real Exim program; it runs as it is, in a private namespace.",
)  # fmt: skip
jobs_option = click.option(
    "--jobs", type=click.IntRange(1, 256), default=1, show_default=True, metavar="N",
    help="How many processes run the program at the same time.",
)  # fmt: skip


def choice_options(function: _F) -> _F:
    """``--scenarios``, ``--group`` and ``--kind``."""
    for option in (
        click.option("--kind", "kinds", multiple=True, type=click.Choice(["delivery", "callout"]),
                     help="Only this kind."),
        click.option("--group", "groups", multiple=True,
                     help="Only situations of this group; repeatable."),
        click.option("--scenarios", type=click.Path(path_type=Path, dir_okay=False),
                     help="The situations. Default: scenarios.jsonl.gz beside the recording, or ours."),
    ):  # fmt: skip
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class Choice:
    """What of a file is meant; nothing given means everything."""

    ids: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def takes(self, id: str, kind: str) -> bool:
        """Whether a situation of this id, run in this kind, is meant."""
        return (
            (not self.ids or id in self.ids)
            and (not self.groups or id[:1] in self.groups)
            and (not self.kinds or kind in self.kinds)
        )

    def tasks(self, situations: dict[str, Situation], path: Path) -> list[tuple[Situation, str]]:
        """Every situation of a file that is meant, with each of its kinds; raises ``InputError`` for none."""
        unknown = [id for id in self.ids if id not in situations]
        if unknown:
            raise InputError(f"no situation {unknown[0]!r} here", str(path))
        found = [
            (situation, kind)
            for situation in situations.values()
            for kind in situation.kinds
            if self.takes(situation.id, kind)
        ]
        if not found:
            raise InputError("no situation matches what was asked for", str(path))
        return found


def scenario_file(given: Path | None, recorded: Path | None = None) -> Path:
    """The file of situations that goes with a recording; raises ``InputError``."""
    if given is not None:
        return given
    beside = recorded and recorded.parent / "scenarios.jsonl.gz"
    if beside is not None and beside.is_file():
        return beside
    return default_folder() / "recordings" / "scenarios.jsonl.gz"


def nameable(path: Path) -> dict[str, Situation]:
    """The situations of a file, with the names of the certificates beside it instead of their octets."""
    from eximsim.suite.name_certificates import symbolic
    from eximsim.world.certificates import load_chains

    certificates = path.parent / "certs"
    situations = read_situations(path)
    if not certificates.is_dir():
        return situations
    chains = load_chains(certificates)
    return {id: symbolic(situation, chains) for id, situation in situations.items()}


def meant(path: Path, ids: tuple[str, ...], groups: tuple[str, ...]) -> list[Scenario]:
    """The scenarios that are meant; a group is the first word of an id."""
    known = read_scenarios(path)
    if unknown := [id for id in ids if id not in known]:
        raise InputError(f"no scenario {unknown[0]!r} here", str(path))
    found = [
        one for one in known.values() if (not ids or one.id in ids) and (not groups or one.group in groups)
    ]
    if not found:
        raise InputError("no scenario matches what was asked for", str(path))
    return found
