"""What the smtp transport names to a server: addresses with and without the affixes of their router."""

from itertools import chain

import pytest

from eximsim.mta.records.hints import WaitRecord
from eximsim.mta.records.spool import Message
from eximsim.mta.records.structs import Address
from eximsim.mta.transports.transport import (
    transport_check_waiting,
    transport_rcpt_address,
    transport_update_waiting,
)
from tests.mta.scenario import NEWEST, Mx, Site

AFFIXES = {"local_part_prefix": "Pre-", "local_part_suffix": "+*"}
LEFT_ON = {"rcpt_include_affixes": "true"}


def named(site: Site) -> list[str]:
    """The recipients that servers were told of."""
    return [event for _, events in site.calls for event in events if event.startswith("RCPT")]


@pytest.mark.parametrize(
    ("transport", "rcpt", "logged"),
    [({}, "Joe", "joe"), (LEFT_ON, "Pre-Joe+X", "pre-joe+x")],
    ids=["taken off", "left on"],
)
def test_a_server_is_told_of_affixes_only_if_the_transport_says_so(
    transport: dict[str, str], rcpt: str, logged: str
) -> None:
    site = Site([Mx()], router=AFFIXES, transport=transport)
    line = site.deliver("Pre-Joe+X@test.ex")[0]
    assert named(site) == [f"RCPT TO:<{rcpt}@test.ex>"]
    assert line.startswith(f"=> {logged}@test.ex <Pre-Joe+X@test.ex> ")


@pytest.mark.parametrize("release", ["4.88", NEWEST])
def test_callouts_do_with_affixes_as_deliveries_do(release: str) -> None:
    without = Site([Mx()], release, router=AFFIXES)
    without.verify("Pre-Joe+X@test.ex")
    assert named(without) == ["RCPT TO:<Joe@test.ex>"]
    kept = Site([Mx()], release, router=AFFIXES, transport=LEFT_ON)
    kept.verify("Pre-Joe+X@test.ex")
    assert named(kept) == ["RCPT TO:<Pre-Joe+X@test.ex>"]


def test_affixes_are_cut_off_the_address_as_it_was_written() -> None:
    addr = Address('"pre-a b"@test.ex', prefix="pre-", suffix=None)
    assert transport_rcpt_address(addr, include_affixes=False) == '-a b"@test.ex'


@pytest.mark.parametrize(("release", "expected"), [("4.96", ["c", "a", "b"]), ("4.98", ["b", "a", "c"])])
def test_of_the_waiting_messages_the_newest_goes_first_or_the_oldest(
    release: str, expected: list[str]
) -> None:
    site = Site(release=release)
    process = site.process()
    process.message_id = "x"
    waiting = process.machine.hints.wait.setdefault("smtp", {})
    waiting["mx1.test.ex"] = WaitRecord(["x", "gone", "b", "a", "c"])
    for name in "abc":
        process.machine.spool.add(Message(name, "", [], [], b"", 0.0))
    found = [transport_check_waiting(process, "smtp", "mx1.test.ex", lambda _: True) for _ in range(4)]
    assert found == [*expected, None]
    assert waiting == {}


def test_nothing_is_forgotten_if_no_waiting_message_will_do() -> None:
    process = Site().process()
    process.message_id = "x"
    waiting = process.machine.hints.wait.setdefault("smtp", {})
    waiting["mx1.test.ex"] = WaitRecord(["x", "a"])
    process.machine.spool.add(Message("a", "", [], [], b"", 0.0))
    assert transport_check_waiting(process, "smtp", "mx1.test.ex", lambda _: False) is None
    assert waiting["mx1.test.ex"].ids == ["x", "a"]


@pytest.mark.parametrize("release", ["4.96", "4.99"])
def test_every_one_of_many_waiting_messages_is_found_once(release: str) -> None:
    process = Site(release=release).process()
    ids = [f"{number:03}" for number in range(120)]
    for name in ids:
        process.machine.spool.add(Message(name, "", [], [], b"", 0.0))
        process.message_id = name
        for _ in range(2):
            transport_update_waiting(process, "smtp", ["mx1.test.ex"])
    waiting = process.machine.hints.wait["smtp"]
    assert sorted(waiting) == ["mx1.test.ex", "mx1.test.ex:0", "mx1.test.ex:1"]
    found = [transport_check_waiting(process, "smtp", "mx1.test.ex", lambda _: True) for _ in range(120)]
    in_turn = [ids[100:119], ids[50:100], ids[:50]]
    if release == "4.96":
        in_turn = [record[::-1] for record in in_turn]
    assert found == [*chain.from_iterable(in_turn), None]
    assert waiting == {}
