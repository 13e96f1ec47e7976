"""smtp_ratelimit_mail and smtp_ratelimit_rcpt: clients that have to wait."""

from __future__ import annotations

import pytest

from eximsim.errors import InputError
from eximsim.mta.base.readtime import readconf_readtime, readconf_readtime_fine
from eximsim.mta.config.rate_limits import RateLimit, read_rate_limit
from tests.mta.front import Front

HELO, MAIL, RCPT = "HELO x", "MAIL FROM:<a@b>", "RCPT TO:<c@d>"


def waited(option: str, *commands: str, hosts: str = ":") -> float:
    """How long a session on standard input takes."""
    front = Front(f"acl_smtp_rcpt = accept\nsmtp_ratelimit_hosts = {hosts}\n{option}")
    before = front.world.now()
    front.smtp(*commands)
    return round(front.world.now() - before, 3)


@pytest.mark.parametrize(("count", "seconds"), [(1, 0), (2, 1), (3, 3), (4, 6), (5, 9)])
def test_each_command_too_many_waits_longer_up_to_a_limit(count: int, seconds: float) -> None:
    recipients = [RCPT] * count
    idle = waited("", HELO, MAIL, *recipients)
    assert waited("smtp_ratelimit_rcpt = 1,1s,2,3s", HELO, MAIL, *recipients) - idle == seconds
    mails = [MAIL, "RSET"] * count
    idle = waited("", HELO, *mails)
    assert waited("smtp_ratelimit_mail = 1,1s,2,3s", HELO, *mails) - idle == seconds


def test_a_message_begins_anew_with_its_recipients() -> None:
    limited = "smtp_ratelimit_rcpt = 1, 0.5s, 2, 3s"
    one = (MAIL, RCPT, RCPT, RCPT, "RSET")
    assert waited(limited, HELO, *one, *one) - waited("", HELO, *one, *one) == 3.0


def test_hosts_that_are_not_named_do_not_wait() -> None:
    limited = "smtp_ratelimit_rcpt = 0,1s,2,3s"
    assert waited(limited, HELO, MAIL, RCPT, hosts="10.0.0.1") == waited("", HELO, MAIL, RCPT)


@pytest.mark.parametrize(
    "text", ["", "1", "1,1s,2", "x,1s,2,3s", "1,1x,2,3s", "1,1s,y,3s", "1,1s,2,3", "1,.5s,2,3s"]
)
def test_what_is_no_limit_is_refused_as_the_configuration_is_read(text: str) -> None:
    with pytest.raises(ValueError, match="malformed ratelimit data"):
        read_rate_limit(text)
    if text:
        with pytest.raises(InputError, match="malformed ratelimit data"):
            Front(f"smtp_ratelimit_mail = {text}").process()


def test_the_parts_of_a_limit() -> None:
    assert read_rate_limit("3, 0.25s,1.05, 1m2.5s") == RateLimit(3, 0.25, 1.05, 62.5)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("1s", 1000), ("1.5s", 1500), ("1m0.25s", 60250), ("1.s", 1000), ("1.5m", None), ("", None)],
)
def test_fine_times(text: str, milliseconds: int | None) -> None:
    assert readconf_readtime_fine(text) == milliseconds
    if "." not in text and milliseconds is not None:
        assert readconf_readtime(text) == milliseconds // 1000
