"""dnslists: lists in the DNS of the scenario, and what has to match for a client to be listed."""

from __future__ import annotations

import pytest

from eximsim.errors import Unanswered
from tests.mta.front import Front


def txt(text: str) -> str:
    return f"{len(text):02x}{text.encode().hex()}"


ZONE = [
    {"name": "9.2.0.192.list.ex", "type": "A", "data": ["127.0.0.6"]},
    {"name": "9.2.0.192.list.ex", "type": "TXT", "data": [txt("see our page")]},
    {"name": "9.2.0.192.texts.ex", "type": "A", "data": ["127.0.0.2"]},
    {"name": "9.2.0.192.texts.ex", "type": "TXT", "data": [txt("another page")]},
    {"name": "9.2.0.192.parked.ex", "type": "A", "data": ["192.0.2.80"]},
    {"name": "bad.ex.list.ex", "type": "A", "data": ["127.0.0.1"]},
]


def front(items: str, release: str = "4.99") -> Front:
    shown = "$dnslist_domain/$dnslist_value/$dnslist_matched/$dnslist_text"
    acl = f"listed:\n  deny dnslists = {items}\n  message = {shown}\n  accept"
    return Front("acl_smtp_rcpt = listed", acl, release=release, zone=ZONE)


def reply(items: str, release: str = "4.99") -> str:
    stand = front(items, release)
    said = "EHLO c.ex\r\nMAIL FROM:<s@bad.ex>\r\nRCPT TO:<r@d.ex>\r\nQUIT\r\n"
    return stand.exim("-bh", "192.0.2.9", stdin=said).stdout.splitlines()[-2]


LISTED = "550 list.ex/127.0.0.6/192.0.2.9/see our page"


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("list.ex", LISTED),
        ("list.ex/a.ex : list.ex", LISTED),
        ("list.ex=127.0.0.6", LISTED),
        ("list.ex=127.0.0.2", "250 Accepted"),
        ("list.ex=127.0.0.2,127.0.0.6", LISTED),
        ("list.ex!=127.0.0.2", LISTED),
        ("list.ex!=127.0.0.6", "250 Accepted"),
        ("list.ex&0.0.0.2", LISTED),
        ("list.ex&0.0.0.8", "250 Accepted"),
        ("list.ex==127.0.0.6", LISTED),
        ("list.ex!==127.0.0.6", "250 Accepted"),
        ("list.ex/$sender_address_domain", "550 list.ex/127.0.0.1/bad.ex/"),
        ("list.ex/a.ex", "250 Accepted"),
        ("texts.ex,list.ex=127.0.0.6", "550 texts.ex/127.0.0.2/192.0.2.9/another page"),
        ("texts.ex,list.ex=127.0.0.2", "250 Accepted"),
    ],
)
def test_who_is_listed(items: str, expected: str) -> None:
    assert reply(items) == expected


@pytest.mark.parametrize(("release", "code"), [("4.94.1", "550"), ("4.95", "250")])
def test_addresses_elsewhere_than_in_127_are_those_of_no_list_since_4_95(release: str, code: str) -> None:
    assert reply("parked.ex", release)[:3] == code


def test_a_list_that_the_zones_do_not_hold_is_asked_for() -> None:
    with pytest.raises(Unanswered, match=r"dnslists is asked, and no answer is given: far\.example"):
        reply("far.example")
