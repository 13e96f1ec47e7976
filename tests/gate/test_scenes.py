"""Scenes: a bounce that leaves in its turn meets DNS and servers that are as they should be."""

from __future__ import annotations

import pytest

from eximsim.gate.explore_policies import survey
from tests.gate.policies import policy

SMARTHOST = """\
primary_hostname = relay.example.org
begin routers
out:
  driver = manualroute
  transport = remote
  route_list = * smart.example
begin transports
remote:
  driver = smtp
begin retry
* * F,2d,15m
"""
BOUNCES = (
    "bounces:\n  driver = manualroute\n  senders = :\n  transport = remote\n  route_list = * other.example\n"
)


def bounced(conf: str) -> str:
    """What is logged of the bounce if the server refuses the message."""
    plan = survey([policy(conf=conf)], 1)
    (view,) = (view for view in plan.views if view.scene.sender is None)
    log = plan.at(plan.policies[0], view, {"RCPT of smart.example": "5xx"}).log
    (line,) = (line for line in log if "sender@relay.example.org" in line and line.startswith("M2"))
    return line


def test_a_bounce_is_followed_and_multiplies_nothing() -> None:
    assert bounced(SMARTHOST).startswith("M2 => sender@relay.example.org R=out T=remote H=smart.example")
    plan = survey([policy(conf=SMARTHOST)], 1)
    (view,) = plan.views
    plan.diagram(plan.policies[0], view)
    assert plan.runs < 500


def test_where_a_bounce_goes_counts() -> None:
    line = bounced(SMARTHOST.replace("begin routers\n", f"begin routers\n{BOUNCES}"))
    assert line.startswith("M2 == sender@relay.example.org R=bounces")


def hosts_of(transport: str, retry: str) -> set[str]:
    """The hosts and domains that a survey keeps apart."""
    conf = SMARTHOST.replace("manualroute", "dnslookup").replace("  route_list = * smart.example\n", "")
    conf = conf.replace("  driver = smtp\n", f"  driver = smtp\n{transport}")
    views = survey([policy(conf=conf.replace("* * F,2d,15m", retry))], 1).views
    return {name for view in views for name in (view.scene.domain, *view.scene.addresses)}


@pytest.mark.parametrize(
    ("transport", "retry", "host"),
    [
        ("  tls_verify_cert_hostnames = ! mx.odd.example : *\n", "* *", "mx.odd.example"),
        ("  tls_verify_cert_hostnames = ^mx\\\\.odd : !*\n", "* *", "mx.odd"),
        ("  tls_verify_hosts = ^mx\\\\.odd\n", "* *", "mx.odd"),
        ("", "mx.odd.example timeout_connect F,2h,1h", "mx.odd.example"),
        ("", "odd.example refused F,2h,1h", "odd.example"),
        ("", "odd.example data_4xx F,2h,1h", "odd.example"),
    ],
)
def test_what_differs_only_for_a_certificate_or_an_error_is_kept_apart(
    transport: str, retry: str, host: str
) -> None:
    assert host in hosts_of(transport, retry)
    assert host not in hosts_of("", "* * F,2h,1h")


def test_senders_of_retry_rules_are_tried() -> None:
    conf = SMARTHOST.replace("* * F,2d,15m", "* * senders=odd@own.example\n* * F,2h,1h")
    assert "odd@own.example" in {view.scene.sender for view in survey([policy(conf=conf)], 1).views}
