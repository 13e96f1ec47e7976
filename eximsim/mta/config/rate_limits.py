"""The form of smtp_ratelimit_mail and smtp_ratelimit_rcpt (unpick_ratelimit(), src/readconf.c)."""

from __future__ import annotations

import re

from eximsim.mta.base.readtime import readconf_readtime_fine
from eximsim.quick_dataclass import dataclass

_FORM = re.compile(
    r"\s*(?P<threshold>[-+]?\d+),\s*(?P<first>[0-9smhdw.]{1,15}),"
    r"\s*(?P<factor>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?),\s*(?P<most>\S{1,15})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """After so many commands each waits: the first for ``first`` seconds, the next ``factor`` times as long.

    None waits for more than ``most`` seconds.
    """

    threshold: int
    first: float
    factor: float
    most: float


def read_rate_limit(text: str) -> RateLimit:
    """What the option says; raises ``ValueError``, with Exim's words, for what is no limit."""
    found = _FORM.match(text)
    first = None if found is None else readconf_readtime_fine(found["first"])
    most = None if found is None else readconf_readtime_fine(found["most"])
    if found is None or first is None or most is None:
        raise ValueError(f"malformed ratelimit data: {text}")
    return RateLimit(int(found["threshold"]), first / 1000, float(found["factor"]), most / 1000)
