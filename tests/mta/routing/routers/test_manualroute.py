from __future__ import annotations

import pytest

from eximsim.mta.records.structs import PORT_NONE
from eximsim.status import Dnssec, Errno, Rc
from tests.mta.routing_world import Reply, Site, Zone, addresses, records, site

ZONE: Zone = {
    ("h.ex", "A"): records("10.1.1.1"),
    ("g.ex", "A"): records("10.1.1.2"),
    ("d.ex", "MX"): records((10, "h.ex")),
    ("me.ex", "A"): records("10.0.0.1"),
}


def manual(options: str, *, zone: Zone = ZONE, release: str = "4.88-jh03") -> Site:
    text = "r:\n  driver = manualroute\n  transport = smtp\n"
    text += "".join(f"  {line}\n" for line in options.splitlines())
    return site(zone, routers=text, release=release)


def test_the_first_item_that_fits_the_domain_gives_the_hosts() -> None:
    here = manual("route_list = x.ex nowhere ; *.ex h.ex:g.ex ; * nowhere")
    addr, result = here.route("a@d.ex")
    assert result.addr_remote == [addr]
    assert addresses(addr) == ["10.1.1.1", "10.1.1.2"]
    assert here.route("a@other")[0].message == 'lookup of host "nowhere" failed in r router'


def test_nothing_fits() -> None:
    assert manual("route_list = x.ex h.ex").route("a@d.ex")[1].rc is Rc.FAIL


def test_captured_text_is_known_in_the_host_list() -> None:
    addr, _ = manual("route_list = ^(.)\\\\.d\\\\.ex\\$ $1.ex").route("a@h.d.ex")
    assert addresses(addr) == ["10.1.1.1"]


def test_route_data_is_expanded_and_may_be_empty() -> None:
    here = manual("route_data = ${if eq{$domain}{d.ex}{h.ex}}")
    assert addresses(here.route("a@d.ex")[0]) == ["10.1.1.1"]
    assert here.route("a@e.ex")[1].rc is Rc.FAIL


@pytest.mark.parametrize(("hosts", "port"), [("h.ex::26", 26), ("h.ex", PORT_NONE), ("<+ h.ex:26", 26)])
def test_hosts_may_have_ports(hosts: str, port: int) -> None:
    addr, _ = manual(f'route_list = * "{hosts}"').route("a@d.ex")
    assert [(h.name, h.port) for h in addr.host_list] == [("h.ex", port)]


def test_mx_after_a_name_means_its_mx_hosts() -> None:
    addr, _ = manual("route_list = * d.ex/MX").route("a@any.ex")
    assert [(h.name, h.mx) for h in addr.host_list] == [("h.ex", 10)]


@pytest.mark.parametrize(
    ("word", "questions", "dnssec"),
    [
        ("bydns", ["AAAA h.ex", "A h.ex"], Dnssec.YES),
        ("byname", ["AAAA h.ex", "A h.ex"], Dnssec.UNK),
        ("", ["AAAA h.ex", "A h.ex"], Dnssec.YES),
    ],
)
def test_how_hosts_are_looked_up(word: str, questions: list[str], dnssec: Dnssec) -> None:
    here = manual(f"route_list = * h.ex {word}\ndnssec_request_domains = *")
    addr, _ = here.route("a@d.ex")
    assert here.world.questions == questions
    assert addr.host_list[0].dnssec is dnssec


def test_a_host_that_dns_does_not_know_may_be_in_the_hosts_file() -> None:
    here = manual("route_list = * lost.ex")
    here.world.hosts = (("10.1.1.9", "lost.ex"),)
    assert addresses(here.route("a@d.ex")[0]) == ["10.1.1.9"]
    there = manual("route_list = * lost.ex bydns")
    there.world.hosts = (("10.1.1.9", "lost.ex"),)
    assert there.route("a@d.ex")[1].rc is Rc.DEFER


@pytest.mark.parametrize(
    ("setting", "rc", "special"),
    [("freeze", Rc.DEFER, "freeze"), ("defer", Rc.DEFER, ""), ("fail", Rc.FAIL, "")],
)
def test_host_find_failed(setting: str, rc: Rc, special: str) -> None:
    addr, result = manual(f"route_list = * lost.ex\nhost_find_failed = {setting}").route("a@d.ex")
    assert (result.rc, addr.special_action, addr.basic_errno) == (rc, special, Errno.UNKNOWNHOST)
    assert addr.message == 'lookup of host "lost.ex" failed in r router'


