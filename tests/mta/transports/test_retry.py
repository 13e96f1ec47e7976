from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.mta.base import errnos
from eximsim.mta.records.hints import RetryRecord
from eximsim.mta.records.spool import Message
from eximsim.mta.records.structs import HostItem, RetryItem
from eximsim.mta.routing.address import deliver_make_addr
from eximsim.mta.transports import retry
from eximsim.status import RTEF_CTOUT, Errno, HostStatus
from eximsim.world.smtp_behaviour import Behaviour, reply
from tests.mta.scenario import NEW, NEWEST, REFUSING, SENDER, Mx, Site

KEY = "T:mx1.test.ex:10.9.1.1"
MINUTE, HOUR, DAY = 60, 3600, 86400
PROCESS = Site().process()
NOT_YET = "retry time not reached for any host for 'test.ex'"


def refused(**settings: object) -> Site:
    """A client that has tried a host where nobody listens."""
    site = Site([Mx(REFUSING)], **settings)  # type: ignore[arg-type]  # by name
    site.deliver()
    return site


def record(site: Site, key: str = KEY) -> RetryRecord:
    return site.machine.hints.retry[key]


def minutes_to_wait(site: Site, key: str = KEY) -> float:
    return (record(site, key).next_try - site.world.now()) / MINUTE


# ---- keys ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "include_ip", "expected"),
    [
        ("", True, "T:mx.test.ex:10.9.1.1"),
        (":587", True, "T:mx.test.ex:10.9.1.1:587"),
        ("", False, "T:mx.test.ex"),
        (":587", False, "T:mx.test.ex:587"),
    ],
)
def test_a_host_is_known_by_name_address_and_port(suffix: str, include_ip: bool, expected: str) -> None:
    host = HostItem("MX.test.ex", "10.9.1.1")
    assert retry.host_key(host, suffix, include_ip=include_ip, brackets=False) == expected


@pytest.mark.parametrize(
    ("name", "address", "expected"),
    [
        ("10.9.1.1", "10.9.1.1", "T:[10.9.1.1]:10.9.1.1:26"),
        ("::1", "::1", "T:[::1]:[::1]:26"),
        ("MX.ex", "::1", "T:MX.ex:[::1]:26"),
    ],
)
def test_addresses_are_in_brackets_in_newer_keys(name: str, address: str, expected: str) -> None:
    assert retry.host_key(HostItem(name, address), ":26", include_ip=True, brackets=True) == expected


def test_a_record_names_the_host_that_failed() -> None:
    assert list(refused().machine.hints.retry) == [KEY]
    assert list(refused(transport={"retry_include_ip_address": "false"}).machine.hints.retry) == [
        "T:mx1.test.ex"
    ]
    assert list(refused(transport={"port": "2525"}).machine.hints.retry) == [f"{KEY}:2525"]


@pytest.mark.parametrize(("release", "end"), [("4.89", "/NULL"), ("4.98", "/NULL"), ("4.99", "")])
def test_an_interface_that_comes_to_nothing_is_in_the_key_up_to_4_98(release: str, end: str) -> None:
    site = refused(release=release, transport={"interface": "${if eq{1}{2}{10.9.0.9}}"})
    assert list(site.machine.hints.retry) == [f"{KEY}{end}"]


@pytest.mark.parametrize("phase", ["mail", "data", "end_of_data"])
@pytest.mark.parametrize(("code", "minutes"), [("451", 60), ("452", 10)])
def test_a_rule_for_a_reply_to_mail_or_data_looks_at_its_last_two_digits(
    phase: str, code: str, minutes: int
) -> None:
    server = Behaviour(extensions=(), **{phase: reply(f"{code} later")})  # type: ignore[arg-type]  # by name
    error = "mail_451" if phase == "mail" else "data_451"
    site = Site([Mx(server)], NEWEST, retry=f"* {error} F,1d,1h\n* * F,5d,10m")
    site.deliver()
    (key,) = site.machine.hints.retry
    assert minutes_to_wait(site, key) == minutes


def test_a_record_has_the_first_150_octets_of_what_went_wrong() -> None:
    assert record(refused()).text == "Connection refused"
    server = Behaviour(extensions=(), rcpt=reply("451 " + "x" * 200))
    site = Site([Mx(server)], NEWEST)
    site.deliver()
    (kept,) = site.machine.hints.retry.values()
    assert len(kept.text) == 150
    assert ": 451 xxx" in kept.text


