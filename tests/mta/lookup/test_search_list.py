"""Names that may not be whole, as the C library looks for them."""

from __future__ import annotations

import pytest

from eximsim.mta.lookup import dns
from eximsim.status import DnsResult
from tests.mta.routing_world import Reply, Zone, records, site

HERE = records("10.1.1.1")
GONE, NODATA, FAILS = Reply(rcode="NXDOMAIN"), Reply(), Reply(rcode="SERVFAIL")


def asked(
    name: str, zone: Zone, *, qualify: bool = True, parents: bool = False, domain: str = "d.ex"
) -> tuple[DnsResult, list[str]]:
    here = site(zone)
    here.process.machine.search_domain = domain
    dns.dns_init(here.process, qualify, parents, False)
    return dns.dns_lookup(here.process, name, "A").result, here.world.questions


def test_a_single_label_is_looked_for_in_the_machines_domain_first() -> None:
    assert asked("h", {("h.d.ex", "A"): HERE}) == (DnsResult.SUCCEED, ["A h.d.ex"])
    assert asked("h", {("h", "A"): HERE}) == (DnsResult.SUCCEED, ["A h.d.ex", "A h"])


@pytest.mark.parametrize(("qualify", "domain"), [(False, "d.ex"), (True, "")])
def test_it_is_asked_for_as_it_is_otherwise(qualify: bool, domain: str) -> None:
    found = asked("h", {("h.d.ex", "A"): HERE}, qualify=qualify, domain=domain)
    assert found == (DnsResult.NOMATCH, ["A h"])


def test_a_name_with_dots_is_looked_for_there_last_and_only_with_search_parents() -> None:
    zone: Zone = {("h.x.d.ex", "A"): HERE}
    assert asked("h.x", zone, parents=True) == (DnsResult.SUCCEED, ["A h.x", "A h.x.d.ex"])
    assert asked("h.x", zone) == (DnsResult.NOMATCH, ["A h.x"])
    assert asked("h.x", {("h.x", "A"): HERE}, parents=True) == (DnsResult.SUCCEED, ["A h.x"])


@pytest.mark.parametrize(
    ("name", "inside", "as_is", "result"),
    [
        ("h", NODATA, GONE, DnsResult.NODATA),
        ("h", FAILS, GONE, DnsResult.AGAIN),
        ("h", GONE, NODATA, DnsResult.NODATA),
        ("h.x", NODATA, GONE, DnsResult.NOMATCH),
    ],
)
def test_if_both_fail_a_name_with_dots_counts_as_it_is_and_else_the_kinder_answer(
    name: str, inside: Reply, as_is: Reply, result: DnsResult
) -> None:
    zone: Zone = {(f"{name}.d.ex", "A"): inside, (name, "A"): as_is}
    assert asked(name, zone, parents=True)[0] is result
