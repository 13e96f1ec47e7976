from __future__ import annotations

import pytest

from eximsim.mta.expand.expand import ExpansionFailed, expand
from tests.mta.routing_world import site


@pytest.mark.parametrize(
    ("rest", "fault"),
    [
        ("{k}{y}{n}", "Too many arguments for 'prvscheck' (max is {most})"),
        ("", "Not enough arguments for 'prvscheck' (min is 1)"),
        ("{k}x", "missing '}' after 'prvscheck'"),
        ("{$nosuch}", 'unknown variable name "nosuch"'),
    ],
)
@pytest.mark.parametrize(("address", "most"), [("prvs=0123456789=a@b", "1"), ("a@b", "2")])
def test_faults_behind_an_address_show_whether_or_not_it_is_signed(
    address: str, most: str, rest: str, fault: str
) -> None:
    told = fault.replace("{most}", most)
    for release, name in (("4.94.1", "prvscheck"), ("4.93", "prvs")):
        with pytest.raises(ExpansionFailed) as failed:
            expand(site(release=release).process, f"${{prvscheck{{{address}}}{rest}}}")
        assert failed.value.message == told.replace("'prvscheck'", f"'{name}'")
