"""The last net under bounds: what Python itself gives up at is told as something that is not modelled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eximsim.errors import Unsupported

_DIGITS = "Exceeds the limit"
"""How the words begin with which ``int()`` refuses more than 4,300 digits."""


BEYOND = (RecursionError, MemoryError, ValueError)
"""What ``beyond`` knows."""


def beyond(error: Exception, what: str) -> Unsupported | None:
    """What to raise instead if recursion, memory or a number had no end; ``what`` is what was being done."""
    if isinstance(error, RecursionError):
        return Unsupported(f"{what} nested this deeply")
    if isinstance(error, MemoryError):
        return Unsupported(f"{what} that needs more memory than there is")
    if isinstance(error, ValueError) and str(error).startswith(_DIGITS):
        return Unsupported(f"{what} with a number of more than 4,300 digits")
    return None


@contextmanager
def within_bounds(what: str) -> Iterator[None]:
    """Raise ``Unsupported`` where ``beyond`` knows what to raise."""
    try:
        yield
    except BEYOND as error:
        unsupported = beyond(error, what)
        if unsupported is None:
            raise
        raise unsupported from None
