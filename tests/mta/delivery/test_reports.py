"""What reports to a sender say, and what differs between releases."""

from __future__ import annotations

import email

import pytest

from eximsim.mta.base.parse import parse_message_ids
from eximsim.world.smtp_behaviour import Behaviour, reply
from tests.mta.scenario import NEWEST, SENDER, Mx, Site

HOME = {"name": "myhost.test.ex", "type": "MX", "ad": True, "data": [[10, "mx2.test.ex"]]}


def bounce(release: str = NEWEST, reason: str = "550 no such user", head: str = "", **main: str) -> str:
    refuses = Mx(Behaviour(extensions=(), recipients=(("a@test.ex", reply(reason)),)))
    site = Site([refuses, Mx(Behaviour(extensions=()))], release, zone=[HOME], main=main)
    site.deliver("a@test.ex", body=f"{head}Subject: hello\n\nOriginal.\n")
    (found,) = (message for message in site.messages if message.sender == "")
    return found.content.decode().replace("\r\n", "\n")


def test_a_bounce_has_the_words_of_exim() -> None:
    text = bounce()
    assert (
        "This message was created automatically by mail delivery software.\n\nA message that you sent" in text
    )
    assert "\n\n  a@test.ex\n    host mx1.test.ex [" in text
    assert f"\nReturn-path: <{SENDER}>\n" in text


@pytest.mark.parametrize(("release", "has"), [("4.92", False), ("4.93", True), (NEWEST, True)])
def test_since_4_93_a_bounce_refers_to_its_message(release: str, has: bool) -> None:
    head = "References: <a@b> <c@d>\nMessage-ID: <e@f>\n"
    found = email.message_from_string(bounce(release, head=head))["References"]
    assert found == ("<a@b> <c@d> <e@f>" if has else None)


@pytest.mark.parametrize(("release", "cut"), [("4.96", False), ("4.97", True)])
def test_since_4_97_a_long_reason_is_cut(release: str, cut: bool) -> None:
    assert ("[truncated]\n" in bounce(release, reason=f"550 {'no ' * 100}")) is cut


def test_texts_of_the_configuration_are_put_in() -> None:
    text = bounce(bounce_message_text="Call us.\\n", errors_reply_to="help@test.ex")
    assert "mail delivery software.\nCall us." in text
    assert email.message_from_string(text)["Reply-To"] == "help@test.ex"


def test_message_ids_end_at_what_is_none() -> None:
    assert list(parse_message_ids(" <a@b> (c) <d@e>\n <f@g> h <i@j>")) == ["<a@b>", "<d@e>", "<f@g>"]
