"""Choices made from small numbers."""

from hypothesis import find, given
from hypothesis import strategies as st

from eximsim.fuzz.weighted_draw import Chooser, Weighted

LETTERS = "abcd"


def test_the_first_choice_is_the_plainest() -> None:
    assert find(_weighted(), lambda _: True) == "plain"
    assert find(_weighted(), lambda value: value != "plain") == "odd"


@st.composite
def _weighted(draw: st.DrawFn) -> str:
    return Chooser(draw).of(Weighted((3, "plain"), (1, "odd"), (2, "odder")))


def _letter(choose: Chooser, letters: str) -> str:
    return choose.one(letters)


@st.composite
def _letters(draw: st.DrawFn) -> list[str]:
    return Chooser(draw).parts(1, 3, _letter, LETTERS)


@given(_letters())
def test_parts_are_as_many_as_wanted(chosen: list[str]) -> None:
    assert 1 <= len(chosen) <= 3
    assert set(chosen) <= set(LETTERS)


def test_the_fewest_parts_are_the_plainest() -> None:
    assert find(_letters(), lambda _: True) == ["a"]
    assert find(_letters(), lambda chosen: "d" in chosen) == ["d"]


@st.composite
def _rarely(draw: st.DrawFn, percent: int) -> bool:
    return Chooser(draw).rarely(percent)


def test_never_and_always() -> None:
    assert find(_rarely(0), lambda _: True) is False
    assert find(_rarely(99), bool) is True
    assert find(_rarely(1), bool) is True
