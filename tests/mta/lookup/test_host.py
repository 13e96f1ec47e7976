from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import InputError
from eximsim.mta.lookup import host as hosts
from eximsim.mta.lookup import host_bydns, host_chain
from eximsim.mta.lookup.host_chain import random_number
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.mta.records.structs import MX_NONE, PORT_NONE, HostItem, TlsNeeds
from eximsim.status import Dnssec, HostFind, HostStatus, Rc
from tests.mta import scenario
from tests.mta.routing_world import Reply, Site, Zone, records, site


def bydns(here: Site, name: str, **options: object) -> host_chain.HostResult:
    wanted: dict[str, object] = {"mx": True, "dnssec_request_domains": "*", **options}
    return host_bydns.host_find_bydns(here.process, HostItem(name), **wanted)  # type: ignore[arg-type]


def found(result: host_chain.HostResult) -> list[tuple[str, str | None]]:
    return [(h.name, h.address) for h in result.hosts]


MX_ZONE: Zone = {
    ("d.ex", "MX"): records((20, "b.ex"), (10, "a.ex")),
    ("a.ex", "A"): records("10.1.1.1"),
    ("b.ex", "A"): records("10.1.1.2"),
}


def test_mx_hosts_come_by_preference_and_are_asked_for_ipv6_first() -> None:
    here = site(MX_ZONE)
    result = bydns(here, "d.ex")
    assert result.find is HostFind.FOUND
    assert found(result) == [("a.ex", "10.1.1.1"), ("b.ex", "10.1.1.2")]
    assert here.world.questions == ["MX d.ex", "AAAA a.ex", "A a.ex", "AAAA b.ex", "A b.ex"]


def test_without_mx_records_the_name_itself_is_the_host() -> None:
    here = site({("d.ex", "A"): records("10.1.1.1")})
    result = bydns(here, "d.ex")
    assert found(result) == [("d.ex", "10.1.1.1")]
    assert result.hosts[0].mx == MX_NONE
    assert here.world.questions == ["MX d.ex", "AAAA d.ex", "A d.ex"]


def test_a_missing_domain_is_not_asked_for_addresses() -> None:
    here = site()
    assert bydns(here, "d.ex").find is HostFind.FAILED
    assert here.world.questions == ["MX d.ex"]


def test_mx_fail_domains_lets_the_search_go_on() -> None:
    zone: Zone = {("d.ex", "MX"): Reply(rcode="SERVFAIL"), ("d.ex", "A"): records("10.1.1.1")}
    assert bydns(site(zone), "d.ex").find is HostFind.AGAIN
    assert found(bydns(site(zone), "d.ex", mx_fail_domains="*.ex")) == [("d.ex", "10.1.1.1")]


def test_one_address_is_enough_although_the_other_lookup_failed() -> None:
    zone: Zone = {("d.ex", "AAAA"): Reply(rcode="SERVFAIL"), ("d.ex", "A"): records("10.1.1.1")}
    assert bydns(site(zone), "d.ex").find is HostFind.FOUND
    zone["d.ex", "A"] = Reply()
    assert bydns(site(zone), "d.ex").find is HostFind.AGAIN


def test_a_host_that_is_not_asked_for_ipv6_fails_for_good_if_it_has_no_other_address() -> None:
    zone: Zone = {("d.ex", "AAAA"): Reply(rcode="SERVFAIL"), ("d.ex", "A"): Reply()}
    here = site(zone, main="dns_ipv4_lookup = d.ex")
    assert bydns(here, "d.ex", mx=False).find is HostFind.FAILED
    assert here.world.questions == ["A d.ex"]


def test_hosts_without_addresses_stay_in_the_list_but_are_unusable() -> None:
    zone = {**MX_ZONE, ("a.ex", "A"): Reply(rcode="NXDOMAIN")}
    result = bydns(site(zone), "d.ex")
    assert result.find is HostFind.FOUND
    assert [(h.name, h.status) for h in result.hosts] == [
        ("a.ex", HostStatus.UNUSABLE),
        ("b.ex", HostStatus.UNKNOWN),
    ]


def test_the_same_mx_host_twice_keeps_its_better_preference() -> None:
    zone: Zone = {("d.ex", "MX"): records((20, "a.ex"), (30, "b.ex"), (10, "B.ex"))}
    zone |= {("a.ex", "A"): records("10.1.1.1"), ("b.ex", "A"): records("10.1.1.2")}
    assert [(h.name, h.mx) for h in bydns(site(zone), "d.ex").hosts] == [("B.ex", 10), ("a.ex", 20)]


