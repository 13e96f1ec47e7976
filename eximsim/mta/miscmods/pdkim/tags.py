"""The tags of signatures and of key records, read as Exim reads them (``pdkim_parse_...()``)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from eximsim.mta.base.base64 import b64decode
from eximsim.mta.base.numbers import read_long, read_unsigned
from eximsim.mta.base.string import SPACES, from_octets, list_items, octets
from eximsim.mta.miscmods.pdkim.canon import HASHES, RELAXED, SIMPLE
from eximsim.mta.records.dkim import PublicKey, Signature

if TYPE_CHECKING:
    from eximsim.profiles import Profile

CANONS: Mapping[str, tuple[str, str]] = {
    "simple/simple": (SIMPLE, SIMPLE),
    "simple/relaxed": (SIMPLE, RELAXED),
    "relaxed/simple": (RELAXED, SIMPLE),
    "relaxed/relaxed": (RELAXED, RELAXED),
    "simple": (SIMPLE, SIMPLE),
    "relaxed": (RELAXED, SIMPLE),
}
"""What a ``c=`` tag means for header lines and body."""

_QP = re.compile(rb"=([0-9A-Fa-f]{2})|=")
_FOLD = re.compile(rb"[\r\n \t]+")


def decode_qp(text: bytes) -> str:
    """Quoted printable undone; a ``=`` that begins no code is left out (``pdkim_decode_qp()``)."""
    return from_octets(_QP.sub(lambda found: bytes.fromhex((found[1] or b"").decode()), text))


_NAME = re.compile(rb"[a-z]")
_VALUE = re.compile(rb"[^;\0]*")


def _split_tags(raw: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Tag and value of each pair of a header line, and the line without the value of ``b=``.

    A tag begins with the first small letter; what has no value is no tag.
    """
    pairs: list[tuple[bytes, bytes]] = []
    kept: list[bytes] = []
    position = raw.find(b":") + 1 or len(raw)
    begin, last = 0, raw.rfind(b"=")
    while name := _NAME.search(raw, position, max(last, 0)):
        equals = raw.find(b"=", name.start())
        found = _VALUE.match(raw, equals + 1)
        assert found is not None  # it may be empty
        tag = b"".join(raw[name.start() : equals].split())
        value = _FOLD.sub(b"", found[0])
        kept.append(raw[begin : found.start() if tag == b"b" else found.end()])
        begin = position = found.end()
        if value and (len(tag) == 1 or tag[:1] == b"b"):
            pairs.append((tag, value))
    kept.append(raw[begin:])
    return pairs, b"".join(kept).rstrip(b"\r\n")


def parse_signature(raw: bytes, profile: Profile) -> Signature | None:
    """A DKIM-Signature header line; None if its algorithm is none that Exim knows.

    Source: pdkim_parse_sig_header().
    """
    pairs, kept = _split_tags(raw)
    sig = Signature("", "", raw=kept)
    for tag, value in pairs:
        setter = _TAGS.get(tag)
        if setter is not None:
            setter(sig, value)
    known = ("rsa", "ed25519") if profile.dkim_ed25519 else ("rsa",)
    return sig if sig.keytype in known and sig.hashtype else None


def _version(sig: Signature, value: bytes) -> None:
    sig.version = 1 if value == b"1" else -1


def _algorithm(sig: Signature, value: bytes) -> None:
    parts = list(list_items(from_octets(value), "-"))
    if parts:
        sig.keytype = parts[0]
    if len(parts) > 1 and parts[1] in HASHES:
        sig.hashtype = parts[1]


def _canon(sig: Signature, value: bytes) -> None:
    known = CANONS.get(from_octets(value))
    if known is not None:
        sig.canon_headers, sig.canon_body = known


def _text(field: str) -> Callable[[Signature, bytes], None]:
    return lambda sig, value: setattr(sig, field, from_octets(value))


def _coded(field: str) -> Callable[[Signature, bytes], None]:
    return lambda sig, value: setattr(sig, field, decode_qp(value))


def _binary(field: str) -> Callable[[Signature, bytes], None]:
    return lambda sig, value: setattr(sig, field, b64decode(value))


def _number(field: str, read: Callable[[str], int]) -> Callable[[Signature, bytes], None]:
    return lambda sig, value: setattr(sig, field, read(from_octets(value)))


_TAGS: Mapping[bytes, Callable[[Signature, bytes], None]] = {
    b"a": _algorithm,
    b"b": _binary("sighash"),
    b"bh": _binary("bodyhash"),
    b"c": _canon,
    b"d": _text("domain"),
    b"h": _text("headernames"),
    b"i": _coded("identity"),
    b"l": _number("bodylength", read_long),
    b"s": _text("selector"),
    b"t": _number("created", read_unsigned),
    b"v": _version,
    b"x": _number("expires", read_unsigned),
    b"z": _coded("copiedheaders"),
}


def parse_key_record(text: str) -> PublicKey | None:
    """A key record of the DNS; None if it is none (``pdkim_parse_pubkey_record()``)."""
    tags: dict[str, str] = {}
    for piece in text.split(";"):
        name, equals, value = piece.lstrip(SPACES).partition("=")
        if not equals:
            continue
        name = name[:1] + name[1:].rstrip(SPACES)
        stripped = value.strip(SPACES)
        if value and not stripped:
            return None
        tags[name] = stripped
    if tags.get("v", "DKIM1") != "DKIM1" or "p" not in tags:
        return None
    key = b64decode(octets(tags["p"]))
    if key is None:
        return None
    flags = tags.get("t", "")
    return PublicKey(
        key,
        hashes=tags.get("h"),
        granularity=tags.get("g", "*"),
        keytype=tags.get("k", "rsa"),
        notes=decode_qp(octets(tags.get("n", ""))),
        srvtype=tags.get("s", "*"),
        testing="y" in flags,
        no_subdomains="s" in flags,
    )
