"""Zones in the format of Exim's fakens."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given
from hypothesis import strategies as st

from eximsim.errors import InputError
from eximsim.ports import DnsRecord, RData
from eximsim.world.zones import FakeZones, fakens_zones, load_fakens_dir

ZONE = """\
; a zone of our own
# and another kind of comment
example.net.  NS   ns.example.net.
              SOA  ns postmaster.example.net 7 3600 600 86400 90

Host          A    192.0.2.1
              AAAA 2001:db8:0:0:0:0:0:1
DNSSEC sec    A    192.0.2.2
DNSSEC half   A    192.0.2.3
half          A    192.0.2.4
AA auth       A    192.0.2.5
DNSSEC AA DELAY=250 TTL=9 all  A 192.0.2.6
DNSSEC        A    192.0.2.7
DNSSEC NXDOMAIN gone  TLSA 3 1 1 00
alias         CNAME Host
DNSSEC signed CNAME elsewhere.example.org.
both          CNAME host
              A    192.0.2.8
mail          MX   5 host
              MX   10 .
_x._tcp       SRV  1 2 25 host
*.wild        A    192.0.2.9
own.wild      A    192.0.2.10
text          TXT  "one" "two; not a comment"
bare          TXT  v=spf1 -all
slow          A    192.0.2.11
DELAY=1500 slow A  192.0.2.12
_25._tcp.host TLSA 3 1 1 00FFaa
"""


@pytest.fixture(scope="module")
def zones() -> FakeZones:
    return fakens_zones({"db.example.net": ZONE, "qualify.example.net": "not read"})


def data(zones: FakeZones, name: str, type: str) -> list[RData]:
    return [record.data for record in zones.answer(name, type).answer.answers]


def test_owner_is_compared_in_lower_case_and_answered_in_the_case_of_the_file(zones: FakeZones) -> None:
    (record,) = zones.answer("hOST.Example.NET.", "A").answer.answers
    assert record == DnsRecord("Host.example.net", "A", "192.0.2.1", 3600)


def test_line_that_starts_with_space_has_the_owner_of_the_line_before(zones: FakeZones) -> None:
    assert data(zones, "host.example.net", "AAAA") == ["2001:db8::1"]


@pytest.mark.parametrize(
    ("name", "type", "rcode", "ad", "aa"),
    [
        ("sec", "A", "NOERROR", True, False),
        ("half", "A", "NOERROR", False, False),
        ("auth", "A", "NOERROR", False, True),
        ("host", "MX", "NOERROR", True, True),
        ("gone", "TLSA", "NOERROR", True, False),
        ("nosuch", "A", "NXDOMAIN", False, False),
        ("signed", "TLSA", "NOERROR", True, False),
        ("alias", "A", "NOERROR", False, False),
    ],
)
def test_flags_are_set_if_all_records_found_have_the_prefix(
    zones: FakeZones, name: str, type: str, rcode: str, ad: bool, aa: bool
) -> None:
    answer = zones.answer(f"{name}.example.net", type).answer
    assert (answer.rcode, answer.ad, answer.aa) == (rcode, ad, aa)


def test_ignored_record_leaves_an_empty_answer(zones: FakeZones) -> None:
    assert data(zones, "gone.example.net", "TLSA") == []


def test_prefixes_combine_and_delays_add_up(zones: FakeZones) -> None:
    reply = zones.answer("all.example.net", "A")
    assert reply.delay == 0.25
    assert [record.ttl for record in reply.answer.answers] == [9, 3600]
    assert zones.answer("slow.example.net", "A").delay == 1.5
    assert zones.answer("slow.example.net", "MX").delay == 0


def test_cname_answers_every_type_and_is_not_followed(zones: FakeZones) -> None:
    (record,) = zones.answer("alias.example.net", "MX").answer.answers
    assert (record.type, record.data) == ("CNAME", "Host.example.net")
    assert data(zones, "both.example.net", "A") == ["host.example.net", "192.0.2.8"]


def test_name_without_final_dot_gets_the_zone(zones: FakeZones) -> None:
    assert data(zones, "mail.example.net", "MX") == [(5, "host.example.net"), (10, "")]
    assert data(zones, "_x._tcp.example.net", "SRV") == [(1, 2, 25, "host.example.net")]


def test_wildcard_adds_to_a_name_of_its_own_and_answers_as_asked(zones: FakeZones) -> None:
    answers = zones.answer("Own.Wild.example.net", "A").answer.answers
    assert [(r.name, r.data) for r in answers] == [
        ("own.wild.example.net", "192.0.2.9"),
        ("own.wild.example.net", "192.0.2.10"),
    ]
    assert data(zones, "a.b.wild.example.net", "A") == ["192.0.2.9"]
    assert zones.answer("wild.example.net", "A").answer.rcode == "NXDOMAIN"


def test_text_is_quoted_strings_or_the_rest_of_the_line(zones: FakeZones) -> None:
    assert data(zones, "text.example.net", "TXT") == [b"\x03one\x12two; not a comment"]
    assert data(zones, "bare.example.net", "TXT") == [b"\x0bv=spf1 -all"]


def test_authority_has_ns_with_records_and_soa_without(zones: FakeZones) -> None:
    (ns,) = zones.answer("host.example.net", "A").answer.authority
    assert (ns.name, ns.type, ns.data) == ("example.net", "NS", "ns.example.net")
    (soa,) = zones.answer("nosuch.example.net", "A").answer.authority
    assert soa.data == (
        b"\x02ns\x07example\x03net\x00" + b"\x0apostmaster\x07example\x03net\x00"
        + b"".join(number.to_bytes(4, "big") for number in (7, 3600, 600, 86400, 90))
    )  # fmt: skip
    assert zones.answer("host.example.net", "SOA").answer.authority == ()


def test_one_label_is_qualified(zones: FakeZones) -> None:
    assert data(zones, "host", "A") == ["192.0.2.1"]
    assert zones.answer("dontqualify", "A").pass_on


def test_unknown_zone_would_be_passed_on_and_is_not_found(zones: FakeZones) -> None:
    reply = zones.answer("www.example.org", "A")
    assert reply.pass_on
    assert (reply.answer.rcode, reply.answer.ad) == ("NXDOMAIN", False)


def test_zone_is_not_the_suffix_of_a_label(zones: FakeZones) -> None:
    assert zones.answer("host.anexample.net", "A").pass_on


def test_pass_on_not_found_is_for_unknown_names_only() -> None:
    zones = fakens_zones({"db.ip4.10": "PASS ON NOT FOUND\n1.0.0  PTR  one.test.\n"})
    assert data(zones, "1.0.0.10.in-addr.arpa", "PTR") == ["one.test"]
    assert zones.answer("2.0.0.10.in-addr.arpa", "PTR").pass_on
    assert not zones.answer("1.0.0.10.in-addr.arpa", "A").pass_on


def test_reverse_zones_are_named_by_their_files() -> None:
    zones = fakens_zones({"db.ip6.8.b.d": "1  PTR  six.test.\n"})
    assert data(zones, "1.8.b.d.ip6.arpa", "PTR") == ["six.test"]


@pytest.mark.parametrize(("type", "expected"), [("A", ["127.0.0.1"]), ("AAAA", ["::1"]), ("MX", [])])
def test_localhost_is_known_without_a_zone(type: str, expected: list[str]) -> None:
    zones = fakens_zones({"db.test": ""})
    assert data(zones, "localhost", type) == expected
    assert zones.answer("localhost", type).answer.rcode == "NOERROR"


def test_zone_with_the_longest_name_is_asked() -> None:
    zones = fakens_zones({"db.test": "x.sub A 192.0.2.1", "db.sub.test": "x A 192.0.2.2"})
    assert data(zones, "x.sub.test", "A") == ["192.0.2.2"]


@pytest.mark.parametrize(
    ("name", "rcode", "delay"),
    [
        ("test.again.dns", "SERVFAIL", 0),
        ("x.test.again.dns", "SERVFAIL", 0),
        ("3test.again.dns", "SERVFAIL", 3),
        ("x.test.fail.dns", "FORMERR", 0),
    ],
)
def test_pseudo_names_fail_as_they_say(zones: FakeZones, name: str, rcode: str, delay: float) -> None:
    reply = zones.answer(name, "MX")
    assert (reply.answer.rcode, reply.delay) == (rcode, delay)


def test_manyhome_has_2048_addresses(zones: FakeZones) -> None:
    addresses = data(zones, "manyhome.test.ex", "A")
    assert len(set(addresses)) == 2048
    assert (addresses[0], addresses[-1]) == ("10.250.104.0", "10.250.111.255")
    assert data(zones, "manyhome.test.ex", "AAAA") == []


def test_name_that_no_question_can_hold_is_a_format_error(zones: FakeZones) -> None:
    assert zones.answer("a..example.net", "A").answer.rcode == "FORMERR"


def test_word_after_a_prefix_and_more_space_is_a_type_or_an_owner() -> None:
    zones = fakens_zones(
        {"db.test": "DNSSEC a  A 192.0.2.1\nDNSSEC    A 192.0.2.2\nDNSSEC   b  A 192.0.2.3\n"}
    )
    assert data(zones, "a.test", "A") == ["192.0.2.1", "192.0.2.2"]
    assert data(zones, "b.test", "A") == ["192.0.2.3"]


# ---- certificates by name ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate() -> bytes:
    pem = trustme.CA().issue_cert("mx.example.net").cert_chain_pems[0].bytes()
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


@pytest.mark.parametrize(("fields", "known"), [("3 2 1", "3 0 1"), ("3 1 255", "3 1 1")])
def test_unknown_numbers_take_the_plainest_data(certificate: bytes, fields: str, known: str) -> None:
    records = [
        data(fakens_zones({"db.test": f"mx TLSA {one} @cert:good"}, {"good": certificate}.__getitem__),
             "mx.test", "TLSA")
        for one in (fields, known)
    ]  # fmt: skip
    unknown, plain = ([octets[3:] for octets in found] for found in records)
    assert unknown == plain


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_certificate_reference_becomes_its_data(certificate: bytes, selector: int, matching: int) -> None:
    key = x509.load_der_x509_certificate(certificate).public_key()
    selected = [certificate, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)][selector]
    expected = [selected, hashlib.sha256(selected).digest(), hashlib.sha512(selected).digest()][matching]
    line = f"_25._tcp.mx TLSA 3 {selector} {matching} @cert:good"
    zones = fakens_zones({"db.test": line}, {"good": certificate}.__getitem__)
    assert data(zones, "_25._tcp.mx.test", "TLSA") == [bytes([3, selector, matching]) + expected]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("3 1 1 @cert:nobody", "no certificate 'nobody' here"),
        ("3 1 1 @cert:good 00", "'00' after the certificate reference"),
        ("3 1 1 @cert:broken", "cannot be read"),
    ],
)
def test_certificate_reference_to_nothing_names_its_line(
    certificate: bytes, fields: str, expected: str
) -> None:
    source = {"good": certificate, "broken": b"\x30\x00"}.__getitem__
    with pytest.raises(InputError, match=expected) as caught:
        fakens_zones({"db.test": f"; one\nmx TLSA {fields}"}, source)
    assert (caught.value.path, caught.value.line) == ("db.test", 2)


def test_certificate_reference_needs_certificates() -> None:
    with pytest.raises(InputError, match="no certificate 'good' here"):
        fakens_zones({"db.test": "mx TLSA 3 1 1 @cert:good"})


# ---- bad input -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("   A 192.0.2.1", "no owner name"),
        ("x", "no record type"),
        ("x HINFO a b", "record type HINFO is not known here; expected A, AAAA"),
        ("x a 192.0.2.1", "record type a is not known"),
        ("x A 192.0.2", "expected an IPv4 address"),
        ("x A 192.0.2.1 ; comment", "expected ADDRESS"),
        ("x AAAA 192.0.2.1", "expected an IPv6 address"),
        ("x MX host", "expected PREFERENCE NAME"),
        ("x MX 65536 host", "expected a number from 0 to 65535"),
        ("x CNAME a..b", "empty label"),
        ("x SRV 1 2 host", "expected PRIORITY WEIGHT PORT NAME"),
        ("x SOA a b 1 2 3 4", "expected PRIMARY MAILBOX"),
        ("x TLSA 3 1 1", "expected USAGE SELECTOR MATCHING HEX"),
        ("x TLSA 3 1 1 0", "expected hexadecimal digits in pairs"),
        ("x TLSA 256 1 1 00", "TLSA usage is '256'"),
        ("x TXT", "expected at least one string"),
        ('x TXT "' + "y" * 256, "expected at most 255"),
        ("DELAY=soon x A 192.0.2.1", "DELAY"),
        ("TTL=-1 x A 192.0.2.1", "TTL"),
        ("DNSSEC", "no record type"),
        ("a..b A 192.0.2.1", "empty label"),
        ("www.example.net. A 192.0.2.1", "expected a name in it"),
    ],
)
def test_bad_line_is_named_with_what_was_expected(line: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected) as caught:
        fakens_zones({"db.test": f"; first\n{line}\n"})
    assert (caught.value.path, caught.value.line) == ("db.test", 2)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["zone.test", "db.", "db.a..b", "qualify."])
def test_bad_file_name_is_named(name: str) -> None:
    with pytest.raises(InputError):
        fakens_zones({name: ""})


def test_second_qualify_file_is_refused() -> None:
    with pytest.raises(InputError, match="second qualify"):
        fakens_zones({"qualify.a": "", "qualify.b": ""})


words = st.sampled_from(
    ["DNSSEC ", "AA ", "NXDOMAIN ", "DELAY=5 ", "TTL=1 ", " ", "\t", "\n", "A", "MX", "TXT", "SRV", "SOA",
     "TLSA", "CNAME", "x", "a.b.", "*", "1", "3 1 1 ", "00ff", "@cert:a", '"', ";", "#", "\\", "192.0.2.1",
     "::1", "é"]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(words, max_size=30).map("".join)))
@example("x A \x00192.0.2.1")
def test_any_text_is_zones_or_an_input_error(text: str) -> None:
    try:
        zones = fakens_zones({"db.test": text})
    except InputError as error:
        problem = error
    else:
        assert all(zones.answer(name, "A").answer.rcode in ("NOERROR", "FORMERR") for name in zones.owners())
        return
    assert problem.line is not None
    assert "\n" not in str(problem)


# ---- folders -------------------------------------------------------------------------------------------


def test_folder_is_read_without_what_is_no_zone_file(tmp_path: Path) -> None:
    (tmp_path / "db.ip4.10").write_text("1.0.0 PTR me.test.\n")
    (tmp_path / "README").write_text("not a zone")
    zones = load_fakens_dir(tmp_path)
    assert data(zones, "1.0.0.10.in-addr.arpa", "PTR") == ["me.test"]


def test_error_in_a_folder_names_the_whole_path(tmp_path: Path) -> None:
    (tmp_path / "db.test").write_text("\nx A nonsense\n")
    with pytest.raises(InputError) as caught:
        load_fakens_dir(tmp_path)
    assert (caught.value.path, caught.value.line) == (str(tmp_path / "db.test"), 2)


def test_text_that_is_not_utf8_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "db.test").write_bytes(b"; one\nx TXT \xff\n")
    with pytest.raises(InputError, match="0xff; expected UTF-8") as caught:
        load_fakens_dir(tmp_path)
    assert caught.value.line == 2


@pytest.mark.parametrize("folder", ["missing", "."])
def test_folder_without_zone_files_is_refused(tmp_path: Path, folder: str) -> None:
    with pytest.raises(InputError, match="expected"):
        load_fakens_dir(tmp_path / folder)


def test_zones_of_very_many_lines_are_given_up() -> None:
    text = "a A 192.0.2.1\n" * 50_001
    with pytest.raises(InputError, match="more than 50,000 lines"):
        fakens_zones({"db.test.ex": text})


def test_a_master_file_under_the_name_of_a_zone_of_the_suite_is_told_so() -> None:
    with pytest.raises(
        InputError, match=r"\$ORIGIN belongs into a master file; .* ZONE\.zone, not db\.ZONE"
    ) as caught:
        fakens_zones({"db.test": "$ORIGIN test.\n@ A 192.0.2.1"})
    assert (caught.value.path, caught.value.line) == ("db.test", 1)
