"""``verify = csa``: whether a client may use the name that it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tests.mta.front import Front

SRV = {
    "good.ex": "1 2 0 good.ex",
    "bad.ex": "1 1 0 bad.ex",
    "any.ex": "1 3 0 any.ex",
    "old.ex": "2 1 0 old.ex",
    "none.ex": "1 2 0 .",
    "six.ex": "1 2 0 six.ex",
    "empty.ex": "1 2 0 absent.ex",
    "strict.ex": "1 1 1 strict.ex",
    "mild.ex": "1 1 0 mild.ex",
    "7.2.0.192.in-addr.arpa": "1 1 0 x.ex",
    "0.192.in-addr.arpa": "1 2 1 x.ex",
    "8.b.d.0.1.0.0.2.ip6.arpa": "1 2 1 x.ex",
}
PARENTS = (
    "a.b.strict.ex",
    "a.mild.ex",
    "1.2.0.192.in-addr.arpa",
    f"{'1.' + '0.' * 23}8.b.d.0.1.0.0.2.ip6.arpa",
)
ZONE: Sequence[Mapping[str, object]] = [
    *({"name": f"_client._smtp.{name}", "type": "SRV", "data": [data.split()]} for name, data in SRV.items()),
    *({"name": f"_client._smtp.{name}", "type": "A", "data": ["192.0.2.99"]} for name in PARENTS),
    {"name": "good.ex", "type": "A", "data": ["192.0.2.1", "192.0.2.3"]},
    {"name": "six.ex", "type": "AAAA", "data": ["2001:db8::1"]},
]
MISMATCH = "failed (client address mismatch)"
NO_ADDRESS = "failed (no authorized addresses)"
EXPLICIT = "failed (explicit authorization required)"
NOT_ALLOWED = "failed (host name not authorized)"


def said(helo: str, client: str = "192.0.2.1", domain: str = "", main: str = "") -> str:
    """The status after ``verify = csa``, or why it refuses."""
    acl = f"c:\n  deny ! verify = csa{domain}\n  deny message = $csa_status"
    front = Front(f"acl_smtp_mail = c\n{main}", acl, zone=ZONE)
    argv = ("-bh", client) if client else ("-bs",)
    dialogue = front.exim(*argv, stdin=f"HELO {helo}\r\nMAIL FROM:<>\r\n").stdout
    reply = next(line for line in dialogue.split("\r\n") if line.startswith("550 "))[4:]
    return reply.removeprefix("client SMTP authorization ")


@pytest.mark.parametrize(
    ("helo", "client", "expected"),
    [
        ("good.ex", "192.0.2.1", "ok"),
        ("good.ex", "192.0.2.2", MISMATCH),
        ("good.ex", "192.0.2.3", "ok"),
        ("bad.ex", "192.0.2.1", NOT_ALLOWED),
        ("any.ex", "192.0.2.1", "unknown"),
        ("old.ex", "192.0.2.1", "unknown"),
        ("none.ex", "192.0.2.1", NO_ADDRESS),
        ("six.ex", "2001:db8::1", "ok"),
        ("empty.ex", "192.0.2.1", NO_ADDRESS),
        ("a.b.strict.ex", "192.0.2.1", EXPLICIT),
        ("a.mild.ex", "192.0.2.1", "unknown"),
        ("x.y.absent.ex", "192.0.2.1", "unknown"),
        ("[192.0.2.1]", "192.0.2.1", EXPLICIT),
        ("[192.0.2.7]", "192.0.2.1", NOT_ALLOWED),
        ("[IPv6:2001:db8::1]", "192.0.2.1", EXPLICIT),
        ("good.ex", "", "unknown"),
    ],
)
def test_the_name_of_the_client_is_looked_up(helo: str, client: str, expected: str) -> None:
    assert said(helo, client) == expected


def test_another_name_can_be_given() -> None:
    assert said("good.ex", domain="/bad.ex") == NOT_ALLOWED


def test_addresses_need_not_be_looked_up() -> None:
    assert said("[192.0.2.7]", main="dns_csa_use_reverse = false") == "unknown"


def test_the_search_above_a_name_has_an_end() -> None:
    assert said("a.b.strict.ex", main="dns_csa_search_limit = 0") == "unknown"


def test_addresses_of_another_version_are_not_asked_for() -> None:
    assert said("six.ex") == NO_ADDRESS


def test_the_names_above_that_of_a_client_are_asked_for_from_the_second_level_down() -> None:
    front = Front("acl_smtp_mail = c\n", "c:\n  accept verify = csa\n  accept", zone=ZONE)
    front.exim("-bh", "192.0.2.1", stdin="HELO a.b.strict.ex\r\nMAIL FROM:<>\r\n")
    asked = [one.removeprefix("SRV _client._smtp.") for one in front.world.questions if "_client" in one]
    assert asked == ["a.b.strict.ex", "strict.ex"]
