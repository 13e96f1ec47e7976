"""Warnings that a message waits, and frozen messages that have waited too long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.mta.delivery.warning import _warnings_due
from eximsim.world.smtp_behaviour import Behaviour, reply
from tests.mta.scenario import NEWEST, Mx, Site

BUSY = Mx(Behaviour(extensions=(), recipients=(("a@test.ex", reply("450 later")),)))
SENDER = "s@test.ex"


def waiting(release: str = NEWEST, **main: str) -> Site:
    site = Site([BUSY], release, main={"delay_warning": "1h:4h", **main}, retry="* * F,4d,10m")
    site.exim("-odf", "-f", SENDER, "a@test.ex")
    return site


def later(site: Site, hours: float, option: str = "-qf") -> list[str]:
    site.world.sleep(hours * 3600)
    return [line for line in site.queue_run(option) if line.startswith("<= <>")]


def test_a_sender_is_warned_once_for_each_time_that_has_come() -> None:
    site = waiting()
    assert later(site, 0.5) == []
    assert len(later(site, 1)) == 1
    assert later(site, 1) == []
    assert len(later(site, 2)) == 1
    (first, second) = site.messages
    assert b"delayed 60 minutes" in first.content
    assert b"delayed 4 hours" in second.content
    assert first.recipients == (SENDER,)


@pytest.mark.parametrize(("release", "warned"), [("4.91", 0), ("4.92", 1), (NEWEST, 1)])
def test_since_4_92_a_message_whose_retry_time_has_not_come_is_warned_about(
    release: str, warned: int
) -> None:
    site = Site([BUSY], release, main={"delay_warning": "1m"}, retry="* * F,4d,1d")
    site.exim("-odf", "-f", SENDER, "a@test.ex")
    assert len(later(site, 0.1, "-q")) == warned


def test_a_warning_to_the_empty_errors_address_has_no_recipient() -> None:
    site = Site([BUSY], main={"delay_warning": "1h"}, retry="* * F,4d,10m", router={"errors_to": ""})
    site.exim("-odf", "-f", SENDER, "a@test.ex")
    later(site, 2)
    assert "no recipient addresses" in "".join(site.log)
    assert site.messages == []


def test_a_condition_that_does_not_hold_keeps_the_warning_back() -> None:
    assert later(waiting(delay_warning_condition="${if eq{$domain}{other.ex}}"), 2) == []
    assert len(later(waiting(delay_warning_condition="${if eq{$domain}{test.ex}}"), 2)) == 1


@pytest.mark.parametrize(("notify", "warned"), [("FAILURE", 0), ("NEVER", 0), ("FAILURE,DELAY", 1)])
def test_a_sender_who_asked_for_other_reports_is_not_warned(notify: str, warned: int) -> None:
    main = {"delay_warning": "1h", "dsn_advertise_hosts": "*", "acl_smtp_rcpt": "accept"}
    site = Site([BUSY], main=main, retry="* * F,4d,10m")
    said = (f"MAIL FROM:<{SENDER}>", f"RCPT TO:<a@test.ex> NOTIFY={notify}", "DATA", "", "x", ".", "QUIT")
    site.exim("-odf", "-bs", stdin="".join(f"{line}\r\n" for line in ("EHLO c", *said)))
    assert len(later(site, 2)) == warned


@given(st.lists(st.integers(60, 10**5), min_size=1, max_size=4, unique=True), st.integers(0, 10**6))
def test_the_number_of_warnings_never_goes_back_with_time(times: list[int], age: int) -> None:
    times.sort()
    now, shown = _warnings_due(times, age)
    assert _warnings_due(times, age + 60)[0] >= now
    assert shown <= age


def test_a_frozen_message_that_is_too_old_is_cancelled() -> None:
    site = waiting(timeout_frozen_after="2h")
    (message,) = site.machine.spool.messages.values()
    site.exim("-Mf", message.id)
    assert later(site, 1) == []
    assert len(later(site, 2)) == 1
    assert "cancelled by timeout_frozen_after" in site.log
    assert b"could not be delivered" in site.messages[0].content
