"""The smallest situation with a property is found by leaving out whatever it does not need."""

from __future__ import annotations

from eximsim.errors import InputError
from eximsim.fuzz.answers import rrset
from eximsim.fuzz.examples import examples
from eximsim.fuzz.shrink import least
from eximsim.fuzz.worlds import situations
from eximsim.suite.recording import Situation

BIG = Situation(
    id="r1-1",
    group="random",
    params={"from": "somewhere"},
    recipients=("a@one.test.ex", "b@two.test.ex"),
    zone=(
        rrset("one.test.ex", "MX", [[10, "h1-a.test.ex"], [20, "h2-a.test.ex"]], ad=False),
        rrset("two.test.ex", "MX", [[10, "h1-a.test.ex"]]),
        rrset("h1-a.test.ex", "A", ["10.9.1.1"], delay=2.0),
        rrset("h2-a.test.ex", "A", ["10.9.2.1"]),
        rrset("_1225._tcp.h2-a.test.ex", "TLSA", ["3 1 1 @cert:good", "2 0 1 @cert:root"]),
    ),
    main={"dns_again_means_nonexist": "*"},
    router={"dnssec_request_domains": "*"},
    transport={"hosts_try_dane": "*", "hosts_require_tls": "*"},
    servers={"10.9.1.1": {"banner": "554 no", "chain": "expired"}, "10.9.2.1": "st454"},
    kinds=("delivery",),
    queuerun="-q",
)


def test_all_that_does_not_matter_goes() -> None:
    found = least(BIG, lambda situation: situation.transport.get("hosts_try_dane") == "*")
    assert found.transport == {"hosts_try_dane": "*"}
    assert (found.main, found.router, found.params, found.queuerun, found.id) == ({}, {}, {}, None, "")
    assert len(found.recipients) == len(found.zone) == len(found.servers) == 1
    assert set(found.servers.values()) == {"ok"}


def test_what_matters_stays_and_is_made_plain() -> None:
    def holds(situation: Situation) -> bool:
        tlsa = [entry for entry in situation.zone if entry["type"] == "TLSA"]
        return bool(tlsa) and "3 1 1 @cert:good" in tlsa[0]["data"]  # type: ignore[operator]

    (entry,) = least(BIG, holds).zone
    assert entry["data"] == ["3 1 1 @cert:good"]


def test_a_host_goes_with_all_that_is_said_about_it() -> None:
    found = least(BIG, lambda situation: "10.9.2.1" in situation.servers and len(situation.zone) >= 3)
    assert list(found.servers) == ["10.9.2.1"]
    assert not any("h1-a" in str(entry) for entry in found.zone)


def test_one_part_of_a_script_is_left_if_it_is_needed() -> None:
    def holds(situation: Situation) -> bool:
        return any("banner" in server for server in situation.servers.values() if not isinstance(server, str))

    assert least(BIG, holds).servers == {"10.9.1.1": {"banner": "554 no"}}


def test_what_cannot_be_judged_does_not_count() -> None:
    def holds(situation: Situation) -> bool:
        if not situation.router:
            raise InputError("no router settings")
        return True

    assert least(BIG, holds).router == BIG.router


def test_no_more_situations_are_tried_than_allowed() -> None:
    asked = 0

    def holds(_: Situation) -> bool:
        nonlocal asked
        asked += 1
        return True

    least(BIG, holds, most=5)
    assert asked <= 5


def test_the_smallest_has_nothing_left_to_leave_out() -> None:
    (start,) = (made.value for made in examples(situations(), 1, seed=3))
    found = least(start, lambda _: True)
    assert least(found, lambda _: True) == found
