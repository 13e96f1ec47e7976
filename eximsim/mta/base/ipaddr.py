"""Arithmetic on IP addresses in text form (the part of src/host.c and src/verify.c that needs no DNS)."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from eximsim.mta.base.string import string_is_ip_address

_MAPPED = 0xFFFF << 32


def host_aton(address: str) -> tuple[int, int]:
    """The address as a number, and its width in bits (32 or 128). A scope (``%eth0``) is dropped."""
    plain = address.partition("%")[0]
    if ":" in plain:
        return int(IPv6Address(plain)), 128
    value = 0
    for octet in plain.split("."):
        value = value << 8 | int(octet)
    return value, 32


def host_mask(value: int, width: int, bits: int) -> int:
    """``value`` with only its first ``bits`` bits kept; a negative number keeps all."""
    if bits < 0 or bits >= width:
        return value
    return value >> (width - bits) << (width - bits)


def host_nmtoa(value: int, width: int, bits: int = -1, separator: str = ".") -> str:
    """Text of a number: IPv4 with dots, IPv6 as eight full groups; ``/bits`` is added unless negative."""
    if width == 32:
        text = str(IPv4Address(value))
    else:
        text = IPv6Address(value).exploded.replace(":", separator)
    return text if bits < 0 else f"{text}/{bits}"


@lru_cache(maxsize=1024)
def host_is_in_net(host: str, net: str) -> bool:
    """Whether the address ``host`` is the address ``net``, or lies in it if it has a mask (``10.0.0.0/8``).

    An IPv4 address in IPv6 form (``::ffff:10.0.0.1``) counts as IPv4. Source: host_is_in_net(), src/host.c.
    """
    address, slash, mask = net.partition("/")
    wanted, size = host_aton(address)
    value, width = host_aton(host)
    if width == 128 and value >> 32 == 0xFFFF:
        value, width = value & 0xFFFFFFFF, 32
    if width != size:
        return False
    bits = int(mask) if slash else -1
    return host_mask(value, width, bits) == host_mask(wanted, size, bits)


def invert_address(address: str) -> str:
    """The octets (IPv6: the hex digits) of an address in reverse, with dots between (src/verify.c)."""
    if address.lower().startswith("::ffff:") and string_is_ip_address(address[7:])[0] == 4:
        address = address[7:]
    value, width = host_aton(address)
    if width == 32:
        return ".".join(reversed(str(IPv4Address(value)).split(".")))
    return ".".join(reversed(f"{value:032x}"))


def ipv6_nmtoa(value: int) -> str:
    """An IPv6 number in the short form: the first longest run of zero groups, even of one, becomes ``::``.

    Where all are zero, one colon is all that is left.
    """
    if not value:
        return ":"
    groups = [f"{value >> shift & 0xFFFF:x}" for shift in range(112, -1, -16)]
    start, length = -1, 0
    for first in range(8):
        last = first
        while last < 8 and groups[last] == "0":
            last += 1
        if last - first > length:
            start, length = first, last - first
    if not length:
        return ":".join(groups)
    return f"{':'.join(groups[:start])}::{':'.join(groups[start + length :])}"


def ipv6_of(address: str) -> int:
    """The number of an address as IPv6; IPv4 becomes a mapped address."""
    value, width = host_aton(address)
    return value if width == 128 else _MAPPED | value
