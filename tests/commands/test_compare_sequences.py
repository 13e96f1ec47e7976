"""Comparing a real program with the model in sequences made at random."""

from __future__ import annotations

from tests.commands.invoking import invoke


def test_sequences_want_a_program() -> None:
    done = invoke("compare", "--sequences", "1")
    assert done.exit_code == 2
    assert "--sequences goes with --exim PATH" in done.stderr


def test_what_is_made_at_random_is_of_one_kind() -> None:
    done = invoke("compare", "--sequences", "1", "--configurations", "1", "--exim", __file__)
    assert done.exit_code == 2
    assert "expected one of --random, --sequences and --configurations" in done.stderr
