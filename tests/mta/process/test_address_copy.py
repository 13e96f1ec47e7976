"""Addresses from outside of which a part is copied: Debian's 4.96 ends there."""

from __future__ import annotations

import pytest

from eximsim.mta.base.ip_syntax import is_copied
from tests.suite.test_scenario_compare import NEWEST, done, scenario

DEBIAN = "4.96-debian12"
CLIENT = ["-bs", "-oMa", "10.9.1.1"]
END = "Taint mismatch, Ustrncpy: string_is_ip_addressX 108"
TELL = "c:\n  warn logwrite = {}\n  accept\n"


@pytest.mark.parametrize(
    ("text", "mask", "copied"),
    [
        ("10.9.1.1", True, False),
        ("10.9.1.1/24", True, True),
        ("10.9.1.1/24", False, False),
        ("10.9.1.1/", True, True),
        ("10.9.1.1/x", True, False),
        ("10.9.1.1/-1", True, False),
        ("x/24", True, True),
        (f"{256 * 'x'}/24", True, False),
        ("fe80::1%eth0", False, True),
        ("fe80::1%eth0/64", True, False),
        ("fe80::1%e 0", False, False),
    ],
)
def test_what_is_before_a_mask_or_an_interface_is_copied(text: str, mask: bool, copied: bool) -> None:
    assert is_copied(text, mask=mask) is copied


def said(name: str, tell: str, release: str, argv: list[str] = CLIENT) -> list[str]:
    """The main log of a session in which the client says its name."""
    run = {"argv": argv, "stdin": f"EHLO {name}\r\nMAIL FROM:<s@test.ex>\r\nQUIT\r\n"}
    main = {"acl_smtp_mail": "c", "log_selector": "-all"}
    (ran,) = done(scenario(main=main, acl=TELL.format(tell), runs=[run]), release)
    return [line for line in ran.log if not line.startswith(("PANIC", "REJECT"))]


@pytest.mark.parametrize("name", ["[10.9.1.1%x]", "[IPv6:fe80::1%eth0]"])
def test_a_client_can_end_the_process_by_its_name(name: str) -> None:
    assert said(name, "on", DEBIAN) == [END]
    assert END not in said(name, "on", NEWEST)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${mask:$sender_host_address/24}", None),
        ("${reverse_ip:$sender_host_address/24}", None),
        ("${if isip{$sender_helo_name%x}{yes}{no}}", None),
        ("${if match_ip{$sender_helo_name%x}{*}{yes}{no}}", None),
        ("${if isip{$sender_helo_name/24}{yes}{no}}", "no"),
        ("${mask:10.9.1.1/24}", "10.9.1.0/24"),
    ],
)
def test_a_copy_of_what_comes_from_outside_ends_the_process(text: str, value: str | None) -> None:
    assert said("h.ex", text, DEBIAN) == [END if value is None else value]
    assert END not in said("h.ex", text, NEWEST)


def test_the_address_of_a_client_is_from_outside_only_if_it_was_given() -> None:
    path = "${lookup{a}lsearch{/x/$sender_host_address}{1}{0}}"
    assert "Tainted filename for search: '/x/10.9.1.1'" in said("h.ex", path, NEWEST)
