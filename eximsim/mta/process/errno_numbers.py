"""Exim's own error numbers as a release has them (``src/macros.h``)."""

from __future__ import annotations

from eximsim.mta.process.globals import Process
from eximsim.status import RETRY_BASE, Errno


def shown_errno(process: Process, number: int) -> int:
    """The number that stands in log lines: those of the retry family moved once."""
    retry = Errno.EVENT <= number <= RETRY_BASE
    return number - 1 if retry and process.profile.retry_errno_moved else int(number)