def test_a_temporarily_refused_recipient_has_a_record_of_its_own() -> None:
    def keys(**transport: str) -> list[str]:
        site = Site([Mx(Behaviour(rcpt=reply("450 later")))], transport=transport)
        site.deliver()
        return list(site.machine.hints.retry)

    assert keys() == [f"R:a@test.ex:<{SENDER}>"]
    assert keys(address_retry_include_sender="false") == ["R:a@test.ex"]


def test_a_temporarily_refused_message_has_a_record_for_itself_at_that_host() -> None:
    site = Site([Mx(Behaviour(mail=reply("450 later")))])
    site.deliver()
    (message_id,) = site.machine.spool.ids()
    assert list(site.machine.hints.retry) == [f"{KEY}:{message_id}"]
    assert site.queue_run() == [f"== a@test.ex R=r T=smtp defer (-53): {NOT_YET}"]
    other = site.deliver("b@test.ex")
    assert "defer (-45)" in other[-1], "another message is not held up"


# ---- when a host is tried again --------------------------------------------------------


def test_a_host_is_left_alone_until_its_time_has_come() -> None:
    site = refused()
    assert site.queue_run() == [f"== a@test.ex R=r T=smtp defer (-53): {NOT_YET}"]
    site.world.sleep(10 * MINUTE - 1)
    assert site.queue_run() == [f"== a@test.ex R=r T=smtp defer (-53): {NOT_YET}"]
    site.world.sleep(1)
    assert site.queue_run()[-1] == "== a@test.ex R=r T=smtp defer (111): Connection refused"


def test_a_forced_queue_run_does_not_wait() -> None:
    assert refused().queue_run("-qf")[-1] == "== a@test.ex R=r T=smtp defer (111): Connection refused"


def test_the_number_for_not_yet_moved_once() -> None:
    assert "defer (-53)" in refused(release=NEW).queue_run()[0]
    assert "defer (-54)" in refused(release=NEWEST).queue_run()[0]


def test_a_success_wipes_the_record_out() -> None:
    site = refused()
    site.serve("10.9.1.1", Behaviour())
    site.world.sleep(10 * MINUTE)
    assert site.queue_run()[-1] == "Completed"
    assert site.machine.hints.retry == {}


def test_a_record_that_nobody_has_touched_for_too_long_does_not_count() -> None:
    site = refused(main={"retry_data_expire": "2h"}, retry="* * F,9d,1d")
    site.world.sleep(2 * HOUR)
    assert NOT_YET in site.queue_run()[0]
    site.world.sleep(1)
    assert "Connection refused" in site.queue_run()[0]
    assert record(site).first_failed == site.world.now(), "the count starts again"


def test_no_wait_is_longer_than_retry_interval_max() -> None:
    assert minutes_to_wait(refused(main={"retry_interval_max": "5m"})) == 5


# ---- the length of a wait --------------------------------------------------------------


def waits(rule: str, times: int) -> list[float]:
    site = refused(retry=f"* * {rule}")
    found = [minutes_to_wait(site)]
    for _ in range(times - 1):
        site.world.sleep(record(site).next_try - site.world.now())
        site.queue_run()
        found.append(minutes_to_wait(site))
    return found


def test_fixed_intervals_stay_the_same() -> None:
    assert waits("F,5d,10m", 3) == [10, 10, 10]


def test_geometric_intervals_grow_by_their_factor() -> None:
    assert waits("G,5d,10m,2", 4) == [10, 20, 40, 80]


def test_the_next_step_of_a_rule_takes_over_when_the_time_of_the_first_is_up() -> None:
    assert waits("F,25m,10m; G,5d,1h,1.5", 5) == [10, 10, 10, 60, 90]


@pytest.mark.parametrize("seed", range(5))
def test_intervals_by_chance_lie_between_the_first_and_the_geometric_one(seed: int) -> None:
    site = refused(retry="* * H,5d,10m,2", seed=seed)
    first, gap = minutes_to_wait(site), 10.0
    assert first == 10
    for _ in range(4):
        site.world.sleep(record(site).next_try - site.world.now())
        site.queue_run()
        longest, gap = max(2 * gap, 10), minutes_to_wait(site)
        assert 10 + (longest - 10) // 2 <= gap <= longest


