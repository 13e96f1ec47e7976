"""The outcome of a run in a word for each recipient, read off what a real program left behind."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eximsim.suite.recording import Situation
from eximsim.suite.replay import host_suffix

_DELIVERED = re.compile(r"M\d+ (?:=>|->) (\S+) .*?\bH=(\S+) \[")
_VERIFIED = re.compile(r"\bCV=(\S+)")
_DEFERRED = re.compile(r"M\d+ == (\S+) .*?\bdefer \((-?\d+)\)")
_FAILED = re.compile(r"M\d+ \*\* (\S+?):? ")
_CRASHED = re.compile(r"terminated by signal|SIGSEGV")


def delivery_outcome(situation: Situation, log: Sequence[str]) -> str:
    """The outcome of each recipient of a delivery, from the normalised log lines."""
    words = dict.fromkeys(situation.recipients, "?")
    for line in log:
        if found := _DELIVERED.match(line):
            verified = _VERIFIED.search(line)
            words[found[1]] = f"sent:{verified[1] if verified else 'CLEAR'}{host_suffix(situation, found[2])}"
        elif found := _DEFERRED.match(line):
            words[found[1]] = f"defer{found[2]}"
        elif found := _FAILED.match(line):
            words[found[1]] = "FAIL"
    crash = "!crash" if any(_CRASHED.search(line) for line in log) else ""
    return ",".join(words[recipient] for recipient in situation.recipients) + crash
