"""Scenes: a bounce that leaves in its turn meets DNS and servers that are as they should be."""

from __future__ import annotations

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