def test_a_host_that_is_named_again_takes_its_new_place_among_others() -> None:
    zone: Zone = {("d.ex", "MX"): records((10, "a.ex"), (30, "b.ex"), (20, "b.ex"), (25, "c.ex"))}
    zone |= {(f"{name}.ex", "A"): records(f"10.1.1.{number}") for number, name in enumerate("abc", 1)}
    found = [(h.name, h.mx) for h in bydns(site(zone), "d.ex").hosts]
    assert found == [("a.ex", 10), ("b.ex", 20), ("c.ex", 25)]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=12), st.integers(0, 1000)
)
def test_equal_preferences_are_shuffled_within_their_preference(mx: list[tuple[int, int]], seed: int) -> None:
    names = {f"h{number}.ex": preference for preference, number in mx}
    zone: Zone = {("d.ex", "MX"): records(*((p, n) for n, p in names.items()))}
    zone |= {(n, "A"): records(f"10.2.0.{i}") for i, n in enumerate(names)}
    result = bydns(site(zone, seed=seed), "d.ex")
    assert {h.name: h.mx for h in result.hosts} == names
    assert len(result.hosts) == len(names)
    order = [h.mx for h in result.hosts]
    assert order == sorted(order)


@given(st.integers(0, 1000))
def test_ipv6_addresses_of_a_host_come_before_ipv4(seed: int) -> None:
    zone: Zone = {("d.ex", "AAAA"): records("2001:db8::1", "2001:db8::2")}
    zone["d.ex", "A"] = records("10.1.1.1", "10.1.1.2", "10.1.1.1")
    result = bydns(site(zone, seed=seed), "d.ex", mx=False)
    assert [":" in (h.address or "") for h in result.hosts] == [True, True, False, False]
    turned = bydns(site(zone, seed=seed), "d.ex", mx=False, ipv4_first=True)
    assert [":" in (h.address or "") for h in turned.hosts] == [False, False, True, True]


@given(st.integers(0, 1000))
def test_of_hosts_of_one_preference_those_with_ipv6_come_first_or_last(seed: int) -> None:
    zone: Zone = {
        ("d.ex", "MX"): records((10, "a.ex"), (10, "b.ex"), (20, "c.ex")),
        ("a.ex", "A"): records("10.1.1.1"),
        ("b.ex", "AAAA"): records("2001:db8::2"),
        ("c.ex", "AAAA"): records("2001:db8::3"),
    }
    assert [h.name for h in bydns(site(zone, seed=seed), "d.ex").hosts] == ["b.ex", "a.ex", "c.ex"]
    turned = bydns(site(zone, seed=seed), "d.ex", ipv4_first=True)
    assert [h.name for h in turned.hosts] == ["a.ex", "b.ex", "c.ex"]


def test_ipv6_can_be_left_out() -> None:
    zone: Zone = {("d.ex", "AAAA"): records("2001:db8::1"), ("d.ex", "A"): records("10.1.1.1")}
    for options, extra in (("disable_ipv6", False), ("dns_ipv4_lookup = *", False), ("", True)):
        here = site(zone, main=options)
        assert found(bydns(here, "d.ex", mx=False, ipv4_only=extra)) == [("d.ex", "10.1.1.1")]
        assert here.world.questions == ["A d.ex"]


@pytest.mark.parametrize(
    ("mx", "a", "dnssec"),
    [
        (True, True, Dnssec.YES),
        (True, False, Dnssec.NO),
        (False, True, Dnssec.NO),
        (None, True, Dnssec.YES),
        (None, False, Dnssec.UNK),
    ],
)
def test_a_host_is_secure_if_every_lookup_was(mx: bool | None, a: bool, dnssec: Dnssec) -> None:
    zone: Zone = {("d.ex", "A"): records("10.1.1.1", ad=a)}
    if mx is not None:
        zone["d.ex", "MX"] = records((10, "d.ex"), ad=mx)
    assert bydns(site(zone), "d.ex").hosts[0].dnssec is dnssec


def test_without_a_request_nothing_is_known_of_security() -> None:
    result = bydns(site(MX_ZONE), "d.ex", dnssec_request_domains=None)
    assert {h.dnssec for h in result.hosts} == {Dnssec.UNK}


def test_a_secure_ipv6_address_does_not_lose_its_status_to_an_insecure_ipv4_one_if_it_was_copied() -> None:
    zone: Zone = {
        ("d.ex", "AAAA"): records("2001:db8::1", "2001:db8::2"),
        ("d.ex", "A"): records("10.1.1.1", ad=False),
    }
    result = bydns(site(zone), "d.ex", mx=False)
    assert [h.dnssec for h in result.hosts] == [Dnssec.NO, Dnssec.YES, Dnssec.YES]


