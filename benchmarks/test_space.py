"""How many scenarios of a complete space are judged in a second.

``python -m pytest benchmarks/test_space.py``. The figures are of one core; docs/space.md
has those of the complete spaces.
"""

from __future__ import annotations

from typing import Any

import pytest

from eximsim.fuzz.check_space import Tree
from eximsim.fuzz.hold_laws import default_stand
from eximsim.fuzz.space import Space
from eximsim.profiles import NEWEST, profile
from eximsim.suite.many_runs import many_runs
from tools.check_spaces import hold

SAMPLE = Space(
    hosts=2,
    options=("hosts_require_dane", "tls_verify_hosts"),
    values={"MX": ("secure",), "TLSA": ("match", "unusable", "no data", "SERVFAIL")},
)
"""A part of the complete space of two hosts that is like the whole of it."""


@pytest.mark.parametrize("merged", [False, True], ids=["each run from its beginning", "merged"])
def test_runs_of_two_hosts(benchmark: Any, merged: bool) -> None:
    """The runs alone, without laws."""
    default_stand()

    def runs() -> Tree:
        with many_runs():
            return Tree(SAMPLE, profile(NEWEST), default_stand(), merged=merged)

    tree = benchmark.pedantic(runs, rounds=2)
    benchmark.extra_info["scenarios in a second"] = len(tree.leaves) / benchmark.stats.stats.min


def test_all_laws_over_two_hosts(benchmark: Any) -> None:
    default_stand()
    held = benchmark.pedantic(lambda: hold(SAMPLE, profile(NEWEST)), rounds=2)
    rate = held.scenarios / benchmark.stats.stats.min
    benchmark.extra_info["scenarios in a second"] = rate
    assert rate >= 300
