"""Host lists: which items match by address, by name, or by a lookup, and what that asks of the DNS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.mta.base.ipaddr import host_is_in_net
from eximsim.mta.lookup.verify_hosts import match_ip, verify_check_given_host, verify_check_host
from eximsim.status import Rc
from tests.mta.routing_world import Reply, Site, records, site

MAIN = """
hostlist nets = 192.0.2.0/24 : 2001:db8::/32
hostlist named = +nets : mx.ex
"""
ZONE = {
    ("mx.ex", "A"): records("192.0.2.1", "192.0.2.7"),
    ("other.ex", "A"): records("198.51.100.1"),
    ("down.ex", "A"): Reply(rcode="SERVFAIL"),
    ("down.ex", "AAAA"): Reply(rcode="SERVFAIL"),
    ("1.2.0.192.in-addr.arpa", "PTR"): records("mx.ex"),
    ("client.mx.ex", "A"): records("192.0.2.9"),
    ("9.2.0.192.in-addr.arpa", "PTR"): records("client.mx.ex"),
}
FILES = {
    "/etc/nets": b"192.0.2.0/24: our net\n192.0.2.9: our client\n",
    "/etc/names": b"mx.ex: data of mx\n*.mx.ex: data of *.mx\n",
    "/etc/hosts.list": b"# ours\n192.0.2.1\n!192.0.2.9\n",
}


def made(release: str = "4.99", main: str = "") -> Site:
    return site(ZONE, main=MAIN + main, files=FILES, release=release)


GIVEN = [
    ("*", Rc.OK, ""),
    ("", Rc.FAIL, ""),
    ("192.0.2.1", Rc.OK, ""),
    ("192.0.2.2", Rc.FAIL, ""),
    ("192.0.2.0/24", Rc.OK, ""),
    ("!192.0.2.0/24", Rc.FAIL, ""),
    ("!192.0.2.2", Rc.OK, ""),
    ("+nets", Rc.OK, ""),
    ("! +nets : *", Rc.FAIL, ""),
    ("<; 2001:db8::1 ; 192.0.2.1", Rc.OK, ""),
    ("*.ex", Rc.OK, ""),
    ("*.org", Rc.FAIL, ""),
    (r"^M[a-z]\\.ex", Rc.OK, ""),
    ("lsearch;/etc/names", Rc.OK, ""),
    ("net-lsearch;/etc/nets", Rc.FAIL, ""),
    ("net24-lsearch;/etc/nets", Rc.OK, ""),
    ("net-iplsearch;/etc/nets", Rc.OK, ""),
    ("/etc/hosts.list", Rc.OK, ""),
    ("mx.ex", Rc.OK, "A mx.ex"),
    ("other.ex", Rc.FAIL, "A other.ex"),
    ("!other.ex", Rc.OK, "A other.ex"),
    ("192.0.2.1 : other.ex", Rc.OK, ""),
    ("none.ex : *", Rc.FAIL, "A none.ex"),
    ("+ignore_unknown : none.ex : *", Rc.OK, "A none.ex"),
    ("+include_unknown : none.ex", Rc.OK, "A none.ex"),
    ("down.ex : *", Rc.DEFER, "A down.ex"),
    ("+ignore_defer : down.ex : *", Rc.OK, "A down.ex"),
    ("+include_defer : down.ex", Rc.OK, "A down.ex"),
    ("192.0.2", Rc.FAIL, ""),
    ("+include_unknown : 192.0.2", Rc.OK, ""),
]


@pytest.mark.parametrize(("items", "rc", "asked"), GIVEN)
def test_a_given_host_is_in_a_list_or_not(items: str, rc: Rc, asked: str) -> None:
    here = made(main="disable_ipv6")
    assert verify_check_given_host(here.process, items, "mx.ex", "192.0.2.1") is rc
    assert here.world.questions == ([asked] if asked else [])


def test_an_unset_list_holds_no_host() -> None:
    assert verify_check_given_host(made().process, None, "mx.ex", "192.0.2.1") is Rc.FAIL


def test_a_plain_name_is_compared_by_address_not_by_name() -> None:
    here = made()
    assert verify_check_given_host(here.process, "mx.ex", "elsewhere.ex", "192.0.2.7") is Rc.OK
    assert verify_check_given_host(here.process, "mx.ex", "mx.ex", "198.51.100.1") is Rc.FAIL


def test_the_host_address_is_known_while_the_list_is_expanded() -> None:
    here = made()
    here.process.variables["host_address"] = "10.0.0.1"
    assert verify_check_given_host(here.process, "$host_address", "mx.ex", "192.0.2.1") is Rc.OK
    assert here.process.variables["host_address"] == "10.0.0.1"


def test_this_host_stands_for_itself() -> None:
    here = made()
    assert verify_check_given_host(here.process, "@[]", "me", "10.0.0.1") is Rc.OK
    assert verify_check_given_host(here.process, "@[]", "me", "10.0.0.2") is Rc.FAIL


# ---- the client -------------------------------------------------------------------------------------------


def client(address: str | None, release: str = "4.99") -> Site:
    here = made(release, main="host_lookup_order = bydns")
    if address is not None:
        here.process.variables["sender_host_address"] = address
    return here


@pytest.mark.parametrize(
    ("items", "rc", "reverse"),
    [
        ("192.0.2.9", Rc.OK, False),
        ("192.0.2.9 : *.mx.ex", Rc.OK, False),
        ("*.mx.ex", Rc.OK, True),
        ("!*.org", Rc.OK, True),
        ("lsearch;/etc/names", Rc.FAIL, True),
        ("partial-lsearch;/etc/names", Rc.OK, True),
        ("client.mx.ex", Rc.OK, False),
    ],
)
def test_the_clients_name_is_looked_up_only_if_an_item_needs_it(items: str, rc: Rc, reverse: bool) -> None:
    here = client("192.0.2.9")
    assert verify_check_host(here.process, items) is rc
    assert ("PTR 9.2.0.192.in-addr.arpa" in here.world.questions) is reverse
    assert here.process.variables.get("sender_host_name") == ("client.mx.ex" if reverse else None)


def test_a_client_without_a_name_is_in_no_list_of_names() -> None:
    here = client("198.51.100.1")
    assert verify_check_host(here.process, "*.mx.ex : *") is Rc.FAIL
    assert verify_check_host(here.process, "+ignore_unknown : *.mx.ex : *") is Rc.OK
    assert verify_check_host(here.process, "+include_unknown : *.mx.ex") is Rc.OK
    assert here.world.questions.count("PTR 1.100.51.198.in-addr.arpa") == 1


def test_mail_from_the_command_line_has_no_client() -> None:
    here = client(None)
    verdicts = [verify_check_host(here.process, items) for items in ("*", ":", "0.0.0.0/0", "*.ex", "")]
    assert verdicts == [Rc.OK, Rc.OK, Rc.FAIL, Rc.FAIL, Rc.FAIL]


def test_aliases_of_the_client_count() -> None:
    here = client("192.0.2.9")
    here.process.variables["sender_host_name"] = "client.mx.ex"
    here.process.sender_host_aliases = ("alias.org",)
    assert verify_check_host(here.process, "*.org") is Rc.OK


# ---- the trace --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "lines"),
    [
        ("4.88", ["host in hosts? no (end of list)", "192.0.2.1 in hosts_avoid_tls? no (option unset)"]),
        (
            "4.99",
            [
                "host in hosts?",
                " list element: 10.0.0.1",
                "host in hosts? no (end of list)",
                "192.0.2.1 in hosts_avoid_tls? no (option unset)",
            ],
        ),
    ],
)
def test_the_trace_names_host_and_option(release: str, lines: list[str]) -> None:
    here = client("192.0.2.9", release)
    here.process.host_checking = True
    verify_check_host(here.process, "10.0.0.1", list_name="hosts")
    verify_check_given_host(here.process, None, "mx.ex", "192.0.2.1", list_name="hosts_avoid_tls")
    assert here.shown == [f">>> {line}\n" for line in lines]


def test_after_an_unknown_host_the_trace_stays_set_in() -> None:
    here = client("198.51.100.1", "4.98")
    here.process.host_checking = True
    verify_check_host(here.process, "192.0.2", list_name="hosts")
    verify_check_host(here.process, None, list_name="more")
    assert here.shown == [
        ">>> host in hosts?\n",
        ">>>  list element: 192.0.2\n",
        ">>>  host in hosts? no (malformed IPv4 address or address mask: 192.0.2)\n",
        ">>>  host in more? no (option unset)\n",
    ]


@pytest.mark.parametrize(
    ("release", "item", "message"),
    [
        ("4.96", "10.1/16", "malformed IPv4 address or address mask"),
        ("4.97", "10.1/16", "malformed IPv4 address or address mask: 10.1"),
        ("4.98", "<; 2001:db8:1", "malformed IPv6 address or address mask: 2001:db8:1"),
    ],
)
def test_a_malformed_address_is_named(release: str, item: str, message: str) -> None:
    here = site(release=release, main="log_selector = +unknown_in_list")
    assert verify_check_given_host(here.process, item, "mx.ex", "192.0.2.1") is Rc.FAIL
    assert here.log == [f"list matching forced to fail: {message}"]


# ---- match_ip ---------------------------------------------------------------------------------------------


def test_match_ip_knows_no_names() -> None:
    here = made()
    assert match_ip(here.process, "192.0.2.1", "192.0.2.0/24").rc is Rc.OK
    assert match_ip(here.process, "192.0.2.1", "iplsearch;/etc/nets").value == "our net"
    assert match_ip(here.process, "192.0.2.1", "mx.ex : *").rc is Rc.FAIL
    assert here.world.questions == []


# ---- properties -------------------------------------------------------------------------------------------

_IPV4 = st.ip_addresses(v=4)


@given(_IPV4, st.integers(0, 32))
def test_an_address_is_in_its_own_networks(address: object, bits: int) -> None:
    assert host_is_in_net(str(address), f"{address}/{bits}")
    assert host_is_in_net(f"::ffff:{address}", f"{address}/{bits}")


@given(_IPV4, _IPV4, st.integers(0, 32), st.integers(0, 32))
def test_a_wider_network_holds_what_a_narrower_one_holds(
    host: object, net: object, bits: int, more: int
) -> None:
    narrow, wide = max(bits, more), min(bits, more)
    if host_is_in_net(str(host), f"{net}/{narrow}"):
        assert host_is_in_net(str(host), f"{net}/{wide}")


@given(st.ip_addresses(), st.lists(st.ip_addresses().map(str), min_size=1, max_size=5))
def test_a_host_list_of_addresses_is_a_set(host: object, addresses: list[str]) -> None:
    found = verify_check_given_host(_SITE.process, "<; " + " ; ".join(addresses), "x", str(host))
    assert (found is Rc.OK) == any(host_is_in_net(str(host), address) for address in addresses)


_SITE = made()
