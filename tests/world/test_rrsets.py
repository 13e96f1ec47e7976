"""A resolver's answers from a list of RRsets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import InputError
from eximsim.ports import DnsRecord
from eximsim.world.zones import Reply, rrset_zones


def ask(name: str, type: str, *rrsets: dict[str, object]) -> Reply:
    return rrset_zones(rrsets).answer(name, type)


def test_rrset_is_answered_as_it_stands() -> None:
    reply = ask("MX.test", "MX", {"name": "mx.test", "type": "MX", "ad": True, "data": [[10, "h.test"]]})
    assert reply.answer.answers == (DnsRecord("mx.test", "MX", (10, "h.test"), 3600),)
    assert (reply.answer.rcode, reply.answer.ad) == ("NOERROR", True)


@pytest.mark.parametrize(
    ("type", "written", "read"),
    [
        ("A", "192.0.2.1", "192.0.2.1"),
        ("AAAA", "2001:DB8:0::1", "2001:db8::1"),
        ("PTR", "Host.test.", "Host.test"),
        ("SRV", [1, 2, 25, "h.test"], (1, 2, 25, "h.test")),
        ("TLSA", "0301", b"\x03\x01"),
        ("TLSA", "030101", b"\x03\x01\x01"),
        ("TXT", "0161", b"\x01a"),
        ("TYPE700", "", b""),
    ],
)
def test_data_by_type(type: str, written: object, read: object) -> None:
    reply = ask("x.test", type, {"name": "x.test", "type": type, "data": [written]})
    assert [record.data for record in reply.answer.answers] == [read]


def test_type_that_a_known_name_lacks_is_a_secure_nodata() -> None:
    answer = ask("x.test", "MX", {"name": "x.test", "type": "A", "data": ["192.0.2.1"]}).answer
    assert (answer.rcode, answer.ad, answer.answers) == ("NOERROR", True, ())
    assert [(record.type, record.ttl) for record in answer.authority] == [("SOA", 60)]


def test_unknown_name_is_a_secure_nxdomain() -> None:
    answer = ask("y.test", "A", {"name": "x.y.test", "type": "A", "data": ["192.0.2.1"]}).answer
    assert (answer.rcode, answer.ad) == ("NXDOMAIN", True)


@pytest.mark.parametrize(("ad", "rcode"), [(True, "NXDOMAIN"), (False, "NXDOMAIN"), (False, "NOERROR")])
def test_negative_rrset_has_its_own_flag(ad: bool, rcode: str) -> None:
    answer = ask(
        "x.test", "TLSA", {"name": "x.test", "type": "TLSA", "rcode": rcode, "ad": ad, "data": []}
    ).answer
    assert (answer.rcode, answer.ad) == (rcode, ad)
    assert [record.type for record in answer.authority] == ["SOA"]


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "NOTIMP", "FORMERR"])
def test_failure_is_never_secure(rcode: str) -> None:
    answer = ask("x.test", "TLSA", {"name": "x.test", "type": "TLSA", "rcode": rcode, "ad": True}).answer
    assert (answer.rcode, answer.ad, answer.authority) == (rcode, False, ())


@pytest.mark.parametrize("alias_ad", [True, False])
@pytest.mark.parametrize("target_ad", [True, False])
def test_chain_is_followed_and_secure_only_as_a_whole(alias_ad: bool, target_ad: bool) -> None:
    answer = ask(
        "a.test",
        "A",
        {"name": "a.test", "type": "CNAME", "ad": alias_ad, "data": ["b.test"]},
        {"name": "b.test", "type": "A", "ad": target_ad, "data": ["192.0.2.1"]},
    ).answer
    assert [record.type for record in answer.answers] == ["CNAME", "A"]
    assert answer.ad == (alias_ad and target_ad)


@pytest.mark.parametrize(("rcode", "ad"), [("NXDOMAIN", True), ("SERVFAIL", False), ("NOERROR", True)])
def test_chain_has_the_rcode_of_its_last_part(rcode: str, ad: bool) -> None:
    answer = ask(
        "a.test",
        "A",
        {"name": "a.test", "type": "CNAME", "ad": True, "data": ["b.test"]},
        {"name": "b.test", "type": "A", "rcode": rcode, "ad": True},
    ).answer
    assert (answer.rcode, answer.ad, [record.type for record in answer.answers]) == (rcode, ad, ["CNAME"])


def test_chain_to_an_unknown_name_is_nxdomain() -> None:
    answer = ask("a.test", "A", {"name": "a.test", "type": "CNAME", "ad": True, "data": ["b.test"]}).answer
    assert (answer.rcode, answer.ad, len(answer.answers)) == ("NXDOMAIN", True, 1)


def test_drop_anywhere_in_a_chain_is_no_answer() -> None:
    reply = ask(
        "a.test",
        "A",
        {"name": "a.test", "type": "CNAME", "data": ["b.test"]},
        {"name": "b.test", "type": "A", "drop": True},
    )
    assert reply.drop
    assert reply.answer.rcode == "TIMEOUT"


def test_truncation_and_delay_belong_to_the_reply() -> None:
    entry: dict[str, object] = {
        "name": "a.test",
        "type": "A",
        "data": ["192.0.2.1"],
        "tc": True,
        "delay": 1.5,
    }
    reply = ask("a.test", "A", entry)
    assert (reply.truncate, reply.delay, len(reply.answer.answers)) == (True, 1.5, 1)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("text", "expected an object"),
        ({"type": "A"}, "name is None; expected a string"),
        ({"name": "a..b", "type": "A"}, "empty label"),
        ({"name": "a", "type": "a"}, "type 'a'; expected a record type"),
        ({"name": "a", "type": "A", "rcode": "OK"}, "rcode 'OK'; expected NOERROR"),
        ({"name": "a", "type": "A", "rcode": "SERVFAIL", "data": ["192.0.2.1"]}, "data with rcode SERVFAIL"),
        ({"name": "a", "type": "A", "data": "192.0.2.1"}, "expected a list"),
        ({"name": "a", "type": "A", "data": [None]}, "A data is None"),
        ({"name": "a", "type": "MX", "data": [["ten", "h"]]}, "MX preference"),
        ({"name": "a", "type": "CNAME", "data": ["b", "c"]}, "two CNAMEs"),
        ({"name": "a", "type": "TLSA", "data": ["0"]}, "hexadecimal"),
        ({"name": "a", "type": "SOA", "data": ["00"]}, "not the RDATA"),
        ({"name": "a", "type": "A", "ad": 1}, "expected true or false"),
        ({"name": "a", "type": "A", "delay": -1}, "expected seconds"),
        ({"name": "a", "type": "A", "delay": 10**400}, "expected seconds"),
        ({"name": "a", "type": "A", "ttl": -1}, "ttl is '-1'"),
        ({"name": "a", "type": "A", "tcp": True}, "unknown key 'tcp'"),
    ],
)
def test_bad_entry_is_named_with_what_was_expected(entry: object, expected: str) -> None:
    with pytest.raises(InputError, match=f"zone.json: RRset 2: .*{expected}"):
        rrset_zones([{"name": "x", "type": "A"}, entry], "zone.json")  # type: ignore[list-item]


def test_rrset_is_given_once() -> None:
    with pytest.raises(InputError, match="RRset 2: A A again"):
        rrset_zones([{"name": "a", "type": "A"}, {"name": "A", "type": "A"}])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
entries = st.dictionaries(
    st.sampled_from(["name", "type", "rcode", "ad", "data", "drop", "ttl"]), json_values
)


@given(st.lists(entries, max_size=3))
def test_any_list_is_zones_or_an_input_error(rrsets: list[dict[str, object]]) -> None:
    try:
        zones = rrset_zones(rrsets)
    except InputError:
        return
    assert all(zones.answer(name, "MX") for name in zones.owners())
