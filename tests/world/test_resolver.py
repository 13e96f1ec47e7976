"""The stub resolver, against the name server and against servers that misbehave."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eximsim.ports import DnsAnswer, DnsRecord
from eximsim.world import names, wire
from eximsim.world.nameserver import NameServer
from eximsim.world.resolver import query
from eximsim.world.zones import Zones, fakens_zones, rrset_zones

ANSWER = (DnsRecord("mx.test", "A", "192.0.2.1", 60),)


def ask(port: int, name: str, type: str) -> DnsAnswer:
    return query("127.0.0.1", port, name, type, timeout=10, tries=1, dnssec=True)


# ---- what the zones say is what the resolver gets ------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[NameServer]:
    with NameServer(rrset_zones([])) as server:
        yield server


def assert_same(server: NameServer, zones: Zones, questions: list[tuple[str, str]]) -> None:
    server.zones = zones
    for name, type in questions:
        assert ask(server.port, name, type) == zones.answer(name, type).answer


label = st.one_of(
    st.sampled_from(["mx", "_25", "_tcp", "Host", "a-b"]),
    st.text(min_size=1, max_size=6).map(lambda t: t.upper()),
)
name = st.lists(label, max_size=4).map(lambda parts: names.to_text(tuple(p.encode() for p in parts)))
octets = st.binary(max_size=40).map(bytes.hex)
word = st.integers(0, 0xFFFF)
DATA = {
    "A": st.ip_addresses(v=4).map(str),
    "AAAA": st.ip_addresses(v=6).map(str),
    "CNAME": name,
    "PTR": name,
    "NS": name,
    "MX": st.tuples(word, name).map(list),
    "SRV": st.tuples(word, word, word, name).map(list),
    "TLSA": octets,
    "TXT": octets,
    "TYPE65280": octets,
}


@st.composite
def rrsets(draw: st.DrawFn) -> dict[str, object]:
    type = draw(st.sampled_from(sorted(DATA)))
    rcode = draw(
        st.sampled_from(["NOERROR", "NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED", "NOTIMP", "FORMERR"])
    )
    most = 0 if rcode != "NOERROR" else 1 if type == "CNAME" else 3
    return {
        "name": draw(name),
        "type": type,
        "rcode": rcode,
        "data": draw(st.lists(DATA[type], max_size=most)),
        "ad": draw(st.booleans()),
        "tc": draw(st.booleans()),
        "ttl": draw(st.integers(0, 0x7FFFFFFF)),
    }


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(rrsets(), min_size=1, max_size=4, unique_by=lambda r: (str(r["name"]).lower(), r["type"])), name
)
def test_rrsets_come_through_unchanged(server: NameServer, zone: list[dict[str, object]], other: str) -> None:
    questions = [(str(rrset["name"]), str(rrset["type"])) for rrset in zone]
    assert_same(server, rrset_zones(zone), [*questions, (str(zone[0]["name"]), "MX"), (other, "A")])


def test_fakens_zone_comes_through_unchanged(server: NameServer) -> None:
    zone = """\
test.  NS  ns.test.
       SOA ns host.test 1 2 3 4 5
DNSSEC Mx  MX 5 Host
AA Host A 192.0.2.1
       AAAA ::ffff:192.0.2.1