# ---- which rule applies ----------------------------------------------------------------


def test_the_first_rule_for_the_name_and_the_error_is_taken() -> None:
    rules = "other.ex * F,1d,1m\nmx1.test.ex timeout F,1d,2m\n*.test.ex refused F,1d,3m\n* * F,1d,4m"
    assert minutes_to_wait(refused(retry=rules)) == 3


def test_a_host_is_looked_up_by_its_name_and_then_by_the_domain_of_the_address() -> None:
    assert minutes_to_wait(refused(retry="test.ex * F,1d,7m")) == 7


def test_a_rule_may_be_for_some_senders_only() -> None:
    rules = "* * senders=other@* F,1d,1m\n* * senders=s@* F,1d,2m"
    assert minutes_to_wait(refused(retry=rules)) == 2


@pytest.mark.parametrize(
    ("error", "basic", "more", "expected"),
    [
        ("refused", errnos.ECONNREFUSED, ord("M"), True),
        ("refused_MX", errnos.ECONNREFUSED, ord("M"), True),
        ("refused_A", errnos.ECONNREFUSED, ord("M"), False),
        ("timeout", errnos.ETIMEDOUT, ord("A"), True),
        ("timeout", errnos.ETIMEDOUT, RTEF_CTOUT | ord("A"), True),
        ("timeout_MX", errnos.ETIMEDOUT, RTEF_CTOUT | ord("M"), True),
        ("timeout_MX", errnos.ETIMEDOUT, ord("A"), False),
        ("timeout_connect", errnos.ETIMEDOUT, RTEF_CTOUT | ord("A"), True),
        ("timeout_connect", errnos.ETIMEDOUT, ord("A"), False),
        ("timeout", errnos.ECONNREFUSED, ord("A"), False),
        ("tls_required", Errno.TLSREQUIRED, 0, True),
        ("tls_required", Errno.TLSFAILURE, 0, True),
        ("tls_required", Errno.DNSDEFER, 0, False),
        ("rcpt_4xx", Errno.RCPT4XX, 51 << 8, True),
        ("rcpt_4xx", Errno.MAIL4XX, 51 << 8, False),
        ("mail_45x", Errno.MAIL4XX, 51 << 8, True),
        ("mail_45x", Errno.MAIL4XX, 61 << 8, False),
        ("data_451", Errno.DATA4XX, 51 << 8, True),
        ("data_451", Errno.DATA4XX, 52 << 8, False),
        ("lost_connection", Errno.SMTPCLOSED, 0, True),
        ("lookup", Errno.UNKNOWNHOST, 0, True),
        ("lookup", Errno.SMTPCLOSED, 0, False),
        ("*", Errno.SMTPCLOSED, 0, True),
    ],
)
def test_a_rule_for_an_error_is_for_that_error(error: str, basic: int, more: int, expected: bool) -> None:
    site = Site(retry=f"* {error} F,1d,1m")
    found = retry.retry_find_config(site.process(), "mx1.test.ex:10.9.1.1", "test.ex", basic, more)
    assert (found is not None) is expected


def test_without_a_rule_the_first_failure_is_the_last() -> None:
    site = Site([Mx(REFUSING)], retry="other.ex * F,1d,1m")
    assert "** a@test.ex: retry timeout exceeded" in site.deliver()
    assert site.machine.hints.retry == {}


# ---- giving up -------------------------------------------------------------------------


def test_an_address_fails_when_its_host_has_been_failing_for_the_whole_time_of_the_rule() -> None:
    site = refused(retry="* * F,1h,10m")
    site.world.sleep(HOUR)
    assert "** a@test.ex: retry timeout exceeded" not in site.queue_run()
    site.world.sleep(HOUR)
    assert "** a@test.ex: retry timeout exceeded" in site.queue_run()
    assert record(site).expired


