"""Sequences of commands that are drawn at random."""

from __future__ import annotations

from random import Random

from eximsim.fuzz.sequences import sequence
from eximsim.suite.scenario_replay import ScenarioStand
from eximsim.suite.scenarios import scenario_of
from tests.suite.test_scenario_compare import NEWEST, stand


def test_the_same_chance_makes_the_same_sequence() -> None:
    assert sequence(Random("a"), "x") == sequence(Random("a"), "x")
    assert sequence(Random("a"), "x") != sequence(Random("b"), "x")


def test_what_is_drawn_is_a_scenario_with_several_commands_that_begins_with_a_message() -> None:
    for seed in range(50):
        scenario = scenario_of(sequence(Random(seed), "x"))
        assert 3 <= len(scenario.steps) <= 6
        assert "-f" in scenario.steps[0].argv


def test_the_model_plays_what_is_drawn() -> None:
    from eximsim.errors import Unsupported
    from eximsim.profiles import profile

    played = 0
    shown: ScenarioStand = stand()
    for seed in range(12):
        try:
            played += len(list(shown.play(scenario_of(sequence(Random(seed), "x")), profile(NEWEST)))) > 0
        except Unsupported:
            continue
    assert played >= 9
