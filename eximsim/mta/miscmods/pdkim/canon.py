"""Canonical forms of header lines and bodies (``pdkim_feed()`` and what it calls)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import field

from eximsim.quick_dataclass import dataclass

RELAXED, SIMPLE = "relaxed", "simple"

HASHES = ("sha1", "sha256", "sha512")
"""The hashes that Exim knows for signatures, in the order of its table."""

LONG_LINE, EXCESS_SIGS = "LONG_LINE", "EXCESS_SIGS"
"""What Exim calls the errors of reading a message."""

_CRLF = b"\r\n"
_MAX_HEADER, _MAX_HEADERS, _MAX_LINE = 65536, 512, 16384
_SPACES = re.compile(rb"[ \t]+")
_BODY_SPACES = re.compile(rb"[ \t][ \t\r]*")
_BLANK = re.compile(rb"[ \t]*(?:\r\n|\0)")


@dataclass(slots=True)
class Content:
    """A message as the signing code sees it: header lines with CRLF, and the lines of the body.

    ``body`` is None if the message ends within its header. ``error``: a line of the body is too long.
    """

    headers: list[bytes] = field(default_factory=list)
    body: list[bytes] | None = None
    error: str | None = None


def read_content(data: bytes) -> Content:
    """Split a message without dots doubled or a final dot; line ends may lack their CR (``pdkim_feed()``)."""
    content, position, current = Content(), 0, bytearray()
    while position < len(data):
        end = data.find(b"\n", position)
        line = data[position:] if end < 0 else data[position:end]
        begins = position == 0 or line[:1] not in (b" ", b"\t")
        if position and begins:
            _header_complete(content, bytes(current))
            current.clear()
            if end >= 0 and not line.strip(b"\r"):
                content.body = _body_lines(content, data[end + 1 :])
                return content
        current += line if end < 0 else _ended(line)
        position = len(data) if end < 0 else end + 1
    if current:
        _header_complete(content, bytes(current))
    return content


def _ended(line: bytes) -> bytes:
    return line + (b"\n" if b"\r" in line else _CRLF)


def _header_complete(content: Content, line: bytes) -> None:
    if len(content.headers) < _MAX_HEADERS:
        content.headers.append(line[:_MAX_HEADER])


def _body_lines(content: Content, body: bytes) -> list[bytes]:
    """The complete lines of the body; one that is too long is an error, and the last of them."""
    *lines, rest = body.split(b"\n")
    whole = [_ended(line) for line in lines]
    if any(len(line) >= _MAX_LINE for line in whole) or len(rest) >= _MAX_LINE - 1:
        content.error = LONG_LINE
    return whole


def relax_header(line: bytes, *, end: bool) -> bytes:
    """The relaxed form of one header line, with CRLF if ``end`` (``pdkim_relax_header()``)."""
    line = line.replace(b"\r", b"").replace(b"\n", b"")
    name, colon, value = line.partition(b":")
    if not colon:
        text = _SPACES.sub(b" ", name).lower()
    else:
        text = _SPACES.sub(b" ", name).removesuffix(b" ").lower() + b":"
        text += _SPACES.sub(b" ", value).removeprefix(b" ")
    return text.removesuffix(b" ") + (_CRLF if end else b"")


def body_hash(content: Content, canon: str, hashtype: str, limit: int, *, ended: bool) -> tuple[bytes, int]:
    """The digest of the body in its canonical form, and of how many octets.

    ``limit`` is the ``l=`` tag, -1 for none. ``ended``: the end of the message is known to be one, so that a
    body of nothing but empty lines is one empty line in the simple form. (Exim does not tell its signer.)
    """
    text = _CRLF if content.body is None else _canonical(content.body, canon, ended=ended)
    text = text[:limit] if limit >= 0 else text
    return hashlib.new(hashtype, text, usedforsecurity=False).digest(), len(text)


def _canonical(lines: list[bytes], canon: str, *, ended: bool) -> bytes:
    parts: list[bytes] = []
    blank = 0
    for line in lines:
        if line.startswith(_CRLF) or (canon == RELAXED and _BLANK.match(line)):
            blank += 1
            continue
        parts.append(_CRLF * blank)
        blank = 0
        parts.append(_BODY_SPACES.sub(_relaxed_spaces, line) if canon == RELAXED else line)
    text = b"".join(parts)
    return _CRLF if ended and not text and blank and canon == SIMPLE else text


def _relaxed_spaces(found: re.Match[bytes]) -> bytes:
    """White space is one space, and nothing before a CR."""
    return b"\r" * found[0].count(b"\r") or b" "
