"""The file of breaches that are known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import InputError
from eximsim.fuzz.baseline import Entry, read_baseline, written_baseline

TEXTS = st.text(st.characters(codec="utf-8"))


@given(st.frozensets(st.builds(Entry, TEXTS, TEXTS, TEXTS, TEXTS), max_size=3))
def test_what_is_written_is_read_again(entries: frozenset[Entry]) -> None:
    assert read_baseline(written_baseline(entries), "b.toml") == entries


def test_the_order_of_entries_is_their_own_so_that_a_diff_shows_what_changed() -> None:
    one, two = Entry("a", "b", "c", "d"), Entry("b", "a", "c", "d")
    assert written_baseline([two, one]) == written_baseline([one, two, one])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = \n", 1),
        ("known = 3\n", 1),
        ("[other]\n", 1),
        ('\n[[known]]\npromise = "a"\n', 2),
        ('[[known]]\npromise = "a"\nin = "b"\nwhen = "c"\noutcome = 4\n', 1),
    ],
)
def test_a_damaged_file_is_told_with_file_and_line(text: str, line: int) -> None:
    with pytest.raises(InputError) as mistake:
        read_baseline(text, "b.toml")
    assert (mistake.value.path, mistake.value.line) == ("b.toml", line)
