from __future__ import annotations

import pytest

from eximsim.mta.expand.expand import expand
from tests.mta.routing_world import site


@pytest.mark.parametrize(("release", "parts"), [("4.92", "a (c)@ b.c|a|(c)@ b.c"), ("4.93", "a@b.c|a|b.c")])
def test_parts_of_an_address_with_comments_were_once_cut_from_it_as_it_is_written(
    release: str, parts: str
) -> None:
    process = site(release=release).process
    written = "(c) a (c)@ b.c (d)"
    text = f"${{address:{written}}}|${{local_part:{written}}}|${{domain:{written}}}"
    assert expand(process, text) == parts
    assert (
        expand(process, "${address:X <y@z>}|${local_part:X <y@z>}|${domain:X <y@z>}|${domain:y}")
        == "y@z|y|z|"
    )
