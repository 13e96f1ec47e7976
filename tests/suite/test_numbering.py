import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.suite.numbering import Numbering, following


@pytest.mark.parametrize(
    ("text", "after"),
    [("aX", "aY"), ("aZ", "bA"), ("a9", "b0"), ("zz", "aaa"), ("Zz", "AAa"), ("zZ9", "aaA0")],
)
def test_strings_count_up_as_in_perl(text: str, after: str) -> None:
    assert following(text) == after


def test_message_ids_are_named_by_first_appearance() -> None:
    numbering = Numbering()
    names = [numbering.message_id(value, "10Hm%s") for value in ("q", "r", "q", "s", "t")]
    assert names == ["10HmaX", "10HmaY", "10HmaX", "10HmaZ", "10HmbA"]


def test_the_two_forms_of_ids_have_series_of_their_own() -> None:
    numbering = Numbering()
    assert numbering.message_id("old", "10Hm%s-0005vi-00") == "10HmaX-0005vi-00"
    assert numbering.message_id("new", "10Hm%s-000000005vi-0000") == "10HmaX-000000005vi-0000"


def test_series_start_where_the_runner_starts_them() -> None:
    numbering = Numbering(first_port=1111)
    assert (numbering.port("40000"), numbering.pid("99", "p%s"), numbering.connection("5")) == (
        "1111",
        "p1234",
        "conn1111",
    )


def test_all_series_share_one_table_of_values() -> None:
    numbering = Numbering()
    assert numbering.pid("4711") == numbering.port("4711") == "1234"


@given(st.lists(st.text(max_size=3), max_size=30))
def test_same_value_same_name_and_other_value_other_name(values: list[str]) -> None:
    numbering = Numbering()
    names = {value: numbering.port(value) for value in values}
    assert len(set(names.values())) == len(names)
    assert all(numbering.port(value) == name for value, name in names.items())
