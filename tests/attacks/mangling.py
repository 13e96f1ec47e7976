"""Readers of what nobody vouches for, and inputs for them that are nearly right."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader, and inputs that it takes."""

    read: Callable[[bytes], object]
    seeds: tuple[bytes, ...]


_BITS = (
    b"9" * 5000, b"[" * 300, b"{" * 300, b"(" * 300, b"${lc:" * 300, b'{"a":' * 200, b"x" * 3000, b"../" * 20,
    b"\0", b"\xff\xfe", b"\n", b"\r\n", b"-1", b"0", b"1e308", b"NaN", b"null", b"[]", b"{}", b'""', b"true",
    b"\\", b"$", b"${", b"}", b"}}", b":", b"<,", b"@", b"+a", b"!", b"*", b"\xe2\x80\xae", b"\x1b[2J",
    b"/etc/shadow", b"/dev/zero", b"\xc0\x0c", b"\xd9\xa1", b"4294967296", b"${run{/bin/true}}",
    b".include /etc/passwd\n", b"begin routers\n",
)  # fmt: skip


def mangled(seed: bytes, other: bytes, chance: random.Random) -> bytes:
    """An input that is like ``seed``, with bits changed, doubled, left out, or of another one."""
    octets = bytearray(seed)
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        at = chance.randrange(len(octets) + 1)
        end = min(len(octets), at + chance.choice((1, 1, 2, 5, 20, 100)))
        match chance.randrange(6):
            case 0:
                octets[at:end] = chance.choice(_BITS)
            case 1:
                octets[at:at] = chance.choice(_BITS)
            case 2:
                del octets[at:end]
            case 3:
                octets[at:at] = octets[at:end] * chance.choice((1, 2, 50))
            case 4 if octets:
                octets[at - 1] = chance.randrange(256)
            case _:
                start = chance.randrange(len(other) + 1)
                octets[at:end] = other[start : start + chance.choice((3, 30, 300))]
    return bytes(octets[:200_000])
