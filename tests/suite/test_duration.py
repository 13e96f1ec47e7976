"""How long a test of a real program will take."""

from __future__ import annotations

from eximsim.suite import script
from eximsim.suite.duration import expected_seconds, limit, waits


def test_the_pauses_of_a_script_are_those_that_it_names() -> None:
    text = "# x\nserver PORT_S\n220 hello\n+++ 2\n****\n3 exim -bd\n:sleep:4\n****\nsleep 5\n"
    assert waits(script.parse(text, "x")) == 14


def test_a_test_with_more_commands_is_longer_and_may_take_longer() -> None:
    one, two = (script.parse("# x\n" + "exim -be\n****\n" * count, "x") for count in (1, 2))
    assert 0 < expected_seconds(one) < expected_seconds(two)
    assert limit(one) < limit(two)


def test_what_runs_nothing_takes_no_time() -> None:
    assert expected_seconds(script.parse("# x\n### a note\n", "x")) == 0
