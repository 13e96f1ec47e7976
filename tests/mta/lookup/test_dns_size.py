from __future__ import annotations

import pytest
from dnslib import MX, QTYPE, RR, SRV, A, DNSHeader, DNSQuestion, DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from eximsim.mta.lookup.dns_size import BUFFER, cut_to_buffer, places
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.ports import DnsAnswer, DnsRecord, RData

LABEL = st.text("abcdef", min_size=1, max_size=30)
NAME = st.lists(LABEL, min_size=1, max_size=4).map(".".join)
HOSTS = st.lists(st.tuples(st.sampled_from(["MX", "SRV", "A"]), NAME, NAME), min_size=1, max_size=8)


def many(count: int, host: str = "m{}-long-name-of-a-host.test.ex") -> DnsAnswer:
    answers = tuple(DnsRecord("one.test.ex", "MX", (i, host.format(i))) for i in range(1, count + 1))
    authority = (DnsRecord("test.ex", "NS", "ns.test.ex"),)
    return DnsAnswer("NOERROR", aa=True, answers=answers, authority=authority)


def test_an_answer_that_fits_is_left_as_it_is() -> None:
    assert cut_to_buffer(many(50), "one.test.ex") == many(50)


def test_of_an_answer_that_is_too_long_the_rest_is_not_there() -> None:
    seen = cut_to_buffer(many(60), "one.test.ex")
    assert seen.answers[:50] == many(50).answers
    assert seen.authority == ()


def test_an_mx_record_that_is_cut_names_the_host_before_it() -> None:
    seen = cut_to_buffer(many(60), "one.test.ex")
    assert [record.data for record in seen.answers[49:]] == [
        (50, "m50-long-name-of-a-host.test.ex"),
        (51, "m50-long-name-of-a-host.test.ex"),
    ]


def test_data_that_are_read_past_the_buffer_are_undefined() -> None:
    answer = DnsAnswer("NOERROR", answers=(DnsRecord("a.ex", "TXT", b"\xffx" * BUFFER),))
    with pytest.raises(UndefinedBehaviour, match="beyond the 2048 octets"):
        cut_to_buffer(answer, "a.ex")


@given(NAME, HOSTS)
def test_octets_are_counted_as_a_name_server_packs_them(name: str, hosts: list[tuple[str, str, str]]) -> None:
    message = DNSRecord(DNSHeader(), q=DNSQuestion(name, QTYPE.A))
    records = []
    for type, owner, host in hosts:
        data = {"MX": MX(host, 1), "SRV": SRV(1, 2, 3, host), "A": A("10.0.0.1")}[type]
        ours: dict[str, RData] = {"MX": (1, host), "SRV": (1, 2, 3, host), "A": "10.0.0.1"}
        message.add_answer(RR(owner, getattr(QTYPE, type), rdata=data))
        records.append(DnsRecord(owner, type, ours[type]))
    *_, (_, end) = places(DnsAnswer("NOERROR", answers=tuple(records)), name)
    assert end == len(message.pack())
