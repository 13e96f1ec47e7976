from __future__ import annotations

import re
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.mta.delivery.host_lists import same_hosts
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.mta.program import exim
from eximsim.mta.records.structs import MX_NONE, HostItem
from eximsim.status import Dnssec
from eximsim.world.smtp_behaviour import Behaviour, reply
from eximsim.world.smtp_server import log_of
from tests.mta.scenario import (
    NEW,
    NEWEST,
    NXDOMAIN,
    PLAIN,
    REFUSING,
    SENDER,
    Mx,
    RRset,
    Site,
)

DAY = 86400
REFUSES = Mx(Behaviour(rcpt=reply("550 no")))
LATER = Mx(Behaviour(rcpt=reply("450 later")))
LIST = """
list:
  driver = redirect
  local_parts = list
  data = a@test.ex, b@test.ex
"""


def domain(name: str, *exchangers: str, **rest: object) -> RRset:
    data = [[10 * number, host] for number, host in enumerate(exchangers, 1)]
    return {"name": name, "type": "MX", "ad": True, "data": data, **rest}


OTHER = domain("other.ex", "mx1.test.ex")


def sent(site: Site) -> list[tuple[str, ...]]:
    """The recipients of each message that a server took."""
    return [message.recipients for message in site.messages]


# ---- batches ---------------------------------------------------------------------------


def test_recipients_of_all_domains_with_the_same_hosts_share_a_message() -> None:
    site = Site(zone=[OTHER])
    site.deliver("a@test.ex", "b@other.ex", "c@test.ex")
    assert sent(site) == [("a@test.ex", "b@other.ex", "c@test.ex")]


def test_without_multi_domain_each_domain_has_its_own_connection() -> None:
    site = Site(zone=[OTHER], transport={"multi_domain": "false"})
    site.deliver("a@test.ex", "b@other.ex", "c@test.ex")
    assert sent(site) == [("a@test.ex", "c@test.ex"), ("b@other.ex",)]


def test_domains_with_other_hosts_are_delivered_apart() -> None:
    site = Site([Mx(), Mx()], zone=[domain("other.ex", "mx2.test.ex", "mx1.test.ex")])
    site.deliver("a@test.ex", "b@other.ex")
    assert site.called == ["mx1", "mx2"]


@pytest.mark.parametrize(
    ("max_rcpt", "parallel", "batches"),
    [("2", "1", [4]), ("2", "2", [2, 2]), ("1", "1", [1, 1, 1, 1]), ("0", "4", [4])],
)
def test_max_rcpt_and_remote_max_parallel_decide_how_many_go_together(
    max_rcpt: str, parallel: str, batches: list[int]
) -> None:
    site = Site([REFUSES], transport={"max_rcpt": max_rcpt}, main={"remote_max_parallel": parallel})
    site.deliver(*(f"{letter}@test.ex" for letter in "abcd"))
    rcpt = [sum(event.startswith("RCPT") for event in events) for _, events in site.calls]
    assert rcpt == batches


def host(mx: int, name: str = "", dnssec: Dnssec = Dnssec.YES) -> HostItem:
    return HostItem(name or f"mx{mx}", "10.9.1.1", mx=mx, dnssec=dnssec)


@given(st.lists(st.tuples(st.sampled_from([10, 20]), st.sampled_from("ab")), max_size=6), st.randoms())
def test_hosts_of_one_preference_may_stand_in_any_order(pairs: list[tuple[int, str]], random: object) -> None:
    one = [host(mx, name) for mx, name in sorted(pairs, key=lambda pair: pair[0])]
    two = list(one)
    random.shuffle(two)  # type: ignore[attr-defined]
    two.sort(key=lambda item: item.mx)
    assert same_hosts(one, two, with_dnssec=True)
    names = [(item.mx, item.name) for item in one]
    assert same_hosts(one, two[:-1], with_dnssec=True) is not bool(names)


def test_hosts_without_preference_are_the_same_only_in_the_same_order() -> None:
    one = [host(MX_NONE, "a"), host(MX_NONE, "b")]
    assert same_hosts(one, list(one), with_dnssec=True)
    assert not same_hosts(one, one[::-1], with_dnssec=True)


