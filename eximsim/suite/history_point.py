"""One point of the program's history, and by what a tree shows that it has reached it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Self

from eximsim.profiles import changes_of
from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Marker:
    """A text that ``file`` (its path seen from ``test/``) holds from the point on, maybe not for ever."""

    file: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the program's history: a commit that changed switches, or that a tree can be told by.

    ``release`` is the profile in whose making it was, ``picks`` the commits that brought the same to
    another's fixes branch; ``before`` the switches as they were until then. ``marker`` lies in ``test/``;
    ``beside`` is nearer, but outside ``test/``, and counts where its file is there. A commit that changed
    nothing in ``test/`` but goldens has the marker of a neighbour. ``always``: a tree older than this has it
    undone even if the release was chosen by hand.
    """

    commit: str
    release: str
    before: Mapping[str, object] = field(default_factory=dict)
    marker: Marker | None = None
    beside: Marker | None = None
    picks: Mapping[str, str] = field(default_factory=dict)
    always: bool = False

    @classmethod
    def of(
        cls,
        commit: str,
        marker: tuple[str, str] | None = None,
        *,
        beside: tuple[str, str] | None = None,
        release: str = "",
        always: bool = False,
    ) -> Self:
        """A point; what the commit changed, and in the making of which release, the switches know."""
        changes = changes_of(commit)
        steps = [step for step, _ in changes.values()]
        return cls(
            commit,
            steps[0].release if steps else release,
            MappingProxyType({name: before for name, (_, before) in changes.items()}),
            Marker(*marker) if marker else None,
            Marker(*beside) if beside else None,
            steps[0].picks if steps else {},
            always,
        )

    @property
    def releases(self) -> tuple[str, ...]:
        """The profiles in whose making it was, the oldest first."""
        return (*self.picks.values(), self.release)
