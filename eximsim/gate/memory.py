"""What is known of policies from one survey to the next, and who is told how far an exploration has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import field

from eximsim.errors import Gap
from eximsim.gate.diagram import Forest, Way
from eximsim.quick_dataclass import dataclass
from eximsim.suite.policy import Policy

Key = tuple[str, str | None, tuple[str, ...], tuple[str, ...], str, int, tuple[str, ...], str, str]
"""What a scene is about, whatever addresses its hosts have."""

Lively = tuple[Key, tuple[str, ...], bool]
"""A scene, what its servers can offer, and whether configurations ask questions of their own."""

Asked = tuple[str, ...]
"""What verifies by callout, and how; nothing for a delivery."""


@dataclass(frozen=True, slots=True)
class Explored:
    """The outcomes of a policy in a view, and the routers and transports that a run came to there.

    ``met`` is None where that is not known. ``files`` are those that the policy's runs had asked for by then.
    """

    way: Way
    met: frozenset[str] | None
    files: tuple[str, ...] = ()


class Watch:
    """Is told how far an exploration has come; this one does not care."""

    def planned(self, explorations: int) -> None:
        """So many explorations are to be made."""

    def run(self) -> None:
        """The model was run once more."""

    def explored(self) -> None:
        """An exploration has come to its end."""


@dataclass(slots=True)
class Memory:
    """What is known of policies, for several surveys that they are in.

    Policies are told apart as objects, and those that were seen are ``kept``. ``busy`` are the scenes in
    which one of them sends out more than one message, so that others probably do, too. ``given_up`` is how
    many runs of a policy were too much, ``slow`` how many seconds its slow runs took in all, ``taken``
    which of its routers have taken mail. ``watch`` is told how far it has come.
    """

    watch: Watch = field(default_factory=Watch)

    forest: Forest = field(default_factory=Forest)
    explored: dict[tuple[int, Lively, Asked], Explored] = field(default_factory=dict)
    signatures: dict[tuple[int, Lively, int], Hashable] = field(default_factory=dict)
    gaps: dict[int, dict[Gap, None]] = field(default_factory=dict)
    busy: set[tuple[Lively, Asked]] = field(default_factory=set)
    kept: list[Policy] = field(default_factory=list)
    given_up: Counter[int] = field(default_factory=Counter)
    slow: dict[int, float] = field(default_factory=dict)
    taken: dict[int, set[str]] = field(default_factory=dict)

    def took(self, policy: int, seconds: float) -> None:
        """A run of the policy took so long: what is slow by itself cannot be made thousands of times."""
        if seconds > _SLOW:
            self.slow[policy] = self.slow.get(policy, 0) + seconds

    def has_taken(self, policy: int, routers: Iterable[str]) -> None:
        """Routers of the policy have taken mail."""
        self.taken.setdefault(policy, set()).update(routers)

    def has_time_for(self, policy: int) -> bool:
        """Whether slow runs have left some."""
        return self.slow.get(policy, 0) < ALL_SLOW


_SLOW = 2
"""A run of more seconds is slow; others take some thousandths."""
ALL_SLOW = 20
"""When slow runs have taken so many seconds of one policy, no more are made."""
