"""What the log says where no host was tried."""

from __future__ import annotations

import pytest

from tests.mta.scenario import NEWEST, REFUSING, Mx, Site

ROUTER = "all:\n  driver = accept\n  transport = smtp"
LONG = "have been failing for a long time"
LAST = f"{LONG} and were last tried after this message arrived"


def site_of(release: str = NEWEST, retry: str = "* * F,5d,10m", **transport: str) -> Site:
    """A transport that looks up its one host by itself, which refuses calls."""
    return Site(
        [Mx(REFUSING)],
        release,
        transport={"hosts": "mx1.test.ex", **transport},
        routers=ROUTER,
        retry=retry,
    )


def test_it_says_that_the_retry_time_has_not_come() -> None:
    site = site_of()
    site.deliver()
    assert site.deliver()[0].endswith(": retry time not reached for any host for 'test.ex'")


@pytest.mark.parametrize(
    ("release", "late", "why"),
    [
        ("4.85", "true", "retry time not reached for any host after a long failure period"),
        ("4.85", "false", f"all hosts {LAST}"),
        (NEWEST, "true", f"all hosts for 'test.ex' {LONG} (and retry time not reached)"),
        (NEWEST, "false", f"all hosts for 'test.ex' {LAST}"),
    ],
)
def test_it_says_that_the_hosts_have_failed_for_too_long(release: str, late: str, why: str) -> None:
    site = site_of(release, retry="* * F,1s,1s", delay_after_cutoff=late)
    site.deliver()
    site.world.sleep(5)
    site.deliver()
    assert any(line.endswith(f": {why}") for line in site.queue_run())


@pytest.mark.parametrize(("release", "number"), [("4.93", 0), ("4.95", -50)])
def test_a_host_of_the_transport_that_is_this_one_defers(release: str, number: int) -> None:
    zone = [{"name": "me.test.ex", "type": "A", "data": ["127.0.0.1"]}]
    options = {"hosts": "me.test.ex", "allow_localhost": "false"}
    site = Site([], release, transport=options, routers=ROUTER, zone=zone)
    why = "smtp transport found host me.test.ex to be local"
    assert site.deliver() == [f"== a@test.ex R=all T=smtp defer ({number}): {why}"]
