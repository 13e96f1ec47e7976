"""What lists leave in ``$value``, as ``exim -be`` of those releases has it."""

from __future__ import annotations

import pytest

from eximsim.mta.expand.expand import expand
from eximsim.mta.lookup.match import match_address_pattern
from tests.mta.routing_world import site


@pytest.mark.parametrize(
    ("release", "items", "value"),
    [
        ("4.99", "*@c.ex", "*@c.ex@c.ex"),
        ("4.96-debian12", "*ine@c.ex", "*ine@c.ex@c.ex"),
        ("4.95", "*@c.ex", ""),
        ("4.99", "c.ex", "@c.ex"),
        ("4.99", "*@a.ex:^jos", "*@a.ex@"),
        ("4.99", "*@a.ex:!^x", "*@a.ex@"),
        ("4.99", "^x:!josephine@a.ex", "josephine@"),
    ],
)
def test_of_a_pattern_as_many_characters_are_the_value_as_the_local_part_has(
    release: str, items: str, value: str
) -> None:
    """Items that do not match leave theirs behind; recorded with exim -be."""
    process = site(release=release).process
    assert (
        expand(process, f"${{if match_address{{josephine@c.ex}}{{{items}}}{{<$value>}}{{no}}}}")
        == f"<{value}>"
    )


def test_a_list_file_that_is_a_folder_has_no_items() -> None:
    process = site(release="4.99", files={"/lists/one": b"a.ex"}).process
    assert expand(process, "${if match_domain{a.ex}{/lists : b.ex}{y}{n}}") == "n"


def test_a_pattern_whose_domain_does_not_fit_captures_nothing() -> None:
    process = site(release="4.99").process
    assert match_address_pattern(process, "joe@c.ex", "!*@a.ex")
    assert process.numeric == ("joe@c.ex",)
