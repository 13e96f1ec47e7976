"""The mailto URIs of Sieve's notify (parse_mailto_uri(), src/sieve.c)."""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.routing.filters.sieve_scanner import SieveError
from eximsim.quick_dataclass import dataclass
from eximsim.switch_values import SieveMailtoHeaders

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_SCHEME = b"mailto:"
_RECIPIENT = re.compile(rb"(?:(?!%2[cC])[^?])*")
_WORD = re.compile(rb"[A-Za-z0-9$\-_.+!*'(),%]*")
_WORD_WITH_SPACES = re.compile(rb"[A-Za-z0-9$\-_.+!*'(), %]*")
_OCTET = re.compile(rb"%([0-9A-Fa-f]{2})?")
_NOT_TAKEN = (b"date", b"from", b"message-id", b"received", b"auto-submitted")


@dataclass(slots=True)
class Mailto:
    """What a URI says, ``recipients`` last first; ``headers`` are whole lines."""

    recipients: list[bytes] = field(default_factory=list)
    headers: bytes = b""
    subject: bytes | None = None
    body: bytes = b""


def is_valid_method(process: Process, uri: bytes) -> bool:
    """Whether a URI can be notified."""
    try:
        read_mailto(process, uri)
    except SieveError:
        return False
    return True


def read_mailto(process: Process, uri: bytes) -> Mailto:
    """What a URI says; raises ``SieveError``."""
    said = Mailto()
    if not uri.startswith(_SCHEME):
        raise SieveError("Unknown URI scheme")
    rest = uri.partition(b"\0")[0][len(_SCHEME) :]
    if rest and not rest.startswith(b"?"):
        rest = _recipients(rest, said)
    if rest.startswith(b"?"):
        rest = b"&" + rest[1:]
        while rest.startswith(b"&"):
            rest = _header(process, rest[1:], said)
    if rest:
        raise SieveError("Syntactically invalid URI")
    return said


def _recipients(rest: bytes, said: Mailto) -> bytes:
    while True:
        found = _RECIPIENT.match(rest)
        assert found is not None
        if not found[0]:
            raise SieveError("Missing addr-spec in URI")
        said.recipients.insert(0, _decoded(found[0]))
        rest = rest[found.end() :]
        if not rest.startswith(b"%"):
            return rest
        rest = rest[3:]


def _header(process: Process, rest: bytes, said: Mailto) -> bytes:
    """One header of a URI, noted in ``said``; what follows it."""
    how = process.profile.sieve_mailto_headers
    word = _WORD_WITH_SPACES if how is SieveMailtoHeaders.TAKEN_BUT_LINES else _WORD
    raw, rest = _word(word, rest)
    name = _decoded(raw)
    if not rest.startswith(b"="):
        raise SieveError("Missing equal after hname")
    raw, rest = _word(word, rest[1:])
    if how is SieveMailtoHeaders.VALUE_FOR_NAME:
        _take(said, raw or name, b"")
        if not (raw or name):
            raise Unsupported("a mailto URI of Sieve's notify with a header without name and value")
        return rest
    value = _decoded(raw)
    if not value:
        raise Unsupported("a mailto URI of Sieve's notify with a header without a value")
    _take(said, name, value)
    if how is SieveMailtoHeaders.TAKEN_BUT_LINES:
        said.headers = b""
    return rest


def _word(pattern: re.Pattern[bytes], rest: bytes) -> tuple[bytes, bytes]:
    found = pattern.match(rest)
    assert found is not None
    return found[0], rest[found.end() :]


def _take(said: Mailto, name: bytes, value: bytes) -> None:
    lower = name.lower()
    if lower == b"to":
        said.recipients.insert(0, value)
    elif lower == b"body":
        said.body = value
    elif lower == b"subject":
        said.subject = value
    elif lower not in _NOT_TAKEN:
        said.headers += name + b": " + value + b"\n"


def _decoded(text: bytes) -> bytes:
    """A text of a URI; raises ``SieveError``. Source: uri_decode()."""
    if any(found[1] is None for found in _OCTET.finditer(text)):
        raise SieveError("Invalid URI encoding")
    return _OCTET.sub(lambda found: bytes((int(found[1], 16),)), text)
