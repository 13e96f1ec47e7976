"""States of the model: what is merged goes on in the same way, whatever came before."""

from __future__ import annotations

import itertools

import pytest

from eximsim.gate.diagram import Explorer
from eximsim.gate.states import Watcher
from eximsim.gate.survey import survey
from tests.gate.policies import policy


@pytest.mark.parametrize(("release", "kind"), [("4.87", "callout"), ("4.99", "delivery")])
def test_a_space_is_the_same_merged_and_unmerged(release: str, kind: str) -> None:
    plan = survey([policy("  hosts_require_dane = *\n", release)], 1)
    (one,) = plan.policies
    view = next(view for view in plan.views if view.kind == kind)
    numbers, watcher = itertools.count(), Watcher(one, kind)

    def unmerged() -> tuple[int, tuple[str, ...]]:
        return next(numbers), watcher()[1]

    explorer = Explorer(plan.forest, plan.run(one, view), unmerged)
    assert plan.diagram(one, view) == explorer.diagram()
    assert plan.runs < explorer.runs