def test_security_tells_hosts_apart_only_where_the_release_looks_at_it() -> None:
    one, two = [host(10)], [host(10, dnssec=Dnssec.NO)]
    assert same_hosts(one, two, with_dnssec=False)
    assert not same_hosts(one, two, with_dnssec=True)


def test_recipients_keep_their_order() -> None:
    recipients = [f"{letter}@test.ex" for letter in "dacb"]
    site = Site()
    site.deliver(*recipients)
    assert sent(site) == [tuple(recipients)]


# ---- who gets it once, and who not at all ----------------------------------------------


def test_an_address_is_delivered_to_once_however_its_domain_is_written() -> None:
    site = Site()
    site.deliver("a@test.ex", "a@TEST.ex", "A@test.ex")
    (recipients,) = sent(site)
    assert sorted(recipient.partition("@")[0] for recipient in recipients) == ["A", "a"]


def test_a_recipient_that_is_also_on_a_list_gets_one_copy() -> None:
    site = Site(routers=LIST)
    log = site.deliver("list@test.ex", "a@test.ex")
    assert sorted(sent(site)[0]) == ["a@test.ex", "b@test.ex"]
    assert any(" b@test.ex <list@test.ex> " in line for line in log)


def test_a_list_is_done_with_when_its_last_member_is() -> None:
    refuses_b = Mx(Behaviour(recipients=(("b@test.ex", reply("450 later")),)))
    site = Site([refuses_b], routers=LIST)
    site.deliver("list@test.ex")
    (message,) = site.machine.spool.messages.values()
    assert list(message.nonrecipients) == ["a@test.ex"]
    site.replace_server(1, Behaviour())
    assert site.queue_run("-qf")[-1] == "Completed"
    assert sent(site) == [("a@test.ex",), ("b@test.ex",)]


def test_a_held_domain_waits_and_a_forced_run_delivers_it() -> None:
    site = Site(main={"hold_domains": "test.ex"})
    site.exim("-odi", "-f", SENDER, "a@test.ex")
    assert site.log[-1] == "== a@test.ex defer (-23): domain is held"
    assert site.queue_run() == ["== a@test.ex defer (-23): domain is held"]
    assert site.queue_run("-qf")[-1] == "Completed"


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ({"rcode": "SERVFAIL"}, "== a@bad.ex R=r defer (-1): host lookup did not complete"),
        ({"rcode": "NXDOMAIN"}, "** a@bad.ex: Unrouteable address"),
    ],
)
def test_a_domain_that_cannot_be_looked_up_defers_and_one_that_is_not_there_fails(
    answer: RRset, line: str
) -> None:
    site = Site(zone=[{"name": "bad.ex", "type": "MX", **answer}])
    assert site.deliver("a@bad.ex")[0] == line


def test_routing_that_was_put_off_is_not_tried_again_before_its_time() -> None:
    site = Site(zone=[{"name": "bad.ex", "type": "MX", "rcode": "SERVFAIL"}])
    site.deliver("a@bad.ex")
    assert list(site.machine.hints.retry) == ["R:bad.ex"]
    assert site.queue_run() == ["== a@bad.ex routing defer (-51): retry time not reached"]
    site.world.sleep(600)
    assert site.queue_run() == ["== a@bad.ex R=r defer (-1): host lookup did not complete"]


# ---- the end of a message --------------------------------------------------------------


def test_a_message_that_is_delivered_leaves_the_queue() -> None:
    site = Site()
    assert site.deliver()[-1] == "Completed"
    assert site.machine.spool.messages == {}


def test_a_message_with_a_deferred_recipient_stays_for_that_one() -> None:
    site = Site([Mx(Behaviour(recipients=(("b@test.ex", reply("450 later")),)))])
    site.deliver("a@test.ex", "b@test.ex")
    assert site.queue_run("-qf")[0].startswith("== b@test.ex")
    assert sent(site) == [("a@test.ex",)]


