"""``${utf8clean:``: the values are those of real programs of each release (``-be``)."""

from __future__ import annotations

import pytest

from eximsim.mta.base.string import from_octets, octets
from eximsim.mta.expand.expand import expand
from tests.mta.routing_world import site


@pytest.mark.parametrize(
    ("text", "clean", "before"),
    [
        (b"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", b"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", None),
        (b"\xe2\x82.\xf0\x9fa", b"?.?a", None),
        (b"\xe2\x82\xe2z", b"?z", None),
        (b"\xf4\x90\x80\x80", b"?", None),
        (b"\xe0\x80\x80\xc0\x80\xff", b"\xe0\x80\x80???", None),
        (b"a\xe2\x82", b"a?", b"a"),
        (b"\xed\xa0\x80", b"?", b"\xed\xa0\x80"),
    ],
)
def test_what_is_no_character_becomes_one_question_mark(
    text: bytes, clean: bytes, before: bytes | None
) -> None:
    for release, expected in (("4.99", clean), ("4.89", clean if before is None else before)):
        process = site(release=release).process
        assert octets(expand(process, f"${{utf8clean:{from_octets(text)}}}")) == expected, release
