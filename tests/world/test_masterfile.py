"""Zones in the master format of RFC 1035."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import InputError, Unsupported
from eximsim.ports import DnsRecord, RData
from eximsim.world.zones import ResolvedZones, master_zones

ZONE = r"""
$ORIGIN example.net.
$TTL 1h
$SECURE on
@       IN SOA ns host\.master ( 1   ; serial
            1h 10m 1d 90 )
        NS ns
ns 60   A  192.0.2.1
Mail    IN 300 MX 10 Host
host    A  192.0.2.2
        AAAA 2001:db8::1
        A  192.0.2.2
alias   CNAME alias2
alias2  CNAME host
loop    CNAME loop
away    CNAME www.example.org.
_25._tcp.host TLSA 3 1 1 (
          00ff
          AA )
text    TXT "a \"quoted\" word" bare \065\; "" ; comment
srv     SRV 1 2 25 host
generic TYPE65280 \# 3 01 0203
known   A \# 4 C0000203
$SECURE off
insecure A 192.0.2.4
mixed   CNAME insecure
*.wild  A  192.0.2.5
*       CNAME host
"""


@pytest.fixture(scope="module")
def zones() -> ResolvedZones:
    return master_zones({"example.zone": ZONE})


def data(zones: ResolvedZones, name: str, type: str) -> list[RData]:
    return [record.data for record in zones.answer(name, type).answer.answers]


@pytest.mark.parametrize(
    ("name", "type", "expected"),
    [
        ("mail", "MX", [(10, "Host.example.net")]),
        ("host", "A", ["192.0.2.2"]),
        ("host", "AAAA", ["2001:db8::1"]),
        ("_25._tcp.host", "TLSA", [b"\x03\x01\x01\x00\xff\xaa"]),
        ("text", "TXT", [b'\x0fa "quoted" word\x04bare\x02A;\x00']),
        ("srv", "SRV", [(1, 2, 25, "host.example.net")]),
        ("generic", "TYPE65280", [b"\x01\x02\x03"]),
        ("known", "A", ["192.0.2.3"]),
    ],
)
def test_record_data_is_read(zones: ResolvedZones, name: str, type: str, expected: list[RData]) -> None:
    assert data(zones, f"{name}.example.net", type) == expected


def test_owner_and_ttl(zones: ResolvedZones) -> None:
    assert zones.answer("MAIL.example.net", "MX").answer.answers == (
        DnsRecord("Mail.example.net", "MX", (10, "Host.example.net"), 300),
    )
    assert [r.ttl for r in zones.answer("ns.example.net", "A").answer.answers] == [60]
    assert [r.ttl for r in zones.answer("host.example.net", "A").answer.answers] == [3600]


def test_escaped_dot_in_the_mailbox_stays_in_its_label(zones: ResolvedZones) -> None:
    (soa,) = data(zones, "example.net", "SOA")
    assert isinstance(soa, bytes)
    assert b"\x0bhost.master\x07example\x03net\x00" in soa
    assert soa.endswith(b"".join(n.to_bytes(4, "big") for n in (1, 3600, 600, 86400, 90)))


def test_cname_chain_is_followed_to_its_end(zones: ResolvedZones) -> None:
    answer = zones.answer("alias.example.net", "A").answer
    assert [(r.type, r.data) for r in answer.answers] == [
        ("CNAME", "alias2.example.net"),
        ("CNAME", "host.example.net"),
        ("A", "192.0.2.2"),
    ]
    assert answer.ad
    assert data(zones, "alias.example.net", "CNAME") == ["alias2.example.net"]


def test_chain_is_as_secure_as_its_weakest_part(zones: ResolvedZones) -> None:
    answer = zones.answer("mixed.example.net", "A").answer
    assert ([r.data for r in answer.answers], answer.ad) == (["insecure.example.net", "192.0.2.4"], False)


def test_chain_out_of_the_world_ends_in_nothing_insecure(zones: ResolvedZones) -> None:
    answer = zones.answer("away.example.net", "A").answer
    assert (answer.rcode, answer.ad, len(answer.answers)) == ("NXDOMAIN", False, 1)


def test_chain_without_end_is_a_failure(zones: ResolvedZones) -> None:
    assert zones.answer("loop.example.net", "A").answer.rcode == "SERVFAIL"


def test_negative_answer_has_the_soa_for_its_minimum_and_its_security(zones: ResolvedZones) -> None:
    answer = zones.answer("host.example.net", "MX").answer
    assert (answer.rcode, answer.ad, answer.answers) == ("NOERROR", True, ())
    assert [(r.name, r.type, r.ttl) for r in answer.authority] == [("example.net", "SOA", 90)]


def test_name_that_only_has_names_below_it_is_known(zones: ResolvedZones) -> None:
    answer = zones.answer("_tcp.host.example.net", "A").answer
    assert (answer.rcode, answer.ad) == ("NOERROR", True)
    assert answer.answers == ()


def test_wildcard_answers_below_its_closest_encloser_only(zones: ResolvedZones) -> None:
    answer = zones.answer("a.b.wild.example.net", "A").answer
    assert [(r.name, r.data) for r in answer.answers] == [("a.b.wild.example.net", "192.0.2.5")]
    assert zones.answer("a.wild.example.net", "MX").answer.rcode == "NOERROR"
    assert data(zones, "new.example.net", "A") == ["host.example.net", "192.0.2.2"]
    assert zones.answer("x.host.example.net", "A").answer.rcode == "NXDOMAIN"


def test_zone_is_insecure_unless_it_says_otherwise() -> None:
    zones = master_zones({"z": "$ORIGIN t.\n@ 5 SOA a b 1 2 3 4 5\nx 5 A 192.0.2.1\n"})
    assert not zones.answer("x.t", "A").answer.ad
    assert not zones.answer("y.t", "A").answer.ad


def test_directives_end_with_their_file() -> None:
    zones = master_zones({"a": "$SECURE on\n$TTL 5\n$ORIGIN a.\nx A 192.0.2.1", "b": "x.b. 5 A 192.0.2.2"})
    assert zones.answer("x.a", "A").answer.ad
    assert not zones.answer("x.b", "A").answer.ad


def test_certificate_reference_is_read() -> None:
    zones = master_zones({"z": "mx. 5 TLSA 3 0 0 @cert:good"}, {"good": b"DER"}.__getitem__)
    assert zones.answer("mx", "TLSA").answer.answers[0].data == b"\x03\x00\x00DER"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x 5 A 192.0.2.1", r"relative name 'x' without \$ORIGIN"),
        (" 5 A 192.0.2.1", "no owner name"),
        ("x. A 192.0.2.1", "no TTL"),
        ("x. 5", "no record type"),
        ("x. 5 CH A 192.0.2.1", "class CH; expected IN"),
        ("x. 5h5 A 192.0.2.1", "TTL is '5h5'"),
        ("x. 9999999999 A 192.0.2.1", "TTL is '9999999999'"),
        ("x. 5 NAPTR 1", "record type NAPTR is not known here"),
        ("x. 5 A 192.0.2", "expected an IPv4 address"),
        ("x. 5 SOA a. b. 1 2 3 4 later", "SOA time is 'later'"),
        (r"x. 5 A \# 4 0102", r"2 octets after \\# 4"),
        (r"x. 5 A \# 2 0102", "A data of 2 octets; expected 4"),
        (r"x. 5 MX \# 1 01", "not the RDATA of a record of type MX"),
        (r"x. 5 TYPE70000 \# 0", "record type 'TYPE70000'"),
        (r"x. 5 TXT \300", r"\\300 in a string"),
        ('x. 5 TXT "open', "string without closing quote"),
        ("x. 5 TXT (a (b))", "second opening parenthesis"),
        ("x. 5 TXT a)", "closing parenthesis"),
        ("x. 5 TXT (a", "never closed"),
        ("x. 5 TXT a\\", "backslash at the end"),
        ("$GENERATE 1-2 x A 192.0.2.1", r"expected \$ORIGIN, \$TTL, \$SECURE or \$ANSWER"),
        ("$TTL", "TTL with 0 arguments"),
        ("$SECURE maybe", "expected on or off"),
        ("a..b. 5 A 192.0.2.1", "empty label"),
        ("x. 5 CNAME y.\nx. 5 CNAME z.", "second CNAME for x"),
        ("x. 5 SOA a. b. 1 2 3 4 5\nx. 5 SOA a. b. 2 2 3 4 5", "second SOA for x"),
        ("x. 5 CNAME y.\nX. 5 A 192.0.2.1", "x has a CNAME and other records"),
    ],
)
def test_bad_line_is_named_with_what_was_expected(line: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected) as caught:
        master_zones({"z": f"; first\n{line}\n"})
    assert caught.value.path == "z"
    assert caught.value.line in (2, 3)
    assert "\n" not in str(caught.value)


def test_include_is_not_modelled() -> None:
    with pytest.raises(Unsupported, match=r"\$INCLUDE in a zone file \(z:1\)"):
        master_zones({"z": "$INCLUDE other"})


words = st.sampled_from(
    ["$ORIGIN t.\n", "$TTL 5\n", "$SECURE on\n", " ", "\t", "\n", "A", "MX", "TXT", "SRV", "SOA", "TLSA",
     "CNAME", "IN", "x", "a.b.", "@", "*", "1", "1h", "3 1 1 ", "00ff", "@cert:a", '"', ";", "(", ")", "\\",
     "\\#", "\\999", "TYPE9", "192.0.2.1", "::1", "é"]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(words, max_size=30).map("".join)))
def test_any_text_is_zones_or_an_input_error(text: str) -> None:
    try:
        zones = master_zones({"z": text})
    except InputError as error:
        problem = error
    else:
        assert all(zones.answer(name, "ANY").answer.rcode != "FORMERR" for name in zones.owners())
        return
    assert problem.line is not None
    assert "\n" not in str(problem)


# ---- what no record can say -----------------------------------------------------------------------------

ANSWERS = """\
$ORIGIN test.ex.
$TTL 60
@ SOA ns host 1 2 3 4 5
mx A 10.0.0.1
$ANSWER _25._tcp.mx TLSA servfail
$ANSWER slow A TIMEOUT
$ANSWER no.other.ex. MX REFUSED
"""


@pytest.mark.parametrize(
    ("name", "type", "rcode", "drop"),
    [
        ("_25._tcp.mx.test.ex", "TLSA", "SERVFAIL", False),
        ("slow.test.ex", "A", "TIMEOUT", True),
        ("no.other.ex", "MX", "REFUSED", False),
        ("slow.test.ex", "MX", "NOERROR", False),
        ("mx.test.ex", "A", "NOERROR", False),
    ],
)
def test_a_question_can_fail_or_stay_unanswered(name: str, type: str, rcode: str, drop: bool) -> None:
    reply = master_zones({"z": ANSWERS}).answer(name, type)
    assert (reply.answer.rcode, reply.drop) == (rcode, drop)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("$ANSWER mx A SERVFAIL", "z:8: $ANSWER for mx.test.ex A, which has records or another answer"),
        ("$ANSWER slow A SERVFAIL", "z:8: $ANSWER for slow.test.ex A, which has records or another answer"),
        ("$ANSWER a A NOERROR", "z:8: $ANSWER; expected NAME TYPE and one of FORMERR, SERVFAIL, "),
        ("$ANSWER a A", "z:8: $ANSWER; expected NAME TYPE and one of "),
        ("$ANSWER a FOO SERVFAIL", "z:8: record type 'FOO'"),
    ],
)
def test_an_answer_that_says_nothing_clear_is_an_error(line: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        master_zones({"z": f"{ANSWERS}{line}\n"})
    assert str(caught.value).startswith(message)


def test_zones_of_very_many_lines_are_given_up() -> None:
    text = "a A 192.0.2.1\n" * 50_001
    with pytest.raises(InputError, match="more than 50,000 lines"):
        master_zones({"a.zone": text})
