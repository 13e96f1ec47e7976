"""The time of day in a time zone; what is expected came from real programs of 4.89 and 4.99."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from tests.mta.front import Front


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("", "Tue, 14 Nov 2023 22:13:20 +0000"),
        ("utc", "Tue, 14 Nov 2023 22:13:20 +0000"),
        ("EST", "Tue, 14 Nov 2023 17:13:20 -0500"),
        ("HST", "Tue, 14 Nov 2023 12:13:20 -1000"),
        ("CET-1", "Tue, 14 Nov 2023 23:13:20 +0100"),
        ("<+0530>-5:30", "Wed, 15 Nov 2023 03:43:20 +0530"),
        ("XXX3:30", "Tue, 14 Nov 2023 18:43:20 -0330"),
        ("XYZ0:30", "Tue, 14 Nov 2023 21:43:20 +0030"),
    ],
)
def test_the_time_is_that_of_the_zone(zone: str, shown: str) -> None:
    front = Front(f"timezone = {zone}\n")
    assert front.exim("-be", "$tod_full|$tod_zone|$tod_zulu").stdout == (
        f"{shown}|{shown[-5:]}|20231114221320Z\n"
    )


def test_the_log_has_the_time_of_the_zone() -> None:
    front = Front("timezone = EST\nlog_timezone\n")
    front.exim("-odq", "r@d.ex", stdin="Subject: s\n\nx\n")
    assert front.machine.files["/spool/log/mainlog"][0].startswith("2023-11-14 17:13:20 -0500 ")


@pytest.mark.parametrize("zone", ["Europe/Berlin", "EST5EDT", "Nowhere"])
def test_a_zone_whose_time_is_not_known_is_named_with_its_line(zone: str) -> None:
    with pytest.raises(Unsupported, match=rf"timezone = {zone} \(/etc/exim.conf:5\)"):
        Front(f"timezone = {zone}\n").exim("-be", "x")
