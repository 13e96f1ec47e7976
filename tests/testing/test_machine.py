from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eximsim.errors import InputError
from eximsim.testing import Machine
from eximsim.testing.zone import TLSA
from tests.testing.policies import CONFIG, Stand

A = "a@example.com"


@pytest.fixture
def stand() -> Stand:
    stand = Stand()
    stand.zone.add("mx.example.com")
    return stand


def test_all_is_secure_and_good_unless_told_otherwise(stand: Stand) -> None:
    stand.machine().deliver(A).should_deliver(host="mx.example.com", security="dane")
    stand.machine().callout(A).should_accept(security="dane")


@pytest.mark.parametrize(
    ("tlsa", "security"),
    [
        ("match", "dane"), ("authority", "dane"), ("mixed", "dane"), ("insecure", "verified"),
        ("nodata", "verified"), ("nxdomain", "verified"),
        ("mismatch", None), ("servfail", None), ("timeout", None),
    ],
)  # fmt: skip
def test_what_the_newest_release_makes_of_each_tlsa_answer(
    stand: Stand, tlsa: str, security: str | None
) -> None:
    stand.zone.add("mx.example.com", tlsa=tlsa)
    result = stand.machine().deliver(A)
    if security is None:
        result.should_defer()
    else:
        result.should_deliver(security=security)  # type: ignore[arg-type]
    assert tlsa in TLSA


@pytest.mark.parametrize(
    ("certificate", "security"),
    [
        ("good", "verified"),
        ("wrongname", "tls"),
        ("expired", "tls"),
        ("selfsigned", "tls"),
        ("incomplete", "tls"),
    ],
)
def test_certificates_are_what_they_are_called(stand: Stand, certificate: str, security: str) -> None:
    stand.zone.add("mx.example.com", tlsa="nxdomain")
    stand.server("mx.example.com", certificate=certificate)
    stand.machine().deliver(A).should_deliver(security=security)  # type: ignore[arg-type]


def test_a_server_without_starttls_is_spoken_to_in_clear(stand: Stand) -> None:
    stand.zone.add("mx.example.com", tlsa="nxdomain")
    stand.server("mx.example.com", starttls=False)
    stand.machine().deliver(A).should_deliver(security="clear")


def test_recipients_can_be_looked_at_one_by_one(stand: Stand) -> None:
    stand.server("mx.example.com").reply("rcpt", "550 no such user", to="b@example.com")
    result = stand.machine().deliver(A, "b@example.com")
    result[A].should_deliver()
    result["b@example.com"].should_bounce(reason="no such user")
    with pytest.raises(KeyError):
        result["c@example.com"]


def test_the_queue_is_tried_again_in_the_world_as_it_then_is(stand: Stand) -> None:
    stand.server("mx.example.com", listen=False)
    machine = stand.machine()
    machine.deliver(A).should_defer(reason="Connection refused")
    machine.queue_run("-q").should_defer()
    stand.server("mx.example.com", listen=True)
    machine.queue_run().should_deliver(security="dane")


def test_retry_times_are_kept_to_unless_time_passes(stand: Stand) -> None:
    stand.server("mx.example.com", listen=False)
    machine = stand.machine()
    machine.deliver(A).should_defer()
    stand.server("mx.example.com", listen=True)
    machine.queue_run("-q").should_defer()
    machine.wait(3600)
    machine.queue_run("-q").should_deliver()


def test_callouts_are_refused_for_good_or_for_now(stand: Stand) -> None:
    stand.server("mx.example.com").reply("rcpt", "550 no such user", to=A).reply("rcpt", "450 later")
    callout = stand.machine().callout(A, "b@example.com")
    callout[A].should_refuse(reason="550")
    callout["b@example.com"].should_defer()
    assert [reply[:3] for reply in callout.replies][-1] == "221"


def test_a_result_tells_how_it_came_about(stand: Stand) -> None:
    result = stand.machine().deliver(A)
    assert "TLSA _25._tcp.mx.example.com" in result.questions
    assert [connection.address for connection in result.connections] == ["192.0.2.1"]
    assert "tlsa result" in [decision.rule for decision in result.decisions]
    assert str(result).splitlines()[0] == f"{A} was delivered to mx.example.com (dane)"


