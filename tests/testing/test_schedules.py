"""Worlds and schedules around one's own configuration, for tests with Hypothesis."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, find, given, settings

from eximsim.errors import InputError
from eximsim.fuzz.schedule import Schedule, schedule
from eximsim.gate.promises import promise
from eximsim.testing import schedules, world
from eximsim.testing.certificates import chains
from eximsim.testing.configurations import Configurations
from eximsim.testing.drawn import Drawn, Host
from tests.testing.policies import CONFIG

POLICY = Configurations().read(chains(), text=CONFIG)
MX = "mx1.example.com"
A = "a@example.com"
SMALL = settings(max_examples=30, database=None, deadline=None, suppress_health_check=list(HealthCheck))


def drawn(*hosts: Host, mx_secure: bool = True, plan: Schedule | None = None) -> Drawn:
    return Drawn(POLICY, A, hosts or (Host(MX),), mx_secure, plan or Schedule())


def test_the_plainest_world_is_one_where_all_is_well(tmp_path: Path) -> None:
    (tmp_path / "exim.conf").write_text(CONFIG)
    plainest = find(schedules.over("exim.conf", A, folder=tmp_path), lambda _: True, settings=SMALL)
    assert (plainest.hosts, plainest.mx_secure, plainest.schedule) == ((Host(MX),), True, Schedule())
    plainest.deliver().should_deliver(host=MX, security="dane")


@SMALL
@given(schedules.over_policy(POLICY, A))
def test_a_world_does_the_same_each_time(one: Drawn) -> None:
    assert one.deliver().log == one.deliver().log


@SMALL
@given(schedules.over_policy(POLICY, A, scheduled=False))
def test_a_world_is_shown_as_the_test_that_describes_it(one: Drawn) -> None:
    with world() as w:
        made = {"zone": w.zone, "server": w.server, "mta": lambda _: w.mta(text=CONFIG)}
        *description, run = str(one).splitlines()
        exec("\n".join(description), made)
        assert eval(run, made).log == one.deliver().log


def test_without_schedules_every_answer_comes_at_once() -> None:
    @SMALL
    @given(schedules.over_policy(POLICY, A, scheduled=False))
    def all_at_once(one: Drawn) -> None:
        assert one.schedule == Schedule()

    all_at_once()


def test_a_schedule_is_kept_to() -> None:
    drawn().deliver().should_deliver(security="dane")
    late = drawn(plan=schedule("tlsa@mx1:servfail*"))
    late.deliver().should_defer(reason="tlsa lookup DEFER")
    assert "# answers of the name server: tlsa@mx1:servfail*" in str(late)


def test_hosts_are_those_that_the_configuration_names(tmp_path: Path) -> None:
    text = CONFIG.replace(
        "  driver = dnslookup\n", "  driver = manualroute\n  route_list = * relay.example.net\n"
    )
    (tmp_path / "exim.conf").write_text(text.replace("  dnssec_request_domains = *\n", ""))
    found = find(schedules.over("exim.conf", A, folder=tmp_path), lambda _: True, settings=SMALL)
    assert [host.name for host in found.hosts] == ["relay.example.net"]
    found.deliver().should_deliver(host="relay.example.net")


def test_a_recipient_to_whom_no_mail_goes_out_is_a_mistake() -> None:
    with pytest.raises(InputError, match=r"no mail for a@example\.net goes out by an smtp transport"):
        schedules.over_policy(POLICY, "a@example.net")


# ---- promises in one world --------------------------------------------------------------------------------


def test_a_promise_that_is_kept_in_a_world_passes() -> None:
    drawn(Host(MX, tlsa="mismatch")).should_keep("no-downgrade", "dane-where-published")


def test_a_promise_that_is_broken_in_a_world_tells_the_world() -> None:
    with pytest.raises(AssertionError) as failed:
        drawn(Host(MX, starttls="no"), mx_secure=False).should_keep("tls-required")
    assert str(failed.value).splitlines()[-3:] == [
        f'zone.add("{MX}", mx_secure=False)',
        f'server("{MX}", starttls=False)',
        'mta("configuration").deliver("a@example.com")',
    ]


@pytest.mark.parametrize(
    ("plan", "told"), [("tlsa@mx1:late0.5", True), ("tlsa@mx1:nodata*", False), ("mx@other:servfail*", True)]
)
def test_a_condition_cannot_be_told_where_a_schedule_changes_the_answer(plan: str, told: bool) -> None:
    never = promise("never", when={"TLSA": "secure"})
    one = drawn(plan=schedule(plan))
    if told:
        with pytest.raises(AssertionError):
            one.should_keep(never)
    else:
        one.should_keep(never)


def test_a_baseline_of_the_whole_space_covers_a_world_in_which_more_is_out_of_the_ordinary(
    tmp_path: Path,
) -> None:
    (tmp_path / "known.toml").write_text(
        '[[known]]\npromise = "tls-required"\nin = "delivery to x@y by mx"\n'
        'when = "EHLO of mx: no STARTTLS, MX of y: insecure"\noutcome = "delivered to mx (in clear)"\n'
        '[[known]]\npromise = "tls-required"\nin = "callout to x@y by mx"\n'
        'when = "EHLO of mx: no STARTTLS"\noutcome = "accepted (in clear)"\n'
    )
    known = tmp_path / "known.toml"
    drawn(Host(MX, starttls="no", tlsa="nodata"), mx_secure=False).should_keep("tls-required", baseline=known)
    with pytest.raises(AssertionError):
        drawn(Host(MX, starttls="4xx"), mx_secure=False).should_keep("tls-required", baseline=known)