@pytest.mark.parametrize(("release", "find"), [("4.89", HostFind.FAILED), ("4.90", HostFind.SECURITY)])
def test_required_dnssec_rules_an_insecure_host_out(release: str, find: HostFind) -> None:
    zone: Zone = {("d.ex", "MX"): records((10, "a.ex")), ("a.ex", "A"): records("10.1.1.1", ad=False)}
    here = site(zone, release=release)
    assert bydns(here, "d.ex", dnssec_require_domains="*").find is find
    assert here.log == (["dnssec fail on A for a.ex"] if find is HostFind.FAILED else [])


@pytest.mark.parametrize(("release", "find"), [("4.89", HostFind.AGAIN), ("4.90", HostFind.SECURITY)])
def test_required_dnssec_rules_an_insecure_mx_out(release: str, find: HostFind) -> None:
    here = site({("d.ex", "MX"): records((10, "a.ex"), ad=False)}, release=release)
    assert bydns(here, "d.ex", dnssec_require_domains="*").find is find


def test_this_host_and_all_behind_it_go() -> None:
    zone = {**MX_ZONE, ("d.ex", "MX"): records((10, "a.ex"), (20, "me.ex"), (30, "b.ex"))}
    zone["me.ex", "A"] = records("10.0.0.1")
    result = bydns(site(zone), "d.ex")
    assert result.find is HostFind.FOUND
    assert result.removed
    assert found(result) == [("a.ex", "10.1.1.1")]


def test_this_host_in_front_is_found_local() -> None:
    zone = {**MX_ZONE, ("a.ex", "A"): records("10.0.0.1")}
    here = site(zone)
    here.process.host_checking = True
    assert bydns(here, "d.ex").find is HostFind.FOUND_LOCAL
    assert here.shown[-1] == ">>> local host has lowest MX\n"


def test_hosts_treat_as_local_and_the_zero_address_are_this_host() -> None:
    assert bydns(site(MX_ZONE, main="hosts_treat_as_local = a.ex"), "d.ex").find is HostFind.FOUND_LOCAL
    zone: Zone = {("d.ex", "A"): records("0.0.0.0")}
    assert bydns(site(zone), "d.ex").find is HostFind.FOUND_LOCAL


@pytest.mark.parametrize("release", ["4.88-jh03", "4.99"])
def test_ignored_addresses_count_as_none(release: str) -> None:
    result = bydns(site(MX_ZONE, release=release), "d.ex", ignore_target_hosts="10.1.1.1")
    assert found(result) == [("b.ex", "10.1.1.2")]
    result = bydns(site(MX_ZONE, release=release), "d.ex", ignore_target_hosts="10.1.1.1 : 10.1.1.2")
    assert result.find is HostFind.FAILED
    assert found(result) == [("b.ex", None)]
    here = site(MX_ZONE, release=release)
    alone = bydns(here, "a.ex", mx=False, ignore_target_hosts="10.1.1.1")
    assert alone.find is HostFind.FAILED


def test_an_address_that_two_hosts_have_is_tried_once() -> None:
    zone = {**MX_ZONE, ("b.ex", "A"): records("10.1.1.1")}
    assert found(bydns(site(zone), "d.ex")) == [("a.ex", "10.1.1.1")]


def test_an_ip_address_in_an_mx_record_is_used_only_if_allowed() -> None:
    zone: Zone = {("d.ex", "MX"): records((10, "10.1.1.9"))}
    assert bydns(site(zone), "d.ex").find is HostFind.FAILED
    assert found(bydns(site(zone, main="allow_mx_to_ip"), "d.ex")) == [("10.1.1.9", "10.1.1.9")]


def test_a_cname_behind_an_mx_record_renames_the_host_but_not_its_certificate() -> None:
    zone: Zone = {("d.ex", "MX"): records((10, "a.ex")), ("a.ex", "CNAME"): records("c.ex")}
    zone["c.ex", "A"] = records("10.1.1.3")
    here = site(zone)
    host = bydns(here, "d.ex").hosts[0]
    assert (host.name, host.certname) == ("c.ex", "a.ex")
    assert here.world.questions == ["MX d.ex", "AAAA a.ex", "AAAA c.ex", "A a.ex", "A c.ex"]


def test_srv_records_come_before_mx_and_bring_the_port() -> None:
    zone = {**MX_ZONE, ("_submission._tcp.d.ex", "SRV"): records((5, 1, 587, "b.ex"))}
    here = site(zone)
    result = bydns(here, "d.ex", srv_service="submission")
    assert [(h.name, h.port, h.mx) for h in result.hosts] == [("b.ex", 587, 5)]
    assert here.world.questions[0] == "SRV _submission._tcp.d.ex"


