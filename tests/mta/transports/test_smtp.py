from __future__ import annotations

import pytest

from eximsim.world.smtp_behaviour import Answer, Behaviour, Then, reply
from tests.mta.scenario import (
    BAD_TLS,
    GOOD,
    NEW,
    NEWEST,
    NXDOMAIN,
    OLD,
    PLAIN,
    REFUSING,
    SERVFAIL,
    SILENT,
    WRONG,
    Mx,
    Site,
)

TRY = {"hosts_try_dane": "*"}
REQUIRE = {"hosts_require_dane": "*"}
ST454 = Behaviour(starttls=reply("454 TLS not now"))
BUSY = Behaviour(banner=reply("421 busy"))
WRONG_CERTIFICATE = Behaviour(chain="selfsigned")
REFUSED = "Connection refused"


def tried(site: Site) -> list[str]:
    """The hosts that were tried, connected or not."""
    return [str(decision.inputs["host"]).partition(".")[0] for decision in site.decisions("host tried")]


# ---- the loop over the hosts -----------------------------------------------------------


def test_hosts_are_tried_in_order_until_one_takes_the_message() -> None:
    site = Site([Mx(REFUSING), Mx(Behaviour(banner=reply("421 busy"))), Mx(), Mx()])
    log = site.deliver()
    assert tried(site) == ["mx1", "mx2", "mx3"]
    assert log[0] == f"H=mx1.test.ex [10.9.1.1] {REFUSED}"
    assert log[1].startswith("H=mx2.test.ex [10.9.1.2]: SMTP error from remote mail server after initial")
    assert site.outcome == "sent to mx3.test.ex (yes)"


def test_if_no_host_takes_it_the_address_has_the_last_ones_failure() -> None:
    site = Site([Mx(Behaviour(banner=reply("421 busy"))), Mx(REFUSING)])
    said_by_the_first = "H=mx1.test.ex [10.9.1.1]"
    assert site.deliver()[-1] == f"== a@test.ex R=r T=smtp defer (111): {REFUSED} {said_by_the_first}"


def test_a_host_that_failed_is_logged_with_the_port_that_was_called() -> None:
    site = Site([Mx(REFUSING)], transport={"port": "2525"}, main={"log_selector": "+outgoing_port"})
    assert site.deliver()[0] == f"H=mx1.test.ex [10.9.1.1]:2525 {REFUSED}"


def test_a_permanent_refusal_ends_the_loop() -> None:
    site = Site([Mx(Behaviour(mail=reply("550 go away"))), Mx()])
    site.deliver()
    assert tried(site) == ["mx1"]
    assert site.outcome.startswith("FAIL 0: SMTP error from remote mail server after MAIL")


@pytest.mark.parametrize(("release", "hosts"), [(NEW, ["mx1"]), (NEWEST, ["mx1", "mx2"])])
def test_a_5xx_greeting_is_final_until_4_90_and_sends_to_the_next_host_from_then(
    release: str, hosts: list[str]
) -> None:
    site = Site([Mx(Behaviour(banner=reply("554 no service"))), Mx()], release)
    site.deliver()
    assert tried(site) == hosts


def test_the_last_host_with_a_5xx_greeting_is_final_in_every_release() -> None:
    site = Site([Mx(Behaviour(banner=reply("554 no service")))], NEWEST)
    site.deliver()
    assert site.outcome.startswith("FAIL 0: SMTP error from remote mail server after initial connection: 554")


def test_recipients_that_are_deferred_go_on_to_the_next_host_and_no_others() -> None:
    first = Behaviour(extensions=(), recipients=(("b@test.ex", reply("450 later")),))
    site = Site([Mx(first), Mx()])
    site.deliver("a@test.ex", "b@test.ex")
    assert [message.recipients for message in site.messages] == [("a@test.ex",), ("b@test.ex",)]
    assert site.outcomes == {
        "a@test.ex": "sent to mx1.test.ex (clear)",
        "b@test.ex": "sent to mx2.test.ex (yes)",
    }


