"""ratelimit: the rate that the hints database remembers."""

from __future__ import annotations

import pytest

from eximsim.errors import Unanswered
from tests.mta.front import Front


def front(argument: str, *, known: bool = True) -> Front:
    shown = "$sender_rate/$sender_rate_limit/$sender_rate_period"
    over = f"  warn ratelimit = {argument}\n    logwrite = over {shown}\n"
    acl = f"c:\n{over}  warn logwrite = $sender_rate\n  accept"
    made = Front("acl_smtp_rcpt = c\nacl_smtp_data = c", acl)
    made.machine.hints_known = known
    return made


def rates(stand: Front, *recipients: str) -> list[str]:
    before = len(stand.log())
    stand.smtp("HELO x", "MAIL FROM:<s@b.ex>", *(f"RCPT TO:<{to}>" for to in recipients), "RSET")
    return stand.log()[before:]


def test_a_burst_is_over_the_limit_with_the_first_that_is_too_many() -> None:
    """However little time passes, the rate of as many events as are allowed is a bit less than the limit."""
    stand = front("2 / 1h / per_rcpt / strict")
    assert rates(stand, "a@d.ex", "b@d.ex", "c@d.ex") == [
        "1.0",
        "2.0",
        "over 3.0/2/1h",
        "3.0",
    ]


def test_who_is_over_the_limit_is_not_counted_unless_that_is_strict() -> None:
    stand = front("2 / 1h / per_rcpt / leaky")
    assert rates(stand, "a@d.ex", "b@d.ex", "c@d.ex", "d@d.ex")[-1] == "3.0"


def test_time_lets_the_rate_sink() -> None:
    stand = front("9 / 1h / per_rcpt / strict")
    rates(stand, "a@d.ex", "b@d.ex", "c@d.ex")
    stand.world.sleep(3600)
    assert rates(stand, "a@d.ex") == ["2023-11-14 23:13:20 1.7"]


def test_an_address_is_counted_once() -> None:
    stand = front("9 / 1h / per_addr / strict")
    assert rates(stand, "a@d.ex", "a@d.ex", "b@d.ex") == ["1.0", "1.0", "2.0"]


def test_what_is_only_read_is_not_counted() -> None:
    stand = front("9 / 1h / per_rcpt / readonly")
    assert rates(stand, "a@d.ex", "b@d.ex") == ["0.0", "0.0"]
    assert not stand.machine.hints.ratelimit


@pytest.mark.parametrize(
    ("argument", "why"),
    [
        ("x / 1h", '"x" is not a positive number'),
        ("1 / x", '"x" is not a time value'),
        ("1 / 1h / per_rcpt / per_cmd", "conflicting per_* options"),
        ("1 / 1h / strict / leaky", "conflicting update modes"),
        ("1 / 1h / count=x", '"count=x" is not a positive number'),
        ("-1 / 1h", '"-1" is not a positive number'),
    ],
)
def test_an_argument_that_makes_no_sense_is_an_error(argument: str, why: str) -> None:
    line = rates(front(argument), "a@d.ex")[-1]
    assert f'error in arguments to "ratelimit" condition: {why}' in line


@pytest.mark.parametrize(
    ("limit", "shown"), [("", "1.0//1h"), ("0.5", "1.0/0.5/1h"), ("+.1e1", "1.0/+.1e1/1h"), ("k", "1.0/k/1h")]
)
def test_a_limit_is_a_number_as_c_reads_it_and_nothing_is_zero(limit: str, shown: str) -> None:
    assert f"over {shown}" in rates(front(f"{limit} / 1h"), "a@d.ex")


def test_no_rate_reaches_an_infinite_limit() -> None:
    assert rates(front("inf / 1h"), "a@d.ex") == ["1.0"]


def test_where_the_hints_are_not_known_the_rate_is_asked_for() -> None:
    with pytest.raises(Unanswered, match="ratelimit is asked"):
        rates(front("1 / 1h", known=False), "a@d.ex")
