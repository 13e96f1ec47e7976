"""Hints databases as Exim's own utility prints them."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from eximsim.mta.records.hints import Cached, CalloutRecord, Hints, RetryRecord, WaitRecord
from eximsim.subjects.dumpdb import dump


def test_a_retry_record_has_two_lines() -> None:
    hints = Hints()
    hints.retry["T:a.ex:10.0.0.1"] = RetryRecord(0, 61.9, 3600, 0, False, 111, 65, "Connection refused")
    hints.retry["R:b.ex"] = RetryRecord(0, 0, 1, 0, expired=True)
    first = "01-Jan-1970 00:00:00"
    assert (dump(hints, "retry") or "").split("\n") == [
        "  T:a.ex:10.0.0.1 111 65 Connection refused",
        f"{first}  01-Jan-1970 00:01:01  01-Jan-1970 01:00:00 ",
        "  R:b.ex 0 0 ",
        f"{first}  {first}  01-Jan-1970 00:00:01 *",
        "",
    ]


def test_messages_that_wait_are_in_a_line_for_each_host() -> None:
    hints = Hints()
    assert dump(hints, "wait-smtp") is None
    hints.wait["smtp"] = {"a.ex": WaitRecord(["x", "y"])}
    assert dump(hints, "wait-smtp") == "a.ex x y \n"
    hints.wait["smtp"]["b.ex"] = WaitRecord(["z"])
    with pytest.raises(Unsupported, match="order"):
        dump(hints, "wait-smtp")


def test_another_database_is_not_shown() -> None:
    with pytest.raises(Unsupported, match="dump misc"):
        dump(Hints(), "misc")


def test_the_callout_cache_has_domains_and_addresses() -> None:
    hints = Hints()
    hints.callout["domain:a.ex"] = CalloutRecord(Cached.ACCEPT, 1.5, random_result=Cached.REJECT)
    hints.callout["address:x@a.ex"] = CalloutRecord(Cached.REJECT, 2)
    when = "01-Jan-1970 00:00:0"
    assert dump(hints, "callout") == (
        f"{when}1 a.ex callout=accept postmaster=unknown random=reject ({when}0)\n"
        f"{when}2 x@a.ex callout=reject\n"
    )
