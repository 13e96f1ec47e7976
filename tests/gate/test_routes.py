"""Where a configuration sends mail, and which hosts have to be there for its lists to be seen at work."""

from __future__ import annotations

from eximsim.gate.routes import named_hosts, routes, scenes
from eximsim.gate.survey import survey
from tests.gate.policies import CONF, policy

SMARTHOST = CONF.replace(
    "  driver = dnslookup\n  transport = remote\n  dnssec_request_domains = *\n",
    "  driver = manualroute\n  domains = !local.example\n  transport = remote\n"
    "  route_list = * smart.example:other.example\n",
)


def test_any_domain_leaves_by_its_mx_hosts() -> None:
    (route,) = routes([policy()])
    assert (route.recipient, route.by_mx, route.routers) == ("someone@destination.example", True, ("out",))


def test_a_smarthost_is_the_host_of_its_route() -> None:
    (route,) = routes([policy(conf=SMARTHOST)])
    assert (route.by_mx, route.hosts) == (False, ("smart.example", "other.example"))
    plan = survey([policy(conf=SMARTHOST)], 1)
    assert plan.views[0].scene.addresses == {"smart.example": "192.0.2.1"}
    assert list(plan.left_out) == [
        "someone@destination.example: host other.example, the route has more than 1"
    ]


def test_hosts_that_lists_name_have_scenes_of_their_own() -> None:
    one = policy("  hosts_require_dane = !mx.a.example : *.b.example : 192.0.2.9\n")
    named = named_hosts([one])
    assert list(named.hosts) == ["mx.a.example", "any.b.example"]
    assert list(named.addresses) == ["192.0.2.9"]
    (route,) = routes([one])
    found = scenes(route, named, 1)
    assert [scene.mx for scene in found] == [
        ("mx1.destination.example",),
        ("mx.a.example",),
        ("any.b.example",),
        ("mx1.destination.example",),
    ]
    assert found[3].addresses == {"mx1.destination.example": "192.0.2.9"}
    assert list(found[0].others) == ["mx.a.example", "any.b.example"]


def test_an_item_that_names_no_host_is_told() -> None:
    plan = survey([policy("  hosts_require_tls = ^mx\n")], 1)
    assert list(map(str, plan.gaps)) == ["exim.conf:15: hosts_require_tls: ^mx: it names no host outright"]


def test_a_transport_that_nothing_leads_to_is_told() -> None:
    conf = CONF.replace("begin retry", "unused:\n  driver = smtp\nbegin retry")
    plan = survey([policy(conf=conf)], 1)
    (gap,) = plan.gaps
    assert gap.what == "transport unused: no recipient was found that is sent there"


def test_two_hosts_stand_in_either_place() -> None:
    one = policy("  hosts_require_dane = mx.a.example\n")
    (route,) = routes([one])
    assert [scene.mx for scene in scenes(route, named_hosts([one]), 2)] == [
        ("mx1.destination.example", "mx2.destination.example"),
        ("mx.a.example", "mx2.destination.example"),
        ("mx1.destination.example", "mx.a.example"),
    ]