@pytest.mark.parametrize("secure", [True, False])
def test_srv_records_have_to_be_secure_where_that_is_required(secure: bool) -> None:
    zone: Zone = {
        ("_smtp._tcp.d.ex", "SRV"): records((1, 1, 25, "h.ex"), ad=secure),
        ("h.ex", "A"): records("10.1.1.1"),
    }
    here = site(zone)
    result = bydns(here, "d.ex", mx=False, srv_service="smtp", dnssec_require_domains="*")
    assert (result.find is HostFind.FOUND) is secure
    assert here.log == ([] if secure else ["dnssec fail on SRV for d.ex"])


@pytest.mark.parametrize(
    ("port", "release", "service", "expected"),
    [
        (465, "4.99", "smtp-tls", (465, TlsNeeds.ON_CONNECT)),
        (25, "4.99", "smtp-tls", (PORT_NONE, TlsNeeds.STARTTLS)),
        (25, "4.99", "smtp", (25, TlsNeeds.UNKNOWN)),
        (465, "4.98", "smtp-tls", (465, TlsNeeds.UNKNOWN)),
    ],
)
def test_srv_records_of_smtp_tls_say_how_tls_is_wanted(
    port: int, release: str, service: str, expected: tuple[int, TlsNeeds]
) -> None:
    zone: Zone = {
        (f"_{service}._tcp.d.ex", "SRV"): records((1, 1, port, "h.ex")),
        ("h.ex", "A"): records("10.1.1.1"),
    }
    here = site(zone, release=release)
    here.process.machine.test_harness = True
    (host,) = bydns(here, "d.ex", srv_service=service).hosts
    assert (host.port, host.tls_needs) == expected


def test_without_srv_records_mx_records_are_sought() -> None:
    here = site(MX_ZONE)
    assert bydns(here, "d.ex", srv_service="submission").find is HostFind.FOUND
    assert here.world.questions[:2] == ["SRV _submission._tcp.d.ex", "MX d.ex"]


def test_a_single_srv_record_to_the_root_means_no_service() -> None:
    here = site({("_smtp._tcp.d.ex", "SRV"): records((1, 1, 25, "")), ("d.ex", "A"): records("10.1.1.1")})
    result = bydns(here, "d.ex", srv_service="smtp")
    assert result.find is HostFind.FAILED
    assert result.hosts[0].name == ""


def test_several_srv_services_from_4_99_on() -> None:
    here = site(
        {("_b._tcp.d.ex", "SRV"): records((1, 1, 26, "a.ex")), ("a.ex", "A"): records("10.1.1.1")},
        release="4.99",
    )
    assert bydns(here, "d.ex", srv_service="a:b").hosts[0].port == 26


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=8), st.integers(0, 500))
def test_srv_hosts_are_a_permutation_in_order_of_priority(srv: list[tuple[int, int]], seed: int) -> None:
    data = [(priority, weight, 25, f"h{i}.ex") for i, (priority, weight) in enumerate(srv)]
    zone: Zone = {("_smtp._tcp.d.ex", "SRV"): records(*data)}
    zone |= {(f"h{i}.ex", "A"): records(f"10.3.0.{i}") for i in range(len(srv))}
    result = bydns(site(zone, seed=seed), "d.ex", srv_service="smtp")
    assert sorted(h.name for h in result.hosts) == sorted(name for *_, name in data)
    order = [h.mx for h in result.hosts]
    assert order == sorted(order)


def test_of_srv_hosts_of_one_priority_the_last_is_never_drawn_first() -> None:
    zone: Zone = {("_smtp._tcp.d.ex", "SRV"): records(*((1, 1, 25, f"{name}.ex") for name in "abc"))}
    zone |= {(f"{name}.ex", "A"): records(f"10.3.0.{i}") for i, name in enumerate("abc")}
    orders = {
        "".join(h.name[0] for h in bydns(site(zone, seed=seed), "d.ex", srv_service="smtp").hosts)
        for seed in range(40)
    }
    assert orders == {"abc", "bac"}


@pytest.mark.parametrize("ipv4_first", [True, False])
def test_addresses_of_a_host_get_the_keys_that_exims_generator_draws(ipv4_first: bool) -> None:
    here = site({("d.ex", "MX"): records((3, "a.ex")), ("a.ex", "A"): records("10.1.1.1", "10.1.1.2")})
    here.process.machine.test_harness = True
    result = bydns(here, "d.ex", ipv4_first=ipv4_first)
    there = site().process
    there.machine.test_harness = True
    drawn = [host_chain.random_number(there, 500) for _ in range(3)][1:]
    assert sorted(h.sort_key - 3000 - (0 if ipv4_first else 500) for h in result.hosts) == sorted(drawn)


# ---- by name ----------------------------------------------------------------------------------------------


