"""Where an address is routed to, in the words that Test::MTA::Exim4's users know."""

from __future__ import annotations

from typing import Any

import pytest

from eximsim.errors import InputError
from eximsim.suite.policy import PolicySession
from eximsim.testing import Machine
from tests.testing.policies import CONFIG, Stand

ROUTERS = """\
begin routers
blocked:
  driver = redirect
  domains = blocked.example
  allow_fail
  data = :fail: not here
nowhere:
  driver = redirect
  domains = sink.example
  data = :blackhole:
lists:
  driver = redirect
  local_parts = all
  data = a@example.com, b@example.com
smart:
  driver = manualroute
  domains = smart.example
  route_list = * "mx.example.com : mx2.example.com"
  transport = out
"""


@pytest.fixture
def machine() -> Machine:
    stand = Stand()
    stand.zone.add("mx.example.com").add("mx2.example.com", preference=20)
    return stand.mta(text=CONFIG.replace("begin routers\n", ROUTERS))


def test_a_route_has_a_router_a_transport_and_hosts_in_order(machine: Machine) -> None:
    found = machine.route("a@example.com")
    found.should_route(router="remote", transport="out", hosts=["mx.example.com", "mx2.example.com"])
    assert found.found[0].addresses == ("192.0.2.1", "192.0.2.2")


def test_any_part_may_be_left_out(machine: Machine) -> None:
    machine.route("a@example.com").should_route().should_route(transport="out").should_route(router="remote")


def test_nothing_is_sent(machine: Machine) -> None:
    machine.route("a@example.com")
    assert isinstance(machine._session, PolicySession)
    assert machine._session.machine.spool.messages == {}


@pytest.mark.parametrize(
    "wanted", [{"router": "smart"}, {"transport": "none"}, {"hosts": "mx.example.com"}], ids=str
)
def test_another_way_is_a_failure_that_says_which(machine: Machine, wanted: dict[str, str]) -> None:
    with pytest.raises(AssertionError) as failed:
        machine.route("a@example.com").should_route(**wanted)
    assert str(failed.value).startswith("a@example.com should be routed by ")
    assert "router remote, transport out, hosts mx.example.com mx2.example.com" in str(failed.value)


def test_an_address_that_becomes_others_goes_where_one_of_them_goes(machine: Machine) -> None:
    found = machine.route("all@example.com").should_route(router="remote")
    assert sorted(one.address for one in found.found) == ["a@example.com", "b@example.com"]


def test_mail_that_is_thrown_away(machine: Machine) -> None:
    machine.route("a@sink.example").should_discard()
    with pytest.raises(AssertionError, match=r"should be discarded, but a@example\.com: router remote"):
        machine.route("a@example.com").should_discard()


def test_an_address_that_no_router_takes_or_one_fails(machine: Machine) -> None:
    machine.route("a@example.net").should_be_unrouteable(reason="Unrouteable address")
    machine.route("a@blocked.example").should_be_unrouteable(reason="not here")
    with pytest.raises(AssertionError, match=r"should be unrouteable for 'elsewhere', but .* not here"):
        machine.route("a@blocked.example").should_be_unrouteable(reason="elsewhere")


def test_an_address_that_cannot_be_routed_now() -> None:
    stand = Stand()
    stand.zone.record("example.com", "MX", rcode="SERVFAIL")
    stand.machine().route("a@example.com").should_defer(reason="host lookup did not complete")


def test_what_is_not_modelled_is_no_route_and_is_named() -> None:
    stand = Stand()
    text = CONFIG.replace(
        "  driver = dnslookup\n", "  driver = dnslookup\n  condition = ${run{/opt/judge}}\n"
    )
    with pytest.raises(AssertionError, match="nothing was decided about it\nnot modelled: "):
        stand.mta(text=text).route("a@example.com").should_be_unrouteable()


def test_names_of_hosts_are_compared_as_the_dns_does(machine: Machine) -> None:
    machine.route("a@example.com").should_route(hosts=["MX.example.com", "mx2.Example.com"])


def test_no_hosts_at_all_is_something_to_ask_for(machine: Machine) -> None:
    with pytest.raises(AssertionError, match=r"should be routed by no hosts, but .* hosts mx"):
        machine.route("a@example.com").should_route(hosts=[])


@pytest.mark.parametrize("wanted", [{"router": 3}, {"hosts": 3}, {"hosts": [3]}], ids=str)
def test_names_are_texts(machine: Machine, wanted: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="expected a text"):
        machine.route("a@example.com").should_route(**wanted)