def test_cancelling_a_message_tells_its_sender() -> None:
    site = Site([LATER])
    site.deliver()
    (message_id,) = site.machine.spool.ids()
    site.exim("-Mg", message_id)
    assert site.log[2] == "cancelled by root"
    assert site.log[3].startswith(f"<= <> R={message_id} ")
    # The report is delivered in the background, when the message that it is about is done with.
    assert site.log[4:] == [
        "Completed",
        "** s@myhost.test.ex: Unrouteable address",
        "Frozen (delivery error message)",
    ]
    assert message_id not in site.machine.spool.messages


# ---- frozen ----------------------------------------------------------------------------


def frozen(**main: str) -> Site:
    site = Site([LATER], main=main)
    site.deliver()
    (message_id,) = site.machine.spool.ids()
    site.exim("-Mf", message_id)
    site.replace_server(1, Behaviour())
    site.world.sleep(600)
    return site


def test_a_frozen_message_is_not_touched_by_a_queue_run() -> None:
    assert frozen().queue_run() == ["Message is frozen"]
    assert frozen().queue_run("-qf") == ["Message is frozen"]


def test_a_frozen_message_is_thawed_by_force_or_after_a_time() -> None:
    assert frozen().queue_run("-qff")[0] == "Unfrozen by forced delivery"
    site = frozen(auto_thaw="1h")
    assert site.queue_run() == ["Message is frozen"]
    site.world.sleep(3600)
    assert site.queue_run()[0] == "Unfrozen by auto-thaw"
    assert site.messages


def test_a_bounce_that_fails_is_frozen_and_ignored_when_it_is_old() -> None:
    site = Site([REFUSES], main={"ignore_bounce_errors_after": "2d"})
    site.exim("-odf", "-f", "<>", "a@test.ex")
    assert site.log[-1] == "Frozen (delivery error message)"
    site.world.sleep(3 * DAY)
    run = site.queue_run()
    assert run[0] == "Unfrozen by errmsg timer"
    assert run[-2:] == ["a@test.ex: error ignored", "Completed"]


# ---- the transport's process -----------------------------------------------------------


@pytest.mark.parametrize(("release", "checked"), [(NEW, False), ("4.90", True)])
def test_a_transport_process_that_dies_freezes_the_message(release: str, checked: bool) -> None:
    """Two hosts: DANE fails all recipients at the first, the second fails with none left."""
    broken = {"name": "_25._tcp.mx1.test.ex", "type": "TLSA", **NXDOMAIN}
    site = Site(
        [Mx(), Mx(REFUSING)],
        release,
        transport={"hosts_require_dane": "10.9.1.1"},
        zone=[broken],
    )
    log = site.deliver("a@test.ex", "b@test.ex")
    died = [line for line in log if "terminated by signal 11" in line]
    assert [line.partition(" R=")[0] for line in died] == ["== a@test.ex", "== b@test.ex"]
    assert log[-1] == "Frozen"
    got = "Delivery status for a@test.ex: got 0 of 7 bytes (pipeheader) from transport process"
    assert any(line.startswith(got) for line in log) is checked
    assert any(line.startswith(got) for line in site.panic_log) is checked
    assert site.machine.hints.retry == {}


def test_host_is_the_first_one_before_the_transport_has_chosen() -> None:
    site = Site([Mx(REFUSING), Mx()], transport={"port": "${if eq {$host}{mx1.test.ex}{25}{26}}"})
    assert site.deliver()[0] == "H=mx1.test.ex [10.9.1.1] Connection refused"
    assert site.outcome == "sent to mx2.test.ex (yes)"


@pytest.mark.parametrize(
    ("recipients", "shown"),
    [
        (("a@test.ex",), "a test.ex"),
        (("a@test.ex", "b@test.ex"), " test.ex"),
        (("a@test.ex", "b@other.ex"), " "),
    ],
)
def test_for_several_recipients_only_what_they_share_is_known(
    recipients: tuple[str, ...], shown: str
) -> None:
    other = {"name": "other.ex", "type": "MX", "ad": True, "data": [[10, "mx1.test.ex"]]}
    port = f"${{if eq {{$local_part $domain}}{{{shown}}}{{25}}{{26}}}}"
    site = Site(transport={"port": port}, zone=[other])
    site.deliver(*recipients)
    assert set(site.outcomes.values()) == {"sent to mx1.test.ex (yes)"}


