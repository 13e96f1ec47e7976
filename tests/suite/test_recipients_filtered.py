"""Recipients that no router is asked about: a system filter decides, or the message is kept."""

from __future__ import annotations

import pytest

from eximsim.profiles import NEWEST, profile
from eximsim.suite.config_files import Sources
from eximsim.suite.policy import Case, Policy
from eximsim.suite.recipients import Recipient
from tests.suite.recorded import stand
from tests.suite.test_policy import CONFIG, ZONE

FILTER = "# Exim filter\n"


def became(text: str = CONFIG, filter: str = "", sender: str | None = None) -> Recipient:
    """What becomes of a@test.ex."""
    if filter:
        text = f"system_filter = /etc/filter\n{text}"
    sources = Sources(given={"/etc/filter": f"{FILTER}{filter}\n".encode()})
    one = Policy("exim.conf", text, profile(NEWEST), stand().chains, sources=sources)
    result = one.run(Case(("a@test.ex",), ZONE, {"192.0.2.1": "ok"}, sender=sender))
    (found,) = result.recipients
    assert result.gaps == ()
    return found


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('fail text "go away"', ("failed", "cancelled by the system filter: go away")),
        ("freeze", ("deferred", "put off by the system filter")),
        ('freeze text "look"', ("deferred", "put off by the system filter: look")),
        ("seen finish", ("delivered", "discarded by the system filter")),
        ("deliver", ("deferred", "error in the system filter: ")),
        ("finish", ("delivered", "")),
    ],
)
def test_the_system_filter_tells_what_becomes_of_recipients(said: str, expected: tuple[str, str]) -> None:
    found = became(filter=said)
    assert found.result == expected[0]
    assert found.reason.startswith(expected[1])
    assert (found.host != "") == (said == "finish")


def test_a_recipient_becomes_what_the_system_filter_delivers_instead() -> None:
    assert became(filter="deliver b@test.ex").host == "mx.test.ex"
    assert became(filter="deliver b@nowhere.ex").result == "failed"
    assert became(filter="unseen deliver b@nowhere.ex").result == "delivered"


def test_a_bounce_that_the_filter_freezes_waits() -> None:
    found = became(filter='if error_message then freeze text "bounce" endif', sender="")
    assert (found.result, found.reason) == ("deferred", "put off by the system filter: bounce")


@pytest.mark.parametrize(
    ("control", "reason"),
    [
        ("freeze/no_tell", "the message is frozen"),
        ("queue_only", "the message stays on the queue"),
    ],
)
def test_a_message_that_is_kept_waits(control: str, reason: str) -> None:
    acl = f"acl_not_smtp = keep\nbegin acl\nkeep:\n  accept control = {control}\n"
    text = CONFIG.replace("begin acl\n", acl)
    found = became(text)
    assert (found.result, found.reason) == ("deferred", reason)
