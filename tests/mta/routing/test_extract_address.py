"""Addresses as the main options and the release have them."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from eximsim.mta.base.parse import AddressError
from eximsim.mta.process.extract import extract_address
from tests.mta.front import Front


def extracted(text: str, main: str = "", release: str = "4.99") -> str:
    try:
        return extract_address(Front(main, release=release).process(), text).address
    except AddressError as error:
        return error.message


@pytest.mark.parametrize(
    ("text", "release", "found"),
    [
        ("a@[foo!bar]", "4.95", "a@[foo!bar]"),
        ("a@[foo!bar]", "4.94.1", "domain literals not allowed"),
        ("<a@[1.2.3.4]>", "4.99", "domain literals not allowed"),
        ("a@[foo", "4.99", "malformed domain literal"),
    ],
)
def test_a_domain_literal_without_angle_brackets_is_read_in_another_way(
    text: str, release: str, found: str
) -> None:
    assert extracted(text, release=release) == found


@pytest.mark.parametrize("text", ["b@π.ex", "<b@xπ-é.ex>"])
def test_domains_may_have_other_letters_if_the_options_say_so(text: str) -> None:
    assert extracted(text) != text.strip("<>")
    assert extracted(text, "allow_utf8_domains") == text.strip("<>")


def test_half_a_character_is_not_utf8() -> None:
    broken = "a@x\udcc3.ex"
    assert extracted(broken, "allow_utf8_domains") == "invalid UTF-8 byte sequence"
    assert extracted("a@x\udc80.ex", "allow_utf8_domains") != "invalid UTF-8 byte sequence"


def test_the_dns_is_not_asked_for_such_a_name() -> None:
    front = Front(
        "allow_utf8_domains\ndns_check_names_pattern =",
        routers="begin routers\nr:\n  driver = dnslookup\n  transport = t\n"
        "begin transports\nt:\n  driver = smtp\n",
    )
    with pytest.raises(Unsupported, match="not ASCII"):
        front.exim("-bt", "b@π.ex")


@pytest.mark.parametrize(("release", "longest"), [("4.94.1", 512), ("4.94.2+fixes", 256), ("4.95", 256)])
def test_an_address_has_no_more_octets_than_the_release_allows(release: str, longest: int) -> None:
    fits = "a" * (longest - 5) + "@b.ex"
    assert extracted(fits, release=release) == fits
    assert extracted(f"a{fits}", release=release).startswith("address is ridiculously long: ")


def test_a_trailing_dot_may_be_taken_off_wherever_an_address_is_read() -> None:
    letter = "To: x@y.ex.\n\n"
    front = Front(
        "trusted_users = caller\nstrip_trailing_dot\nacl_not_smtp = check\n",
        "check:\n  accept verify = header_syntax",
    )
    assert front.exim("-odq", "-f", "a@b.ex.", "c@d.ex.", stdin=letter).code == 0
    (message,) = front.machine.spool.messages.values()
    assert (message.sender, message.addresses()) == ("a@b.ex", ["c@d.ex"])