def test_by_name_asks_the_hosts_file_first_and_knows_no_security() -> None:
    here = site(hosts=(("10.1.1.1", "h.ex"),))
    result = hosts.host_find_byname(here.process, HostItem("h.ex"))
    assert found(result) == [("h.ex", "10.1.1.1")]
    assert here.world.questions == ["AAAA h.ex"]
    assert result.hosts[0].dnssec is Dnssec.UNK


def test_an_address_that_is_ignored_is_left_out_of_those_that_the_system_knows() -> None:
    here = site({("h.ex", "A"): records("10.1.1.1", "10.1.1.2")})
    result = hosts.host_find_byname(here.process, HostItem("h.ex"), ignore_target_hosts="10.1.1.1")
    assert found(result) == [("h.ex", "10.1.1.2")]


def test_by_name_does_not_use_the_negative_cache() -> None:
    here = site()
    bydns(here, "h.ex", mx=False)
    assert hosts.host_find_byname(here.process, HostItem("h.ex")).find is HostFind.FAILED
    assert here.world.questions == ["AAAA h.ex", "A h.ex"] * 2
    assert here.log == ["no IP address found for host h.ex"]


@pytest.mark.parametrize(
    "name", ["a+b.ex", "a:b.ex", "-a.ex", "a..ex", ".a.ex", "x@y.ex", "\xe4.ex", "a" * 64 + ".ex"]
)
def test_the_c_library_does_not_ask_for_what_is_no_name_of_a_host(name: str) -> None:
    here = site({(name, "A"): records("10.1.1.1")})
    assert hosts.host_find_byname(here.process, HostItem(name)).find is HostFind.FAILED
    assert here.world.questions == []
    listed = site(hosts=(("10.1.1.1", name),))
    assert found(hosts.host_find_byname(listed.process, HostItem(name))) == [(name, "10.1.1.1")]


def test_the_hosts_file_gives_the_name_of_its_first_line_and_the_addresses_of_all() -> None:
    lines = (("10.1.1.1", "Box.ex", "other.ex"), ("10.1.1.2", "more.ex", "OTHER.ex"), ("fd00::1", "six.ex"))
    here = site(hosts=lines)
    result = hosts.host_find_byname(here.process, HostItem("other.ex"))
    assert found(result) == [("Box.ex", "10.1.1.1"), ("Box.ex", "10.1.1.2")]


@pytest.mark.parametrize("name", ["a_b.ex", "_a.ex", "a-.ex", "a.-b.ex", "a.ex-"])
def test_the_c_library_is_liberal_with_hyphens_and_underscores(name: str) -> None:
    here = site({(name, "A"): records("10.1.1.1")})
    assert found(hosts.host_find_byname(here.process, HostItem(name))) == [(name, "10.1.1.1")]


def test_by_name_defers_if_a_lookup_failed_for_now() -> None:
    here = site({("h.ex", "A"): Reply(rcode="SERVFAIL")})
    assert hosts.host_find_byname(here.process, HostItem("h.ex")).find is HostFind.AGAIN
    assert here.log == []
    there = site({("h.ex", "A"): Reply(rcode="SERVFAIL")}, main="dns_again_means_nonexist = h.ex")
    assert hosts.host_find_byname(there.process, HostItem("h.ex")).find is HostFind.FAILED


ALIAS = {("h.ex", "CNAME"): records("c.ex"), ("c.ex", "A"): records("10.1.1.1")}


def test_under_the_test_suite_exims_own_lookup_stands_for_the_c_library() -> None:
    here = site(ALIAS)
    here.process.machine.test_harness = True
    assert found(hosts.host_find_byname(here.process, HostItem("h.ex"))) == [("h.ex", "10.1.1.1")]
    assert here.world.questions == ["AAAA h.ex", "AAAA c.ex", "A h.ex", "A c.ex"]


def test_the_c_library_takes_an_alias_without_addresses_for_a_failure() -> None:
    here = site(ALIAS)
    assert hosts.host_find_byname(here.process, HostItem("h.ex")).find is HostFind.AGAIN
    assert here.world.questions == ["AAAA h.ex", "A h.ex"]


def test_by_name_shows_what_it_found_under_host_checking() -> None:
    here = site({("h.ex", "A"): records("10.1.1.1")})
    here.process.host_checking = True
    hosts.host_find_byname(here.process, HostItem("h.ex"), local_host_check=False)
    assert here.shown == [
        ">>> gethostbyname2 looked up these IP addresses:\n",
        ">>>   name=h.ex address=10.1.1.1\n",
    ]


def test_an_ip_address_by_name_is_itself() -> None:
    here = site()
    assert found(hosts.host_find_byname(here.process, HostItem("10.1.1.1"))) == [("10.1.1.1", "10.1.1.1")]
    assert here.world.questions == []


