"""Header lines and body of what comes in, in time that grows as the message does."""

from __future__ import annotations

import time

import pytest

from eximsim.mta.miscmods.pdkim.canon import read_content
from eximsim.mta.reception.receive_data import header_lines

MANY = 400_000


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"A: b\n \n \n\nx\n", [b"A: b\n"]),
        (b"A: b\n \n c\n \t\n\nx\n", [b"A: b\n \n c\n"]),
        (b"A: b \n\t\n\n", [b"A: b \n"]),
        (b"A: b\nB: c\n d", [b"A: b\n", b"B: c\n d\n"]),
    ],
)
def test_continuation_lines_that_are_empty_at_the_end_are_left_out(
    content: bytes, lines: list[bytes]
) -> None:
    assert header_lines(content)[0] == lines


@pytest.mark.parametrize("continuation", [b" b\n", b" \n", b" \r\n"])
def test_a_header_line_of_very_many_lines_takes_no_time(continuation: bytes) -> None:
    content = b"X: a\n" + continuation * MANY + b"\nbody\n"
    began = time.process_time()
    (line,), _, _ = header_lines(content)
    assert read_content(content).headers[0].startswith(b"X: a")
    assert line.startswith(b"X: a")
    assert time.process_time() - began < 10
