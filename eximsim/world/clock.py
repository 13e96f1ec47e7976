"""The world's time: a fixed start, and a hand that moves only when somebody waits."""

from __future__ import annotations

from eximsim.quick_dataclass import dataclass

START = 1798761600.0
"""Where every clock starts unless the scenario says otherwise: 2027-01-01 00:00:00 UTC."""


@dataclass(slots=True)
class VirtualClock:
    """Seconds since the epoch, UTC; it never goes back."""

    time: float = START

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass; a negative number is a mistake of the caller (``ValueError``)."""
        if seconds < 0:
            raise ValueError(f"time cannot go back by {-seconds} seconds")
        self.time += seconds

    def advance_to(self, time: float) -> None:
        """Let time pass until ``time``, or none if that moment is over."""
        self.time = max(self.time, time)