TTL=0 alias CNAME mx.π.ex.
_x._tcp SRV 1 2 3 .
text   TXT "one" ""
_25._tcp.mx TLSA 3 1 1 00ff
DNSSEC NXDOMAIN none A 192.0.2.1
"""
    zones = fakens_zones({"db.test": zone, "qualify.test": ""})
    questions = [
        (owner, type)
        for owner in [*zones.owners(), "host", "nosuch.test", "other.ex", "x.test.fail.dns", "test.again.dns"]
        for type in ("A", "AAAA", "MX", "NS", "SOA", "SRV", "TXT", "TLSA", "CNAME", "PTR")
    ]
    assert_same(server, zones, [*questions, ("manyhome.test.ex", "A")])


@pytest.mark.parametrize(("name", "type"), [("a..b", "A"), ("x" * 64, "A"), ("mx.test", "no type")])
def test_what_cannot_be_asked_is_a_format_error(server: NameServer, name: str, type: str) -> None:
    assert ask(server.port, name, type) == DnsAnswer("FORMERR")


# ---- servers that misbehave ----------------------------------------------------------------------------


@contextmanager
def answering(replies: Callable[[wire.Message], list[bytes]]) -> Iterator[int]:
    """A UDP server that sends ``replies(request)`` to the first request; yields its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)

        def serve() -> None:
            octets, client = sock.recvfrom(4096)
            for reply in replies(wire.unpack(octets)):
                sock.sendto(reply, client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            thread.join()


def reply_to(request: wire.Message, **changes: object) -> bytes:
    message = replace(request, response=True, ra=True, ad=False, answers=ANSWER, edns=None)
    return wire.pack(replace(message, **changes))  # type: ignore[arg-type]


def test_stray_datagrams_are_waited_past() -> None:
    def replies(request: wire.Message) -> list[bytes]:
        wrong = (DnsRecord("mx.test", "A", "192.0.2.66", 60),)
        return [
            b"junk that is long enough",
            reply_to(request, id=request.id ^ 1, answers=wrong),
            reply_to(request, questions=(wire.Question("other.test", "A"),), answers=wrong),
            reply_to(request, questions=(wire.Question("mx.test", "MX"),), answers=wrong),
            reply_to(request, questions=(), answers=wrong),
            reply_to(request),
        ]

    with answering(replies) as port:
        assert ask(port, "mx.test", "A").answers == ANSWER


def test_question_may_come_back_in_another_case() -> None:
    def replies(request: wire.Message) -> list[bytes]:
        return [reply_to(request, questions=(wire.Question("MX.TEST", "A"),))]

    with answering(replies) as port:
        assert ask(port, "mx.test", "A").answers == ANSWER


@pytest.mark.parametrize("rcode", ["SERVFAIL", "NOTIMP", "REFUSED"])
def test_a_rejection_may_come_without_a_question(rcode: str) -> None:
    with answering(lambda request: [reply_to(request, questions=(), answers=(), rcode=rcode)]) as port:
        assert ask(port, "mx.test", "A") == DnsAnswer(rcode)


@pytest.mark.parametrize("octets", [b"", b"junk"])
def test_a_datagram_without_a_header_ends_the_try(octets: bytes) -> None:
    with answering(lambda request: [octets, reply_to(request)]) as port:
        assert ask(port, "mx.test", "A") == DnsAnswer("TIMEOUT")


@pytest.mark.parametrize("dnssec", [True, False])
def test_query_sets_ad_always_and_do_when_asked(dnssec: bool) -> None:
    seen: list[wire.Message] = []

    def replies(request: wire.Message) -> list[bytes]:
        seen.append(request)
        return [reply_to(request)]

    with answering(replies) as port:
        query("127.0.0.1", port, "mx.test", "A", timeout=10, tries=1, dnssec=dnssec)
    (request,) = seen
    assert (request.rd, request.ad, request.edns and request.edns.dnssec_ok) == (True, True, dnssec)


def test_truncated_reply_without_tcp_is_no_answer() -> None:
    with answering(lambda request: [reply_to(request, tc=True, answers=())]) as port:
        assert ask(port, "mx.test", "A") == DnsAnswer("TIMEOUT")


def test_port_where_nobody_listens_is_a_timeout() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    assert ask(port, "mx.test", "A") == DnsAnswer("TIMEOUT")


def test_every_try_is_a_query() -> None:
    received = threading.Semaphore(0)
    with NameServer(
        rrset_zones([{"name": "a", "type": "A", "drop": True}]), on_query=lambda *_: received.release()
    ) as s:
        assert query(s.address, s.port, "a", "A", timeout=0.01, tries=3, dnssec=True) == DnsAnswer("TIMEOUT")
        assert all(received.acquire(timeout=10) for _ in range(3))
