from __future__ import annotations

import pytest

from eximsim.mta.process.timediff import string_timediff
from tests.mta.scenario import NEWEST, Site


@pytest.mark.parametrize(
    ("selectors", "seconds", "shown"),
    [
        ("", 0, "0s"),
        ("", 4.9, "4s"),
        ("", 90, "1m30s"),
        ("+millisec", 0, "0.000s"),
        ("+millisec", 4.9995, "4.999s"),
        ("+millisec", 5, "5s"),
        ("+millisec", 90.5, "1m30s"),
    ],
)
def test_short_durations_are_exact_if_that_is_wanted(selectors: str, seconds: float, shown: str) -> None:
    site = Site(release=NEWEST, main={"log_selector": selectors})
    assert string_timediff(site.process(), seconds) == shown