@pytest.mark.parametrize("setting", ["decline", "pass"])
def test_host_find_failed_may_be_left_to_others(setting: str) -> None:
    addr, result = manual(f"route_list = * lost.ex\nhost_find_failed = {setting}").route("a@d.ex")
    assert (result.rc, addr.message) == (Rc.FAIL, "Unrouteable address")


def test_ignored_hosts_are_left_out() -> None:
    addr, _ = manual("route_list = * lost.ex:h.ex\nhost_find_failed = ignore").route("a@d.ex")
    assert addresses(addr) == ["10.1.1.1"]


def test_all_hosts_ignored() -> None:
    addr, result = manual("route_list = * lost.ex\nhost_find_failed = ignore").route("a@d.ex")
    assert result.rc is Rc.DEFER
    assert addr.message == (
        "lookup failed for all hosts in r router: host_find_failed=ignore host_all_ignored=defer"
    )


def test_a_host_whose_lookup_fails_for_now() -> None:
    addr, result = manual("route_list = * h.ex", zone={("h.ex", "A"): Reply(rcode="SERVFAIL")}).route(
        "a@d.ex"
    )
    assert (result.rc, addr.basic_errno) == (Rc.DEFER, Errno.DNSDEFER)
    assert addr.message == "host lookup for h.ex did not complete (DNS timeout?)"


def test_this_host_in_front_is_for_self_and_behind_is_cut_off() -> None:
    addr, result = manual("route_list = * me.ex:h.ex").route("a@d.ex")
    assert (result.rc, addr.message) == (Rc.DEFER, "remote host address is the local host")
    addr, result = manual("route_list = * h.ex:me.ex:g.ex").route("a@d.ex")
    assert addresses(addr) == ["10.1.1.1"]
    addr, result = manual("route_list = * me.ex:h.ex\nself = send").route("a@d.ex")
    assert addresses(addr) == ["10.0.0.1", "10.1.1.1"]


def test_a_transport_may_be_named_in_the_item() -> None:
    addr, _ = manual("route_list = * h.ex byname other").route("a@d.ex")
    assert addr.transport is not None
    assert addr.transport.name == "other"


def test_old_releases_want_the_transport_last() -> None:
    addr, result = manual("route_list = * h.ex other byname").route("a@d.ex")
    assert result.rc is Rc.DEFER
    assert addr.message == ('error in router: unknown routing option or transport name "other byname"')
    assert manual("route_list = * h.ex other byname", release="4.90").route("a@d.ex")[1].rc is Rc.OK


def test_no_hosts() -> None:
    here = manual('route_list = * ""')
    addr, result = here.route("a@d.ex")
    assert (result.rc, addr.message) == (
        Rc.DEFER,
        "error in r router: no host(s) specified for domain d.ex",
    )
    assert here.route("a@d.ex", verify="recipient")[1].rc is Rc.OK


def test_randomize_keeps_the_set_of_hosts() -> None:
    zone: Zone = {(f"h{i}.ex", "A"): records(f"10.4.0.{i}") for i in range(6)}
    hosts = ":".join(f"h{i}.ex" for i in range(6))
    addr, _ = manual(f"route_list = * {hosts} randomize", zone=zone).route("a@d.ex")
    assert sorted(addresses(addr)) == [f"10.4.0.{i}" for i in range(6)]


@pytest.mark.parametrize(("release", "host"), [("4.93", "x.ex"), ("4.94.1", "x[10.0.0.1].ex")])
def test_an_address_of_this_host_is_in_zero_since_4_94(release: str, host: str) -> None:
    zone = {("x.ex", "A"): records("10.1.2.3"), ("x[10.0.0.1].ex", "A"): records("10.1.2.4")}
    router = "m:\n driver = manualroute\n transport = smtp\n route_list = @[] x$0.ex\n"
    addr, _ = site(zone, routers=router, main="allow_domain_literals", release=release).route("a@[10.0.0.1]")
    assert [one.name for one in addr.host_list] == [host]
