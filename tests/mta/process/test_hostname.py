"""What a host is called, and which domain is put to a local part alone."""

from __future__ import annotations

import pytest

from eximsim.mta.process.hostname import primary_hostname, qualify_domain
from tests.mta.front import Front

NAMED = "qualify_domain = d.example\n"


@pytest.mark.parametrize(
    ("main", "sender", "recipient"),
    [
        ("", "", ""),
        (NAMED, "d.example", "d.example"),
        (f"{NAMED}qualify_recipient = r.example\n", "d.example", "r.example"),
        ("qualify_recipient = r.example\n", "", "r.example"),
    ],
)
def test_the_domain_is_that_of_the_options_or_the_name_of_the_host(
    main: str, sender: str, recipient: str
) -> None:
    process = Front(main).process()
    own = primary_hostname(process)
    assert qualify_domain(process, is_recipient=False) == (sender or own)
    assert qualify_domain(process, is_recipient=True) == (recipient or own)