def test_what_a_transport_did_to_its_options_dies_with_its_process() -> None:
    site = Site(release=NEWEST, transport={"tls_sni": "$host"})
    site.deliver("a@test.ex")
    site.deliver("b@test.ex")
    assert site.outcomes == dict.fromkeys(("a@test.ex", "b@test.ex"), "sent to mx1.test.ex (yes)")
    assert site.process().driver_state == {}


@pytest.mark.parametrize("option", ["-qfl", "-ql"])
def test_a_run_for_local_deliveries_leaves_remote_ones_alone(option: str) -> None:
    site = Site()
    site.exim("-odq", "-f", SENDER, "a@test.ex")
    assert site.queue_run(option) == ["== a@test.ex R=r T=smtp defer (-54): remote deliveries suppressed"]
    assert site.called == []


def test_a_router_that_names_no_transport_there_is_defers() -> None:
    site = Site(routers="local:\ndriver = accept\nlocal_parts = x\ntransport = file")
    assert site.deliver("x@test.ex") == [
        '== x@test.ex R=local defer (-30): transport "file" not found in local router'
    ]


# ---- several messages to one host ------------------------------------------------------


def waiting_for(server: Mx, release: str = NEW, selector: str = "-subject") -> Site:
    """Two messages wait for the same host, which has come back."""
    site = Site([Mx(REFUSING)], release, main={"log_selector": selector})
    site.deliver("a@test.ex")
    site.deliver("b@test.ex")
    site.serve("10.9.1.1", server.behaviour)
    site.world.sleep(600)
    return site


def test_a_message_that_waits_for_the_host_goes_down_the_same_connection() -> None:
    site = waiting_for(Mx(PLAIN))
    log = site.queue_run()
    assert site.called == ["mx1"]
    assert sorted(sent(site)) == [("a@test.ex",), ("b@test.ex",)]
    first, second = (line for line in log if line.startswith("=>"))
    assert " [10.9.1.1] " in first
    assert " [10.9.1.1]* " in second


@pytest.mark.parametrize("release", ["4.89", NEW])
def test_a_kept_connection_has_the_interface_that_it_was_made_from(release: str) -> None:
    site = waiting_for(Mx(PLAIN), release, "+incoming_interface +outgoing_interface +outgoing_port")
    own = [re.search(r"I=\[[^ *]+", line) for line in site.queue_run() if line.startswith("=>")]
    assert len(own) == 2
    assert own[0] is not None
    assert own[1] is not None
    assert own[0][0] == own[1][0]


@pytest.mark.parametrize(("release", "cv"), [("4.95", "no"), (NEWEST, "yes")])
def test_only_the_newest_release_knows_how_a_kept_session_was_verified(release: str, cv: str) -> None:
    first, second = (line for line in waiting_for(Mx(), release).queue_run() if line.startswith("=>"))
    assert " CV=yes " in first
    assert f" [10.9.1.1]* CV={cv} " in second


@pytest.mark.parametrize(("release", "mark"), [("4.93", "*"), ("4.95", "")])
def test_a_connection_that_does_not_fit_leaves_a_mark_in_old_releases(release: str, mark: str) -> None:
    other = {"name": "other.ex", "type": "MX", "ad": True, "data": [[10, "mx1.test.ex"]]}
    site = Site([Mx(REFUSING)], release, transport={"tls_sni": "$domain"}, zone=[other])
    site.deliver("a@test.ex")
    site.deliver("b@other.ex")
    site.serve("10.9.1.1", Mx().behaviour)
    site.world.sleep(600)
    lines = [line for line in site.queue_run() if line.startswith("=>")]
    assert site.called == ["mx1", "mx1"]
    assert " [10.9.1.1] " in lines[0]
    assert f" [10.9.1.1]{mark} " in lines[1]