def test_hosts_of_one_preference_are_tried_by_chance_but_the_same_for_the_same_seed() -> None:
    def order(seed: int) -> list[str]:
        site = Site([Mx(REFUSING, preference=10) for _ in range(3)], seed=seed)
        site.deliver()
        return tried(site)

    orders = [order(seed) for seed in range(12)]
    assert orders == [order(seed) for seed in range(12)]
    assert len({tuple(found) for found in orders}) > 1


# ---- how many hosts --------------------------------------------------------------------


def test_hosts_max_try_counts_the_hosts_of_one_preference() -> None:
    site = Site([Mx(REFUSING, preference=10) for _ in range(4)], transport={"hosts_max_try": "2"})
    site.deliver()
    assert len(tried(site)) == 2


def test_hosts_max_try_always_leaves_a_try_for_the_next_preference() -> None:
    servers = [Mx(REFUSING, preference=10), Mx(REFUSING, preference=10), Mx(preference=20)]
    site = Site(servers, transport={"hosts_max_try": "1"})
    site.deliver()
    assert len(tried(site)) == 2
    assert site.outcome == "sent to mx3.test.ex (yes)"


def test_no_host_is_tried_again_when_the_limit_is_reached_behind_another_preference() -> None:
    servers = [Mx(REFUSING, preference=10), Mx(REFUSING, preference=20), Mx(preference=20)]
    site = Site(servers, transport={"hosts_max_try": "2"}, seed=1)
    site.deliver()
    assert len(tried(site)) == len(set(tried(site))) == 2


def test_the_hard_limit_counts_all_hosts() -> None:
    site = Site([Mx(REFUSING), Mx(REFUSING), Mx()], transport={"hosts_max_try_hardlimit": "2"})
    site.deliver()
    assert tried(site) == ["mx1", "mx2"]
    assert site.outcome == "DEFER 111: None"


def test_a_host_past_its_retry_time_does_not_count() -> None:
    servers = [Mx(REFUSING, preference=10), Mx(REFUSING, preference=10)]
    site = Site(servers, transport={"hosts_max_try": "1"}, retry="* * F,1h,10m")
    site.deliver()
    site.world.sleep(3 * 3600)
    site.queue_run()
    assert len(tried(site)) == 1 + 2


@pytest.mark.parametrize(("retry", "count"), [("* * F,1h,10m", 1), ("other.ex * F,1h,10m", 3)])
def test_a_host_that_fails_when_the_messages_time_is_up_does_not_count(retry: str, count: int) -> None:
    servers = [Mx(REFUSING, preference=10) for _ in range(3)]
    site = Site(servers, transport={"hosts_max_try": "1"}, retry=retry)
    site.deliver()
    assert len(tried(site)) == count


def test_a_host_that_dane_rules_out_for_good_counts() -> None:
    servers = [Mx(dnssec=False, preference=10), Mx(dnssec=False, preference=10)]
    options = {**REQUIRE, "hosts_max_try": "1"}
    site = Site(servers, NEW, transport=options, retry="other.ex * F,1h,10m")
    site.deliver()
    assert len(tried(site)) == 1


# ---- in clear after a failed handshake -------------------------------------------------


@pytest.mark.parametrize("release", [OLD, NEW, "4.88", "4.90", NEWEST])
def test_after_a_failed_handshake_the_message_goes_in_clear_over_a_new_connection(release: str) -> None:
    site = Site([Mx(BAD_TLS)], release)
    log = site.deliver()
    assert site.outcome == "sent to mx1.test.ex (clear)"
    assert site.calls[0] == ("10.9.1.1", ["EHLO", "STARTTLS"])
    assert site.calls[1][1][:2] == ["EHLO", "MAIL FROM:<s@myhost.test.ex>"]
    assert any("delivering unencrypted to" in line for line in log)


@pytest.mark.parametrize("transport", [{"hosts_require_tls": "*"}, {"tls_tempfail_tryclear": "false"}])
def test_not_if_tls_is_required_or_the_option_says_no(transport: dict[str, str]) -> None:
    site = Site([Mx(BAD_TLS)], transport=transport)
    site.deliver()
    assert site.outcome == "DEFER -37: failure while setting up TLS session"
    assert site.called == ["mx1"]


def test_not_under_dane() -> None:
    site = Site([Mx(WRONG_CERTIFICATE, tlsa=GOOD)], transport=TRY)
    site.deliver()
    assert site.outcome == "DEFER -37: failure while setting up TLS session"
    assert site.messages == []


