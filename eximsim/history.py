"""How a switch is written down: its default, where Exim has it, and the commits that changed it.

``switches.py`` has all switches. Releases (``profiles.py``), the programs of older source trees
(``suite/exim_history.py``), the pages of the documentation and the causes that the gate names are made from
it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, fields
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

from eximsim.quick_dataclass import dataclass

T = TypeVar("T")


class Turned(Enum):
    """The type of ``TURNED``."""

    TURNED = "the other value"


TURNED = Turned.TURNED
"""As the value of a step: the opposite of what a switch of yes and no was before."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a switch.

    ``release`` is the first profile that has it; on a branch of fixes another commit brought the same to an
    earlier one (``picks``: profile by commit). ``published`` is the release of Exim that had it first, where
    that is no profile. Without a ``commit`` it was measured, and is the doing of none.
    """

    release: str
    commit: str
    value: object
    item: str = ""
    """The item of Exim's ChangeLog, the number of the bug."""
    picks: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    published: str = ""

    @property
    def releases(self) -> tuple[str, ...]:
        """The profiles that first have it, each on its line, the oldest first."""
        return (*self.picks.values(), self.release)

    def origin(self, release: str) -> str:
        """Where the change came from for one of ``releases``: ``4b0fe3193 (4.88 JH/03)``."""
        commit = next((commit for commit, name in self.picks.items() if name == release), self.commit)
        published = self.published or release.partition("-")[0].partition("+")[0]
        return f"{commit} ({' '.join((published, *([self.item] if self.item else [])))})"


@dataclass(frozen=True, slots=True)
class Switch:
    """What is known of a switch besides its words: where Exim has it, and its history, oldest first."""

    where: str
    steps: tuple[Step, ...]


def since(
    release: str,
    commit: str,
    value: object = TURNED,
    *,
    item: str = "",
    picks: Mapping[str, str] = MappingProxyType({}),
    published: str = "",
    adds: tuple[str, ...] = (),
) -> Step:
    """A change that a commit made; ``adds`` is what it adds to a set."""
    return Step(
        release, commit, frozenset(adds) if adds else value, item, MappingProxyType(dict(picks)), published
    )


def measured(release: str, value: object) -> Step:
    """A change that no commit meant to make."""
    return Step(release, "", value)


def switch(default: T, where: str, *steps: Step) -> T:
    """A field of ``Profile``: the value that 4.85 has, where Exim has it, and what changed it."""
    metadata = {"switch": Switch(where, tuple(_settled(default, steps)))}
    made: T = field(default=default, metadata=metadata)
    return made


def _settled(value: object, steps: tuple[Step, ...]) -> Iterator[Step]:
    """The steps, each with the value that it leads to."""
    for step in steps:
        if step.value is TURNED:
            value = not value
        elif isinstance(value, frozenset) and isinstance(step.value, frozenset):
            value |= step.value
        else:
            value = step.value
        yield Step(step.release, step.commit, value, step.item, step.picks, step.published)


@cache
def switches_of(record: type[Any]) -> Mapping[str, Switch]:
    """The switches of a profile by name, in the order in which they are written down."""
    found = {one.name: one.metadata["switch"] for one in fields(record) if "switch" in one.metadata}
    return MappingProxyType(found)
