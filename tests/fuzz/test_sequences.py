"""Sequences of commands that are drawn at random."""

from __future__ import annotations

from random import Random

import pytest

from eximsim.errors import Unsupported
from eximsim.fuzz import sequence_choices
from eximsim.fuzz.sequences import sequence
from eximsim.mta.config.options import release
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.profiles import profile
from eximsim.suite.scenarios import Scenario, scenario_of
from tests.suite.test_scenario_compare import NEWEST, stand


def drawn(chance: object, release: str = NEWEST) -> Scenario:
    return scenario_of(sequence(Random(str(chance)), "x", profile(release)))


def test_the_same_chance_makes_the_same_sequence() -> None:
    assert drawn("a") == drawn("a")
    assert drawn("a") != drawn("b")


def test_what_is_drawn_is_a_scenario_with_several_commands_that_begins_with_a_message() -> None:
    for chance in range(50):
        scenario = drawn(chance)
        assert 3 <= len(scenario.steps) <= 6
        assert {"-f", "-bs"} & set(scenario.steps[0].argv)


SECTIONS = {
    "main": sequence_choices.MAIN,
    "transport": sequence_choices.TRANSPORT,
    "router": sequence_choices.ROUTER,
}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_option_that_may_be_drawn_is_one_that_the_newest_release_has(section: str) -> None:
    newest = profile(NEWEST)
    known = release(newest.option_release, newest.build_lacks)
    schemas = {
        "main": known.main,
        "transport": known.transports["smtp"],
        "router": known.routers["dnslookup"],
    }
    assert SECTIONS[section].keys() <= schemas[section].settable.keys()


def test_options_that_a_release_does_not_have_are_left_out_of_it() -> None:
    configs = [drawn(chance, "4.89").config for chance in range(200)]
    newer = [drawn(chance).config for chance in range(200)]
    assert not any("hosts_pipe_connect" in config for config in configs)
    assert any("hosts_pipe_connect" in config for config in newer)


def test_an_option_that_was_an_experiment_is_left_out_until_it_was_none() -> None:
    def has(release: str) -> bool:
        return any("limits_advertise_hosts" in drawn(chance, release).config for chance in range(80))

    assert (has("4.97"), has("4.98")) == (False, True)


def test_zones_and_servers_change_from_one_command_to_the_next() -> None:
    steps = [step for chance in range(50) for step in drawn(chance).steps]
    assert any(step.zone is not None for step in steps)
    assert any(step.servers is not None for step in steps)


def test_the_model_plays_what_is_drawn() -> None:
    played = 0
    for chance in range(12):
        try:
            played += len(list(stand().play(drawn(chance), profile(NEWEST)))) > 0
        except (Unsupported, UndefinedBehaviour):
            continue
    assert played >= 9
