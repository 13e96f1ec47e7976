from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from eximsim.errors import InputError
from eximsim.testing import Callout, Delivery, Security
from tests.testing.policies import CONFIG, Stand

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
    with pytest.raises(InputError, match="expected dane, verified, tls, clear"):
        delivery.should_deliver(security="safe")  # type: ignore[arg-type]


def test_a_reason_is_not_taken_from_another_recipient() -> None:
    stand = Stand()
    stand.zone.add("mx.example.com")
    stand.server("mx.example.com").reply("rcpt", "450 full", to=A).reply("rcpt", "450 asleep")
    result = stand.machine().deliver(A, "b@example.com")
    result[A].should_defer(reason="full")
    with pytest.raises(AssertionError):
        result[A].should_defer(reason="asleep")


@pytest.mark.parametrize("least", ["clear", "tls", "verified"])
def test_protection_may_be_better_than_the_least_that_is_asked_for(
    delivery: Delivery, least: Security
) -> None:
    delivery.should_deliver(security_at_least=least)


def test_protection_below_the_least_is_a_failure(delivery: Delivery) -> None:
    lines = told(lambda: delivery.should_deliver(security_at_least="dane"))
    assert (
        lines[0] == f"{A} should be delivered (at least dane), but was delivered to mx.example.com (verified)"
    )


def test_a_callout_has_a_least_protection_too() -> None:
    stand = Stand()
    stand.zone.add("mx.example.com")
    stand.machine().callout(A).should_accept(security_at_least="verified")
    stand.server("mx.example.com", certificate="selfsigned")
    stand.zone.add("mx.example.com", tlsa="nxdomain")
    lines = told(lambda: stand.machine().callout(A).should_accept(security_at_least="verified"))
    assert lines[0].startswith(f"{A} should be accepted (at least verified), but was accepted")


@pytest.mark.parametrize(("command", "reply"), [("rcpt", "450 later"), ("rcpt", "550 no")])
def test_mail_that_waits_or_bounces_was_not_delivered(command: str, reply: str) -> None:
    stand = Stand()
    stand.zone.add("mx.example.com")
    stand.server("mx.example.com").reply(command, reply)
    stand.machine().deliver(A).should_not_deliver(reason=reply)


def test_mail_that_was_delivered_fails_should_not_deliver(delivery: Delivery) -> None:
    assert told(delivery.should_not_deliver)[0].startswith(f"{A} should not be delivered, but was delivered")


def test_what_is_not_modelled_is_not_taken_for_mail_that_was_not_delivered() -> None:
    stand = Stand()
    stand.zone.add("mx.example.com")
    text = CONFIG.replace(
        "  driver = dnslookup\n", "  driver = dnslookup\n  condition = ${run{/opt/judge}}\n"
    )
    with pytest.raises(AssertionError, match="is not modelled"):
        stand.mta(text=text).deliver(A).should_not_deliver()


def test_the_log_has_a_text_or_fits_a_pattern(delivery: Delivery) -> None:
    delivery.should_log("R=remote T=out").should_log(re.compile(r"=> a@example\.com .* CV=yes"))
    lines = told(lambda: delivery.should_log(re.compile(r"CV=(dane|no)\b")))
    assert lines[0].startswith(f"{A} should be logged with /CV=(dane|no)\\b/, but was delivered")


def test_a_log_line_of_another_recipient_is_not_ones_own() -> None:
    stand = Stand()
    stand.zone.add("mx.example.com")
    stand.server("mx.example.com").reply("rcpt", "550 no such user", to="b@example.com")
    found = stand.machine().deliver(A, "b@example.com")
    found["b@example.com"].should_log("no such user")
    with pytest.raises(AssertionError, match="should be logged"):
        found[A].should_log("no such user")


@pytest.mark.parametrize("reason", [re.compile(r"^\d*.*no$"), re.compile("550 n.")])
def test_a_reason_may_be_a_pattern(reason: re.Pattern[str]) -> None:
    stand = Stand()
    stand.zone.add("mx.example.com")
    stand.server("mx.example.com").reply("rcpt", "550 no")
    stand.machine().deliver(A).should_bounce(reason=reason)
    with pytest.raises(AssertionError, match=r"should be deferred for /550 n\./"):
        stand.machine().callout(A).should_defer(reason=re.compile("550 n."))


@pytest.mark.parametrize("text", ["", None, 5, b"x", ["x"], re.compile(b"x")], ids=repr)
def test_what_cannot_be_looked_for_is_a_mistake_and_not_found_everywhere(
    delivery: Delivery, text: object
) -> None:
    with pytest.raises(InputError, match="expected a part of a text, or a compiled pattern"):
        delivery.should_log(text)  # type: ignore[arg-type]
    if text is not None:
        with pytest.raises(InputError, match=r"reason is .*; expected a part of a text"):
            delivery.should_not_deliver(reason=text)  # type: ignore[arg-type]


def test_a_recipient_that_was_not_there_is_told_with_those_that_were(delivery: Delivery) -> None:
    with pytest.raises(KeyError, match=f"no recipient 'b@example.com'; expected one of: {A}"):
        delivery["b@example.com"]


@pytest.mark.parametrize(
    "verb",
    [
        lambda d: d.should_deliver(),
        lambda d: d.should_not_deliver(),
        lambda d: d.should_defer(),
        lambda d: d.should_log("x"),
    ],
    ids=["deliver", "not deliver", "defer", "log"],
)
def test_nothing_holds_of_a_queue_run_before_any_message(verb: Callable[[Delivery], object]) -> None:
    assert told(lambda: verb(Stand().machine().queue_run())) == [
        "there is no recipient to look at: no message was sent before"
    ]
