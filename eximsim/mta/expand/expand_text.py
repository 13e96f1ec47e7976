"""Parts and hashes of texts, counted in octets (src/expand.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.numbers import c_int
from eximsim.mta.base.string import from_octets, octets
from eximsim.mta.expand.expander import ExpansionFailed
from eximsim.mta.process.ends import ProcessDied
from eximsim.mta.process.log import log_write_die

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

SIGFPE = 8
_UNSIGNED = 2**64 - 1

_HASH_CODES = b"abcdefghijklmnopqrtsuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_PRIMES = (
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113,
)  # fmt: skip


def ascii_lower(text: str) -> str:
    """``text`` with A to Z in lower case and nothing else changed."""
    return text.lower() if text.isascii() else from_octets(octets(text).lower())


def ascii_upper(text: str) -> str:
    """``text`` with a to z in upper case and nothing else changed."""
    return text.upper() if text.isascii() else from_octets(octets(text).upper())


def strcmpic(left: str, right: str) -> int:
    """Below, at or above 0 as ``left`` is before, at or after ``right`` without regard to case.

    A text that another one begins with comes after it, as it does in Exim. Source: strcmpic(), src/string.c.
    """
    first, second = octets(left).lower(), octets(right).lower()
    for index, octet in enumerate(first):
        difference = octet - (second[index] if index < len(second) else 0)
        if difference:
            return difference
    return second[len(first)] if len(second) > len(first) else 0


def extract_substr(text: str, offset: int, length: int) -> str:
    """``length`` octets from ``offset``; a negative offset counts from the end, a negative length is "all".

    "All" means what follows a positive offset, and what precedes a negative one. Source: extract_substr().
    """
    data = octets(text)
    size = len(data)
    if offset < 0:
        offset += size
        if offset < 0:
            length = max(length + offset, 0)
            offset = 0
        elif length < 0:
            offset, length = 0, offset
    elif offset > size:
        offset, length = size, 0
    elif length < 0:
        length = size
    return from_octets(data[offset : offset + length])


def compute_hash(process: Process, text: str, length: int, limit: int) -> str:
    """The old hash: ``length`` characters out of the first ``limit`` (26 if not given) letters and digits.

    A text that is not longer is its own hash; a negative length ends the process, as does a division by a
    ``limit`` of zero that is not guarded against. Source: compute_hash().
    """
    if limit < 0 or (limit == 0 and process.profile.operator_numbers_checked):
        limit = 26
    elif limit > len(_HASH_CODES):
        raise ExpansionFailed(f'hash count "{limit}" too big')
    data = bytearray(octets(text))
    if length < 0:
        if not process.profile.appended_lengths_checked:
            raise Unsupported("a hash of a negative length, which harms what stands in memory beside it")
        log_write_die(process, f"internal error in string_catn (count {length})")
    if length >= len(data) or length == 0:
        return text if length else ""
    if limit == 0:
        raise ProcessDied(SIGFPE)
    target = 0
    for index in range(length, len(data)):
        octet = data[index]
        shift = (octet + index) & 7
        data[target] ^= (octet << shift | octet >> (8 - shift)) & 255
        target = (target + 1) % length
    return bytes(_HASH_CODES[octet % limit] for octet in data[:length]).decode("ascii")


def compute_nhash(text: str, first: int, second: int, *, guarded: bool) -> str:
    """The numeric hash: a number below ``first``, or ``a/b`` below ``first`` and ``second`` if that is given.

    A division by zero ends the process; with two it may be ``guarded`` against. Source: compute_nhash().
    """
    total = 0
    index = 0
    for octet in octets(text):
        if index == 0:
            index = len(_PRIMES) - 1
        total += _PRIMES[index] * octet
        index -= 1
    if second < 0:
        if first == 0:
            raise ProcessDied(SIGFPE)
        return str(total % (first & _UNSIGNED))
    if first == 0 or second == 0:
        if guarded:
            raise ExpansionFailed("")
        raise ProcessDied(SIGFPE)
    product = c_int(first * second, wrapped=True) & _UNSIGNED
    if product == 0:
        raise ProcessDied(SIGFPE)
    total %= product
    return f"{total // second}/{total % second}"
