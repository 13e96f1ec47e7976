"""A search is the same search whoever works on it, and ends when it is told to."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest

from eximsim.fuzz.mutants import MUTANTS
from eximsim.fuzz.search import Part, Policy, Target, again, search, search_part
from eximsim.fuzz.space import Space
from eximsim.profiles import profile
from eximsim.suite.recording import Situation

REACHABLE = Target(profile("4.88-jh03"), ("reachable-without-tlsa",))
SNI = Target(profile("4.93"), ("sni-is-tlsa-base",))
SMALL = Space(
    hosts=1, options=("hosts_try_dane",), values={"hosts_try_dane": ("everybody",), "A": ("secure",)}
)


def test_no_more_scenarios_are_judged_than_asked_for() -> None:
    parts = list(search(replace(REACHABLE, profile=profile("4.99")), most=15, seed=1))
    assert sum(part.scenarios for part in parts) == 15


def test_the_search_ends_when_every_law_is_broken() -> None:
    (part,) = search(SNI, most=1000, seed=1)
    assert [find.law for find in part.finds] == ["sni-is-tlsa-base"]
    assert part.scenarios < 1000


def test_a_part_gives_the_first_counterexample_of_each_law() -> None:
    found = search_part(Part(SNI, SMALL, most=30))
    (find,) = found.finds
    assert find.number <= found.scenarios
    assert SNI.breaks("sni-is-tlsa-base", find.situation)


def test_random_parts_depend_on_seed_and_number_alone() -> None:
    def made(seed: int, first: int) -> list[Situation]:
        return list(islice(Part(SNI, seed=seed, first=first).situations(), 12))

    assert made(7, 10) == made(7, 10)
    assert made(7, 10) != made(8, 10)
    assert made(7, 10) != made(7, 20)


def test_the_smallest_situation_still_breaks_the_law() -> None:
    (find,) = search_part(Part(REACHABLE, SMALL)).finds
    least = REACHABLE.smallest(find.law, find.situation)
    assert REACHABLE.breaks(find.law, least)
    assert len(least.zone) <= len(find.situation.zone)


def test_what_is_broken_without_the_mistake_too_does_not_count() -> None:
    mutant = MUTANTS["N1"]
    situation = SMALL.situation({"TLSA of h1": "unusable"})
    required = replace(situation, transport={"hosts_require_dane": "*"})
    plain = Target(mutant.program.profile, (mutant.law,), "N1")
    assert plain.breaks(mutant.law, required)
    assert not replace(plain, contrast=True).breaks(mutant.law, required)


def test_settings_of_a_policy_hold_in_every_situation() -> None:
    policy = Policy(main={}, router={"dnssec_request_domains": "*"}, transport={"hosts_require_tls": "*"})
    target = replace(SNI, policy=policy)
    for part in (Part(target, SMALL, most=5), Part(target, seed=1)):
        situation = next(part.situations())
        assert (situation.router, situation.transport) == (policy.router, policy.transport)


@pytest.mark.parametrize("release", ["4.88-jh03", "4.99"])
def test_an_old_counterexample_is_judged_under_another_release(release: str) -> None:
    (find,) = search_part(Part(REACHABLE, SMALL)).finds
    scenario = REACHABLE.scenario(find.situation, find.law)
    broken = again(replace(REACHABLE, profile=profile(release)), scenario)
    assert bool(broken) is (release == "4.88-jh03")
