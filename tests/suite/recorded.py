"""The recordings that the project keeps, read once for all tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from eximsim.suite.recording import Record, Situation, read_records, read_situations
from eximsim.suite.replay import Stand

FOLDER = Path(__file__).parents[2] / "testsuite" / "recordings"
EVIDENCE, SCENARIOS = FOLDER / "evidence.jsonl.gz", FOLDER / "scenarios.jsonl.gz"


@cache
def situations() -> dict[str, Situation]:
    """Every situation, by id."""
    return read_situations(SCENARIOS)


@cache
def records() -> tuple[Record, ...]:
    """Every stable record, in the recording's order."""
    return tuple(record for record in read_records(EVIDENCE) if record.stable)


@cache
def stand() -> Stand:
    """A place to run situations."""
    return Stand(FOLDER / "certs")


def record(id: str, release: str, kind: str = "delivery") -> Record:
    """One record."""
    return next(r for r in records() if (r.id, r.release, r.kind) == (id, release, kind))
