from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.mta.lookup import dns
from eximsim.mta.process.ends import ProcessDied
from eximsim.ports import DnsAnswer, DnsRecord
from eximsim.status import DnsResult
from tests.mta.routing_world import Reply, Zone, records, site


@pytest.mark.parametrize(
    ("rcode", "result"),
    [
        ("NXDOMAIN", DnsResult.NOMATCH),
        ("SERVFAIL", DnsResult.AGAIN),
        ("REFUSED", DnsResult.AGAIN),
        ("NOTIMP", DnsResult.AGAIN),
        ("TIMEOUT", DnsResult.AGAIN),
        ("FORMERR", DnsResult.FAIL),
        ("NOERROR", DnsResult.NODATA),
    ],
)
def test_an_answer_without_records_comes_to_its_response_code(rcode: str, result: DnsResult) -> None:
    here = site({("a.ex", "A"): Reply(rcode=rcode)})
    assert dns.dns_lookup(here.process, "a.ex", "A").result is result


def test_a_failure_is_asked_for_once_but_a_success_every_time() -> None:
    here = site({("a.ex", "A"): records("10.1.1.1"), ("b.ex", "A"): Reply(rcode="SERVFAIL")})
    for _ in range(2):
        dns.dns_lookup(here.process, "a.ex", "A")
        dns.dns_lookup(here.process, "b.ex", "A")
    assert here.world.questions == ["A a.ex", "A b.ex", "A a.ex"]


def test_the_negative_cache_keeps_resolver_options_and_types_apart() -> None:
    here = site()
    dns.dns_lookup(here.process, "a.ex", "A")
    dns.dns_init(here.process, True, False, False)
    dns.dns_lookup(here.process, "a.ex", "A")
    dns.dns_lookup(here.process, "a.ex", "AAAA")
    dns.dns_lookup(here.process, "a.ex", "A")
    assert here.world.questions == ["A a.ex", "A a.ex", "AAAA a.ex"]


def test_a_child_inherits_the_negative_cache_and_does_not_write_to_its_parents() -> None:
    here = site()
    dns.dns_lookup(here.process, "a.ex", "A")
    child = here.process.fork("test")
    dns.dns_lookup(child, "a.ex", "A")
    dns.dns_lookup(child, "b.ex", "A")
    dns.dns_lookup(here.process, "b.ex", "A")
    assert here.world.questions == ["A a.ex", "A b.ex", "A b.ex"]


@pytest.mark.parametrize("name", ["a..ex", "-a.ex", "a-.ex", "a b.ex", ""])
def test_a_malformed_name_is_not_asked(name: str) -> None:
    here = site()
    assert dns.dns_lookup(here.process, name, "A").result is DnsResult.NOMATCH
    assert here.process.host_find_failed_syntax
    assert here.world.questions == []


def test_a_name_that_has_no_ascii_form_is_not_asked() -> None:
    here = site(release="4.96-debian12")
    assert dns.dns_lookup(here.process, "\u00e9" * 70 + ".ex", "A").result is DnsResult.NOMATCH
    assert here.process.host_find_failed_syntax
    assert here.world.questions == []


def test_names_that_are_the_same_for_255_octets_share_a_failure() -> None:
    here = site()
    long = "a." * 127 + "a"
    for end in ("b.ex", "c.ex"):
        dns.dns_lookup(here.process, long + end, "A")
    assert here.world.questions == [f"A {long}b.ex"]
    for end in ("b.ex", "c.ex"):
        dns.dns_lookup(here.process, long[2:] + "." + end, "A")
    assert len(here.world.questions) == 3


def test_dns_check_names_pattern_can_be_emptied() -> None:
    here = site(main="dns_check_names_pattern =")
    dns.dns_lookup(here.process, "a b.ex", "A")
    assert here.world.questions == ["A a b.ex"]


def test_an_ip_address_is_no_name_for_addresses() -> None:
    here = site()
    assert dns.dns_lookup(here.process, "10.1.1.1", "A").result is DnsResult.NOMATCH
    assert not here.process.host_find_failed_syntax
    assert here.world.questions == []


@pytest.mark.parametrize(("release", "asked"), [("4.92", 1), ("4.93", 0)])
def test_old_releases_do_not_check_the_service_labels(release: str, asked: int) -> None:
    here = site(release=release)
    dns.dns_lookup(here.process, "-x._tcp.a.ex", "TLSA")
    assert len(here.world.questions) == asked


def test_again_means_nonexist_turns_a_deferral_into_a_missing_name() -> None:
    here = site({("a.ex", "MX"): Reply(rcode="SERVFAIL")}, main="dns_again_means_nonexist = *.ex")
    assert dns.dns_lookup(here.process, "a.ex", "MX").result is DnsResult.NOMATCH


@pytest.mark.parametrize(("release", "result"), [("4.96", DnsResult.NOMATCH), ("4.97", DnsResult.AGAIN)])
def test_again_means_nonexist_stops_at_tlsa_in_newer_releases(release: str, result: DnsResult) -> None:
    zone: Zone = {("_25._tcp.a.ex", "TLSA"): Reply(rcode="SERVFAIL")}
    here = site(zone, main="dns_again_means_nonexist = *", release=release)
    assert dns.dns_lookup(here.process, "_25._tcp.a.ex", "TLSA").result is result