def test_a_configuration_is_found_beside_the_test_or_above(tmp_path: Path) -> None:
    (tmp_path / "exim.conf").write_text(CONFIG)
    stand = Stand(tmp_path)
    stand.zone.add("mx.example.com")
    stand.mta("exim.conf").deliver(A).should_deliver()
    with pytest.raises(InputError, match=r"other\.conf: no such file; looked in"):
        stand.mta("other.conf")


def test_release_and_macros_are_the_tests_choice() -> None:
    stand = Stand(release="4.87")
    stand.zone.add("mx.example.com", tlsa="servfail")
    text = ".ifndef DANE\nDANE = *\n.endif\n" + CONFIG.replace("hosts_try_dane = *", "hosts_try_dane = DANE")
    stand.mta(text=text).deliver(A).should_deliver(security="verified")
    stand.mta(text=text, profile="4.99").deliver(A).should_defer()
    stand.mta(text=text, profile="4.99", defines={"DANE": ""}).deliver(A).should_deliver(security="verified")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "expected config="),
        ({"text": "", "config": "x"}, "expected config="),
        ({"text": "nonsense = 1\n"}, "configuration:1"),
        ({"text": "", "profile": "9.99"}, "unknown profile '9.99'"),
    ],
    ids=["neither", "both", "text", "profile"],
)
def test_a_mistake_is_told_where_the_mail_system_is_made(settings: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Stand().mta(**settings)  # type: ignore[arg-type]


def test_no_recipient_is_a_mistake(stand: Stand) -> None:
    with pytest.raises(InputError, match="at least one recipient"):
        stand.machine().deliver()


def test_a_callout_needs_one_in_the_configuration(stand: Stand) -> None:
    machine = stand.mta(text=CONFIG.replace("verify = recipient/callout=10s", ""))
    with pytest.raises(InputError, match="callout"):
        machine.callout(A)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda m: m.deliver(3), r"recipients\[0\] is 3; expected a text"),
        (lambda m: m.deliver(A, sender=3), "sender is 3; expected a text"),
        (lambda m: m.callout(A, number=1), "no callout 1; expected 0 to 0"),
        (lambda m: m.callout(A, number=-1), "no callout -1; expected 0 to 0"),
        (lambda m: m.queue_run("q"), "queue run 'q': expected Exim's option"),
        (lambda m: m.queue_run("-q15m"), "queue run '-q15m': expected Exim's option"),
        (lambda m: m.wait(-1), "wait -1: expected seconds from 0"),
        (lambda m: m.wait(float("nan")), "seconds is nan; expected a number"),
        (lambda m: m.wait(1e12), "expected seconds from 0 to 1,000,000,000"),
        (lambda m: m.route(" "), "an empty address"),
        (lambda m: m.route(None), "address is not there; expected a text"),
    ],
    ids=[
        "recipient",
        "sender",
        "callout",
        "negative",
        "queue run",
        "daemon",
        "back",
        "nan",
        "long",
        "route",
        "none",
    ],
)
def test_a_slip_is_one_clear_line(stand: Stand, wrong: Callable[[Machine], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        wrong(stand.machine())


def test_a_message_is_never_taken_for_an_option(stand: Stand) -> None:
    assert stand.machine().route("-bd@example.com").should_route(router="remote")


@pytest.mark.parametrize(
    "settings",
    [{"config": 3}, {"text": 3}, {"text": "", "defines": {"A": 3}}, {"text": "", "seed": "x"}],
    ids=str,
)
def test_a_mail_system_is_made_of_texts(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"is .*; expected a "):
        Stand().mta(**settings)


def test_a_queue_run_that_stops_at_what_is_not_modelled_keeps_no_old_outcome() -> None:
    stand = Stand()
    stand.zone.add("mx.example.com")
    stand.server("mx.example.com", listen=False)
    condition = "${if first_delivery{yes}{${run{/opt/judge}}}}"
    driver = "  driver = dnslookup\n"
    text = CONFIG.replace(driver, f"{driver}  condition = {condition}\n")
    machine = stand.mta(text=text)
    machine.deliver(A).should_defer(reason="Connection refused")
    with pytest.raises(AssertionError, match="is not modelled: run is asked"):
        machine.queue_run().should_defer()
