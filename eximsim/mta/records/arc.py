"""What is known of the ARC chain of an incoming message (src/miscmods/arc.c)."""

from __future__ import annotations

from eximsim.quick_dataclass import dataclass


@dataclass(slots=True)
class ArcResults:
    """How ``verify = arc`` ended for the message; ``state`` is None until it was asked.

    ``instance`` is the highest of the chain, 0 if the chain is not whole, ``selector`` that of its signature.
    """

    state: str | None = None
    reason: str | None = None
    instance: int = 0
    selector: str = ""
