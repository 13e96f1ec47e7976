"""The model does what the recorded programs did."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from eximsim.profiles import recorded_profile
from eximsim.suite.compare import FIELDS, Comparison, compare_one
from eximsim.suite.recording import Record
from tests.suite.recorded import record, records, situations, stand

MAIN_RELEASES = ("4.87", "4.88-jh03")
MAIN_GROUPS = "ABC"
EVERY = 7
CALLS = 5000
"""Twice what a situation costs in calls of functions: the same on every machine, however busy it is."""


def compared(wanted: Iterable[Record]) -> list[Comparison]:
    return [
        compare_one(one, situations()[one.id], stand(), recorded_profile(one.release, one.tls))
        for one in wanted
    ]


@contextmanager
def counted_calls() -> Iterator[Counter[str]]:
    calls: Counter[str] = Counter()
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, argument: calls.update((event,)) if event == "call" else None)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def disagreeing(found: Iterable[Comparison]) -> list[str]:
    return [
        f"{one.record.id} {one.record.kind} {one.record.release}: {one.result} {dict(one.fields)} {one.rule}"
        for one in found
        if one.result not in ("agree", "explained")
    ]


def of(release: str, group: str, kind: str) -> list[Record]:
    return [r for r in records() if (r.release, r.group, r.kind) == (release, group, kind)]


@pytest.mark.parametrize("kind", ["delivery", "callout"])
@pytest.mark.parametrize("group", MAIN_GROUPS)
@pytest.mark.parametrize("release", MAIN_RELEASES)
def test_every_record_of_the_two_main_profiles_agrees_in_every_field(
    release: str, group: str, kind: str
) -> None:
    wanted = of(release, group, kind)
    found = compared(wanted)
    assert len(found) > 50
    assert {one.result for one in found} == {"agree"}, disagreeing(found)
    assert all(all(one.fields[name] for name in FIELDS) for one in found)


@pytest.mark.parametrize("kind", ["delivery", "callout"])
def test_a_situation_costs_no_more_calls_than_it_may(kind: str) -> None:
    wanted = of("4.87", "A", kind)
    compared(wanted)  # what is made once, keys and certificates, is no part of what a situation costs
    with counted_calls() as calls:
        compared(wanted)
    assert len(wanted) < calls.total() < CALLS * len(wanted)


RELEASES = sorted({r.release for r in records()} - set(MAIN_RELEASES))


@pytest.mark.parametrize("release", [*RELEASES, *MAIN_RELEASES])
def test_a_sample_of_every_other_group_and_release_agrees_or_is_explained(release: str) -> None:
    main = release in MAIN_RELEASES
    rest = [r for r in records() if r.release == release and not (main and r.group in MAIN_GROUPS)]
    found = compared(rest[::EVERY])
    assert len(found) > 50
    assert disagreeing(found) == []
    assert sum(one.result == "agree" for one in found) > 0.85 * len(found)


def test_the_recording_has_what_the_tests_rely_on() -> None:
    assert len(records()) > 18000
    assert len({r.release for r in records()}) == 15
    assert {r.id for r in records()} <= situations().keys()


@pytest.mark.parametrize(("release", "expected"), [("4.87", "sent:yes"), ("4.88-jh03", "defer-36")])
def test_a_failed_tlsa_lookup_is_no_longer_answered_with_delivery(release: str, expected: str) -> None:
    """The change that the two profiles are about, as the programs did it."""
    failed = {"option": "try", "tlsa": "refused", "server": "ok"}
    (id,) = {r.id for r in of(release, "A", "delivery") if r.params == failed}
    (one,) = compared([record(id, release)])
    assert one.replayed is not None
    assert (one.result, one.replayed.outcome) == ("agree", expected)