# ---- lists ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "port"),
    [
        ("h.ex", "h.ex", PORT_NONE),
        ("h.ex:26", "h.ex", 26),
        ("[2001:db8::1]:26", "2001:db8::1", 26),
        ("2001:db8::1", "2001:db8::1", PORT_NONE),
        ("h.ex:", "h.ex:", PORT_NONE),
        (":5", ":5", PORT_NONE),
    ],
)
def test_the_port_at_the_end_of_a_hosts_name(text: str, name: str, port: int) -> None:
    assert host_chain.host_item_get_port(text) == (name, port)


def test_a_host_list_keeps_its_order_unless_it_is_randomised() -> None:
    here = site()
    plain = host_chain.host_build_hostlist(here.process, "<; a.ex ; b.ex ; + ; c.ex", False)
    assert [(h.name, h.mx) for h in plain] == [("a.ex", -1), ("b.ex", -1), ("c.ex", -1)]


@pytest.mark.parametrize("text", ["<", " <"])
def test_a_host_list_of_a_sign_alone_has_no_hosts_and_was_read_on_behind_its_end(text: str) -> None:
    assert host_chain.host_build_hostlist(site(release="4.92").process, text, False) == []
    with pytest.raises(UndefinedBehaviour):
        host_chain.host_build_hostlist(site(release="4.91").process, text, False)


@given(st.integers(0, 1000))
def test_groups_of_a_randomised_host_list_stay_in_order(seed: int) -> None:
    items = host_chain.host_build_hostlist(site(seed=seed).process, "a:b:c:+:d:e", True)
    assert {h.name for h in items[:3]} == {"a", "b", "c"}
    assert {h.name for h in items[3:]} == {"d", "e"}


def test_interfaces_are_those_of_local_interfaces() -> None:
    assert host_chain.host_find_interfaces(site().process) == ("::1", "127.0.0.1", "10.0.0.1")
    assert host_chain.host_find_interfaces(site(main="disable_ipv6").process) == ("127.0.0.1", "10.0.0.1")
    here = site(main="local_interfaces = <; [10.9.9.9]:26 ; 10.9.9.8.25\nextra_local_interfaces = 10.9.9.7")
    assert host_chain.host_find_interfaces(here.process) == ("10.9.9.9", "10.9.9.8", "10.9.9.7")


def test_an_interface_that_is_no_address_is_refused() -> None:
    with pytest.raises(InputError, match="local_interfaces: expected an IP address, found 'nonsense'"):
        host_chain.host_find_interfaces(site(main="local_interfaces = nonsense").process)


# ---- names of hosts ---------------------------------------------------------------------------------------

PTR = "1.1.1.10.in-addr.arpa"


def test_a_clients_name_has_to_point_back() -> None:
    zone: Zone = {(PTR, "PTR"): records("Liar.ex", "h.ex", "alias.ex")}
    zone |= {
        ("liar.ex", "A"): records("10.9.9.9"),
        ("h.ex", "A"): records("10.1.1.1"),
        ("alias.ex", "A"): records("10.1.1.1"),
    }
    here = site(zone)
    result = hosts.host_name_lookup(here.process, "10.1.1.1")
    assert (result.rc, result.name, result.aliases) == (Rc.OK, "h.ex", ("alias.ex",))
    assert here.process.variables["sender_host_name"] == "h.ex"


def test_a_clients_name_is_in_log_lines_once_it_is_known() -> None:
    here = site({(PTR, "PTR"): records("h.ex"), ("h.ex", "A"): records("10.1.1.1")})
    here.process.variables["sender_host_address"] = "10.1.1.1"
    hosts.host_name_lookup(here.process, for_log=False)
    assert "sender_fullhost" not in here.process.variables
    hosts.host_name_lookup(here.process)
    assert here.process.variables["sender_fullhost"] == "h.ex [10.1.1.1]"


def test_a_client_that_is_looked_up_again_keeps_its_name_and_those_of_its_records_are_aliases() -> None:
    here = site({(PTR, "PTR"): records("h.ex"), ("h.ex", "A"): records("10.1.1.1")})
    here.process.variables["sender_host_address"] = "10.1.1.1"
    assert [hosts.host_name_lookup(here.process).aliases for _ in range(2)] == [(), ("h.ex",)]


