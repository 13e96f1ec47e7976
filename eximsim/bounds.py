"""The last net under bounds: what Python itself gives up at is told as something that is not modelled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from eximsim.errors import Unsupported

_PATIENCE = 5.0


class Patience:
    """Seconds of processor time for what cannot be counted in steps, in all of one run."""

    def __init__(self) -> None:
        self._left = _PATIENCE
        self._began = 0.0

    @contextmanager
    def spending(self) -> Iterator[None]:
        """What is done within is what costs."""
        self._began = time.process_time()
        try:
            yield
        finally:
            self._left -= time.process_time() - self._began

    def is_over(self) -> bool:
        """Whether what is being done has taken too long."""
        return time.process_time() - self._began > self._left


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
