"""Constant databases (src/lookups/cdb.c); the format is that of cr.yp.to/cdb/cdb.txt."""

from __future__ import annotations

import struct

_PAIR = struct.Struct("<II")
_TABLES = 256
HEADER_SIZE = _TABLES * _PAIR.size
"""What a database has at least, in octets."""

_HASH_START = 5381
_PROBES = 10_000


def cdb_find(content: bytes, key: bytes) -> bytes | None:
    """The first value of ``key``, None if there is none. Source: cdb_find().

    Raises ``ValueError`` for what is no such database.
    """
    value = _HASH_START
    for octet in key:
        value = ((value << 5) + value & 0xFFFFFFFF) ^ octet
    start, slots = _pair(content, value % _TABLES * _PAIR.size)
    for step in range(min(slots, _PROBES)):
        slot = (value // _TABLES + step) % slots
        found, position = _pair(content, start + slot * _PAIR.size)
        if not position:
            return None
        if found == value:
            key_length, length = _pair(content, position)
            at = position + _PAIR.size
            if key_length == len(key) and content.startswith(key, at):
                return content[at + key_length : at + key_length + length]
    if slots > _PROBES:
        raise ValueError(f"a cdb file in which {_PROBES} places do not tell where a key is")
    return None


def _pair(content: bytes, position: int) -> tuple[int, int]:
    if position + _PAIR.size > len(content):
        raise ValueError("a cdb file that ends too soon")
    first, second = _PAIR.unpack_from(content, position)
    return first, second
