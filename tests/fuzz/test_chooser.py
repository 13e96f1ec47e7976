"""Choices made from small numbers."""

from hypothesis import find, given
from hypothesis import strategies as st

from eximsim.fuzz.chooser import Chooser, Weighted

LETTERS = "abcd"


def test_the_first_choice_is_the_plainest() -> None:
    assert find(_weighted(), lambda _: True) == "plain"
    assert find(_weighted(), lambda value: value != "plain") == "odd"


@st.composite
def _weighted(draw: st.DrawFn) -> str:
    return Chooser(draw).of(Weighted((3, "plain"), (1, "odd"), (2, "odder")))


@st.composite
def _several(draw: st.DrawFn) -> list[str]:
    return Chooser(draw).several(LETTERS, 1, 3)


@given(_several())
def test_several_are_different_and_within_bounds(chosen: list[str]) -> None:
    assert 1 <= len(chosen) <= 3
    assert len(set(chosen)) == len(chosen)
    assert set(chosen) <= set(LETTERS)


@st.composite
def _rarely(draw: st.DrawFn, percent: int) -> bool:
    return Chooser(draw).rarely(percent)


def test_never_and_always() -> None:
    assert find(_rarely(0), lambda _: True) is False
    assert find(_rarely(100), lambda _: True) is True
    assert find(_rarely(1), bool) is True
