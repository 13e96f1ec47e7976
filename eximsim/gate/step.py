"""A single step from one policy to another: what it is, and how a policy looks after it."""

from __future__ import annotations

from collections.abc import Callable

from eximsim.gate.report import Cause
from eximsim.mta.base.tables import shown
from eximsim.quick_dataclass import dataclass
from eximsim.suite.policy import Policy


@dataclass(frozen=True, slots=True)
class Toggle:
    """One step. ``switch`` names the switch of the release that it sets, if it sets one; ``driver`` the only
    router or transport that it changes.

    Steps that set switches are taken before others: they change how the configuration is read. ``rest``: it
    takes in what others do, and is a cause only where these do not explain a change.
    """

    cause: Cause
    apply: Callable[[Policy], Policy]
    switch: str | None = None
    driver: str | None = None
    rest: bool = False


def told(value: object) -> str:
    """The value of an option, in words: ``not set``, ``'*'``, ``true``."""
    return "not set" if value is None else repr(value) if isinstance(value, str) else shown(value)
