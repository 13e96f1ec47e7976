"""A message after DATA is the same however it is cut into pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eximsim.world import smtp_content
from eximsim.world.smtp_content import Content

OCTETS = st.lists(st.sampled_from([b"\r", b"\n", b".", b"a", b"\r\n", b"\r\n.", b"."])).map(b"".join)


def by_lines(octets: bytes) -> tuple[bytes, bytes] | None:
    """The content and what follows it, read line by line; None if it does not end."""
    content = b""
    while b"\n" in octets:
        line, _, octets = octets.partition(b"\n")
        line = line.removesuffix(b"\r")
        if line == b".":
            return content, octets
        content += line.removeprefix(b".") + b"\r\n"
    return None


def pieces(octets: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted(cut % (len(octets) + 1) for cut in cuts)
    return [octets[start:end] for start, end in zip([0, *places], [*places, len(octets)], strict=True)]


@given(OCTETS, st.lists(st.integers(0, 1000)), st.sampled_from([3, 5, 65536]))
def test_any_pieces_give_what_lines_give(octets: bytes, cuts: list[int], long_line: int) -> None:
    usual, smtp_content._LONG_LINE = smtp_content._LONG_LINE, long_line
    try:
        content, buffer, over = Content(keep=True), bytearray(), False
        for piece in pieces(octets, cuts):
            buffer += piece
            over = over or content.take(buffer)
    finally:
        smtp_content._LONG_LINE = usual
    assert ((content.octets(), bytes(buffer)) if over else None) == by_lines(octets)


def test_a_line_without_end_is_taken_as_it_comes_and_forgotten_if_nobody_wants_it() -> None:
    content, buffer = Content(keep=False), bytearray()
    for _ in range(100):
        buffer += b"x" * 65536
        assert not content.take(buffer)
        assert len(buffer) <= 65536
    assert content.size == 100 * 65536 - len(buffer)
    assert content.octets() == b""
