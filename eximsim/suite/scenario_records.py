"""What programs did in scenarios: one JSON object a line for each scenario and program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

from eximsim.profiles import Profile, profile, with_tls
from eximsim.quick_dataclass import dataclass
from eximsim.shapes import check
from eximsim.suite.recording import objects

FIELDS = ("log", "stdout", "servers", "dns", "queued", "exit", "messages")
"""What is recorded of each run, and compared."""

_RELEASES: Mapping[str, str] = MappingProxyType(
    {"4.92.3": "4.92", "4.98.2": "4.98", "master-13835a3c1": "4.99-dev-13835a3c1"}
)
"""The profile of a program whose label is no profile's name."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one command.

    ``log`` are the lines of main log, reject log and panic log, ``stdout`` what the program printed;
    ``servers`` the connections in order; ``dns`` the questions; ``queued`` how many messages are on the queue
    then; ``messages`` what servers took, envelope and content. Dates, ids and versions have names instead.
    ``began`` is when the command was given, in seconds since the epoch; None: not known.
    """

    log: tuple[str, ...]
    stdout: tuple[str, ...]
    servers: tuple[Mapping[str, object], ...]
    dns: tuple[str, ...]
    queued: int
    exit: object
    messages: tuple[str, ...]
    began: float | None = None

    def as_json(self) -> dict[str, object]:
        """The object that a recording has for this run."""
        lists = ("log", "stdout", "servers", "dns", "messages")
        began = {} if self.began is None else {"began": self.began}
        return {name: list(value) if name in lists else value for name, value in _values(self)} | began


def _values(done: Done) -> Iterator[tuple[str, Any]]:
    for name in FIELDS:
        yield name, getattr(done, name)


@dataclass(frozen=True, slots=True)
class ScenarioRecord:
    """What one program did in one scenario; ``unstable`` are the fields in which it did not always do it."""

    id: str
    release: str
    tls: str
    runs: tuple[Done, ...]
    unstable: frozenset[str] = frozenset()
    program: str = ""
    """What the program calls its version, if that is known."""
    i18n: bool | None = None
    """Whether it was built with SUPPORT_I18N, if that is known."""

    def as_json(self) -> dict[str, object]:
        """The line that a recording has for this record."""
        unstable = {"unstable": sorted(self.unstable)} if self.unstable else {}
        built = {} if self.i18n is None else {"i18n": self.i18n}
        runs = [done.as_json() for done in self.runs]
        return {
            "id": self.id, "release": self.release, "tls": self.tls, "program": self.program, **built,
            **unstable, "stable": not self.unstable, "runs": runs,
        }  # fmt: skip

    @property
    def profile(self) -> Profile:
        """The model's release for this program; raises ``InputError``."""
        known = _profile(self.release, self.tls)
        if self.i18n is not None:
            lacks = tuple(name for name in known.build_lacks if not self.i18n or name != _CONVERSION)
            known = replace(known, i18n=self.i18n, build_lacks=lacks)
        return replace(known, version=self.program) if self.program else known


@lru_cache(maxsize=64)
def _profile(release: str, tls: str) -> Profile:
    known = profile(name := _RELEASES.get(release, release))
    if name != release:
        known = replace(known, version=release if release[0].isdigit() else known.version)
    lacks = (*known.build_lacks, *(_LEFT_OUT if name in _RELEASES.values() else ()))
    return with_tls(replace(known, build_lacks=lacks), tls)


_CONVERSION = "smtp.utf8_downconvert"
"""What a build with SUPPORT_I18N has, and one without has not."""

_SIGNING = "canon domain hash identity private_key selector sign_headers strict timestamps"
_LEFT_OUT = (
    *("smtp.arc_sign", "smtp.socks_proxy", _CONVERSION),
    *(f"smtp.dkim_{name}" for name in _SIGNING.split()),
    *("selector.proxy", "selector.spf", "selector.spf_verbose", "selector.dmarc", "selector.dmarc_verbose"),
)
"""What the recorded programs that are no packages were built without."""


def has_runs(path: Path) -> bool:
    """Whether a recording has this form, not the older one of ``suite.recording``; its first record says."""
    return any("runs" in item for item in islice(_records(path), 1))


def _records(path: Path) -> Iterator[dict[str, Any]]:
    return (item for _, item in objects(path) if "eximsim" not in item)


_RUN = {
    "log": [str], "stdout": [str], "servers": [{"addr": str, "events": [str]}], "dns": [str], "queued": int,
    "exit": (int, str, None), "messages": [str], "began?": (float, None),
}  # fmt: skip
_RECORD = {
    "id": str, "release": str, "tls?": str, "runs": [_RUN], "unstable?": [str], "program?": str,
    "i18n?": (bool, None),
}  # fmt: skip


def read_scenario_records(path: Path) -> Iterator[ScenarioRecord]:
    """The records of a recording, in its order; raises ``InputError`` with file and line."""
    for line, item in objects(path):
        if "eximsim" in item:
            continue
        check(item, _RECORD, str(path), line)
        yield ScenarioRecord(
            item["id"],
            item["release"],
            item.get("tls", "openssl"),
            tuple(map(_done, item["runs"])),
            frozenset(item.get("unstable", ())),
            item.get("program", ""),
            item.get("i18n"),
        )


def _done(item: Mapping[str, Any]) -> Done:
    return Done(
        tuple(item["log"]),
        tuple(item["stdout"]),
        tuple(item["servers"]),
        tuple(item["dns"]),
        item["queued"],
        item["exit"],
        tuple(item["messages"]),
        item.get("began"),
    )
