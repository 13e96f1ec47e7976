from __future__ import annotations

from collections.abc import Callable

import pytest

from eximsim.testing import Callout, Delivery
from tests.testing.policies import Stand

A = "a@example.com"


@pytest.fixture
def delivery() -> Delivery:
    stand = Stand()
    stand.zone.add("mx.example.com", tlsa="nxdomain")
    return stand.machine().deliver(A)


@pytest.fixture
def callout() -> Callout:
    stand = Stand()
    stand.zone.add("mx.example.com")
    stand.server("mx.example.com").reply("rcpt", "550 no")
    return stand.machine().callout(A)


def told(verb: Callable[[], object]) -> list[str]:
    with pytest.raises(AssertionError) as caught:
        verb()
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("verb", "wanted"),
    [
        (lambda d: d.should_deliver(security="dane"), "should be delivered (dane)"),
        (lambda d: d.should_deliver(host="mx2.example.com"), "should be delivered to mx2.example.com"),
        (lambda d: d.should_defer(), "should be deferred"),
        (lambda d: d.should_defer(reason="tlsa"), "should be deferred for 'tlsa'"),
        (lambda d: d.should_bounce(reason="no"), "should bounce for 'no'"),
    ],
    ids=["security", "host", "defer", "reason", "bounce"],
)
def test_a_failure_says_first_what_was_wanted_and_what_was(
    delivery: Delivery, verb: Callable[[Delivery], object], wanted: str
) -> None:
    lines = told(lambda: verb(delivery))
    assert lines[0] == f"{A} {wanted}, but was delivered to mx.example.com (verified)"


def test_a_failure_tells_the_decisions_and_the_log(delivery: Delivery) -> None:
    lines = told(delivery.should_defer)
    assert "decisions (4.99):" in lines
    assert any(line.startswith("  tlsa host: host=mx.example.com, result=FAIL_FORCED") for line in lines)
    assert lines[lines.index("log:") + 1].startswith("  M1 <= ")


def test_a_failed_callout_says_what_the_server_said(callout: Callout) -> None:
    assert told(callout.should_accept)[0].startswith(f"{A} should be accepted, but was refused: ")
    assert "no" in told(callout.should_defer)[0]


def test_verbs_can_be_chained(delivery: Delivery) -> None:
    assert delivery.should_deliver(security="verified").should_deliver() is delivery


def test_a_security_that_there_is_none_of_is_a_mistake(delivery: Delivery) -> None:
    with pytest.raises(ValueError, match="expected dane, verified, tls, clear"):
        delivery.should_deliver(security="safe")  # type: ignore[arg-type]


def test_a_reason_is_not_taken_from_another_recipient() -> None:
    stand = Stand()
    stand.zone.add("mx.example.com")
    stand.server("mx.example.com").reply("rcpt", "450 full", to=A).reply("rcpt", "450 asleep")
    result = stand.machine().deliver(A, "b@example.com")
    result[A].should_defer(reason="full")
    with pytest.raises(AssertionError):
        result[A].should_defer(reason="asleep")
