"""Header lines that a transport adds and takes out."""

from __future__ import annotations

import pytest

from tests.mta.scenario import NEWEST, Mx, Site

NAMES = ("X-One", "X-Two", "Keep", "X-T", "X-U")
BODY = "Subject: x\nX-One: 1\nX-Two: 2\nKeep: 3\n\nbody\n"


def sent(release: str = NEWEST, **transport: str) -> tuple[Site, list[str]]:
    """The header lines that the server saw, but for those of Exim itself."""
    site = Site([Mx()], release, transport=transport)
    site.deliver(body=BODY)
    heads = [message.content.decode().partition("\r\n\r\n")[0] for message in site.messages]
    lines = [line for head in heads for line in head.splitlines()]
    return site, [line for line in lines if line.partition(":")[0] in NAMES]


def test_header_lines_are_added_last_each_expanded_for_the_host() -> None:
    _, lines = sent(headers_add='"X-T: $host\\nX-U: ${if eq{a}{b}{x}fail}\\nX-U: u"')
    assert lines == ["X-One: 1", "X-Two: 2", "Keep: 3", "X-T: mx1.test.ex", "X-U: u"]


def test_header_lines_are_taken_out_by_name() -> None:
    _, lines = sent(headers_remove="x-one : Keep")
    assert lines == ["X-Two: 2"]


@pytest.mark.parametrize(("release", "left"), [("4.93", 3), ("4.94.1", 1), (NEWEST, 1)])
def test_a_star_at_the_end_of_a_name_stands_for_the_rest_since_4_94(release: str, left: int) -> None:
    _, lines = sent(release, headers_remove="X-*")
    assert len(lines) == left


def test_a_header_line_that_cannot_be_expanded_stops_the_delivery_in_the_middle() -> None:
    site, lines = sent(headers_add="X-T: ${lookup{x}")
    assert lines == []
    assert site.outcome.startswith("DEFER -25: failed to expand headers_add or headers_remove: ")
    assert site.events[-2:] == ["DATA", "EOF"]
