"""Hosts that a router gives other addresses."""

from __future__ import annotations

from eximsim.status import Rc
from tests.mta.routing_world import addresses, records, site

ZONE = {
    ("d.ex", "MX"): records((1, "h.ex")),
    ("h.ex", "A"): records("10.1.2.3"),
    ("other.ex", "A"): records("10.9.9.9"),
}


def routed(translate: str) -> tuple[Rc, str | None, list[str]]:
    router = f"d:\n driver = dnslookup\n transport = smtp\n translate_ip_address = {translate}\n"
    addr, result = site(ZONE, routers=router, release="4.99").route("a@d.ex")
    return result.rc, addr.message, addresses(addr)


def test_an_address_takes_the_place_of_an_address() -> None:
    assert routed("${if eq{$host_address}{10.1.2.3}{192.0.2.1}fail}") == (Rc.OK, None, ["192.0.2.1"])


def test_a_name_is_looked_up() -> None:
    assert routed("other.ex") == (Rc.OK, None, ["10.9.9.9"])


def test_a_forced_failure_leaves_the_host_alone() -> None:
    assert routed("${if eq{a}{b}{x}fail}") == (Rc.OK, None, ["10.1.2.3"])


def test_what_comes_to_no_host_puts_the_address_off() -> None:
    rc, message, _ = routed("none.ex")
    assert (rc, message) == (Rc.DEFER, "host none.ex not found when translating h.ex [10.1.2.3]")
    rc, message, _ = routed("${lc:")
    assert rc is Rc.DEFER
    assert (message or "").startswith("translate_ip_address expansion failed: ")
