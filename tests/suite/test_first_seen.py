"""After which command an output is first not as its golden has it."""

from __future__ import annotations

import pytest

from eximsim.suite.first_seen import Mark, cuts, told
from eximsim.suite.munge import SERVER_HEADING
from eximsim.suite.script import Script
from eximsim.suite.tree_rules import Output

STDOUT = Output("stdout", "stdout", "test-stdout", "test-stdout-server")
LINES = ["# title", "exim -be", "exim -bt a", "exim -bt b"]


def _after(text: str, golden: str, sizes: list[int]) -> dict[str, str]:
    """The rules change nothing here."""
    marks = [Mark(number, {"test-stdout": size}) for number, size in enumerate(sizes, 2)]
    texts, goldens = {"stdout": text}, {"stdout": golden}
    made = cuts([STDOUT], texts, goldens, marks, Script("x", ""))
    return told(made, [text[: cut.size] for cut in made], texts, goldens, LINES)


@pytest.mark.parametrize(
    ("text", "golden", "line"),
    [
        ("a\nX\nc\n", "a\nb\nc\n", "line 3: exim -bt a"),
        ("X\nb\nc\n", "a\nb\nc\n", "line 2: exim -be"),
        ("a\nb\nc\n", "a\nb\n", "line 4: exim -bt b"),
        ("a\nb\nc\n", "a\nb\nc\nd\n", "line 4: exim -bt b"),  # what is missing at the end
    ],
)
def test_the_first_cut_that_the_golden_does_not_begin_with_tells(text: str, golden: str, line: str) -> None:
    assert _after(text, golden, [2, 4, 6]) == {"stdout": line}


def test_what_only_a_daemon_wrote_comes_from_no_command() -> None:
    assert _after(f"a\n{SERVER_HEADING}x\n", f"a\n{SERVER_HEADING}y\n", [2, 2, 2]) == {}


def test_an_output_that_is_the_same_is_not_cut() -> None:
    assert _after("a\n", "a\n", [2, 2, 2]) == {}


def test_a_log_that_is_sorted_is_not_cut() -> None:
    log = Output("log", "mainlog", "spool/log/mainlog")
    script = Script("x", "", (), frozenset({"sortlog"}))
    assert cuts([log], {"log": "a"}, {"log": "b"}, [Mark(2, {})], script) == []
