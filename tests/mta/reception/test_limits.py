"""How many messages a connection may have."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from tests.mta.front import Front


def offered(setting: str, release: str = "4.99") -> str:
    """What EHLO is told of limits."""
    main = f"recipients_max = 0\nlimits_advertise_hosts = :\nsmtp_accept_max_per_connection = {setting}"
    front = Front(main, release=release)
    return " ".join(line for line in front.smtp("EHLO a.ex", "QUIT") if "LIMITS" in line)


@pytest.mark.parametrize(
    ("setting", "limit"),
    [
        ("7", "250-LIMITS MAILMAX=7"),
        ("${if eq{$sender_helo_name}{a.ex}{42}{1}}", "250-LIMITS MAILMAX=42"),
        ("0", ""),
        ("${if eq{a}{b}{1}{}}", ""),
    ],
)
def test_the_limit_is_expanded_for_each_greeting(setting: str, limit: str) -> None:
    assert offered(setting) == limit


def test_a_limit_that_does_not_expand_is_not_modelled() -> None:
    with pytest.raises(Unsupported):
        offered("${bad")


@pytest.mark.parametrize("release", ["4.92", "4.99"])
def test_the_message_beyond_the_limit_is_refused(release: str) -> None:
    replies = Front("smtp_accept_max_per_connection = 1", release=release).smtp(
        "HELO a.ex", "MAIL FROM:<a@here.ex>", "RSET", "MAIL FROM:<a@here.ex>"
    )
    assert "421 too many messages in this connection" in replies
