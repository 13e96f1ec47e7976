"""verify = not_blind: whether every recipient is named, and what may follow it, by release."""

from __future__ import annotations

import pytest

from tests.mta.front import Front

LETTER = ["To: a@d.ex", "", "x", "."]
NO_OPTIONS = "unexpected '/' found in \"not_blind/{}\" (this verify item has no options)"
UNKNOWN = 'unknown option "{0}" in ACL condition "verify not_blind/{0}"'


@pytest.mark.parametrize(
    ("release", "option", "reply", "logged"),
    [
        ("4.92", "case_insensitive", "451", NO_OPTIONS),
        ("4.93", "case_insensitive", "250", None),
        ("4.99", "Case_Insensitive", "250", None),
        ("4.93", "nonsense", "451", UNKNOWN),
    ],
)
def test_options_are_known_from_a_release_on(
    release: str, option: str, reply: str, logged: str | None
) -> None:
    acls = f"c:\n  require verify = not_blind/{option}\n  accept"
    front = Front("acl_smtp_rcpt = accept\nacl_smtp_data = c", acls, release=release)
    said = front.smtp("HELO x", "MAIL FROM:<>", "RCPT TO:<A@d.ex>", "DATA", *LETTER)
    assert said[4][:3] == reply
    assert logged is None or any(line.endswith(logged.format(option)) for line in front.log())
