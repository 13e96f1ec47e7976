"""percent_hack_domains: an address with a percent sign is one elsewhere."""

from __future__ import annotations

import pytest

from tests.mta.front import Front


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("a%far.ex@here.ex", "a@far.ex\n    <-- a%far.ex@here.ex"),
        ("a%far.ex%here.ex@here.ex", "a@far.ex\n    <-- a%far.ex%here.ex@here.ex"),
        ("a%far.ex@other.ex", "a%far.ex@other.ex"),
        ("a@here.ex", "a@here.ex"),
    ],
)
def test_the_last_percent_sign_becomes_the_at_sign(address: str, shown: str) -> None:
    front = Front("percent_hack_domains = here.ex")
    assert front.exim("-bt", address).stdout.startswith(f"{shown}\n")


def test_an_acl_sees_the_address_that_is_meant() -> None:
    front = Front("percent_hack_domains = here.ex\nacl_smtp_rcpt = c", "c:\n  accept domains = far.ex")
    replies = front.smtp("HELO x", "MAIL FROM:<>", "RCPT TO:<a%far.ex@here.ex>", "RCPT TO:<a@here.ex>")
    assert [reply[:3] for reply in replies[2:4]] == ["250", "550"]
