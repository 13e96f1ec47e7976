"""DNS messages on the wire."""

from __future__ import annotations

import dnslib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.ports import DnsRecord
from eximsim.world import rdata, wire

QUESTION = wire.Question("Mx.Test", "MX")


def test_message_comes_back_as_it_was() -> None:
    message = wire.Message(
        7,
        response=True,
        aa=True,
        rd=True,
        ra=True,
        ad=True,
        rcode="NXDOMAIN",
        questions=(QUESTION,),
        answers=(DnsRecord("Mx.Test", "MX", (5, "Host.Mx.Test"), 1), DnsRecord("x", "TLSA", b"\x03", 2)),
        authority=(DnsRecord("", "SOA", rdata.soa("a.test", "b.test", (1, 2, 3, 4, 5)), 9),),
        edns=wire.Edns(1232, 0, True),
    )
    assert wire.unpack(wire.pack(message)) == message


def test_extended_rcode_is_split_between_header_and_opt() -> None:
    octets = wire.pack(wire.Message(1, rcode="BADVERS", edns=wire.Edns(512)))
    assert octets[3] & 0xF == 0
    assert wire.unpack(octets).rcode == "BADVERS"


def test_names_beyond_the_reach_of_pointers_are_written_out() -> None:
    records = tuple(
        DnsRecord("owner.test", "MX", (0, f"host{i}.part{i % 7}.example"), 1) for i in range(1500)
    )
    message = wire.Message(1, response=True, questions=(QUESTION,), answers=records)
    octets = wire.pack(message)
    assert len(octets) > 0x4000
    assert wire.unpack(octets) == message


def test_dnslib_reads_what_we_write() -> None:
    message = wire.Message(1, questions=(QUESTION,), answers=(DnsRecord("Mx.Test", "MX", (5, "h.Test"), 1),))
    parsed = dnslib.DNSRecord.parse(wire.pack(message))
    assert str(parsed.q.qname) == "Mx.Test."
    assert str(parsed.rr[0].rdata) == "5 h.Test."


def test_soa_with_compressed_names_is_spelled_out() -> None:
    record = dnslib.DNSRecord(dnslib.DNSHeader(id=1), q=dnslib.DNSQuestion("zone.test", 6))
    record.add_answer(
        dnslib.RR("zone.test", 6, rdata=dnslib.SOA("ns.zone.test", "m.zone.test", (1, 2, 3, 4, 5)))
    )
    (answer,) = wire.unpack(bytes(record.pack())).answers
    assert answer.data == rdata.soa("ns.zone.test", "m.zone.test", (1, 2, 3, 4, 5))


def test_records_of_other_classes_are_left_out() -> None:
    record = dnslib.DNSRecord(dnslib.DNSHeader(id=1))
    record.add_answer(dnslib.RR("x", 16, rclass=3, rdata=dnslib.TXT("a")))
    assert wire.unpack(bytes(record.pack())).answers == ()


@pytest.mark.parametrize("number", [1, 15, 52, 53, 55, 99, 65280])
def test_type_names_give_their_numbers_back(number: int) -> None:
    assert rdata.type_number(rdata.type_name(number)) == number


@pytest.mark.parametrize("text", ["", "TYPE", "TYPE65536", "TYPEx", "mx", "TYPE²"])
def test_what_is_no_type_is_a_key_error(text: str) -> None:
    with pytest.raises(KeyError):
        rdata.type_number(text)


def test_rcode_without_a_name_is_numbered() -> None:
    assert wire.rcode_name(23) == "RCODE23"


HEADER = b"\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\x00\x00"


@given(st.one_of(st.binary(), st.binary().map(HEADER.__add__)))
def test_any_octets_are_a_message_or_a_bad_message(octets: bytes) -> None:
    try:
        message = wire.unpack(octets)
    except wire.BadMessage:
        return
    assert wire.unpack(octets) == message


@given(st.integers(0, 400), st.integers(0, 255))
def test_any_damage_to_a_reply_is_a_message_or_a_bad_message(position: int, octet: int) -> None:
    records = (
        DnsRecord("a.test", "CNAME", "mx.test", 1),
        DnsRecord("mx.test", "MX", (1, "a.test"), 1),
        DnsRecord("_x.mx.test", "SRV", (1, 2, 3, "a.test"), 1),
        DnsRecord("a.test", "A", "192.0.2.1", 1),
    )
    octets = bytearray(
        wire.pack(wire.Message(1, questions=(QUESTION,), answers=records, edns=wire.Edns(512)))
    )
    octets[position % len(octets)] = octet
    try:
        message = wire.unpack(bytes(octets))
    except wire.BadMessage:
        return
    assert wire.unpack(bytes(octets)) == message


def test_pointers_in_a_circle_end() -> None:
    for a in range(12, 40):
        octets = HEADER + b"\x01x" + bytes([0xC0, a]) + b"\x01y\x01z" + b"\xc0\x0e\xc0\x10\xc0\x0c" * 3
        with pytest.raises(wire.BadMessage):
            wire.unpack(octets)
