"""Combinations of what a client does: the model does what seven real programs did.

Retry records over several commands and zones that change, calls that go on to other messages, caches of
callouts, LMTP, chunks, early pipelining, replies of several lines, connections that end early. Left out is
what a program did not do each time, most of it where a second began between two commands.
"""

from __future__ import annotations

from collections import Counter

import pytest

from eximsim.suite.scenario_records import ScenarioRecord
from tests.suite.recorded_scenarios import differing, records_of, scenarios_of

PROGRAMS = (
    "4.89 openssl", "4.92 openssl", "4.95 openssl", "4.96-debian12 gnutls", "4.98 openssl",
    "4.99-dev-13835a3c1 gnutls", "4.99-dev-13835a3c1 openssl",
)  # fmt: skip


def program_of(record: ScenarioRecord) -> str:
    return f"{record.release} {record.tls}"


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_model_does_what_the_program_did(program: str) -> None:
    mine = (record for record in records_of("client") if program_of(record) == program)
    assert differing("client", mine) == {}


def test_every_scenario_was_recorded_and_every_program_did_most_of_them() -> None:
    counted = Counter(map(program_of, records_of("client")))
    assert counted.keys() == set(PROGRAMS)
    assert {record.id for record in records_of("client")} == scenarios_of("client").keys()
    assert min(counted.values()) > 50
