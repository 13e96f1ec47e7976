from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from eximsim.fuzz.expected import Expectations, Expected, Tlsa, Wanted
from eximsim.fuzz.space import OPTIONS, Space
from eximsim.suite.recording import Situation
from tests.suite.recorded import stand

SPACE = Space(hosts=2, detail="full", options=tuple(OPTIONS))


def expectations(situation: Situation) -> Expectations:
    return Expectations(situation, stand().chains, situation.transport.get, 1225)


def first_host(path: Mapping[str, str]) -> Expected:
    return expectations(SPACE.situation(path)).hosts["h1-a.test.ex"]


@pytest.mark.parametrize(
    ("answer", "worth"),
    [
        ("match", Tlsa.USABLE),
        ("unusable and match", Tlsa.USABLE),
        ("unusable", Tlsa.UNUSABLE),
        ("insecure", Tlsa.INSECURE),
        ("NXDOMAIN", Tlsa.NONE),
        ("no data, insecure", Tlsa.NONE),
        ("SERVFAIL", Tlsa.LOST),
        ("FORMERR", Tlsa.LOST),
        ("time-out", Tlsa.LOST),
    ],
)
def test_what_a_tlsa_answer_is_worth(answer: str, worth: Tlsa) -> None:
    assert first_host({"TLSA of h1": answer}).tlsa is worth


@pytest.mark.parametrize(
    ("path", "secure"),
    [
        ({}, True),
        ({"MX": "insecure"}, False),
        ({"A of h1": "insecure"}, False),
        ({"A of h2": "insecure"}, True),
        ({"AAAA of h1": "SERVFAIL"}, True),
    ],
)
def test_a_host_is_secure_if_mx_and_address_are(path: Mapping[str, str], secure: bool) -> None:
    assert first_host(path).secure is secure


def test_hosts_without_address_are_none() -> None:
    assert list(expectations(SPACE.situation({"A of h1": "no data"})).hosts) == ["h2-a.test.ex"]
    assert expectations(SPACE.situation({"MX": "SERVFAIL"})).hosts == {}


@pytest.mark.parametrize(
    ("required", "wanted"),
    [
        ("*", Wanted.REQUIRED),
        ("h1-a.test.ex", Wanted.REQUIRED),
        ("*.test.ex", Wanted.REQUIRED),
        ("10.9.1.1", Wanted.REQUIRED),
        ("h2-a.test.ex", Wanted.REQUESTED),
        ("!h1-a.test.ex : *", Wanted.REQUESTED),
        ("!h2-a.test.ex", Wanted.REQUIRED),
        ("+some_list", None),
    ],
)
def test_how_much_dane_is_wanted(required: str, wanted: Wanted | None) -> None:
    plain = SPACE.situation({})
    transport = {**plain.transport, "hosts_require_dane": required}
    host = expectations(replace(plain, transport=transport)).hosts["h1-a.test.ex"]
    assert host.wanted is wanted


@pytest.mark.parametrize(
    ("path", "matches"),
    [
        ({"TLSA of h1": "match"}, True),
        ({"TLSA of h1": "mismatch"}, False),
        ({"TLSA of h1": "authority"}, True),
        ({"TLSA of h1": "authority", "certificate of h1": "another name"}, False),
        ({"TLSA of h1": "match", "certificate of h1": "expired"}, False),
    ],
)
def test_whether_a_record_matches_a_certificate(path: Mapping[str, str], matches: bool) -> None:
    found = expectations(SPACE.situation(path))
    assert found.match(found.hosts["h1-a.test.ex"], "10.9.1.1") is matches


def test_two_hosts_of_one_address_cannot_be_told_apart() -> None:
    plain = SPACE.situation({})
    zone = tuple(
        {**entry, "data": ["10.9.1.1"]} if entry["name"] == "h2-a.test.ex" and entry["type"] == "A" else entry
        for entry in plain.zone
    )
    transport = {**plain.transport, "hosts_require_tls": "!h1-a.test.ex : *"}
    hosts = expectations(replace(plain, zone=zone, transport=transport)).hosts
    assert hosts["h1-a.test.ex"].tls_required is False
    assert hosts["h2-a.test.ex"].tls_required is None


NAMED = {"hostlist partners": "h1-a.test.ex : !h2-a.test.ex : +more", "hostlist_cache more": "*"}


@pytest.mark.parametrize(
    ("required", "first", "second"),
    [
        ("+partners", Wanted.REQUIRED, Wanted.REQUESTED),
        ("!+partners : *", Wanted.REQUESTED, Wanted.REQUIRED),
        ("+more", Wanted.REQUIRED, Wanted.REQUIRED),
        ("+unknown", None, None),
    ],
)
def test_named_lists_of_hosts_are_looked_into(
    required: str, first: Wanted | None, second: Wanted | None
) -> None:
    plain = SPACE.situation({})
    situation = replace(plain, main=NAMED, transport={**plain.transport, "hosts_require_dane": required})
    assert [host.wanted for host in expectations(situation).hosts.values()] == [first, second]


@pytest.mark.parametrize(
    ("requested", "secure"),
    [("+ours", True), ("!+ours : *", None), ("*.test.ex", True), ("other.ex", None), ("${lookup}", None)],
)
def test_dnssec_is_counted_on_only_for_domains_that_ask_for_it(requested: str, secure: bool | None) -> None:
    situation = replace(
        SPACE.situation({}),
        main={"domainlist ours": "one.test.ex"},
        router={"dnssec_request_domains": requested},
    )
    assert expectations(situation).hosts["h1-a.test.ex"].secure is secure
