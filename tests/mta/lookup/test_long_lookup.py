"""Lookups that are logged because they took long."""

from __future__ import annotations

from eximsim.mta.lookup.long_lookup import timed
from tests.mta.front import Front


def test_only_what_takes_longer_than_the_limit_is_logged() -> None:
    front = Front("slow_lookup_log = 1000")
    process = front.process()
    for seconds in (1.0, 1.5):
        with timed(process, "A", "a.ex"):
            process.world.sleep(seconds)
    assert front.log()[-1].endswith("Long A lookup for 'a.ex': 1500 msec")
    assert len(front.log()) == 1


def test_up_to_4_92_every_lookup_is_one_of_a_name() -> None:
    front = Front("slow_lookup_log = 1", release="4.92")
    process = front.process()
    with timed(process, "A", "a.ex"):
        process.world.sleep(1)
    assert front.log()[-1].endswith("Long name lookup for 'a.ex': 1000 msec")