def test_a_host_that_has_been_failing_for_long_is_tried_once_for_a_new_message_when_its_time_comes() -> None:
    site = refused(retry="* * F,1h,10m")
    site.world.sleep(2 * HOUR)
    site.queue_run()
    too_soon = site.deliver("b@test.ex")
    failed = "retry time not reached for any host after a long failure period"
    assert too_soon[0] == f"** b@test.ex R=r T=smtp: {failed}"
    site.world.sleep(10 * MINUTE)
    assert site.deliver("c@test.ex")[0] == "H=mx1.test.ex [10.9.1.1] Connection refused"


def test_without_delay_after_cutoff_a_new_message_is_tried_at_a_host_that_is_past_its_time() -> None:
    site = refused(retry="* * F,1h,10m", transport={"delay_after_cutoff": "false"})
    site.world.sleep(2 * HOUR)
    site.queue_run()
    site.world.sleep(1)
    assert site.deliver("b@test.ex")[0] == "H=mx1.test.ex [10.9.1.1] Connection refused"


def test_a_host_that_was_skipped_keeps_the_address_alive() -> None:
    """An address does not time out while another of its hosts waits for its time."""
    site = Site([Mx(REFUSING), Mx(REFUSING)], retry="mx1.test.ex * F,1h,10m\nmx2.test.ex * F,9d,9d")
    site.deliver()
    site.world.sleep(2 * HOUR)
    assert not any("retry timeout exceeded" in line for line in site.queue_run())


@pytest.mark.parametrize(
    ("rules", "waited", "over"), [("* * F,1h,10m", 0, False), ("* * F,1h,10m", 1, True), ("* *", 0, True)]
)
def test_a_message_may_wait_as_long_as_the_longest_of_its_rules_and_no_longer(
    rules: str, waited: int, over: bool
) -> None:
    process, failed = Site([Mx(REFUSING)], retry=rules).process(), RetryRecord(0, 0, 0, 0)
    process.message = Message("", SENDER, [], [], b"", process.seconds() - HOUR - waited)
    assert retry.retry_ultimate_address_timeout(process, KEY, "test.ex", failed) is over


# ---- a host that is down, seen within one delivery -------------------------------------


def test_a_host_that_failed_for_one_recipient_is_not_tried_for_the_next() -> None:
    site = Site([Mx(REFUSING)], transport={"multi_domain": "false"}, zone=[
        {"name": "other.ex", "type": "MX", "ad": True, "data": [[10, "mx1.test.ex"]]},
    ])  # fmt: skip
    lines = site.deliver("a@test.ex", "b@other.ex")
    assert lines.count("H=mx1.test.ex [10.9.1.1] Connection refused") == 1
    assert lines[-1].startswith("== b@other.ex R=r T=smtp defer (-53)")


@given(
    first=st.integers(0, 10 * DAY),
    last=st.integers(0, 10 * DAY),
    wait=st.integers(0, 10 * DAY),
    expired=st.booleans(),
    force=st.booleans(),
)
def test_a_host_is_usable_when_its_time_has_come_the_delivery_is_forced_or_the_message_is_too_old(
    first: int, last: int, wait: int, expired: bool, force: bool
) -> None:
    """A process without a message takes it for as old as the epoch: past the time of any rule."""
    process, now = PROCESS, PROCESS.world.now()
    process.deliver_force = force
    process.machine.hints.retry[KEY] = RetryRecord(
        now - first - last, now - last, now - last + wait, now, expired=expired
    )
    host = HostItem("mx1.test.ex", "10.9.1.1")
    found = retry.retry_check_address(process, "test.ex", host, "", include_ip=True)
    its_time = force or wait <= last
    usable = its_time or not expired
    assert host.status is (HostStatus.USABLE if usable else HostStatus.UNUSABLE_EXPIRED)
    assert found == retry.HostRetry(its_time and expired, KEY, None)


# ---- what a transport process reports --------------------------------------------------

KEYS = st.sampled_from(["R:a@test.ex", "T:mx1.test.ex:10.9.1.1"])
ITEMS = st.lists(st.builds(RetryItem, KEYS, st.just(0), st.just(0), st.none(), st.booleans()))


@given(ITEMS, ITEMS)
def test_a_record_that_is_to_be_written_is_never_deleted_by_the_same_report(
    known: list[RetryItem], reported: list[RetryItem]
) -> None:
    merged = retry.retry_items_merged(known, reported)
    for item in reported:
        same = [other for other in merged if other.key == item.key]
        assert same
        if not item.delete:
            assert all(not other.delete for other in same)


