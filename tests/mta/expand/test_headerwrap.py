"""Long header lines folded. The expected texts are those of ``exim -be`` of the head after 4.99."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from eximsim.mta.expand.expand import expand
from tests.mta.routing_world import site

FOX = "the quick brown fox jumps over the lazy dog"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${headerwrap:short}", "short"),
        ("${headerwrap:}", ""),
        (f"${{headerwrap_20:{FOX}}}", "the quick brown fox\n\tjumps over t\n\the lazy dog"),
        (f"${{headerwrap_20_10:{FOX} and more}}", "the quick "),
        (f"${{headerwrap_0:{FOX}}}", FOX),
    ],
)
def test_a_text_is_folded_at_its_last_space(text: str, expected: str) -> None:
    assert expand(site(release="4.99").process, text) == expected


def test_columns_that_leave_no_room_end_only_by_the_limit() -> None:
    process = site(release="4.99").process
    assert expand(process, "${headerwrap_5_12:the quick brown}") == "the q\n\t\n\t\n\t\n"[:12]
    with pytest.raises(Unsupported):
        expand(process, "${headerwrap_5_0:the quick brown}")
