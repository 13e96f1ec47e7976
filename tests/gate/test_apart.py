"""Options that only one kind of host shows, and what is not explored although an option is about it."""

from __future__ import annotations

import pytest

from eximsim.gate.apart import addresses_apart, unexplored
from eximsim.gate.compare import compare
from eximsim.gate.explore_policies import survey
from eximsim.gate.severity import Severity
from eximsim.suite.policy import Policy
from tests.gate.deletions import policy

TEXT = """\
primary_hostname = mta.own.example
MAIN
begin routers
out:
  driver = dnslookup
  transport = out
  ROUTER
begin transports
out:
  driver = smtp
  TRANSPORT
"""


def one(main: str = "", router: str = "", transport: str = "") -> Policy:
    text = TEXT.replace("MAIN", main).replace("ROUTER", router).replace("TRANSPORT", transport)
    return policy({"exim.conf": text})


@pytest.mark.parametrize(
    ("setting", "address"),
    [
        ({"router": "self = send"}, "127.0.0.1/32"),
        ({"transport": "allow_localhost"}, "127.0.0.1/32"),
        ({"main": "disable_ipv6"}, "2001:db8::19/128"),
        ({"router": "ipv4_only = yes"}, "2001:db8::19/128"),
    ],
)
def test_a_host_that_an_option_is_about_is_looked_at(setting: dict[str, str], address: str) -> None:
    for policies in ([one(), one(**setting)], [one(**setting), one()], [one(**setting)]):
        assert list(map(str, addresses_apart(policies))) == [address]
    for policies in ([one(**setting), one(**setting)], [one()]):
        assert list(addresses_apart(policies)) == []


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("check_srv = smtp", "check_srv: SRV records are not explored"),
        ("mx_domains = *", "mx_domains: domains without MX hosts that have an address are not explored"),
    ],
)
def test_what_is_not_explored_is_a_gap_where_sides_differ_in_it(setting: str, said: str) -> None:
    for policies in ([one(), one(router=setting)], [one(router=setting), one()], [one(router=setting)]):
        assert list(map(str, unexplored(policies))) == [f"exim.conf:7: {said}"]
        assert f"exim.conf:7: {said}" in map(str, survey(policies).gaps)
    assert list(unexplored([one(router=setting), one(router=setting)])) == []


def test_an_address_that_becomes_this_machine_s_is_looked_at() -> None:
    policies = [one(), one(main="extra_local_interfaces = 192.0.2.7 : 192.0.2.8")]
    assert list(map(str, addresses_apart(policies))) == ["127.0.0.1/32", "192.0.2.7/32", "192.0.2.8/32"]


@pytest.mark.parametrize(
    "setting", ["allow_mx_to_ip", "percent_hack_domains = *", "dns_check_names_pattern = ^[a-z.]+\\$"]
)
def test_a_main_option_about_what_is_not_explored_is_a_gap(setting: str) -> None:
    (gap,) = unexplored([one(), one(main=setting)])
    assert gap.where == "exim.conf:2"


def test_a_host_that_is_this_machine_shows_what_self_does() -> None:
    groups = compare(one(), one(router="self = send")).groups
    assert {cause.name for group in groups for cause in group.cause} == {"self"}
    assert Severity.RELEASED in {group.severity for group in groups}


@pytest.mark.parametrize(
    ("asked", "gaps"),
    [
        ("txt=_mta-sts.$domain", 1),
        ("a=policy.$domain", 1),
        ("mx=$domain", 0),
        ("_mta-sts.$domain", 1),
    ],
)
def test_records_that_nothing_is_explored_of_are_a_gap(asked: str, gaps: int) -> None:
    condition = f"condition = ${{lookup dnsdb{{defer_never,{asked}}}{{no}}{{yes}}}}"
    found = [gap for gap in survey([one(router=condition)]).gaps if "asks for" in gap.what]
    assert [gap.where for gap in found] == ["exim.conf:7"] * gaps
