"""The load that a program finds under Exim's own test suite: what its test 0561 shows."""

import pytest

from tests.mta.front import Front

MAIN = """acl_smtp_rcpt = accept
acl_smtp_data = ${if eq{$sender_address}{held@d.ex}{freeze_it}{accept}}
"""
ROUTER = "begin routers\nr:\n driver = redirect\n data = :blackhole:\n"
ACL = "begin acl\nfreeze_it:\n accept control = freeze/no_tell\n"


def waits(setting: str, *senders: str, tested: bool = True) -> list[str]:
    front = Front(f"{setting}\n{MAIN}{ACL}")
    front.machine.test_harness = tested
    commands = [
        line
        for sender in senders
        for line in (f"MAIL FROM:<{sender}>", "RCPT TO:<b@d.ex>", "DATA", "x: y", "", ".")
    ]
    front.smtp("HELO x", *commands, "QUIT", argv=())
    return [line.partition(" ")[2] for line in front.log() if "no immediate" in line]


WAITS = "no immediate delivery: load average 0.0"


def test_a_program_that_is_tested_finds_a_little_more_load_each_time_that_it_looks() -> None:
    one, two = "a@d.ex", "b@d.ex"
    assert waits("queue_only_load = 0.001\nqueue_only_load_latch = false", one, two) == [
        f"{WAITS}1",
        f"{WAITS}2",
    ]
    assert waits("queue_only_load = 0.01\nqueue_only_load_latch = false", one, two) == [f"{WAITS}2"]
    assert waits("queue_only_load = 0.001", one, two, tested=False) == []


def test_once_a_message_waits_for_the_load_those_after_it_in_its_session_do() -> None:
    assert waits("queue_only_load = 0.001", "a@d.ex", "b@d.ex") == [f"{WAITS}1", f"{WAITS}1"]


@pytest.mark.parametrize("sender", ["held@d.ex", "a@d.ex"])
def test_a_message_that_is_frozen_anyway_waits_for_the_load_too(sender: str) -> None:
    assert waits("queue_only_load = 0.001", sender) == [f"{WAITS}1"]


def test_a_message_that_comes_without_smtp_waits_as_well() -> None:
    front = Front(f"queue_only_load = 0.001\n{MAIN}{ACL}")
    front.machine.test_harness = True
    front.exim("a@d.ex", stdin="x: y\n\n")
    assert front.log()[1:] == [f"{front.machine.spool.ids()[0]} {WAITS}1"]
