"""What changes from one policy to another: losses first, with their cause and the simplest witness."""

from __future__ import annotations

import pytest

from eximsim.gate.change_steps import toggles
from eximsim.gate.compare import compare
from eximsim.gate.explore_policies import survey
from eximsim.gate.report import Cause, Report
from eximsim.gate.report_text import together
from eximsim.gate.severity import Severity
from eximsim.gate.upgrade import origin
from eximsim.profiles import profile
from tests.gate.policies import policy

PARTNER = "mx1.partner.example"

CONF = """\
primary_hostname = relay.example.org
begin routers
out:
  driver = dnslookup
  transport = remote
  dnssec_request_domains = *
begin transports
remote:
  driver = smtp
OPTIONS
begin retry
* * F,2d,15m
"""
BASE = "  hosts_require_dane = mx1.partner.example\n  hosts_try_dane =\n  tls_tempfail_tryclear = false\n"


def changed(after: str) -> Report:
    """The report of a change of the transport's options, in the space of one host."""
    return compare(policy(BASE, path="old.conf", conf=CONF), policy(after, path="new.conf", conf=CONF))


@pytest.mark.parametrize(
    ("after", "option", "line", "host", "severity"),
    [
        (
            BASE.replace("mx1.partner.example", ""),
            "hosts_require_dane",
            10,
            "mx1.partner.example",
            Severity.LESS,
        ),
        (BASE.replace("partner", "partnr"), "hosts_require_dane", 10, "mx1.partner.example", Severity.LESS),
        (
            BASE.replace("false", "true"),
            "tls_tempfail_tryclear",
            12,
            "mx1.destination.example",
            Severity.RELEASED,
        ),
    ],
    ids=["DANE is required no more", "a misspelt host", "a failure for now goes in clear"],
)
def test_a_loss_of_security_comes_first_with_its_witness(
    after: str, option: str, line: int, host: str, severity: Severity
) -> None:
    report = changed(after)
    assert report.complete
    for group in report.groups:
        assert [(cause.name, cause.where) for cause in group.cause] == [(option, f"new.conf:{line}")]
    first = report.groups[0]
    assert first.severity is first.witness.severity is severity
    assert first.witness.after.result == "delivered"
    assert host in first.witness.route
    assert report.count(Severity.RELEASED) > 0


@pytest.mark.parametrize(
    "after",
    [
        f"# a comment\n\n{BASE}",
        "".join(reversed(BASE.splitlines(keepends=True))),
        BASE.replace("mx1.partner.example", "mx1.partner.example : mx1.partner.example"),
    ],
    ids=["a comment", "another order", "a host named twice"],
)
def test_what_has_no_effect_is_not_reported(after: str) -> None:
    report = changed(after)
    assert report.groups == ()
    assert report.complete


def test_every_option_that_differs_is_a_step() -> None:
    new = policy(BASE.replace("false", "true") + "  port = 26\n", conf=CONF, path="new.conf")
    found = [step.cause for step in toggles(policy(BASE, conf=CONF), new)]
    assert [(cause.name, cause.where) for cause in found] == [
        ("tls_tempfail_tryclear", "new.conf:12"),
        ("port", "new.conf:13"),
    ]
    assert found[1] == Cause("port", "new.conf:13", "transport remote: was not set and is '26'.")


def test_a_route_that_is_gone_is_a_step() -> None:
    old = policy(BASE, conf=CONF)
    new = policy(BASE, conf=CONF.replace("out:", "elsewhere:"), path="new.conf")
    assert [step.cause.name for step in toggles(old, new)] == ["router elsewhere", "router out"]


@pytest.mark.parametrize(
    ("switch", "old", "new", "where"),
    [
        ("tlsa_map", "4.87", "4.88-jh03", "4b0fe3193 (4.88 JH/03)"),
        ("tlsa_map", "4.88-jh03", "4.88", "2d5fdd539 (4.88); ef3a1a30b (4.88 JH/16)"),
        ("tlsa_map", "4.90", "4.91", "899b8bbc6 (4.91 bug 1523)"),
        ("tlsa_failure_ignored_if_requested", "4.87", "4.88-jh03", "4b0fe3193 (4.88 JH/03)"),
        ("dane_failure_log", "4.88-jh03", "4.88", "ae5afa611 (4.88 JH/30, bug 1897)"),
        ("tlsa_before_connect", "4.89", "4.90", "58c30e478 (4.90)"),
    ],
)
def test_a_switch_comes_with_its_commit_and_item_of_the_changelog(
    switch: str, old: str, new: str, where: str
) -> None:
    assert origin(switch, profile(old), profile(new)) == where


def test_an_upgrade_is_told_in_terms_of_its_changelog() -> None:
    options = "  hosts_try_dane = *\n"
    report = compare(policy(options, "4.87", conf=CONF), policy(options, "4.88-jh03", conf=CONF))
    assert report.complete
    causes = {cause.name for group in report.groups for cause in group.cause}
    assert causes == {"tlsa_map", "tlsa_failure_ignored_if_requested", "unusable_tlsa"}
    assert {cause.where for group in report.groups for cause in group.cause} == {"4b0fe3193 (4.88 JH/03)"}
    assert {group.severity for group in report.groups} == {
        Severity.HELD, Severity.PUT_OFF, Severity.WORDS,
    }  # fmt: skip


def test_an_upgrade_that_changes_defaults_tells_them_and_that_they_act_only_together() -> None:
    """DANE is tried by default since 4.93, and DNSSEC, without which there is none, asked for."""
    conf = CONF.replace("  dnssec_request_domains = *\n", "")
    report = compare(policy("", "4.92", conf=conf), policy("", "4.93", conf=conf))
    assert {group.name for group in report.groups} == {"hosts_try_dane+dnssec_request_domains"}
    dane, dnssec = report.groups[0].cause
    assert (dane.where, dnssec.where) == ("59c0959a3 (4.93 JH/22)", "ab0e957b0 (4.93 HS/06)")
    assert dane.text == "transport remote: now defaults to '*'; the default was not set."
    assert together(report.groups[0]) == "Only together: none of them does this alone."


def test_two_changes_of_words_have_a_witness_each_in_which_only_their_own_words_change() -> None:
    """``failed_address_colon_spaced`` and others: what the one logs otherwise is not told of the other."""
    report = compare(policy("", "4.97", conf=CONF), policy("", "4.99", conf=CONF))
    words = [group for group in report.groups if group.severity is Severity.WORDS]
    assert all(len(group.cause) == 1 for group in words)
    witnesses = [(group.name, group.witness.before.log, group.witness.after.log) for group in words]
    assert len(set(witnesses)) == len(words)


def test_tlsa_records_of_another_port_are_another_matter() -> None:
    report = compare(policy("  port = 587\n"), policy())
    assert {group.cause[0].name for group in report.groups} == {"port"}
    assert report.gaps == ()


def test_a_selector_whose_words_are_not_compared_is_told() -> None:
    sides = [policy("", conf=CONF), policy("", conf=f"log_selector = +dnssec+pipelining\n{CONF}")]
    assert [item for item in survey(sides).left_out if "log_selector" in item] == [
        "log_selector: what dnssec puts into log lines"
    ]
    assert not any("log_selector" in item for item in survey(sides[1:]).left_out)


def test_a_transport_that_no_situation_lets_deliver_is_not_fine() -> None:
    sides = (
        policy(f"  helo_data = ${{if bad}}\n  hosts_require_tls = {hosts}\n", conf=CONF)
        for hosts in ("*", "")
    )
    (gap,) = compare(*sides).gaps
    assert "no situation delivers it" in gap.what
