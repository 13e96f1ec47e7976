"""One point of the program's history, and by what a tree shows that it has reached it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

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

    @property
    def releases(self) -> tuple[str, ...]:
        """The profiles in whose making it was, the oldest first."""
        return (*self.picks.values(), self.release)