def test_an_address_that_is_deferred_again_waits_for_its_next_time() -> None:
    site = Site([Mx(Behaviour(rcpt=reply("450 later")))], release=NEWEST)
    site.deliver()
    for _ in range(2):
        site.world.clock.advance(11 * MINUTE)
        site.exim("-q")
        calls = len(site.world.accepted)
        site.exim("-q")
        assert len(site.world.accepted) == calls
        assert "== a@test.ex routing defer (-52): retry time not reached" in site.log


def test_all_addresses_of_a_batch_time_out_together() -> None:
    site = Site([Mx(REFUSING)], release=NEWEST, retry="* * F,1h,10m")
    site.deliver("a@test.ex", "b@test.ex")
    site.world.clock.advance(2 * HOUR)
    site.exim("-q")
    over = [line for line in site.log if line.endswith("retry timeout exceeded") and line.startswith("**")]
    assert over == ["** b@test.ex: retry timeout exceeded", "** a@test.ex: retry timeout exceeded"]
    assert not site.machine.spool.messages or all(
        not one.sender for one in site.machine.spool.messages.values()
    )


@pytest.mark.parametrize(("port", "end"), [("25", ""), ("26", ":26")])
def test_the_key_of_a_host_has_its_port_if_that_is_not_25(port: str, end: str) -> None:
    site = Site([Mx(REFUSING)], transport={"port": port})
    site.deliver()
    assert list(site.machine.hints.retry) == [f"T:mx1.test.ex:10.9.1.1{end}"]


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("d.ex:10.9.1.1", "*@d.ex"),
        ("d.ex:10.9.1.1:26", "*@d.ex"),
        ("a@d.ex", "a@d.ex"),
        ("[10.9.1.1]:10.9.1.1", "*@10.9.1.1"),
        ("/var/mail/x:a@d.ex", "a@d.ex"),
        ("|/bin/x a:b:a@d.ex", "a@d.ex"),
    ],
)
def test_a_rule_is_sought_by_the_host_or_the_address_in_a_key(key: str, name: str) -> None:
    for pattern, found in ((name, True), (f"x{name.removeprefix('*')}", False)):
        process = Site(retry=f"{pattern} * F,1d,1m").process()
        assert (retry.retry_find_config(process, key, None, 0, 0) is not None) is found


def test_what_was_noted_last_is_first() -> None:
    addr = deliver_make_addr("a@d.ex")
    for key in ("one", "two", "three"):
        retry.retry_add_item(addr, key)
    assert [item.key for item in addr.retry_keys] == ["three", "two", "one"]
    assert not any(item.delete or item.message_specific or item.host for item in addr.retry_keys)


def test_what_was_kept_of_a_message_at_a_host_goes_when_the_host_takes_it() -> None:
    site = Site([Mx(Behaviour(mail=reply("451 later")))])
    site.deliver()
    (key,) = site.machine.hints.retry
    assert key.startswith("T:mx1.test.ex:10.9.1.1:1")
    site.replace_server(1, Behaviour())
    site.world.sleep(HOUR)
    site.queue_run()
    assert site.machine.hints.retry == {}


@pytest.mark.parametrize(("error", "domain"), [("refused_MX", "test.ex"), ("refused_A", "mx1.test.ex")])
def test_a_rule_may_be_for_hosts_that_mx_records_name_or_for_others(error: str, domain: str) -> None:
    for recipient in ("test.ex", "mx1.test.ex"):
        site = Site([Mx(REFUSING)], retry=f"* {error} F,1d,1m")
        lines = site.deliver(f"a@{recipient}")
        assert any("retry timeout exceeded" in line for line in lines) is (recipient != domain)


def test_whether_a_message_has_waited_too_long_is_asked_of_the_rule_for_the_whole_address() -> None:
    later = Behaviour(recipients=(("a@test.ex", reply("450 later")),))
    site = Site([Mx(later)], NEWEST, retry="a@test.ex * F,1d,10m\n* * F,1h,10m")
    site.deliver("a@test.ex")
    for _ in range(6):
        site.world.sleep(600)
        assert "450 later" in site.queue_run()[0]
    site.world.sleep(300)
    assert site.queue_run() == ["== a@test.ex routing defer (-52): retry time not reached"]
