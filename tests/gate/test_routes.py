"""Where a configuration sends mail, and which hosts have to be there for its lists to be seen at work."""

from __future__ import annotations

from dataclasses import replace

from eximsim.gate.explore_policies import survey
from eximsim.gate.named import names_of
from eximsim.gate.named_words import examples_of
from eximsim.gate.routes import Mail, route_of
from eximsim.gate.views import Wanted
from eximsim.suite.config_files import Sources
from tests.gate.policies import CONF, policy

SMARTHOST = CONF.replace(
    "  driver = dnslookup\n  transport = remote\n  dnssec_request_domains = *\n",
    "  driver = manualroute\n  domains = !local.example\n  transport = remote\n"
    "  route_list = * smart.example:other.example\n",
)


def test_any_domain_leaves_by_its_mx_hosts() -> None:
    route = route_of(policy(), Mail("someone@destination.example"))
    assert (route.by_mx, route.hosts, route.routers) == (True, ("mx1.destination.example",), ("out",))
    assert (route.transports, route.smtps, route.problem) == (("remote",), False, None)


def test_a_smarthost_is_the_host_of_its_route() -> None:
    route = route_of(policy(conf=SMARTHOST), Mail("someone@destination.example"))
    assert (route.by_mx, route.hosts) == (False, ("smart.example", "other.example"))
    plan = survey([policy(conf=SMARTHOST)], 1)
    assert plan.views[0].scene.addresses == {"smart.example": "192.0.2.1"}
    assert "someone@destination.example: host other.example, the route has more than 1" in plan.left_out


def test_hosts_that_lists_name_have_scenes_of_their_own() -> None:
    plan = survey([policy("  hosts_require_dane = !mx.a.example : *.b.example : 192.0.2.9\n")], 1)
    named = names_of(plan.policies)
    assert list(named.hosts) == ["mx.a.example", "any.b.example"]
    assert list(named.addresses()) == ["192.0.2.9"]
    found = [view.scene for view in plan.views if view.kind == "delivery"]
    assert [scene.mx for scene in found] == [("mx1.destination.example",), ("any.b.example",)]
    like = [[(scene.mx[0], scene.at) for scene in view.also] for view in plan.views[::2]]
    assert ("mx.a.example", "") in like[0]
    assert ("mx1.destination.example", "192.0.2.9") in like[1]
    assert list(found[0].others)[:2] == ["mx.a.example", "any.b.example"]


def test_a_pattern_is_seen_at_work_through_a_name_that_fits_it() -> None:
    plan = survey([policy("  hosts_require_tls = \\N^mx\\d\\.(a|b)\\.example\\N\n")], 1)
    assert plan.gaps == {}
    assert [view.scene.mx for view in plan.views[::2]] == [("mx1.destination.example",), ("mx1.a.example",)]
    assert examples_of(r"^.*\.bank\.example$") == ("x.bank.example",)


def test_a_pattern_without_a_witness_is_a_gap() -> None:
    plan = survey([policy("  hosts_require_tls = \\N^(?!a)[^\\W]x(?<=q)\\N\n")], 1)
    (gap,) = plan.gaps
    assert str(gap).startswith("exim.conf:15: hosts_require_tls: ^(?!a)[^\\W]x(?<=q)\\N: no name")


def test_a_transport_that_nothing_leads_to_is_told() -> None:
    conf = CONF.replace("begin retry", "unused:\n  driver = smtp\nbegin retry")
    plan = survey([policy(conf=conf)], 1)
    assert plan.gaps == {}
    assert list(plan.left_out) == ["exim.conf:15: transport unused: no router names it"]


def test_a_transport_that_no_mail_was_found_for_is_a_gap() -> None:
    conf = CONF.replace(
        "out:\n", "odd:\n  driver = dnslookup\n  condition = ${if eq{$h_x:}{y}}\n  transport = odd\nout:\n"
    ).replace("begin retry", "odd:\n  driver = smtp\nbegin retry")
    (gap,) = survey([policy(conf=conf)], 1).gaps
    assert gap.what == "transport odd: no recipient was found that is sent there"
    assert (gap.where, gap.remedy) == ("exim.conf:19", "--recipient or --sender names mail that is")