@pytest.mark.parametrize("release", [OLD, "4.88", "4.90", NEWEST])
def test_what_dane_did_to_tls_tempfail_tryclear_stays_for_later_hosts(release: str) -> None:
    """A fault that Exim has to this day: the option block is changed, not the call's copy of it."""
    alone = Site([Mx(ST454, tlsa=NXDOMAIN)], release, transport=TRY)
    alone.deliver()
    assert alone.outcome == "sent to mx1.test.ex (clear)"
    after_dane = Site([Mx(tlsa=WRONG), Mx(ST454, tlsa=NXDOMAIN)], release, transport=TRY)
    after_dane.deliver()
    assert after_dane.outcome == (
        "DEFER 0: SMTP error from remote mail server after STARTTLS: 454 TLS not now"
    )


def test_the_next_delivery_starts_with_the_option_as_it_is_written() -> None:
    zone = {"name": "other.ex", "type": "MX", "ad": True, "data": [[10, "mx2.test.ex"]]}
    site = Site([Mx(tlsa=WRONG), Mx(ST454, tlsa=NXDOMAIN)], OLD, transport=TRY, zone=[zone])
    site.deliver("a@test.ex")
    site.deliver("b@other.ex")
    assert site.outcomes["b@other.ex"].startswith("DEFER -53"), "the host waits for its time"
    site.world.sleep(3600)
    site.deliver("c@other.ex")
    assert site.outcomes["c@other.ex"] == "sent to mx2.test.ex (clear)"


# ---- DANE and the next host ------------------------------------------------------------


@pytest.mark.parametrize("answer", [SERVFAIL, SILENT])
def test_a_host_that_dane_rules_out_for_now_leaves_the_message_to_the_next(answer: dict[str, object]) -> None:
    site = Site([Mx(tlsa=answer), Mx(tlsa=GOOD)], NEW, transport=TRY)
    log = site.deliver()
    assert log[0] == "H=mx1.test.ex [10.9.1.1]: DANE error: tlsa lookup DEFER"
    assert site.outcome == "sent to mx2.test.ex (dane)"


def test_mail_is_said_to_the_next_host_though_no_recipient_is_left() -> None:
    """Until 4.98 a failure for all recipients did not end the loop over the hosts."""
    site = Site([Mx(tlsa=NXDOMAIN), Mx(tlsa=GOOD)], NEW, transport=REQUIRE)
    site.deliver()
    assert site.outcome == "FAIL -36: DANE error: tlsa lookup FAIL"
    assert site.calls[-1] == (
        "10.9.1.2",
        ["EHLO", "STARTTLS", "TLS", "EHLO", "MAIL FROM:<s@myhost.test.ex>", "QUIT"],
    )
    assert site.messages == []


def test_prdr_is_not_asked_for_if_no_recipient_is_left() -> None:
    servers = [Mx(Behaviour(banner=reply("554 no service"))), Mx(Behaviour(extensions=("PRDR",)))]
    site = Site(servers, "4.89", transport={"hosts_try_prdr": "*"})
    site.deliver()
    assert site.calls[-1] == ("10.9.1.2", ["EHLO", "MAIL FROM:<s@myhost.test.ex>", "QUIT"])


def test_from_4_98_no_host_is_tried_for_nobody() -> None:
    site = Site([Mx(tlsa=NXDOMAIN), Mx(tlsa=GOOD)], NEWEST, transport=REQUIRE)
    site.deliver()
    assert site.outcome == "FAIL -36: DANE error: tlsa lookup FAIL"
    assert site.called == []


def test_a_host_that_fails_with_no_recipient_left_kills_the_process() -> None:
    site = Site([Mx(tlsa=NXDOMAIN), Mx(REFUSING, tlsa=GOOD)], NEW, transport=REQUIRE)
    site.deliver()
    assert site.decided("transport died") == ["signal 11"]
    assert site.log[-1] == "Frozen"
    assert "terminated by signal 11" in site.log[-2]


