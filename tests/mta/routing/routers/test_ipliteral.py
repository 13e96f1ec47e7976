from __future__ import annotations

import pytest

from eximsim.mta.records.structs import MX_NONE
from eximsim.mta.routing.routers.rf import FREEZE
from eximsim.status import Dnssec, Rc
from tests.mta.routing_world import Site, site


def literal(options: str = "", *, main: str = "") -> Site:
    text = "r:\n  driver = ipliteral\n  transport = smtp\n"
    text += "".join(f"  {line}\n" for line in options.splitlines())
    return site(routers=text, main=main)


@pytest.mark.parametrize(
    ("domain", "address"),
    [
        ("[10.1.1.1]", "10.1.1.1"),
        ("[IPv4:10.1.1.1]", "10.1.1.1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[IPv6:2001:db8::1]", "2001:db8::1"),
    ],
)
def test_an_address_in_brackets_is_the_host(domain: str, address: str) -> None:
    addr, result = literal().route(f"a@{domain}")
    assert result.addr_remote == [addr]
    (host,) = addr.host_list
    assert (host.name, host.address) == (domain.lower(), address)
    assert (host.mx, host.dnssec) == (MX_NONE, Dnssec.UNK)


@pytest.mark.parametrize("domain", ["d.ex", "10.1.1.1", "[10.1.1]", "[d.ex]", "[10.1.1.1", "[10.1.1.1/8]"])
def test_anything_else_is_declined(domain: str) -> None:
    assert literal().route(f"a@{domain}")[1].rc is Rc.FAIL


def test_without_ipv6_its_addresses_are_declined() -> None:
    assert literal(main="disable_ipv6").route("a@[2001:db8::1]")[1].rc is Rc.FAIL


def test_an_ignored_host_is_declined_with_a_word() -> None:
    addr, result = literal("ignore_target_hosts = 10.0.0.0/8").route("a@[10.1.1.1]")
    assert (result.rc, addr.message) == (Rc.FAIL, "IP literal host explicitly ignored")


def test_this_host_is_for_self_to_decide() -> None:
    addr, result = literal().route("a@[10.0.0.1]")
    assert (result.rc, addr.special_action) == (Rc.DEFER, FREEZE)
    addr, result = literal("self = send").route("a@[10.0.0.1]")
    assert [host.address for host in addr.host_list] == ["10.0.0.1"]
