from __future__ import annotations

from collections.abc import Callable

import pytest

from eximsim.errors import InputError
from eximsim.testing import Zone
from eximsim.testing.certificates import chains
from eximsim.testing.zone import TLSA
from eximsim.world.reply import Reply, Zones
from eximsim.world.rrsets import rrset_zones


def world(zone: Zone) -> Zones:
    entries = zone.entries(lambda host: f"good/{host}")
    return rrset_zones(entries, certificate=chains().certificate)


def shown(reply: Reply) -> tuple[str, bool, list[str]]:
    return reply.answer.rcode, reply.answer.ad, [told(record.data) for record in reply.answer.answers]


def told(data: object) -> str:
    if isinstance(data, bytes):
        return " ".join(map(str, data[:3]))
    return " ".join(map(str, data)) if isinstance(data, tuple) else str(data)


def test_a_host_makes_a_domain_around_itself() -> None:
    zones = world(Zone().add("mx.example.com"))
    assert shown(zones.answer("example.com", "MX")) == ("NOERROR", True, ["10 mx.example.com"])
    assert shown(zones.answer("mx.example.com", "A")) == ("NOERROR", True, ["192.0.2.1"])
    assert shown(zones.answer("mx.example.com", "AAAA")) == ("NOERROR", True, [])


@pytest.mark.parametrize("port", [25, 465, 1225])
def test_tlsa_records_hold_for_every_port(port: int) -> None:
    rcode, secure, (data,) = shown(
        world(Zone().add("mx.example.com")).answer(f"_{port}._tcp.mx.example.com", "TLSA")
    )
    assert (rcode, secure, data) == ("NOERROR", True, "3 1 1")


@pytest.mark.parametrize("word", TLSA)
def test_each_word_for_a_tlsa_answer_has_one(word: str) -> None:
    reply = world(Zone().add("mx.example.com", tlsa=word)).answer("_25._tcp.mx.example.com", "TLSA")
    expected = {
        "nodata": ("NOERROR", 0), "nxdomain": ("NXDOMAIN", 0), "servfail": ("SERVFAIL", 0),
        "timeout": ("TIMEOUT", 0), "mixed": ("NOERROR", 2),
    }.get(word, ("NOERROR", 1))  # fmt: skip
    assert (reply.answer.rcode, len(reply.answer.answers)) == expected
    assert reply.drop == (word == "timeout")
    assert reply.answer.ad == (word not in ("insecure", "servfail", "timeout"))


def test_nothing_about_an_insecure_host_is_signed() -> None:
    zones = world(Zone().add("mx.example.com", secure=False))
    questions = [("example.com", "MX"), ("mx.example.com", "A"), ("mx.example.com", "AAAA"),
                 ("_25._tcp.mx.example.com", "TLSA")]  # fmt: skip
    assert [zones.answer(name, type).answer.ad for name, type in questions] == [False] * 4


def test_mx_and_address_can_differ_in_security() -> None:
    zones = world(Zone().add("mx.example.com", mx_secure=False).add("mx2.example.com", address_secure=False))
    assert zones.answer("mx.example.com", "A").answer.ad
    assert not zones.answer("mx2.example.com", "A").answer.ad


def test_hosts_of_a_domain_have_addresses_of_their_own() -> None:
    zone = Zone().add("mx1.example.com").add("mx2.example.com", preference=20, address="2001:db8::2")
    zones = world(zone)
    assert shown(zones.answer("example.com", "MX"))[2] == ["10 mx1.example.com", "20 mx2.example.com"]
    assert zone.addresses() == {"192.0.2.1": "mx1.example.com", "2001:db8::2": "mx2.example.com"}
    assert shown(zones.answer("mx2.example.com", "A"))[2] == []


def test_a_host_can_serve_another_domain() -> None:
    zones = world(Zone().add("mx.example.org", domain="Example.com."))
    assert shown(zones.answer("example.com", "MX"))[2] == ["10 mx.example.org"]
    assert shown(zones.answer("example.org", "MX"))[0] == "NXDOMAIN"


def test_a_host_that_is_added_again_is_changed() -> None:
    zone = Zone().add("mx.example.com").add("mx.example.com", preference=5, address="192.0.2.9")
    assert shown(world(zone).answer("example.com", "MX"))[2] == ["5 mx.example.com"]
    assert list(zone.addresses()) == ["192.0.2.9"]


