"""Whether the gate can be believed: 500 edits, of a line each, of eight configurations.

Wherever ``explain`` comes to another outcome in a fixed situation, ``gate`` and ``gate --lock`` do not pass,
and name the file and the line. It takes half an hour on one core:

    python -m pytest benchmarks/test_deletions.py -n 2
"""

from __future__ import annotations

import pytest

from eximsim.suite.many_runs import many_runs
from tests.gate.deletions import complaints
from tests.gate.samples import SAMPLES

EDITS = 63
"""Of each configuration: 504 in all."""


@pytest.mark.parametrize("name", SAMPLES)
def test_no_edit_that_changes_an_outcome_passes(name: str) -> None:
    with many_runs():
        assert complaints(SAMPLES[name], EDITS, seed=1) == []
