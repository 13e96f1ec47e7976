"""What a configuration can look at: what is left out of states only where nothing reads it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eximsim.explore.relevance import relevance
from eximsim.suite.config_files import Sources
from tests.gate.policies import CONF, policy


def test_a_host_counts_where_a_lookup_can_ask_for_any_name() -> None:
    assert not relevance(policy("")).names("mx1.destination.example")
    assert relevance(policy("  helo_data = ${lookup dnsdb{a=$host}}\n")).names("mx1.destination.example")
    assert relevance(policy("  hosts_avoid_tls = mx1.destination.example\n")).names("mx1.destination.example")


def test_what_only_passing_words_of_the_log_tell_does_not_count() -> None:
    logged = relevance(policy("", conf=f"log_selector = +all\n{CONF}"))
    assert not logged.sequence
    assert not logged.address_security


def test_calling_again_counts_where_a_callout_asks_about_a_random_recipient() -> None:
    assert not relevance(policy("")).random
    assert relevance(policy("", conf=CONF.replace("recipient/callout", "recipient/callout=random"))).random


def test_the_clock_counts_where_an_option_looks_at_it_within_the_hour() -> None:
    assert not relevance(policy("", conf=f"timeout_frozen_after = 7d\ndelay_warning = 1d:2d\n{CONF}")).clock
    assert not relevance(policy("", conf=f"timeout_frozen_after = 30m\nauto_thaw = 1h\n{CONF}")).clock
    assert relevance(policy("", conf=f"ignore_bounce_errors_after = 30m\n{CONF}")).clock
    assert relevance(policy("", conf=f"delay_warning = 1h:1d\n{CONF}")).clock


def test_the_clock_does_not_count_where_no_run_waits_until_it_is_looked_at() -> None:
    assert not relevance(policy("", conf=f"dns_retrans = 40s\ndelay_warning = 8h\n{CONF}")).clock
    assert relevance(policy("", conf=f"dns_retrans = 2m\ndelay_warning = 8h\n{CONF}")).clock


@pytest.mark.parametrize(
    ("line", "now"),
    [
        ("F,2d,15m", "F,70m,15m"),
        ("  hosts_try_dane = *\n", "  hosts_try_dane = *\n  command_timeout = 4h\n"),
        ("primary_hostname", "dns_retrans = 10m\ndns_retry = 4\nprimary_hostname"),
    ],
)
def test_the_clock_counts_where_a_run_can_come_to_a_time_that_is_looked_at(line: str, now: str) -> None:
    assert not relevance(policy("")).clock
    assert relevance(policy("", conf=CONF.replace(line, now))).clock


@pytest.mark.parametrize(
    ("main", "option"),
    [
        ("SND = tod\n", "  helo_data = $SND_full\n"),
        ("", "  helo_data = $tod\\\n    _full\n"),
        ("MORE = .include\n", "MORE /etc/more\n"),
    ],
)
def test_words_count_as_exim_reads_them(main: str, option: str) -> None:
    """Macros can be a part of a word, lines go on in the next one, and .include can come out of a macro."""
    files = Sources(given={"/etc/more": b"  helo_data = $tod_full\n"})
    assert relevance(replace(policy(option, conf=f"{main}{CONF}"), sources=files)).clock


@pytest.mark.parametrize(
    "acl", ["{/etc/acl}", "{{/etc/acl} {$host}}", "{${lookup{$host} lsearch {/etc/acls}}}", "{out_$domain}"]
)
def test_an_acl_from_elsewhere_can_look_at_anything(acl: str) -> None:
    own = relevance(policy("  hosts_avoid_tls = ${if acl{{check_rcpt} {$host}} {*}}\n"))
    assert not own.everything
    assert relevance(policy(f"  hosts_avoid_tls = ${{if acl{acl} {{*}}}}\n")).everything
    assert relevance(policy("", conf=CONF.replace("= check_rcpt", "= /etc/acl"))).everything


def test_the_security_of_an_address_counts_where_an_event_can_look_at_it() -> None:
    assert not relevance(policy("")).address_security
    assert relevance(policy("  event_action = $lookup_dnssec_authenticated\n")).address_security


def test_comments_look_at_nothing_and_all_counts_where_all_is_logged() -> None:
    talk = "# all about $message_age and \\\n  # $sending_port\n"
    quiet = relevance(policy("", conf=f"{talk}log_selector = +incoming_interface\n{CONF}"))
    assert (quiet.clock, quiet.ports) == (False, False)
    assert "sending_ip_address" in quiet.hidden
    assert "sending_ip_address" not in relevance(policy("", conf=f"log_selector = +all\n{CONF}")).hidden


def test_this_end_of_a_connection_counts_where_something_tells_of_it() -> None:
    assert relevance(policy("")).hidden >= {"sending_ip_address", "sending_port"}
    logged = relevance(policy("", conf=f"log_selector = +outgoing_interface\n{CONF}")).hidden
    assert "sending_port" in logged
    assert "sending_ip_address" not in logged
    assert relevance(policy("  helo_data = $sending_port\n")).ports


@pytest.mark.parametrize(("line", "counts"), [("  helo_data = $tod_full\n", True), ("  port = 26\n", False)])
def test_included_files_are_read_for_what_they_look_at(line: str, counts: bool) -> None:
    conf = CONF.replace("OPTIONS\n", ".include /etc/more\n")
    files = Sources(given={"/etc/more": line.encode()})
    found = relevance(replace(policy("", conf=conf), sources=files))
    assert (found.clock, found.everything) == (counts, False)
