"""Text of strangers does nothing where it is shown."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.visible import visible, visible_lines

TEXT = st.text(st.characters(codec=None))


@settings(max_examples=100)
@given(TEXT)
def test_any_text_becomes_one_line_of_characters_that_can_be_seen(text: str) -> None:
    assert visible(text).isprintable()
    assert visible(visible(text)) == visible(text)


def test_what_cannot_be_seen_is_written_out() -> None:
    assert visible("a\r\nb\x1b[0m\u202ec\ud800\x9b") == r"a\r\nb\x1b[0m\u202ec\ud800\x9b"


@settings(max_examples=100)
@given(st.lists(TEXT))
def test_lines_stay_lines_and_only_their_content_is_written_out(lines: list[str]) -> None:
    text = "\n".join(lines)
    shown = visible_lines(text)
    assert shown.count("\n") == text.count("\n")
    assert shown.count("\t") == text.count("\t")
    assert shown.replace("\n", "").replace("\t", "").isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::add-mask::x", "\\x3a:add-mask::x"),
        ("  ::error file=a,line=1::x", "  \\x3a:error file=a,line=1::x"),
        ("a ##[add-path]x", "a ##\\x5badd-path]x"),
        ("::1 is loopback", "::1 is loopback"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("a ::error::x", "a ::error::x"),
    ],
)
def test_nothing_in_the_log_of_a_job_is_a_command(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible_lines(f" a\n\t{text}") == f" a\n\t{shown}"
