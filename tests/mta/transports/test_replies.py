"""Replies that are cut off, too long, or too slow, and what they mean for the host."""

from __future__ import annotations

import pytest

from eximsim.world.smtp_behaviour import Answer, Behaviour, Then
from tests.mta.scenario import NEWEST, Mx, Site

HALF = ("250-half",)


def outcome(release: str = NEWEST, **phases: Answer) -> str:
    site = Site([Mx(Behaviour(extensions=(), **phases))], release)  # type: ignore[arg-type]  # by name
    site.deliver()
    return site.outcome


@pytest.mark.parametrize("release", ["4.92", NEWEST])
def test_a_reply_that_is_cut_off_is_shown_as_far_as_it_came(release: str) -> None:
    found = outcome(release, mail=Answer(HALF, Then.CLOSE))
    error = "SMTP error from remote mail server after MAIL FROM:<s@myhost.test.ex>: 250-half\\n"
    assert found == f"DEFER 0: {error}"


def test_a_refusal_that_is_cut_off_is_a_refusal() -> None:
    assert outcome(rcpt=Answer(("550-half",), Then.CLOSE)).startswith("FAIL 0: ")
    assert outcome(rcpt=Answer(HALF, Then.CLOSE)).startswith("DEFER -44: ")


def test_a_reset_in_the_middle_of_a_reply_is_told_besides() -> None:
    found = outcome(mail=Answer(HALF, Then.RESET))
    assert found.startswith("DEFER 104: SMTP error from remote mail server after MAIL FROM:")


def test_a_reply_without_end_is_malformed() -> None:
    lines = tuple(f"550-{'x' * 900}" for _ in range(5))
    found = outcome(mail=Answer((*lines, "550 end")))
    assert found.startswith("DEFER -19: Malformed SMTP reply in response to MAIL FROM:")
    assert len(found.partition(": ")[2]) == 1024


@pytest.mark.parametrize(
    ("release", "sent"), [("4.89", True), ("4.92", True), ("4.93", False), (NEWEST, False)]
)
def test_since_4_93_the_time_is_for_the_whole_reply(release: str, sent: bool) -> None:
    lines = ("250-a", "250-b", "250 c")  # one every three seconds, where five are allowed
    slow = Behaviour(extensions=(), mail=Answer(lines, pauses=((1, 3.0), (2, 3.0))))
    site = Site([Mx(slow)], release)
    site.deliver()
    assert site.outcome.startswith("sent") is sent


RESET = Behaviour(extensions=(), data=Answer(("354 go",), Then.RESET))


def test_a_reset_behind_the_answer_to_data_is_a_lost_connection() -> None:
    site = Site([Mx(RESET)], "4.97.1")
    site.deliver()
    assert site.outcome == "DEFER -18: Remote host closed connection in response to sending data block"


def test_since_4_98_a_message_that_a_reset_cuts_off_counts_as_delivered() -> None:
    site = Site([Mx(RESET)], NEWEST)
    site.deliver()
    assert any("peer close after all rcpt responses" in line for line in site.log)
    assert site.log[-1].endswith("Completed")