@pytest.mark.parametrize(("release", "died"), [("4.89", ["signal 11"]), ("4.98", [])])
def test_a_host_with_a_retry_record_and_no_recipient_left_kills_the_process(
    release: str, died: list[str]
) -> None:
    """Whatever the host does: the record is to be deleted, by way of an address that is not there."""
    site = Site([Mx(BUSY, tlsa=GOOD), Mx(BUSY, tlsa=GOOD)], release, transport=REQUIRE)
    site.deliver()
    site.replace_server(1, Behaviour(banner=reply("554 no service")))
    site.replace_server(2, Behaviour())
    site.world.sleep(3600)
    site.queue_run()
    assert site.decided("transport died") == died


# ---- fallback hosts, the transport's own hosts -----------------------------------------


def test_fallback_hosts_are_tried_when_all_others_have_failed() -> None:
    site = Site([Mx(REFUSING)], transport={"fallback_hosts": "10.9.3.1"})
    site.serve("10.9.3.1", PLAIN)
    site.deliver()
    assert tried(site) == ["mx1", "10"]
    assert site.outcome == "sent to 10.9.3.1 (clear)"


def test_what_the_log_says_of_a_fallback_hosts_certificate_was_found_at_an_earlier_host() -> None:
    site = Site([Mx(Behaviour(rcpt=reply("450 later")))], transport={"fallback_hosts": "10.9.3.1"})
    site.serve("10.9.3.1", Behaviour(chain="selfsigned"))
    (line,) = [one for one in site.deliver() if "=>" in one]
    assert "H=10.9.3.1 [10.9.3.1] CV=yes" in line


def test_a_fallback_host_without_tls_is_logged_with_the_certificate_of_an_earlier_host() -> None:
    site = Site([Mx(Behaviour(rcpt=reply("450 later")))], transport={"fallback_hosts": "10.9.3.1"})
    site.serve("10.9.3.1", PLAIN)
    (line,) = [one for one in site.deliver() if "=>" in one]
    assert "H=10.9.3.1 [10.9.3.1] CV=yes" in line


@pytest.mark.parametrize(("release", "delivered"), [("4.98", False), ("4.99", True)])
def test_fallback_hosts_of_the_transport_are_expanded_since_4_99(release: str, delivered: bool) -> None:
    options = {"fallback_hosts": "${expand:10.9.3.1}"}
    site = Site([Mx(REFUSING)], release, transport=options)
    site.deliver()
    assert ("[10.9.3.1]" in "".join(site.log)) is delivered


def test_fallback_hosts_are_tried_as_they_are_written() -> None:
    hosts = [f"10.9.3.{number}" for number in (4, 1, 3, 5, 2)]
    site = Site([Mx(REFUSING)], transport={"fallback_hosts": " : ".join(hosts)})
    log = site.deliver()
    assert [line.split()[0] for line in log[1:6]] == [f"H={host}" for host in hosts]


def test_fallback_hosts_are_tried_when_all_others_have_been_failing_for_too_long() -> None:
    site = Site([Mx(REFUSING)], retry="* * F,1h,10m", transport={"fallback_hosts": "10.9.3.1"})
    site.serve("10.9.3.1", PLAIN)
    site.deliver()
    site.world.sleep(2 * 3600)
    site.deliver("b@test.ex")
    site.deliver("c@test.ex")
    assert site.outcomes["c@test.ex"] == "sent to 10.9.3.1 (clear)"
    assert tried(site) == ["mx1", "10", "mx1", "10", "10"]


def test_fallback_hosts_are_not_tried_after_a_permanent_failure() -> None:
    site = Site([Mx(Behaviour(rcpt=reply("550 no")))], transport={"fallback_hosts": "10.9.3.1"})
    site.serve("10.9.3.1", PLAIN)
    site.deliver()
    assert site.outcome.startswith("FAIL")
    assert site.messages == []


def test_hosts_override_puts_the_transports_own_hosts_in_the_place_of_the_routers() -> None:
    transport = {"hosts": "10.9.3.1 : 10.9.3.2", "hosts_override": "true"}
    site = Site([Mx()], transport=transport)
    site.serve("10.9.3.2", PLAIN)
    log = site.deliver()
    assert log[0] == f"H=10.9.3.1 [10.9.3.1] {REFUSED}"
    assert site.outcome == "sent to 10.9.3.2 (clear)"
    assert site.called == ["mx2"]


