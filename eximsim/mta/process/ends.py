"""How a process ends before its time: what the model raises for that."""

from __future__ import annotations


class ProcessDied(Exception):
    """The real process dies here of ``signal``: an outcome of its own, not an error of the model."""

    def __init__(self, signal: int) -> None:
        self.signal = signal
        super().__init__(f"terminated by signal {signal}")


class PanicDie(Exception):
    """The real process has written ``message`` to main and panic log and ends in failure (LOG_PANIC_DIE)."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class ExitsSilently(PanicDie):
    """The process ends without a word to a client: what there was to say is in the main log (exim_exit())."""
