"""A world without pytest."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import InputError
from eximsim.testing import world
from tests.testing.policies import CONFIG


def test_a_world_has_what_the_fixtures_have(tmp_path: Path) -> None:
    (tmp_path / "exim.conf").write_text(CONFIG)
    with world(tmp_path, config="exim.conf", profile="4.87") as w:
        w.zone.add("mx.example.com", tlsa="servfail")
        w.server("mx.example.com", starttls=False)
        result = w.mta().deliver("a@example.com")
        assert result.profile == "4.87"
        result.should_deliver(security="clear")
        w.policy().never(outcome="crash", when={"everything else": "well"})


@given(st.sampled_from(["mx1.example.com", "mx2.example.com"]))
def test_no_example_meets_the_hosts_of_another(host: str) -> None:
    with world() as w:
        w.zone.add(host)
        w.mta(text=CONFIG).deliver("a@example.com").should_deliver(host=host)


def test_macros_are_those_of_the_world_and_of_the_call() -> None:
    with world(defines={"TRIED": "*", "PORT": "25"}) as w:
        w.zone.add("mx.example.com")
        text = CONFIG.replace("hosts_try_dane = *", "hosts_try_dane = TRIED\n  port = PORT")
        w.mta(text=text).deliver("a@example.com").should_deliver(security="dane")
        w.mta(text=text, defines={"TRIED": ""}).deliver("a@example.com").should_deliver(security="verified")


def test_a_release_that_there_is_none_of_is_told_at_once() -> None:
    with pytest.raises(InputError, match=r"unknown profile '9\.99'"), world(profile="9.99"):
        pass