def test_mx_says_all_that_a_domain_has() -> None:
    zone = (
        Zone()
        .add("old.example.com")
        .mx("example.com", "mx1.example.net", (20, "mx2.example.net"), secure=False)
    )
    reply = world(zone).answer("example.com", "MX")
    assert shown(reply) == ("NOERROR", False, ["10 mx1.example.net", "20 mx2.example.net"])


def test_record_says_what_one_answer_is() -> None:
    zone = Zone().add("mx.example.com")
    zone.record("mx.example.com", "a", rcode="SERVFAIL")
    zone.record("alias.example.com", "CNAME", "mx.example.org", ttl=60)
    zone.record("slow.example.com", "A", "192.0.2.7", delay=2.5)
    zone.record("dead.example.com", "MX", timeout=True)
    zone.record("empty.example.com", "TXT")
    zones = world(zone)
    assert zones.answer("mx.example.com", "A").answer.rcode == "SERVFAIL"
    assert zones.answer("alias.example.com", "A").answer.answers[0].ttl == 60
    assert zones.answer("slow.example.com", "A").delay == 2.5
    assert zones.answer("dead.example.com", "MX").drop
    assert shown(zones.answer("empty.example.com", "A")) == ("NOERROR", True, [])


def test_a_record_may_name_a_certificate() -> None:
    zone = Zone().record("_25._tcp.mx.example.com", "TLSA", "3 1 1 @cert:MX.example.com", "2 0 1 @cert:root")
    answers = shown(world(zone).answer("_25._tcp.mx.example.com", "TLSA"))[2]
    assert answers == ["3 1 1", "2 0 1"]


@pytest.mark.parametrize("text", ["v=spf1 -all", "", "x" * 600])
def test_a_txt_record_is_given_as_its_text(text: str) -> None:
    (record,) = world(Zone().record("example.com", "TXT", text)).answer("example.com", "TXT").answer.answers
    assert isinstance(record.data, bytes)
    octets, found = record.data, b""
    while octets:
        found, octets = found + octets[1 : 1 + octets[0]], octets[1 + octets[0] :]
    assert found.decode() == text


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Zone().add("mx"), "host 'mx': expected a name such as mx.example.com, or domain="),
        (lambda: Zone().add("mx.example.com", tlsa="broken"), "tlsa 'broken': expected match, "),
        (lambda: Zone().add("mx.example.com", address="here"), "address 'here': expected an IP address"),
        (lambda: Zone().add("mx..example.com", domain="a.b"), "name 'mx..example.com': "),
        (lambda: Zone().record("a.example.com", "A", rcode="NONE"), "rcode 'NONE': expected NOERROR"),
        (
            lambda: Zone().record("a.b", "TLSA", "3 1 1 @cert:x").entries(lambda _: None),
            "@cert:x: expected root",
        ),
        (lambda: Zone().add(3), "host is 3; expected a text"),  # type: ignore[arg-type]
        (lambda: Zone().add("mx.a.b", tlsa="3 1"), "*._tcp.mx.a.b TLSA: TLSA data is '3 1'; expected USAGE"),
        (
            lambda: Zone().add("mx.a.b", preference=70000),
            "a.b MX: MX preference is '70000'; expected",
        ),
        (lambda: Zone().add("mx.a.b", secure="no"), "secure is 'no'; expected true"),  # type: ignore[arg-type]
        (lambda: Zone().mx("a.b", (1, "c", "d")), "MX of a.b: (1, 'c', 'd'); expected a name"),  # type: ignore[arg-type]
        (lambda: Zone().record("a.b", "A", "1.2.3"), "a.b A: '1.2.3' is not an address"),
        (lambda: Zone().record("a.b", "A", delay=-1), "a.b A: delay is -1; expected seconds from 0"),
        (lambda: Zone().record("a.b", "Q", "1"), "a.b Q: type 'Q'; expected a record type"),
        (lambda: Zone().record("a.b", "SPF", "text"), "a.b SPF: SPF data is 'text'; expected hexadecimal"),
    ],
)
def test_a_mistake_is_told(wrong: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        wrong()
    assert str(caught.value).startswith(message)
