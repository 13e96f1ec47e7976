"""Configurations with very much in them: some of it stands for the rest, and what is slow is given up."""

from __future__ import annotations

import pytest

from eximsim.gate import memory
from eximsim.gate.compare import compare
from eximsim.gate.explore_policies import survey
from eximsim.gate.named import ENTRIES, names_of
from tests.gate.policies import CONF, policy

PLAIN = CONF.replace("verify = recipient/callout", "")


def with_nets(*more: str) -> str:
    nets = [f"10.{number // 250}.{number % 250}.0/24" for number in range(2000)]
    line = f"  ignore_target_hosts = {' : '.join([*nets, *more])}\n"
    return PLAIN.replace("  transport = remote\n", f"  transport = remote\n{line}")


def test_of_very_many_networks_some_are_tried_and_all_that_differ() -> None:
    base, head = policy(conf=with_nets()), policy(conf=with_nets("51.15.20.0/24"))
    named = names_of([base, head])
    assert len(named.reached) == ENTRIES + 1
    assert "51.15.20.0/24" in map(str, named.reached)
    assert named.sampled == {"exim.conf": 2000 - ENTRIES}
    assert len(names_of([policy(conf=with_nets("51.15.20.0/24"))]).networks) == 2001


def test_no_more_runs_are_made_when_slow_ones_have_taken_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_SLOW", 0)
    monkeypatch.setattr(memory, "ALL_SLOW", 0.001)
    plan = survey([policy(conf=PLAIN)], 1)
    assert "no other was made" in " ".join(gap.what for gap in plan.gaps)
    report = compare(policy(conf=PLAIN), policy(conf=PLAIN))
    assert report.groups == ()
    assert not report.complete
