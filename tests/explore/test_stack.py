"""The calls that are under way count as a whole; what a variable is called does not."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from sys import _getframe

import pytest

from eximsim.explore.stack import call_state, calls_between, generator_state, owner_within

State = tuple[object, ...]


def shown(values: dict[str, object]) -> Mapping[str, object]:
    return values


def state_of(text: str, value: object) -> State:
    """The state of a call of the function that ``text`` defines, in the middle of it."""
    found: list[State] = []
    names: dict[str, object] = {"look": lambda: found.append(call_state(_getframe(1), shown))}
    exec(compile(text, "model.py", "exec"), names)
    model = names["model"]
    assert isinstance(model, types.FunctionType)
    model(value)
    return found[0]


MODEL = "def model(hosts):\n    number = len(hosts)\n    look()\n    return number\n"


def test_a_renamed_variable_changes_nothing() -> None:
    renamed = MODEL.replace("hosts", "those").replace("number", "count")
    assert state_of(MODEL, "ab") == state_of(renamed, "ab")


def test_another_value_or_another_place_is_another_state() -> None:
    elsewhere = MODEL.replace("    look()\n", "    number += 0\n    look()\n")
    assert state_of(MODEL, "ab") != state_of(MODEL, "abc")
    assert state_of(MODEL, "ab") != state_of(elsewhere, "ab")


def test_variables_count_by_their_places_and_not_by_when_they_were_set() -> None:
    first = "def model(v):\n    if v: a = 1\n    b = 2\n    if not v: a = 1\n    look()\n"
    (*_, one), (*_, two) = state_of(first, 1), state_of(first, 0)
    assert isinstance(one, list)
    assert isinstance(two, list)
    assert one[1:] == two[1:]


class Run:
    """Something that runs, and asks."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self.ask = ask

    def run(self) -> object:
        return self.within()

    def within(self) -> object:
        return self.ask()


def names(calls: list[types.FrameType]) -> list[str]:
    return [call.f_code.co_name for call in calls]


def test_calls_are_counted_from_the_one_that_asks_out_to_the_run() -> None:
    def asks() -> list[str]:
        return names(calls_between(asks.__code__, Run.run.__code__))

    assert Run(asks).run() == ["within"]


def test_the_run_itself_is_found_by_its_method() -> None:
    run = Run(lambda: owner_within(Run.run.__code__))
    assert run.run() is run
    with pytest.raises(LookupError, match=r"Run\.run is not under way"):
        owner_within(Run.run.__code__)


def test_a_generator_has_a_state_until_it_is_through() -> None:
    numbers = (number for number in range(2))
    assert isinstance(numbers, types.GeneratorType)
    states = []
    for _ in range(3):
        states.append(generator_state(numbers, shown))
        next(numbers, None)
    assert len({repr(state) for state in states}) == 3
    next(numbers, None)
    assert generator_state(numbers, shown) == ("generator", None)