@pytest.mark.parametrize(
    ("transport", "panic"),
    [
        (
            {"hosts": "$nothing"},
            'failed to expand list of hosts "$nothing" in smtp transport: unknown variable',
        ),
        ({"hosts": "${if eq{1}{1}{}}"}, "smtp transport has empty hosts setting"),
        ({"hosts": "10.9.1.1", "port": "gopher"}, 'TCP port "gopher" is not defined for smtp transport'),
    ],
)
def test_a_transport_that_is_set_up_wrongly_defers_the_message(transport: dict[str, str], panic: str) -> None:
    site = Site([Mx()], transport={"hosts_override": "true", **transport})
    assert panic in site.deliver()[-1]
    assert site.outcome.startswith("PANIC")
    assert site.called == []


def test_a_host_of_the_transport_whose_address_is_not_found_defers() -> None:
    site = Site([Mx()], transport={"hosts": "nowhere.test.ex", "hosts_override": "true"})
    site.deliver()
    assert site.outcome == "DEFER -32: failed to lookup IP address for nowhere.test.ex"


# ---- messages that are only queued -----------------------------------------------------


def test_smtp_deliveries_can_be_put_off_for_some_domains() -> None:
    site = Site([Mx()], main={"queue_smtp_domains": "test.ex"})
    site.exim("-odi", "-f", "s@myhost.test.ex", "a@test.ex")
    assert site.called == []
    assert site.outcome == "DEFER -1: domain matches queue_smtp_domains, or -odqs set"


# ---- why no host was tried -------------------------------------------------------------


def test_a_queue_run_says_why_no_host_was_tried() -> None:
    site = Site([Mx(REFUSING), Mx(REFUSING)])
    site.deliver()
    assert site.queue_run() == [
        "== a@test.ex R=r T=smtp defer (-53): retry time not reached for any host for 'test.ex'"
    ]


# ---- what waits for a host ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "waits"),
    [
        (REFUSING, True),
        (Behaviour(mail=reply("451 later")), False),
        (Behaviour(rcpt=Answer(then=Then.SILENCE)), False),
        (Behaviour(end_of_data=reply("451 later")), False),
    ],
)
def test_a_message_waits_for_a_host_that_failed_and_not_for_one_that_did_not_want_it(
    server: Behaviour, waits: bool
) -> None:
    site = Site([Mx(server)])
    site.deliver()
    assert site.outcome.startswith("DEFER")
    assert ("mx1.test.ex" in site.machine.hints.wait.get("smtp", {})) is waits


def test_hosts_randomize_mixes_hosts_of_a_list_and_leaves_the_order_of_mx_records() -> None:
    listed = {"driver": "manualroute", "route_data": "mx1.test.ex:mx2.test.ex:mx3.test.ex"}

    def first(seed: int, router: dict[str, str]) -> str:
        site = Site([Mx()] * 3, NEWEST, transport={"hosts_randomize": "true"}, router=router, seed=seed)
        site.deliver()
        return site.called[0]

    assert {first(seed, {}) for seed in range(8)} == {"mx1"}
    assert len({first(seed, listed) for seed in range(8)}) > 1


@pytest.mark.parametrize("release", ["4.92", NEWEST])
def test_a_host_of_the_transport_without_an_address_is_not_called_insecure(release: str) -> None:
    site = Site([Mx()], release, transport={"hosts": "nosuch.test.ex", "hosts_override": "true"})
    assert site.deliver()[-1].endswith("failed to lookup IP address for nosuch.test.ex")


def test_what_n_leaves_out_has_taken_no_time() -> None:
    site = Site([Mx()], NEWEST, main={"log_selector": "+deliver_time"})
    site.exim("-N", "-odf", "a@test.ex")
    assert any("*> a@test.ex" in line and " DT=0s" in line for line in site.log)


def test_a_transport_without_hosts_puts_all_recipients_off() -> None:
    site = Site([Mx()], NEWEST, transport={"hosts": "", "hosts_override": "true"})
    log = site.deliver("a@test.ex", "b@test.ex")
    assert [line.partition(" R=")[0] for line in log] == ["== a@test.ex", "== b@test.ex"]
    assert all(line.endswith("smtp transport has empty hosts setting") for line in log)
