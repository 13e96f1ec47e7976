from typing import Any

import pytest

from eximsim.errors import InputError
from eximsim.shapes import Map, check

SHAPE = {"id": str, "count?": int, "lines": [str], "of": Map((str, {"x": float})), "end?": (None, bool)}
GOOD: dict[str, Any] = {"id": "a", "lines": [], "of": {"b": "c", "d": {"x": 1}}, "more": object()}


def test_what_has_the_shape_is_let_through() -> None:
    check(GOOD, SHAPE)
    check({**GOOD, "count": 3, "end": None}, SHAPE)
    check({**GOOD, "end": True}, SHAPE)
    check(object(), object)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": 5}, "f:3: id is 5; expected a text"),
        ({"id": ["x" * 100]}, f"f:3: id is ['{'x' * 58}...; expected a text"),
        ({"count": True}, "f:3: count is True; expected a whole number"),
        ({"count": 1.0}, "f:3: count is 1.0; expected a whole number"),
        ({"lines": "abc"}, "f:3: lines is 'abc'; expected a list"),
        ({"lines": ["a", None]}, "f:3: lines[1] is None; expected a text"),
        ({"of": []}, "f:3: of is []; expected an object"),
        ({"of": {"b": 1}}, "f:3: of.b is 1; expected a text or an object"),
        ({"of": {"b": {"x": float("nan")}}}, "f:3: of.b is {'x': nan}; expected a text or an object"),
        ({"end": 0}, "f:3: end is 0; expected null or true or false"),
    ],
)
def test_the_first_place_that_has_not_is_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as raised:
        check({**GOOD, **change}, SHAPE, "f", 3)
    assert str(raised.value) == message


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"^f: id is not there; expected a text$"):
        check({}, SHAPE, "f")
    with pytest.raises(InputError, match=r"^this is 5; expected an object$"):
        check(5, SHAPE)


def test_a_number_that_no_float_holds_is_none() -> None:
    check(10**300, float)
    with pytest.raises(InputError, match="expected a number"):
        check(10**400, float)