@pytest.mark.parametrize("release", ["4.96", "4.97"])
def test_again_means_nonexist_that_asks_itself(release: str) -> None:
    here = site(
        {("a.ex", "MX"): Reply(rcode="SERVFAIL")}, main="dns_again_means_nonexist = *", release=release
    )
    here.process.resolver.deciding_again = True
    if release == "4.96":
        with pytest.raises(ProcessDied):
            dns.dns_lookup(here.process, "a.ex", "MX")
    else:
        assert dns.dns_lookup(here.process, "a.ex", "MX").result is DnsResult.NOMATCH
        assert here.log == ["dns_again_means_nonexist recursion seen for a.ex (assuming nonexist)"]


def chain(links: list[bool], end: bool) -> Zone:
    """A CNAME chain from n0.ex on; each link and the address at the end is secure or not."""
    zone: Zone = {(f"n{i}.ex", "CNAME"): records(f"n{i + 1}.ex", ad=ad) for i, ad in enumerate(links)}
    zone[f"n{len(links)}.ex", "A"] = records("10.1.1.1", ad=end)
    return zone


@given(st.lists(st.booleans(), max_size=9), st.booleans())
def test_a_chain_is_secure_if_every_link_is(links: list[bool], end: bool) -> None:
    here = site(chain(links, end))
    found = dns.dns_lookup(here.process, "n0.ex", "A")
    assert found.result is DnsResult.SUCCEED
    assert found.secure is (end and all(links))


@pytest.mark.parametrize(("release", "longest"), [("4.91", 9), ("4.92", 1)])
def test_a_chain_that_is_too_long_fails_and_is_logged(release: str, longest: int) -> None:
    here = site(chain([True] * longest, True), release=release)
    assert dns.dns_lookup(here.process, "n0.ex", "A").result is DnsResult.SUCCEED
    there = site(chain([True] * (longest + 1), True), release=release)
    assert dns.dns_lookup(there.process, "n0.ex", "A").result is DnsResult.FAIL
    assert there.log == ["CNAME loop for n0.ex encountered"]


def test_dns_cname_loops_lengthens_the_chain() -> None:
    here = site(chain([True] * 5, True), release="4.92", main="dns_cname_loops = 5")
    assert dns.dns_lookup(here.process, "n0.ex", "A").result is DnsResult.SUCCEED


def test_the_fully_qualified_name_is_the_first_answers_unless_it_is_a_wildcard() -> None:
    here = site(
        {("a.ex", "A"): Reply(("10.1.1.1",), name="A.ex"), ("b.ex", "A"): Reply(("10.1.1.1",), name="*.ex")}
    )
    assert dns.dns_lookup(here.process, "a.ex", "A").name == "A.ex"
    assert dns.dns_lookup(here.process, "b.ex", "A").name == "b.ex"


def authoritative(aa: bool = True, ad: bool = False) -> Reply:
    return Reply(("10.1.1.1",), ad=ad, aa=aa, authority=(DnsRecord("ex", "NS", "ns.ex"),))


@pytest.mark.parametrize(("trusted", "secure"), [("ex", True), ("other", False), ("", False)])
def test_dns_trust_aa_makes_authoritative_answers_secure(trusted: str, secure: bool) -> None:
    here = site({("a.ex", "A"): authoritative()}, main=f"dns_trust_aa = {trusted}")
    assert dns.dns_lookup(here.process, "a.ex", "A").secure is secure


@pytest.mark.parametrize(("release", "secure"), [("4.88-jh03", True), ("4.88", False)])
def test_an_insecure_link_before_a_trusted_end(release: str, secure: bool) -> None:
    zone: Zone = {("a.ex", "CNAME"): records("b.ex", ad=False), ("b.ex", "A"): authoritative()}
    here = site(zone, main="dns_trust_aa = ex", release=release)
    assert dns.dns_lookup(here.process, "a.ex", "A").secure is secure


@pytest.mark.parametrize(
    ("options", "wished", "set_"),
    [
        ("", True, True),
        ("", False, False),
        ("dns_dnssec_ok = 1", False, True),
        ("dns_dnssec_ok = 0", True, False),
        ("dns_dnssec_ok = 1\ndns_use_edns0 = 0", False, False),
    ],
)
def test_the_do_bit(options: str, wished: bool, set_: bool) -> None:
    here = site(main=options)
    dns.dns_init(here.process, False, False, wished)
    dns.dns_lookup(here.process, "a.ex", "A")
    assert here.world.asked_secure == [set_]


def test_the_do_bit_stays_once_it_was_asked_for() -> None:
    here = site()
    dns.dns_init(here.process, False, False, True)
    dns.dns_init(here.process, False, False, False)
    dns.dns_lookup(here.process, "a.ex", "A")
    assert here.world.asked_secure == [True]


def test_reverse_names() -> None:
    assert dns.dns_build_reverse("10.1.2.3") == "3.2.1.10.in-addr.arpa"
    assert dns.dns_build_reverse("::1") == "1." + "0." * 31 + "ip6.arpa"


def test_escapes_in_names_are_resolved() -> None:
    assert dns.string_copy_dnsdomain(r"a\.b\032c.ex") == "a.b c.ex"


def test_an_alias_behind_the_first_record_of_interest_counts_up_to_the_second() -> None:
    """As dns_basic_lookup() looks through an answer (src/dns.c)."""
    address, alias = DnsRecord("a.test.ex", "A", "10.0.0.1"), DnsRecord("a.test.ex", "CNAME", "b.ex")
    other = DnsRecord("a.test.ex", "CNAME", "c.ex")
    assert dns._scan(DnsAnswer("NOERROR", answers=(address, alias)), "A") == (alias, address)
    assert dns._scan(DnsAnswer("NOERROR", answers=(alias, address, other)), "A") == (alias, address)
    assert dns._scan(DnsAnswer("NOERROR", answers=(address, alias, address, other)), "A") == (alias, address)
