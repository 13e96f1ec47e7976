"""One printed line holds all of a scenario, and reads the same everywhere."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.errors import InputError
from eximsim.fuzz.mutants import MUTANTS
from eximsim.fuzz.scenario import TAG, Scenario, scenario_of
from eximsim.fuzz.worlds import situations
from eximsim.profiles import NEWEST, PROFILES, Profile, TlsaMap, profile, with_tls
from eximsim.suite.recording import Situation

PLAIN = Situation("", "", {}, ("a@one.test.ex",), (), {}, {}, {}, {"10.9.1.1": "ok"}, ("delivery",))


@settings(max_examples=60, deadline=None)
@given(situations(), st.sampled_from(sorted(PROFILES)), st.integers(0, 2**64))
def test_any_scenario_comes_back_from_its_line(situation: Situation, name: str, seed: int) -> None:
    scenario = Scenario(situation, situation.kinds[0], profile(name), seed, laws=("no-downgrade", "order"))
    assert scenario_of(scenario.line()) == scenario


@pytest.mark.parametrize(
    "changed",
    [
        with_tls(profile("4.99"), "gnutls"),
        replace(profile("4.99"), tlsa_map=TlsaMap.FALLBACK, smtps_banner_command=None),
        replace(profile("4.93"), dane_one_domain_per_connection=True),
    ],
    ids=["another library", "another map", "a switch"],
)
def test_switches_that_are_set_otherwise_are_in_the_line(changed: Profile) -> None:
    assert scenario_of(Scenario(PLAIN, "delivery", changed).line()).profile == changed


def test_a_mistake_is_in_the_line() -> None:
    scenario = scenario_of(Scenario(PLAIN, "delivery", mutant="M1").line())
    assert scenario.program is MUTANTS["M1"].program


def test_a_line_of_the_first_version_is_read() -> None:
    assert scenario_of(OLD_LINE) == Scenario(PLAIN, "delivery", profile("4.87"), 7, laws=("no-downgrade",))


OLD_LINE = (
    "eximsim1:ePmKDE2bq8YUUspJLAdbkpevm5JfnpdelAh0WSw4r6dl5oDcZKJnYa4Es9QczVKCLsWR5IBJrCoflH2iY2trAeOEMRM"
)


def test_the_line_is_one_printable_word() -> None:
    line = Scenario(PLAIN, "callout").line()
    assert line.isascii()
    assert len(line.split()) == 1
    assert line.isprintable()


def test_white_space_of_a_wrapped_line_does_no_harm() -> None:
    line = Scenario(PLAIN, "delivery").line()
    assert scenario_of(f" {line[:20]}\n  {line[20:]}\n").situation == PLAIN


@pytest.mark.parametrize(
    "line",
    ["", "x", "eximsim2:abc", TAG, f"{TAG}@@@", f"{TAG}aaaa", Scenario(PLAIN, "delivery").line()[:-4],
     Scenario(PLAIN, "delivery").line().swapcase(), f"{TAG}é"],
    ids=["empty", "a word", "another version", "nothing in it", "no base64", "no zlib", "cut off", "changed",
         "not ASCII"],
)  # fmt: skip
def test_a_damaged_line_is_refused_in_one_clear_line(line: str) -> None:
    with pytest.raises(InputError) as refused:
        scenario_of(line)
    assert "\n" not in str(refused.value)


def test_a_line_with_an_unknown_release_is_refused() -> None:
    line = Scenario(PLAIN, "delivery", replace(profile(NEWEST), name="4.99")).line()
    assert scenario_of(line).profile.name == "4.99"
    with pytest.raises(InputError, match="no scenario"):
        scenario_of(Scenario(PLAIN, "no such kind").line())