def next_message(release: str = "4.93") -> Site:
    """Under Exim's test suite a message has gone out at once, and another one waits for the same host."""
    site = Site([Mx(REFUSING)], release)
    site.machine.test_harness = True
    site.deliver("a@test.ex")
    site.serve("10.9.1.1", Mx().behaviour)
    site.machine.hints.retry.clear()
    run = exim.run(site.machine, ["-C", "/config", "-odf", "-f", SENDER, "b@test.ex"], b"", {}, site.profile)
    assert run.code == 0
    return site


def test_under_exims_test_suite_the_next_message_waits_a_second() -> None:
    site = next_message()
    assert sent(site) == [("b@test.ex",)]
    begin = site.world.now() + 1
    site.machine.unwatched.run_later(until=begin - 0.1)
    assert sent(site) == [("b@test.ex",)]
    site.machine.unwatched.run_later(until=begin)
    assert sent(site) == [("b@test.ex",), ("a@test.ex",)]
    assert site.called == ["mx1"]


def test_new_releases_go_on_with_it_in_the_same_process() -> None:
    assert sent(next_message(NEWEST)) == [("b@test.ex",), ("a@test.ex",)]


@pytest.mark.parametrize("release", ["4.93", NEWEST])
def test_a_frozen_message_that_waits_for_the_host_is_not_thawed_by_force(release: str) -> None:
    site = waiting_for(Mx(PLAIN), release)
    one, two = site.machine.spool.ids()
    site.exim("-Mf", one)
    site.exim("-M", two)
    assert sent(site) == [("b@test.ex",)]
    assert site.machine.spool.messages[one].frozen


@pytest.mark.parametrize(
    ("release", "lost"), [("4.98", False), ("4.99", True), ("4.99-dev-13835a3c1", False)]
)
def test_in_4_99_the_duplicates_of_the_message_before_are_read_after_their_memory_was_freed(
    release: str, lost: bool
) -> None:
    site = waiting_for(Mx(PLAIN), release)
    _, two = site.machine.spool.ids()
    site.exim("-Mar", two, "B@Test.ex")
    site.exim("-Mar", two, "b@test.ex")
    with pytest.raises(UndefinedBehaviour) if lost else nullcontext():
        site.exim("-M", two)


def test_a_queue_run_waits_for_it() -> None:
    site = waiting_for(Mx(), "4.93")
    site.machine.test_harness = True
    site.queue_run()
    assert len(sent(site)) == 2


def test_a_tls_session_that_cannot_be_handed_on_ends_and_the_next_message_calls_anew() -> None:
    site = waiting_for(Mx(), NEW)
    site.queue_run()
    assert site.called == ["mx1", "mx1"]
    assert len(sent(site)) == 2


def test_new_releases_keep_the_tls_session() -> None:
    site = waiting_for(Mx(), NEWEST)
    site.queue_run()
    assert site.called == ["mx1"]
    assert len(sent(site)) == 2


def test_connection_max_messages_ends_the_connection() -> None:
    site = Site([Mx(REFUSING)], transport={"connection_max_messages": "1"})
    site.deliver("a@test.ex")
    site.deliver("b@test.ex")
    site.serve("10.9.1.1", PLAIN)
    site.world.sleep(600)
    site.queue_run()
    assert site.called == ["mx1", "mx1"]


# ---- what keeps a message from its transport -----------------------------------------------


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("50", "** a@test.ex R=r T=smtp : message is too big (transport limit = 50)"),
        ("1M", "Completed"),
        ("0", "Completed"),
        ("x", "invalid message_size_limit in smtp transport: integer expected"),
        ("$nothing", "failed to expand message_size_limit in smtp transport: unknown variable"),
    ],
)  # fmt: skip
def test_the_transports_size_limit_keeps_a_big_message_from_it(limit: str, expected: str) -> None:
    site = Site(release=NEWEST, transport={"message_size_limit": limit})
    site.deliver()
    assert any(expected in line for line in site.log)
    assert bool(sent(site)) is (expected == "Completed")


