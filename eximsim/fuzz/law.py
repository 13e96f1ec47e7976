"""What a law is: a promise, where it comes from, when it applies, and how a run breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from eximsim.fuzz.run import Run
from eximsim.fuzz.variations import Varied, Vary
from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """How a run breaks a law: in words, and the number of the decision that did it (None: no single one)."""

    explanation: str
    decision: int | None = None


Check = Callable[[Run], Iterable[Fault]]
Compare = Callable[[Run, Run, Varied], Iterable[Fault]]


def _always(_: Run) -> bool:
    return True


def _nothing(_: Run) -> Iterable[Fault]:
    return ()


def _no_difference(_run: Run, _other: Run, _varied: Varied) -> Iterable[Fault]:
    return ()


@dataclass(frozen=True, slots=True)
class Law:
    """A promise that must hold in every run to which it applies.

    ``promise`` is one sentence, ``reference`` where it comes from, ``when`` the condition ``applies`` in
    words. A law looks at one run (``check``), or compares it with that of a situation that differs in the
    respect ``varies`` (``compare``).
    """

    id: str
    promise: str
    reference: str
    when: str = "always"
    applies: Callable[[Run], bool] = _always
    check: Check = _nothing
    varies: Vary | None = None
    compare: Compare = _no_difference
