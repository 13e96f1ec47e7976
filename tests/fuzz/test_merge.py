from __future__ import annotations

from dataclasses import replace

import pytest

from eximsim.explore.choices import Leaf, size
from eximsim.fuzz.check_space import Tree, search
from eximsim.fuzz.laws import LAWS
from eximsim.fuzz.run import Run
from eximsim.fuzz.space import Space
from eximsim.profiles import profile
from eximsim.suite.many_runs import many_runs
from tests.suite.recorded import stand

QUICK = {id: law for id, law in LAWS.items() if id != "same-bytes"}

SPACES = {
    "TLSA answers": Space(
        hosts=2,
        options=("hosts_require_dane",),
        values={
            "MX": ("secure",), "A": ("secure",), "TLSA": ("match", "unusable", "no data", "SERVFAIL"),
            "STARTTLS": ("2xx",), "certificate": ("good", "self-signed"), "EHLO": ("STARTTLS",),
            "RCPT": ("2xx", "4xx"), "handshake": ("completes",),
        },
    ),
    "slow and closing servers": Space(
        hosts=2,
        detail="full",
        values={
            "MX": ("secure",), "A": ("secure", "SERVFAIL"), "AAAA": ("no data",), "TLSA": ("match",),
            "banner": ("2xx", "none in time"), "EHLO": ("STARTTLS", "4xx"),
            "STARTTLS": ("2xx", "connection lost"), "handshake": ("completes", "connection lost"),
            "certificate": ("good",), "MAIL": ("2xx",), "RCPT": ("2xx", "4xx"), "DATA": ("2xx",),
            "end of data": ("2xx",),
        },
    ),
}  # fmt: skip


def _told(leaf: Leaf[Run]) -> object:
    run = leaf.result
    return list(leaf.path.items()), leaf.size, run.situation, run.decisions, run.seen, run.results


@pytest.mark.parametrize("kind", ["delivery", "callout"])
@pytest.mark.parametrize(
    ("name", "release"), [*((name, "4.99") for name in SPACES), ("TLSA answers", "4.88")]
)
def test_runs_that_were_put_together_are_those_that_the_model_makes(
    name: str, release: str, kind: str
) -> None:
    space, of = replace(SPACES[name], kind=kind), profile(release)
    with many_runs():
        merged, each = (Tree(space, of, stand(), merged=merged) for merged in (True, False))
    assert len(merged.leaves) == len(each.leaves) == each.runs
    assert merged.runs <= each.runs
    assert sum(leaf.size for leaf in merged.leaves) == size(space)
    for one, two in zip(merged.leaves, each.leaves, strict=True):
        assert _told(one) == _told(two)


def test_both_ways_of_searching_break_the_same_laws() -> None:
    space, of = SPACES["TLSA answers"], profile("4.99")
    found, runs = [], []
    for merged in (True, False):
        trees = {
            kind: Tree(replace(space, kind=kind), of, stand(), merged=merged)
            for kind in ("delivery", "callout")
        }
        runs.append(sum(tree.runs for tree in trees.values()))
        found.append(
            [
                (breach.broken.law.id, breach.broken.explanation, breach.broken.rule, breach.leaf.path)
                for breach in search(trees, of, stand(), QUICK)
            ]
        )
    assert found[0] == found[1]
    assert runs[0] < 0.9 * runs[1]
    assert {law for law, *_ in found[0]} >= {"another-hosts-lack", "callout-agrees"}
