"""A reply for each recipient after the message (PRDR), as a server."""

from __future__ import annotations

import pytest

from tests.mta.front import Front

MAIN = "acl_smtp_rcpt = accept\nprdr_enable\nacl_smtp_data_prdr = each\n"
EACH = (
    "each:\n  accept local_parts = good\n  defer local_parts = later\n  discard local_parts = gone\n"
    "  deny local_parts = told\n message = not you\n  deny\n"
)


def sent(*names: str, main: str = MAIN, mail: str = "MAIL FROM:<a@b.ex> PRDR") -> tuple[list[str], Front]:
    """The replies after the message, and the machine."""
    front = Front(main, EACH)
    recipients = [f"RCPT TO:<{name}@d.ex>" for name in names]
    replies = front.smtp("EHLO c.ex", mail, *recipients, "DATA", "Subject: s", "", "x", ".", "QUIT")
    return replies[replies.index('354 Enter message, ending with "." on a line by itself') + 1 : -1], front


def test_each_recipient_gets_a_reply_and_those_refused_get_no_message() -> None:
    replies, front = sent("good", "later", "told", "bad")
    assert replies[:5] == [
        "353 PRDR content analysis beginning",
        "250 PRDR R=<good@d.ex> acceptance",
        "450 PRDR R=<later@d.ex> temporary refusal",
        "550 not you",
        "550 PRDR R=<bad@d.ex> refusal",
    ]
    assert replies[5].endswith(" message accepted for some recipients")
    assert replies[5].startswith("250 id=")
    (message,) = front.machine.spool.messages.values()
    assert message.addresses() == ["good@d.ex"]
    log = [line.partition(" ")[2] for line in front.log()]
    assert log[:4] == [
        "PRDR R=<good@d.ex> acceptance",
        "PRDR R=<later@d.ex> temporary refusal",
        "PRDR told@d.ex not you",
        "PRDR R=<bad@d.ex> refusal",
    ]
    assert " PRDR S=" in log[4]


@pytest.mark.parametrize(
    ("names", "last", "kept"),
    [
        (("good", "good"), "250 {} message accepted", 1),
        (("bad", "told"), "550 {} message rejected for all recipients", 0),
        (("later", "bad"), "250 {} message accepted for some recipients", 0),
        (("gone", "bad"), "550 {} message rejected for all recipients", 0),
    ],
)
def test_the_last_reply_sums_them_up(names: tuple[str, ...], last: str, kept: int) -> None:
    replies, front = sent(*names)
    code, number, rest = replies[-1].split(" ", 2)
    assert number.startswith("id=")
    assert f"{code} {{}} {rest}" == last
    assert len(front.machine.spool.ids()) == kept


@pytest.mark.parametrize(
    ("names", "mail"), [(("bad",), "MAIL FROM:<a@b.ex> PRDR"), (("bad", "told"), "MAIL FROM:<a@b.ex>")]
)
def test_one_recipient_or_a_client_that_does_not_want_it_gets_one_reply(
    names: tuple[str, ...], mail: str
) -> None:
    replies, front = sent(*names, mail=mail)
    assert len(replies) == 1
    assert replies[0].startswith("250 OK id=")
    assert "PRDR" not in front.log()[-1]
