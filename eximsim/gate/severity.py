"""What a change means, by what happens to the mail: one table of words for every report, page and command."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """How a severity is told.

    ``mail`` and ``callout`` are its words for a delivery and for a callout; ``key`` is what ``--fail-on``
    calls it; ``sign`` is told apart by its shape alone; ``meaning`` is one sentence.
    """

    key: str
    mail: str
    callout: str
    sign: str
    meaning: str


class Severity(Enum):
    """What a change means for the mail; worst first. The value is its words for a delivery."""

    LESS = "delivered with less protection"
    DIES = "dies"
    BOUNCED = "delivered before, now bounced"
    HELD = "delivered before, now held back"
    RELEASED = "held back or bounced before, now delivered"
    GIVEN_UP = "held back before, now bounced"
    PUT_OFF = "bounced before, now held back"
    ELSEWHERE = "delivered to another host"
    MORE = "delivered with more protection"
    WORDS = "words only"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)

    @property
    def told(self) -> Told:
        """Its words."""
        return TOLD[self]

    @property
    def key(self) -> str:
        """Its short name: ``less``, ``given-up``."""
        return TOLD[self].key

    def words(self, kind: str = "delivery") -> str:
        """What is said of it in a delivery, or in a callout."""
        return TOLD[self].callout if kind == "callout" else self.value


def _told(severity: Severity, key: str, sign: str, callout: str, meaning: str) -> tuple[Severity, Told]:
    return severity, Told(key, severity.value, callout, sign, meaning)


TOLD: Mapping[Severity, Told] = MappingProxyType(
    dict(
        (
            _told(
                Severity.LESS, "less", "✗", "accepted, asked with less protection",
                "It still goes out, but less well protected than before.",
            ),
            _told(
                Severity.DIES, "dies", "†", "dies",
                "Exim's process dies, or nobody can say what it does.",
            ),
            _told(
                Severity.BOUNCED, "bounced", "▼", "accepted before, now refused",
                "It went out before, and goes back to its sender now. A callout refuses the recipient.",
            ),
            _told(
                Severity.HELD, "held", "‖", "accepted before, now put off",
                "It went out before, and stays in the queue now. A callout tells the client to try again.",
            ),
            _told(
                Severity.RELEASED, "released", "▲", "put off or refused before, now accepted",
                "It did not go out before, and does now: check that nothing was there to be kept back.",
            ),
            _told(
                Severity.GIVEN_UP, "given-up", "▽", "put off before, now refused",
                "It did not go out before, and goes back to its sender now instead of being tried again.",
            ),
            _told(
                Severity.PUT_OFF, "put-off", "△", "refused before, now put off",
                "It did not go out before either, and is tried again now instead of going back.",
            ),
            _told(
                Severity.ELSEWHERE, "elsewhere", "→", "accepted, asked at another host",
                "It goes out as well protected as before, but another host takes it.",
            ),
            _told(
                Severity.MORE, "more", "✓", "accepted, asked with more protection",
                "It goes out as before, better protected.",
            ),
            _told(
                Severity.WORDS, "words", "≈", "words only",
                "The same happens; what Exim says or logs of it is not the same.",
            ),
        )
    )
)  # fmt: skip
"""All severities with their words, worst first."""

STOPS = (Severity.DIES, Severity.BOUNCED, Severity.HELD)
"""Mail that went out before, and does not now."""

FAILING: tuple[Severity, ...] = tuple(one for one in Severity if one not in (Severity.MORE, Severity.WORDS))
"""What makes the exit code 1 unless somebody says otherwise: all but better protection and other words."""

FAIL_ON: Mapping[str, tuple[Severity, ...]] = MappingProxyType(
    {
        "default": FAILING,
        "any": tuple(Severity),
        "none": (),
        "security": (Severity.LESS, Severity.DIES, Severity.RELEASED),
        "stops": STOPS,
        "reachability": tuple(one for one in FAILING if one is not Severity.PUT_OFF),
        **{one.key: (one,) for one in Severity},
    }
)
"""What ``--fail-on`` takes: a name for several severities, or the key of one."""
