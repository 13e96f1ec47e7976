"""A callout that keeps its call open for the delivery of the message."""

from __future__ import annotations

from typing import Any

import pytest

from eximsim.errors import Unsupported
from tests.mta.verify.test_cutthrough import ENVELOPE, PLAIN, ran

HOLD = "recipient/callout=use_sender,hold"


def held(
    *recipients: str, acl: str = "", verify: str = HOLD, **more: Any
) -> tuple[list[list[str]], list[str], list[str]]:
    """``ran()`` with a callout that holds its call, and ``acl`` after it."""
    return ran(*recipients, control="no_pipelining", acl=f"         verify = {verify}\n{acl}", **more)


def test_the_delivery_goes_down_the_call_of_the_callout_and_names_nobody_again() -> None:
    heard, _, log = held("a@one.test.ex", server=PLAIN)
    assert heard == [[*ENVELOPE, "DATA", "message accepted", "QUIT"]]
    assert [line.split()[1] for line in log] == ["<=", "=>", "Completed"]
    assert "]*" not in log[1]


def test_a_second_recipient_of_the_host_is_named_on_the_call_and_one_of_another_host_ends_it() -> None:
    heard, _, _ = held("a@one.test.ex", "b@one.test.ex", server=PLAIN)
    assert heard == [[*ENVELOPE, "RCPT TO:<b@one.test.ex>", "DATA", "message accepted", "QUIT"]]
    heard, _, _ = held("a@one.test.ex", "b@two.test.ex", server=PLAIN)
    assert heard[0] == [*ENVELOPE, "QUIT"]
    assert len(heard) == 4


def test_a_recipient_whom_no_callout_asked_about_is_taken_for_named() -> None:
    acl = "  accept local_parts = b\n"
    asked = f"recipient\n         local_parts = a\n         verify = {HOLD}"
    heard, answers, log = held("a@one.test.ex", "b@one.test.ex", verify=asked, acl=acl, server=PLAIN)
    assert answers[2].startswith("250")
    assert heard == [[*ENVELOPE, "DATA", "message accepted", "QUIT"]]
    assert [line.split()[1:3] for line in log[1:3]] == [["=>", "a@one.test.ex"], ["->", "b@one.test.ex"]]


@pytest.mark.parametrize("after", ["", "RSET\r\n"])
def test_what_is_held_is_told_if_no_message_follows(after: str) -> None:
    heard, _, _ = held("a@one.test.ex", after=after, server=PLAIN)
    assert heard == [[*ENVELOPE, "QUIT"]]


def test_a_session_that_is_held_stays_encrypted_and_its_certificate_is_forgotten() -> None:
    heard, _, log = held("a@one.test.ex", server="ok")
    assert heard == [["EHLO", "STARTTLS", "TLS", *ENVELOPE, "DATA", "message accepted", "QUIT"]]
    assert " X=TLS CV=no C=" in log[1]


def test_a_control_takes_the_held_call_over_since_4_95() -> None:
    control = "         control = cutthrough_delivery\n"
    heard, _, log = held("a@one.test.ex", acl=control, server=PLAIN)
    assert heard == [[*ENVELOPE, "DATA", "message accepted", "QUIT"]]
    assert log[0].startswith("M1 >> ")
    with pytest.raises(Unsupported, match="while the call of a callout is held"):
        held("a@one.test.ex", acl=control, server=PLAIN, release="4.92")


def test_up_to_4_89_the_option_is_none() -> None:
    _, answers, _ = held("a@one.test.ex", server=PLAIN, release="4.89")
    assert answers[1].startswith("451 ")


@pytest.mark.parametrize(("release", "dies"), [("4.98", False), ("4.99", True)])
def test_a_second_recipient_of_a_callout_that_notes_no_sender_is_the_end_since_4_99(
    release: str, dies: bool
) -> None:
    _, answers, log = held(
        "a@one.test.ex", "b@one.test.ex", verify="recipient/callout=hold", server=PLAIN, release=release
    )
    assert any("SIGSEGV" in line for line in log) is dies
    assert len(answers) == (2 if dies else 6)


@pytest.mark.parametrize(("release", "calls"), [("4.98", 2), ("4.99", 1)])
def test_another_callout_leaves_the_held_call_alone_until_4_99(release: str, calls: int) -> None:
    again = "         verify = recipient/callout=no_cache\n"
    heard, _, _ = held("a@one.test.ex", acl=again, server=PLAIN, release=release)
    assert len(heard) == calls
