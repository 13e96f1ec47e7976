"""Examples by seed, and the smallest one with a property."""

from hypothesis import strategies as st

from eximsim.fuzz.examples import Found, examples, smallest

NUMBERS = st.lists(st.integers(0, 1000), max_size=8)


def test_the_same_seed_makes_the_same_examples() -> None:
    one, two = list(examples(NUMBERS, 40, 5)), list(examples(NUMBERS, 40, 5))
    assert one == two
    assert one[:15] == list(examples(NUMBERS, 15, 5))
    assert [found.value for found in one] != [found.value for found in examples(NUMBERS, 40, 6)]


def test_examples_are_different() -> None:
    values = [repr(found.value) for found in examples(NUMBERS, 60, 1)]
    assert len(set(values)) == 60


def large(value: list[int]) -> bool:
    return sum(value) >= 500


def first_large(seed: int) -> Found[list[int]]:
    return next(found for found in examples(NUMBERS, 200, seed) if large(found.value))


def test_what_has_a_property_is_made_as_small_as_can_be() -> None:
    for seed in range(5):
        assert smallest(NUMBERS, seed, first_large(seed), large, 1000) == [500]


def test_the_property_is_asked_for_only_so_often() -> None:
    asked = []

    def holds(value: list[int]) -> bool:
        asked.append(value)
        return large(value)

    start = first_large(3)
    found = smallest(NUMBERS, 3, start, holds, 7)
    assert large(found)
    assert len(asked) <= 7
    assert smallest(NUMBERS, 3, start, holds, 0) == start.value