@pytest.mark.parametrize(
    ("ptr", "a", "secure"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_a_clients_name_is_secure_both_ways_or_not(ptr: bool, a: bool, secure: bool) -> None:
    here = site({(PTR, "PTR"): records("h.ex", ad=ptr), ("h.ex", "A"): records("10.1.1.1", ad=a)})
    assert hosts.host_name_lookup(here.process, "10.1.1.1").secure is secure
    assert here.process.variables["sender_host_dnssec"] == ("yes" if secure else "no")


def test_a_client_without_a_name() -> None:
    here = site()
    result = hosts.host_name_lookup(here.process, "10.1.1.1")
    assert (result.rc, result.message) == (Rc.FAIL, " (failed to find host name from IP address)")
    assert here.log == ["no host name found for IP address 10.1.1.1"]
    assert here.process.variables["host_lookup_failed"] == "1"


def test_a_client_whose_name_leads_elsewhere() -> None:
    here = site({(PTR, "PTR"): records("h.ex"), ("h.ex", "A"): records("10.9.9.9")})
    result = hosts.host_name_lookup(here.process, "10.1.1.1")
    assert (result.rc, result.message) == (Rc.FAIL, " (10.1.1.1 does not match any IP address for h.ex)")


def test_a_clients_name_that_cannot_be_looked_up_now() -> None:
    here = site({(PTR, "PTR"): Reply(rcode="SERVFAIL")})
    assert hosts.host_name_lookup(here.process, "10.1.1.1").rc is Rc.DEFER
    assert here.process.variables["host_lookup_deferred"] == "1"


@pytest.mark.parametrize(("release", "rc"), [("4.96", Rc.OK), ("4.97", Rc.FAIL)])
def test_odd_characters_in_a_clients_name(release: str, rc: Rc) -> None:
    here = site(
        {(PTR, "PTR"): records("h_1.ex"), ("h_1.ex", "A"): records("10.1.1.1")},
        main="host_lookup_order = bydns",
        release=release,
    )
    assert hosts.host_name_lookup(here.process, "10.1.1.1").rc is rc


def test_the_c_library_gives_one_name_that_a_record_points_to() -> None:
    zone: Zone = {(PTR, "PTR"): records("h.ex", "alias.ex"), ("h.ex", "A"): records("10.1.1.1")}
    here = site(zone, main="host_lookup_order = byaddr")
    assert hosts.host_name_lookup(here.process, "10.1.1.1").name == "h.ex"
    assert here.world.questions == [f"PTR {PTR}", "AAAA h.ex", "A h.ex"]


def test_the_c_library_takes_an_odd_name_for_a_failure() -> None:
    zone: Zone = {(PTR, "PTR"): records("h!.ex", "h.ex"), ("h.ex", "A"): records("10.1.1.1")}
    here = site(zone, main="host_lookup_order = byaddr")
    assert hosts.host_name_lookup(here.process, "10.1.1.1").rc is Rc.DEFER


def test_the_hosts_file_names_a_client_and_its_aliases() -> None:
    lines = (("10.1.1.1", "H.ex", "alias.ex"), ("10.1.1.1", "more.ex"))
    zone: Zone = {("h.ex", "A"): records("10.1.1.1"), ("alias.ex", "A"): records("10.1.1.1")}
    result = hosts.host_name_lookup(site(zone, hosts=lines).process, "10.1.1.1")
    assert (result.name, result.aliases) == ("h.ex", ("alias.ex",))


def test_under_the_test_suite_one_client_has_no_name_for_now() -> None:
    here = site({})
    assert hosts.host_name_lookup(here.process, "99.99.99.99").rc is Rc.FAIL
    here.process.machine.test_harness = True
    assert hosts.host_name_lookup(here.process, "99.99.99.99").rc is Rc.DEFER


def test_under_the_test_suite_draws_are_those_of_exim() -> None:
    here = site({})
    here.process.machine.test_harness = True
    drawn = [host_chain.random_number(here.process, 1000) for _ in range(3)]
    seed = 42
    for number in drawn:
        seed = (1103515245 * seed + 12345) % 2**32
        assert number == (seed >> 16) % 1000
    here.process.random_seed = 0
    assert host_chain.random_number(here.process, 1000) == drawn[0]
    assert host_chain.random_number(here.process, 0) == 0


CLIENTS: list[tuple[Zone, list[str]]] = [
    (
        {
            (PTR, "PTR"): records("h.ex", "alias.ex", "gone.ex"),
            ("h.ex", "A"): records("10.1.1.1"),
            ("alias.ex", "A"): records("10.9.9.9"),
        },
        [
            'IP address lookup yielded "h.ex"',
            '  alias "alias.ex"',
            '  alias "gone.ex"',
            "checking addresses for h.ex",
            "  10.1.1.1 OK",
            "checking addresses for alias.ex",
            "  10.9.9.9",
            "no IP address for alias.ex matched 10.1.1.1",
            "no IP addresses found for gone.ex",
        ],
    ),
    ({(PTR, "PTR"): Reply(rcode="SERVFAIL")}, ["IP address PTR lookup gave temporary error"]),
    (
        {(PTR, "PTR"): records("h.ex"), ("h.ex", "A"): Reply(rcode="SERVFAIL")},
        ['IP address lookup yielded "h.ex"', "temporary error for host name lookup"],
    ),
    ({}, ["IP address lookup using gethostbyaddr()", "IP address lookup failed: h_errno=1"]),
]


@pytest.mark.parametrize(("zone", "steps"), CLIENTS)
def test_host_checking_shows_how_a_clients_name_is_found(zone: Zone, steps: list[str]) -> None:
    here = site(zone)
    here.process.host_checking = True
    hosts.host_name_lookup(here.process, "10.1.1.1")
    shown = [line.removeprefix(">>> ").rstrip("\n") for line in here.shown]
    assert [line for line in shown if "? " not in line] == ["looking up host name for 10.1.1.1", *steps]


def test_the_dnssec_lists_of_a_lookup_are_named_and_set_in_since_4_98() -> None:
    here = site(MX_ZONE, release="4.98")
    here.process.host_checking = True
    bydns(here, "d.ex", dnssec_require_domains="x.ex")
    lines = [line.removeprefix(">>> ").rstrip() for line in here.shown]
    assert [line for line in lines if "matched" not in line and "element" not in line] == [
        "check dnssec require list",
        ' d.ex in "x.ex"?',
        ' d.ex in "x.ex"? no (end of list)',
        "check dnssec request list",
        ' d.ex in "*"?',
    ]
    assert here.process.debug_depth == 0


def test_under_the_test_suite_localhost_needs_no_lookup() -> None:
    here = site()
    here.process.machine.test_harness = True
    result = hosts.host_find_byname(here.process, HostItem("localhost"), local_host_check=False)
    assert [h.address for h in result.hosts] == ["::1", "127.0.0.1"]
    assert here.world.questions == []


def test_every_search_for_addresses_is_a_decision() -> None:
    here = site({**MX_ZONE, ("a.ex", "A"): Reply(rcode="NXDOMAIN")})
    bydns(here, "d.ex")
    hosts.host_find_byname(here.process, HostItem("nowhere.ex"))
    hosts.host_find_byname(here.process, HostItem("b.ex"), local_host_check=False)
    found = [
        (decision.rule, decision.inputs.get("host", decision.inputs.get("domain")), decision.outcome)
        for decision in here.process.machine.trace
        if "address" in decision.rule or "host" in decision.rule
    ]
    assert found == [
        ("host addresses", "a.ex", "FAILED"),
        ("host addresses", "b.ex", "FOUND"),
        ("hosts of a domain", "d.ex", "FOUND"),
        ("host by name", "nowhere.ex", "FAILED"),
        ("host by name", "b.ex", "FOUND"),
    ]


@pytest.mark.parametrize("secure", [True, False])
def test_the_last_lookup_says_whether_it_was_secure(secure: bool) -> None:
    here = site({("d.ex", "AAAA"): records(), ("d.ex", "A"): records("10.1.1.1", ad=secure)})
    bydns(here, "d.ex", mx=False)
    assert here.process.variables["lookup_dnssec_authenticated"] == ("yes" if secure else "no")


def test_equal_mx_hosts_are_in_the_order_that_exims_generator_draws() -> None:
    names = [f"h{number}.ex" for number in range(40)]
    zone: Zone = {("d.ex", "MX"): records(*((7, name) for name in names))}
    zone |= {(name, "A"): records(f"10.2.0.{number}") for number, name in enumerate(names)}
    here, there = site(zone), site().process
    here.process.machine.test_harness = there.machine.test_harness = True
    drawn = {name: host_chain.random_number(there, 500) for name in names}
    order = [h.name for h in bydns(here, "d.ex").hosts]
    assert order == sorted(names, key=lambda name: drawn[name])


def test_the_name_under_which_addresses_are_found_is_the_domains() -> None:
    here = site({("d.ex", "AAAA"): records(), ("d.ex", "A"): Reply(("10.1.1.1",), name="d.long.ex")})
    assert bydns(here, "d.ex", mx=False).fully_qualified_name == "d.long.ex"


@pytest.mark.parametrize(("release", "list_"), [("4.97", '"x.ex"'), ("4.98", "mx_fail_domains")])
def test_host_checking_names_a_routers_list_since_4_98(release: str, list_: str) -> None:
    here = site({("d.ex", "MX"): Reply(rcode="SERVFAIL")}, release=release)
    here.process.host_checking = True
    bydns(here, "d.ex", mx_fail_domains="x.ex")
    assert here.shown[-1] == f">>> d.ex in {list_}? no (end of list)\n"


def test_a_draw_among_one_is_a_draw_and_one_among_none_is_not() -> None:
    """It moves Exim's own generator on, of which the next draw comes."""
    process = scenario.Site().process()
    process.machine.test_harness = True
    assert (random_number(process, 0), process.random_seed) == (0, 0)
    assert random_number(process, 1) == 0
    assert process.random_seed