@pytest.mark.parametrize("option", ["queue_domains", "queue_smtp_domains"])
def test_a_domain_that_is_queued_is_delivered_in_a_queue_run(option: str) -> None:
    site = Site(main={option: "test.ex"})
    site.exim("-odi", "-f", SENDER, "a@test.ex")
    assert not sent(site)
    site.exim("-q")
    assert sent(site) == [("a@test.ex",)]


@pytest.mark.parametrize(
    ("release", "protocol", "port", "outcome"),
    [
        ("4.98", "smtps", 465, "Completed"),
        (NEWEST, "smtps", 465, "Completed"),
        ("4.98", "submissions", 25, "Completed"),
        (NEWEST, "submissions", 465, "Completed"),
        ("4.98", "nonsense", 25, "Completed"),
        (NEWEST, "nonsense", None, "== a@test.ex R=r T=smtp defer (0)"),
    ],
)
def test_a_protocol_has_a_port_and_what_it_means_is_the_releases(
    release: str, protocol: str, port: int | None, outcome: str
) -> None:
    site = Site(release=release, transport={"protocol": protocol})
    site.serve("10.9.1.1", Behaviour(tls_on_connect=True), 465)
    site.deliver()
    assert site.log[-1] == outcome
    assert [one.server.port for one in site.world.accepted] == ([port] if port else [])


def test_a_transport_process_that_gives_up_takes_only_its_own_addresses_along() -> None:
    site = Site(release=NEWEST, transport={"hosts_avoid_tls": "lsearch;/nowhere"})
    assert site.exim("-odf", "-f", SENDER, "a@test.ex").code == 0
    assert site.log[-2].endswith("smtp transport process returned non-zero status 0x0100: exit code 1")
    assert site.log[-1] == "Frozen"


# ---- what the sender wants to be told of --------------------------------------------------


def session(*lines: str) -> str:
    return "".join(f"{line}\r\n" for line in lines)


def dsn(site: Site, mail: str, *recipients: str) -> None:
    """Take a message in by SMTP, with the parameters of RFC 3461, and deliver it."""
    said = (
        f"MAIL FROM:<s@test.ex>{mail}",
        *(f"RCPT TO:{to}" for to in recipients),
        "DATA",
        "Subject: x",
        "",
        "x",
        ".",
    )
    site.exim("-odi", "-bs", stdin=session("EHLO client.test.ex", *said, "QUIT"))


def commands(site: Site) -> list[str]:
    return [event for accepted in site.world.accepted for event in log_of(accepted).events if ":" in event]


DSN = {"dsn_advertise_hosts": "*", "acl_smtp_rcpt": "accept"}


def test_a_server_that_reports_is_told_what_is_asked_for() -> None:
    site = Site([Mx(Behaviour(extensions=("DSN",)))], main=DSN)
    dsn(
        site,
        " RET=HDRS ENVID=abc",
        "<a@test.ex> NOTIFY=FAILURE,SUCCESS ORCPT=rfc822;x@test.ex",
        "<b@test.ex>",
    )
    assert commands(site) == [
        "MAIL FROM:<s@test.ex> RET=HDRS ENVID=abc",
        "RCPT TO:<a@test.ex> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x@test.ex",
        "RCPT TO:<b@test.ex>",
    ]


def test_beyond_the_last_hop_nobody_is_told_and_exim_tells_of_success() -> None:
    site = Site([Mx(Behaviour(extensions=("DSN",)))], main=DSN, router={"dsn_lasthop": "true"})
    dsn(site, " RET=HDRS ENVID=abc", "<a@test.ex> NOTIFY=SUCCESS ORCPT=rfc822;x@test.ex")
    assert commands(site)[:2] == ["MAIL FROM:<s@test.ex>", "RCPT TO:<a@test.ex>"]
    assert b"<a@test.ex> (relayed via non DSN router)" in site.messages[1].content


