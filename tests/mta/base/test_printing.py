"""How text is shown in logs: what is escaped, and what is not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eximsim.mta.base.string import in_quotes, octets, string_printing


@given(st.text(alphabet=st.characters(max_codepoint=0x2FF, exclude_categories=["Cs"])))
def test_what_is_shown_is_printing_and_tells_the_octets(text: str) -> None:
    shown = string_printing(text)
    assert all(" " <= char <= "~" or char == "\t" for char in shown)
    if "\\" not in text:
        escapes = {"n": b"\n", "r": b"\r", "b": b"\b", "v": b"\v", "f": b"\f"}
        at, read = 0, b""
        while at < len(shown):
            if shown[at] != "\\":
                read, at = read + shown[at].encode(), at + 1
            elif shown[at + 1] in escapes:
                read, at = read + escapes[shown[at + 1]], at + 2
            else:
                read, at = read + bytes([int(shown[at + 1 : at + 4], 8)]), at + 4
        assert read == octets(text)


def test_tabs_and_quotes_are_escaped_within_quotes() -> None:
    assert string_printing('a\t"') == 'a\t"'
    assert in_quotes('a\t"') == '"a\\t\\""'
    assert string_printing("a b\tc", escaped="\t ") == "a\\040b\\tc"
