"""The outcome of a run in a word for each recipient, read off what a real program left behind."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eximsim.suite.recording import Situation
from eximsim.suite.replay import host_suffix

_DELIVERED = re.compile(r"M\d+ (?:=>|->) .*?\bH=(\S+) \[")
_VERIFIED = re.compile(r"\bCV=(\S+)")
_DEFERRED = re.compile(r"M\d+ == .*?\bdefer \((-?\d+)\)")
_FAILED = re.compile(r"M\d+ \*\* ")
_ADDRESS = re.compile(r"M\d+ \S+ (?P<shown>\S+?)(?: \(.*?\))?(?: <(?P<original>\S+)>)?:? ")
_CRASHED = re.compile(r"terminated by signal|SIGSEGV")


def delivery_outcome(situation: Situation, log: Sequence[str]) -> str:
    """The outcome of each recipient of a delivery, from the normalised log lines."""
    words = dict.fromkeys(situation.recipients, "?")
    for line in log:
        if found := _DELIVERED.match(line):
            verified = _VERIFIED.search(line)
            host = host_suffix(situation, found[1])
            words[_recipient(line)] = f"sent:{verified[1] if verified else 'CLEAR'}{host}"
        elif found := _DEFERRED.match(line):
            words[_recipient(line)] = f"defer{found[1]}"
        elif _FAILED.match(line):
            words[_recipient(line)] = "FAIL"
    crash = "!crash" if any(_CRASHED.search(line) for line in log) else ""
    return ",".join(words[recipient] for recipient in situation.recipients) + crash


def _recipient(line: str) -> str:
    """The recipient that a delivery line is about: the one in angle brackets, if it shows two addresses."""
    found = _ADDRESS.match(line)
    assert found is not None
    return found["original"] or found["shown"]
