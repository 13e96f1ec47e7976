"""Comparison with stored outputs: what differs, what the difference means, and how goldens are stored."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path

from eximsim.errors import InputError
from eximsim.quick_dataclass import dataclass
from eximsim.storage import store_below
from eximsim.suite.munge import SERVER_HEADING
from eximsim.suite.source import as_bytes


class Comparison(Enum):
    """How one output compares with its golden."""

    SAME = "same"
    DIFFERS = "differs"
    MISSING = "missing"
    """There is a golden, but no output; or an output, but no golden."""
    NOT_COMPARED = "not compared"
    """It is not the same, and cannot be: debugging output (-d), which is not modelled, goes there."""


def compare(actual: Mapping[str, str], goldens: Mapping[str, str]) -> dict[str, Comparison]:
    """Each output's comparison. An output without golden is as it should be if it is empty."""
    found: dict[str, Comparison] = {}
    for output in dict.fromkeys([*actual, *goldens]):
        got, want = actual.get(output), goldens.get(output)
        if got == want:
            found[output] = Comparison.SAME
        elif got is None or want is None:
            if got or want:
                found[output] = Comparison.MISSING
        else:
            found[output] = Comparison.DIFFERS
    return found


# ---- what a difference means ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Event:
    """What one log line says of one recipient."""

    message: str
    recipient: str
    outcome: str

    def __str__(self) -> str:
        return f"{self.message[:6]} {self.recipient.partition('@')[2] or self.recipient}"


_LINE = re.compile(
    r"\S+ \S+ (?P<id>10Hm\w\w-\w+-\w+) (?P<flag>=>|->|\*\*|==|\*>) (?P<recipient>\S+)"
    r"(?: <(?P<original>[^>]*)>)?(?P<rest>.*)"
)
_SHORT_OUTCOME = {"=>": "delivered", "->": "delivered", "*>": "would be delivered"}


def _events(log: str) -> Iterator[_Event]:
    for line in log.split("\n"):
        if match := _LINE.match(line):
            recipient = match["original"] or match["recipient"].rstrip(":")
            yield _Event(match["id"], recipient, _outcome(match["flag"], match["rest"]))


def _outcome(flag: str, rest: str) -> str:
    if flag == "**":
        return "bounced"
    if flag == "==":
        number = re.search(r"defer (\(\S+\))", rest)
        return "deferred" + (f" {number[1]}" if number else "")
    verified = re.search(r" (CV=\S+)", rest)
    tls = " in clear" if " T=" in rest and " H=" in rest and " X=" not in rest else ""
    return _SHORT_OUTCOME[flag] + (f" {verified[1]}" if verified else tls)


def meaning(got: str, want: str) -> list[str]:
    """In a few words, what each recipient's lot is in one log and in the other, where that differs."""
    return [
        line
        for ours, theirs in zip(got.split(SERVER_HEADING, 1), want.split(SERVER_HEADING, 1), strict=False)
        for line in _differing_lots(ours, theirs)
    ]


def _differing_lots(got: str, want: str) -> Iterator[str]:
    ours, theirs = _lots(got), _lots(want)
    for key in dict.fromkeys([*ours, *theirs]):
        mine, other = ours.get(key, []), theirs.get(key, [])
        if [event.outcome for event in mine] != [event.outcome for event in other]:
            name = str((mine or other)[0])
            yield f"{name}: {_told(mine)}, golden has {_told(other)}"


def _lots(log: str) -> dict[str, list[_Event]]:
    lots: dict[str, list[_Event]] = {}
    for event in _events(log):
        lots.setdefault(event.recipient, []).append(event)
    return lots


def _told(events: list[_Event]) -> str:
    return ", then ".join(event.outcome for event in events) or "nothing"


def difference(output: str, got: str | None, want: str | None, path: str, since: str = "") -> str:
    """A unified diff from the golden to what came out, with the meaning of a log's first.

    ``since`` is the command after which they part, if that is known.
    """
    lines = meaning(got, want) if output == "log" and got is not None and want is not None else []
    lines += [f"{output} differs after {since}"] if since else []
    lines += difflib.unified_diff(
        (want or "").splitlines(),
        (got or "").splitlines(),
        f"golden {path}",
        f"{output} of this run",
        lineterm="",
    )
    return "\n".join(lines)


# ---- storing ----------------------------------------------------------------------------------------------


def refuse_under_ci() -> None:
    """Goldens are made by people: raises ``InputError`` where the environment says that this is a CI job."""
    if os.environ.get("CI"):
        raise InputError(
            "goldens are not accepted where CI is set; run this where a person can look at the diff"
        )


def keep(folder: Path, test: str, outputs: Mapping[str, str]) -> None:
    """Write outputs as ``FOLDER/TEST/log``, ... in the form in which they are compared."""
    for output, text in outputs.items():
        store_below(folder, f"{test}/{output}", as_bytes(text))