@pytest.mark.parametrize(("release", "told"), [("4.91", True), ("4.92", False), ("4.93", True)])
def test_in_4_92_who_asks_for_other_notices_is_not_told_of_a_failure(release: str, told: bool) -> None:
    site = Site([Mx(Behaviour(rcpt=reply("550 no")))], release, main=DSN)
    dsn(site, "", "<a@test.ex> NOTIFY=SUCCESS,FAILURE")
    assert any("a@test.ex: error ignored" in line for line in site.log) is not told
    assert any("<= <>" in line for line in site.log) is told


def test_a_server_that_does_not_report_is_told_nothing_of_it() -> None:
    site = Site(main=DSN)
    dsn(site, " RET=HDRS ENVID=abc", "<a@test.ex> NOTIFY=FAILURE ORCPT=rfc822;x@test.ex")
    assert commands(site)[:2] == ["MAIL FROM:<s@test.ex>", "RCPT TO:<a@test.ex>"]


def test_for_a_server_that_does_not_report_exim_tells_of_success() -> None:
    site = Site(main=DSN)
    dsn(site, "", "<a@test.ex> NOTIFY=SUCCESS", "<b@test.ex>")
    assert sent(site) == [("a@test.ex", "b@test.ex"), ("s@test.ex",)]
    report = site.messages[1].content
    assert b"Final-Recipient: rfc822;a@test.ex\r\n" in report
    assert b"b@test.ex\r\nStatus" not in report


@pytest.mark.parametrize(
    ("release", "notify", "expected"),
    [
        (NEWEST, "NEVER", "b@test.ex: error ignored: RFC 3461 DSN, failure notify not requested"),
        ("4.92", "NEVER", "b@test.ex: error ignored"),
        (NEWEST, "SUCCESS", "b@test.ex: error ignored: RFC 3461 DSN, failure notify not requested"),
    ],
)
def test_a_failure_that_the_sender_does_not_want_to_know_is_ignored(
    release: str, notify: str, expected: str
) -> None:
    site = Site([REFUSES], release=release, main=DSN)
    dsn(site, "", f"<b@test.ex> NOTIFY={notify}")
    assert expected in site.log
    assert not any("<= <>" in line for line in site.log)


def test_a_bounce_leaves_out_a_body_that_is_not_wanted_or_has_long_lines() -> None:
    for mail, body in ((" RET=HDRS", "hello"), ("", "x" * 1200)):
        site = Site([Mx(Behaviour(recipients=(("a@test.ex", reply("550 no")),)))], main=DSN)
        lines = (f"MAIL FROM:<s@test.ex>{mail}", "RCPT TO:<a@test.ex>", "DATA", "Subject: x", "", body, ".")
        site.exim("-odi", "-bs", stdin=session("EHLO client.test.ex", *lines, "QUIT"))
        assert sent(site) == [("s@test.ex",)]
        assert body.encode() not in site.messages[0].content


# ---- LMTP -----------------------------------------------------------------------------------


def test_an_lmtp_server_answers_for_each_recipient() -> None:
    answer = reply("250 first", "550 second", "451 third")
    site = Site([Mx(Behaviour(end_of_data=answer, unknown=reply("250 hello")))], release=NEWEST,
                transport={"protocol": "lmtp", "port": "25"})  # fmt: skip
    site.deliver("a@test.ex", "b@test.ex", "c@test.ex")
    assert any(line.startswith("=> a@test.ex") for line in site.log)
    assert any("** b@test.ex" in line and "LMTP error after DATA: 550 second" in line for line in site.log)
    assert any("== c@test.ex" in line and "LMTP error after DATA: 451 third" in line for line in site.log)
    assert "R:c@test.ex" in site.machine.hints.retry


def test_an_lmtp_server_that_does_not_answer_for_all_leaves_the_rest_deferred() -> None:
    site = Site([Mx(Behaviour(end_of_data=reply("250 first"), unknown=reply("250 hello")))], release=NEWEST,
                transport={"protocol": "lmtp", "port": "25"})  # fmt: skip
    site.deliver("a@test.ex", "b@test.ex")
    assert any(line.startswith("=> a@test.ex") for line in site.log)
    assert any("== b@test.ex" in line and "SMTP timeout after end of data" in line for line in site.log)
