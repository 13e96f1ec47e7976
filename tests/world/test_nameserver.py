"""The name server: what it answers to a message, and its sockets."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import InputError
from eximsim.world import accepting, nameserver, wire
from eximsim.world.accepting import Limits
from eximsim.world.messages import MAX_PAYLOAD
from eximsim.world.nameserver import NameServer, Query, Responder, describe, respond
from eximsim.world.resolver import query
from eximsim.world.zones import rrset_zones

ZONES = rrset_zones(
    [
        {"name": "mx.test", "type": "MX", "ad": True, "data": [[10, "h.test"]]},
        {"name": "tc.test", "type": "A", "ad": True, "tc": True, "data": ["192.0.2.1"]},
        {"name": "drop.test", "type": "A", "drop": True},
        {"name": "slow.test", "type": "A", "delay": 2.5, "data": ["192.0.2.1"]},
        {
            "name": "big.test",
            "type": "TXT",
            "data": ["ff" + "61" * 255, "ff" + "62" * 255, "ff" + "63" * 255],
        },
        {"name": "huge.test", "type": "TYPE700", "data": ["00" * 65535]},
    ]
)


def ask(name: str, type: str, protocol: str = "udp", **flags: object) -> wire.Message:
    request = replace(wire.Message(7, rd=True, questions=(wire.Question(name, type),)), **flags)  # type: ignore[arg-type]
    response = respond(ZONES, wire.pack(request), protocol)
    assert response.octets is not None
    return wire.unpack(response.octets)


def test_reply_repeats_id_question_and_what_the_client_wants() -> None:
    reply = ask("MX.test", "MX", cd=True)
    assert (reply.id, reply.response, reply.rd, reply.ra, reply.cd) == (7, True, True, True, True)
    assert reply.questions == (wire.Question("MX.test", "MX"),)
    assert reply.edns is None


@pytest.mark.parametrize(
    ("ad", "edns", "expected"),
    [
        (False, None, False),
        (True, None, True),
        (False, wire.Edns(1232), False),
        (False, wire.Edns(1232, 0, True), True),
    ],
)
def test_ad_is_for_those_who_ask_for_it(ad: bool, edns: wire.Edns | None, expected: bool) -> None:
    reply = ask("mx.test", "MX", ad=ad, edns=edns)
    assert reply.ad is expected
    assert reply.edns == (edns and wire.Edns(MAX_PAYLOAD, 0, edns.dnssec_ok))


def test_negative_answer_has_an_soa() -> None:
    reply = ask("nosuch.test", "A", ad=True)
    assert (reply.rcode, reply.ad) == ("NXDOMAIN", True)
    assert [record.type for record in reply.authority] == ["SOA"]


@pytest.mark.parametrize(
    ("name", "payload", "truncated"),
    [("big.test", None, True), ("big.test", 511, True), ("big.test", 1232, False), ("tc.test", 1232, True)],
)
def test_udp_reply_is_cut_when_too_big_or_told_to(name: str, payload: int | None, truncated: bool) -> None:
    edns = None if payload is None else wire.Edns(payload)
    reply = ask(name, "TXT" if name == "big.test" else "A", edns=edns, ad=True)
    assert (reply.tc, len(reply.answers) == 0) == (truncated, truncated)
    assert len(reply.questions) == 1


def test_tcp_reply_is_never_cut() -> None:
    assert len(ask("big.test", "TXT", "tcp").answers) == 3
    assert len(ask("tc.test", "A", "tcp").answers) == 1
    assert ask("huge.test", "TYPE700", "tcp").rcode == "SERVFAIL"


@pytest.mark.parametrize("type", ["ANY", "AXFR", "IXFR"])
def test_everything_at_once_is_refused(type: str) -> None:
    assert ask("mx.test", type).rcode == "REFUSED"


def test_unknown_type_is_no_data() -> None:
    reply = ask("mx.test", "TYPE4711")
    assert (reply.rcode, reply.answers) == ("NOERROR", ())


def test_other_protocol_features_are_refused_properly() -> None:
    assert ask("mx.test", "MX", opcode=4).rcode == "NOTIMP"
    assert ask("mx.test", "MX", edns=wire.Edns(1232, 1)).rcode == "BADVERS"
    assert ask("", "A", questions=(wire.Question("version.bind", "TXT", 3),)).rcode == "REFUSED"
    assert ask("", "A", questions=()).rcode == "FORMERR"
    assert ask("", "A", questions=(wire.Question("a", "A"), wire.Question("b", "A"))).rcode == "FORMERR"


@given(st.one_of(st.binary(), st.binary(min_size=9).map(b"\x12\x34\x01".__add__)))
def test_any_octets_get_a_reply_or_silence(octets: bytes) -> None:
    response = respond(ZONES, octets, "udp")
    if response.octets is not None:
        assert response.octets[:2] == octets[:2]
        assert wire.unpack(response.octets).response


def test_message_without_a_readable_question_is_a_format_error() -> None:
    response = respond(ZONES, b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xff", "udp")
    assert response.octets is not None
    reply = wire.unpack(response.octets)
    assert (reply.id, reply.rcode) == (0x1234, "FORMERR")


def test_reply_is_not_answered() -> None:
    assert respond(ZONES, wire.pack(wire.Message(1, response=True)), "udp").octets is None


@pytest.mark.parametrize(
    ("name", "type", "line"),
    [
        ("mx.test", "MX", "udp MX mx.test: NOERROR, 1 record, AD"),
        ("mx.test", "A", "udp A mx.test: NOERROR, no data, AD"),
        ("x.test", "A", "udp A x.test: NXDOMAIN, AD"),
        ("drop.test", "A", "udp A drop.test: no answer"),
        ("slow.test", "A", "udp A slow.test: NOERROR, 1 record, after 2.5 s"),
        ("tc.test", "A", "udp A tc.test: NOERROR, 1 record, AD, truncated"),
        ("", "NS", "udp NS .: NXDOMAIN, AD"),
    ],
)
def test_query_is_described_in_a_line(name: str, type: str, line: str) -> None:
    assert describe(Query(name, type, "udp"), ZONES.answer(name, type)) == line


# ---- on sockets ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1"])
def test_server_answers_over_udp_and_tcp_on_one_port(address: str) -> None:
    with NameServer(ZONES, address) as server:
        udp = query(address, server.port, "mx.test", "MX", timeout=10, tries=1, dnssec=True)
        tcp = query(address, server.port, "tc.test", "A", timeout=10, tries=1, dnssec=True)
    assert udp == ZONES.answer("mx.test", "MX").answer
    assert tcp == ZONES.answer("tc.test", "A").answer
    assert server.queries == (
        Query("mx.test", "MX", "udp"),
        Query("tc.test", "A", "udp"),
        Query("tc.test", "A", "tcp"),
    )


def test_delay_is_waited_before_the_reply() -> None:
    with NameServer(ZONES, time_scale=0.1) as server:
        began = time.monotonic()
        query(server.address, server.port, "slow.test", "A", timeout=10, tries=1, dnssec=False)
    assert 0.25 <= time.monotonic() - began < 2.5


def test_server_survives_what_is_no_message() -> None:
    with NameServer(ZONES) as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.sendto(b"junk", (server.address, server.port))
        for octets in (b"", b"\x00", b"\x00\x05xx"):
            with socket.create_connection((server.address, server.port), 10) as tcp:
                tcp.sendall(octets)
        answer = query(server.address, server.port, "mx.test", "MX", timeout=10, tries=1, dnssec=False)
    assert answer.rcode == "NOERROR"


def test_port_in_use_is_an_input_error() -> None:
    with (
        NameServer(ZONES) as first,
        pytest.raises(InputError, match="Address already in use"),
        NameServer(ZONES, port=first.port),
    ):
        pass


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1", "::", "localhost"])
def test_only_loopback_addresses_are_served(address: str) -> None:
    with pytest.raises(InputError, match="expected"):
        NameServer(ZONES, address)


def test_flag_allows_other_addresses() -> None:
    with NameServer(ZONES, "0.0.0.0", allow_nonloopback=True) as server:
        answer = query("127.0.0.1", server.port, "mx.test", "MX", timeout=10, tries=1, dnssec=False)
    assert answer.rcode == "NOERROR"


def test_dropped_query_is_seen_by_the_log_only() -> None:
    seen = threading.Semaphore(0)
    with NameServer(ZONES, on_query=lambda query, reply: seen.release()) as server:
        answer = query(server.address, server.port, "drop.test", "A", timeout=0.02, tries=2, dnssec=True)
        assert all(seen.acquire(timeout=10) for _ in range(2))
        assert server.queries == (Query("drop.test", "A", "udp"),) * 2
    assert answer.rcode == "TIMEOUT"


def frames(*questions: tuple[str, str]) -> tuple[bytes, list[bytes]]:
    """Queries as they go over TCP, and the responses to them."""
    octets = [
        wire.pack(wire.Message(number, rd=True, questions=(wire.Question(*question),)))
        for number, question in enumerate(questions)
    ]
    responses = [respond(ZONES, one, "tcp").octets or b"" for one in octets]
    return b"".join(len(one).to_bytes(2, "big") + one for one in octets), responses


def read(client: socket.socket, count: int) -> list[bytes]:
    with client.makefile("rb") as stream:
        return [stream.read(int.from_bytes(stream.read(2), "big")) for _ in range(count)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_a_connection_takes_any_number_of_queries_in_any_pieces(size: int) -> None:
    octets, responses = frames(("mx.test", "MX"), ("big.test", "TXT"), ("mx.test", "MX"), ("no.test", "A"))
    with NameServer(ZONES) as server, socket.create_connection((server.address, server.port), 10) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(octets), size):
            client.sendall(octets[start : start + size])
        assert read(client, 4) == responses
        client.sendall(octets)
        assert read(client, 4) == responses
        assert len(server.queries) == 8


def test_connections_that_say_nothing_keep_nobody_waiting() -> None:
    with NameServer(ZONES) as server:
        place = (server.address, server.port)
        idle = [socket.create_connection(place, 10) for _ in range(100)]
        began = time.monotonic()
        query(*place, "tc.test", "A", timeout=10, tries=1, dnssec=False)
        assert time.monotonic() - began < 2
        for client in idle:
            client.close()


def test_who_drips_into_a_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nameserver, "_TCP_LIMITS", Limits(step=0.3))
    monkeypatch.setattr(accepting, "_SWEEP_SECONDS", 0.05)
    with NameServer(ZONES) as server, socket.create_connection((server.address, server.port), 10) as client:
        client.settimeout(0.02)
        for _ in range(100):
            with contextlib.suppress(TimeoutError):
                client.sendall(b"\x00")
                assert client.recv(1) == b""
                return
    pytest.fail("it is still open")


def test_a_slow_answer_keeps_only_those_waiting_who_asked_for_it() -> None:
    with NameServer(ZONES, time_scale=0.4) as server:
        place = (server.address, server.port)
        slow, _ = frames(("slow.test", "A"))
        with socket.create_connection(place, 10) as client, socket.socket(type=socket.SOCK_DGRAM) as udp:
            client.sendall(slow)
            udp.sendto(slow[2:], place)
            began = time.monotonic()
            query(*place, "mx.test", "MX", timeout=10, tries=1, dnssec=False)
            query(*place, "tc.test", "A", timeout=10, tries=1, dnssec=False)
            assert time.monotonic() - began < 0.9
            assert read(client, 1)
            assert udp.recv(1000)
            assert time.monotonic() - began > 0.9


@given(st.lists(st.tuples(st.sampled_from(["mx.test", "MX.test", "tc.test", "no.test", "drop.test"]),
                          st.sampled_from(["MX", "A"]), st.integers(0, 3), st.booleans(), st.booleans(),
                          st.sampled_from(["udp", "tcp"]))))  # fmt: skip
def test_what_is_kept_is_what_would_be_said(asked: list[tuple[str, str, int, bool, bool, str]]) -> None:
    responder = Responder(ZONES)
    for name, type, id, ad, with_edns, protocol in asked:
        edns = wire.Edns(1232) if with_edns else None
        octets = wire.pack(wire.Message(id, ad=ad, edns=edns, questions=(wire.Question(name, type),)))
        assert responder.respond(octets, protocol) == respond(ZONES, octets, protocol)