def test_two_hosts_stand_in_either_place() -> None:
    plan = survey([policy("  hosts_require_dane = mx.a.example\n")], 2)
    assert [view.scene.mx for view in plan.views if view.kind == "delivery"] == [
        ("mx1.destination.example", "mx2.destination.example"),
        ("mx1.destination.example", "mx.a.example"),
        ("mx.a.example", "mx2.destination.example"),
    ]


def test_senders_that_a_router_tells_apart_are_tried() -> None:
    conf = CONF.replace(
        "out:\n",
        "news:\n  driver = manualroute\n  senders = news@relay.example.org\n  transport = remote\n"
        "  route_list = * smart.example\nout:\n",
    )
    plan = survey([policy(conf=conf)], 1)
    found = [view.name for view in plan.views if view.kind == "delivery"]
    assert "delivery to someone@destination.example from news@relay.example.org by smart.example" in found


def test_mail_that_somebody_asks_for_is_explored_first() -> None:
    plan = survey([policy()], Wanted(1, ("joe@own.example",), ("me@here.example",)))
    assert plan.views[0].name == "delivery to joe@own.example from me@here.example by mx1.own.example"


def test_entries_of_a_file_are_tried() -> None:
    conf = CONF.replace("  dnssec_request_domains = *\n", "  dnssec_request_domains = lsearch;/etc/list\n")
    one = policy(conf=conf)
    given = replace(one, sources=Sources(given={"/etc/list": b"# comment\nsigned.example: yes\n"}))
    names = [view.scene.recipient for view in survey([given], 1).views[::2]]
    assert names == ["someone@destination.example", "someone@signed.example"]


def test_aliases_are_tried_as_local_parts() -> None:
    conf = CONF.replace(
        "  driver = dnslookup\n", "  driver = redirect\n  data = ${lookup{$local_part}lsearch{/x}}\n"
    )
    given = Sources(given={"/x": b"sales: boss@partner.example\n"})
    named = names_of([replace(policy(conf=conf.replace("  transport = remote\n", "")), sources=given)])
    assert list(named.locals) == ["sales"]
    assert list(named.mailboxes) == ["boss@partner.example"]


def test_addresses_keep_clear_of_those_that_are_ignored() -> None:
    bogons = "192.0.2.0/24 : 198.51.100.0/24 : 203.0.113.0/24 : 10.0.0.0/8"
    conf = CONF.replace(
        "  dnssec_request_domains = *\n", f"  dnssec_request_domains = *\n  ignore_target_hosts = {bogons}\n"
    )
    plan = survey([policy(conf=conf)], 1)
    assert plan.gaps == {}
    assert plan.at(plan.policies[0], plan.views[0], {}).result == "delivered"


def test_a_transport_whose_name_is_an_expansion_is_followed() -> None:
    conf = CONF.replace("  transport = remote\n", "  transport = ${if eq{a}{a}{remote}{other}}\n")
    plan = survey([policy(conf=conf)], 1)
    assert plan.gaps == {}
    assert plan.at(plan.policies[0], plan.views[0], {}).result == "delivered"


FORK = """\
begin routers
fork:
  driver = redirect
  data = a$local_part@$domain, b$local_part@$domain
begin transports
out:
  driver = smtp
"""


def test_few_runs_are_made_of_what_each_run_is_given_up_for() -> None:
    plan = survey([policy(conf=FORK)], Wanted(2, recipients=tuple(f"{name}@x.example" for name in "abcdef")))
    for view in plan.views:
        plan.diagram(plan.policies[0], view)
    assert any(gap.what == "3 runs were given up, and no other was made" for gap in plan.gaps)
    assert set(plan.memory.given_up.values()) == {3}
