"""Configurations that are drawn at random."""

from __future__ import annotations

from random import Random

import pytest

from eximsim.errors import Unsupported
from eximsim.fuzz import configuration_choices as choices
from eximsim.fuzz.configurations import configuration
from eximsim.mta.acl.acl_conditions import CONDITIONS
from eximsim.mta.config.options import release
from eximsim.profiles import profile
from eximsim.suite.scenarios import Scenario, scenario_of
from tests.suite.test_scenario_compare import NEWEST, stand


def drawn(chance: object, release: str = NEWEST) -> Scenario:
    return scenario_of(configuration(Random(str(chance)), "x", profile(release)))


def test_the_same_chance_makes_the_same_configuration() -> None:
    assert drawn("a") == drawn("a")
    assert drawn("a") != drawn("b")


def test_conditions_that_are_drawn_are_modelled() -> None:
    assert choices.CONDITIONS.keys() <= CONDITIONS.keys()


def test_every_condition_and_modifier_comes() -> None:
    texts = "".join(drawn(chance).config for chance in range(120))
    names = (*choices.CONDITIONS, *choices.MODIFIERS)
    assert [name for name in names if f" {name}" not in texts and f"!{name}" not in texts] == []


def test_every_option_that_may_be_drawn_is_one_that_the_newest_release_has() -> None:
    newest = profile(NEWEST)
    known = release(newest.option_release, newest.build_lacks)
    assert choices.MAIN.keys() <= known.main.settable.keys()
    assert (
        choices.PRECONDITIONS.keys() | choices.REDIRECTS.keys() <= known.routers["redirect"].settable.keys()
    )


@pytest.mark.parametrize("chance", range(20))
def test_the_model_plays_what_is_drawn(chance: int) -> None:
    scenario = drawn(chance)
    try:
        played = list(stand().play(scenario, profile(NEWEST), ()))
    except Unsupported as problem:
        pytest.skip(str(problem))
    assert len(played) == len(scenario.steps)
