"""Which texts are IP addresses, by release; the recorded expansions hold many more (``isip``, ``mask``)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.mta.base.ip_syntax import IpAddress, read_ip_address
from eximsim.switch_values import IpSyntax


@pytest.mark.parametrize("syntax", IpSyntax)
@given(st.ip_addresses(), st.sampled_from([None, "0", "8", "32"]))
def test_an_address_is_one_in_every_release(
    syntax: IpSyntax, address: IPv4Address | IPv6Address, mask: str | None
) -> None:
    text = str(address) if mask is None else f"{address}/{mask}"
    found = read_ip_address(text, syntax, mask=True)
    assert found == IpAddress(address.version, str(address), mask)


@given(st.text(alphabet="0123456789abf:./% +-", max_size=20))
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    for syntax in IpSyntax:
        found = read_ip_address(text, syntax, mask=True)
        if found is not None:
            (IPv4Address if found.version == 4 else IPv6Address)(found.address)


@pytest.mark.parametrize(
    ("text", "digits", "numbers", "library"),
    [
        ("01.2.3.4", "1.2.3.4", "1.2.3.4", None),
        (" 1.+2.3.-0", None, "1.2.3.0", None),
        ("1.2.3.256", "1.2.4.0", None, None),
        ("12345::", "2345::", "2345::", None),
        ("::1:/x", "::1", "::1", None),
        ("::/what", "::", "::", None),
        ("fe80::1%eth0", "fe80::1", "fe80::1", "fe80::1"),
    ],
)
def test_what_is_nearly_an_address_is_read_by_hand(
    text: str, digits: str | None, numbers: str | None, library: str | None
) -> None:
    found = [read_ip_address(text, syntax) for syntax in IpSyntax]
    assert [one and one.address for one in found] == [digits, numbers, library, library]
