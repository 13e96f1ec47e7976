"""The octets of a message as they come in: where it ends, its header lines, its body (src/receive.c)."""

from __future__ import annotations

import re
from dataclasses import field

from eximsim.quick_dataclass import dataclass

_END = re.compile(rb"(?:\A|\n)\.\r?\n")
_STRICT_END = re.compile(rb"(?:\A|\r\n)\.\r\n")
_DOT_AT_START = re.compile(rb"(\A|\n)\.")
_STRICT_DOT_AT_START = re.compile(rb"(\A|\r\n)\.")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_LONGEST_END = 4


@dataclass(slots=True)
class DataReader:
    """Collects what a client sends after DATA until the line with a dot alone.

    ``strict``: if the first line ends in CRLF, only CRLF ends a line (and so the message) from then on.
    """

    strict: bool
    _raw: bytearray = field(default_factory=bytearray)
    _searched: int = 0
    _end: int = -1

    def add(self, data: bytes) -> None:
        """Add octets that are known to belong to the message."""
        self._raw += data

    def feed(self, data: bytes) -> bytes | None:
        """Add octets; what follows the message once its end is there, else None."""
        self._raw += data
        found = (_STRICT_END if self.is_strict else _END).search(
            self._raw, max(0, self._searched - _LONGEST_END)
        )
        if found is None:
            self._searched = len(self._raw)
            return None
        rest = bytes(self._raw[found.end() :])
        self._end = found.start() + (found[0].index(b"."))
        return rest

    @property
    def is_strict(self) -> bool:
        """Whether only CRLF ends lines of this message."""
        end = self._raw.find(b"\n")
        return self.strict and end > 0 and self._raw[end - 1 : end] == b"\r"

    def header_done(self) -> bool:
        """Whether the header has come to its end: by a blank line, or by another with something behind it."""
        _, last, position = header_lines(bytes(self._raw))
        return last is not None and (last in (b"\n", b"\n ") or position < len(self._raw))

    def take_back(self) -> bytes:
        """What has been read behind the header, which is not part of the message then."""
        position = header_lines(bytes(self._raw))[2]
        behind = bytes(self._raw[position:])
        del self._raw[position:]
        return behind

    def lacks_blank_line(self) -> bool:
        """Whether the header is ended by a line that is neither one of it nor blank."""
        last = header_lines(bytes(self._raw))[1]
        return last is not None and last not in (b"\n", b"\n ")

    def where(self, *, chunks: bool = False) -> str:
        """How the log says how far the message had come when the client went away."""
        if not self.header_done():
            return " (after header)" if self._raw.endswith(b"\n") and not chunks else " (header)"
        at_end = header_lines(bytes(self._raw))[2] == len(self._raw)
        return " (after header)" if at_end and not chunks else ""

    def content(self, *, dots: bool) -> bytes:
        """The message without the final dot line; ``dots``: doubled dots are undone."""
        raw = bytes(self._raw if self._end < 0 else self._raw[: self._end])
        if not dots:
            return raw
        if self.is_strict:
            return _STRICT_DOT_AT_START.sub(rb"\1", raw)
        return _DOT_AT_START.sub(rb"\1", raw)


def local_content(data: bytes, *, dot_ends: bool) -> bytes:
    """What of a local submission's input is the message; ``dot_ends``: a line with a dot alone ends it."""
    found = _END.search(data) if dot_ends else None
    return data if found is None else data[: found.start() + found[0].index(b".")]


_FROM_LINE = re.compile(
    rb"From\s+(\S+)\s+(?:[a-zA-Z]{3},?\s+)?(?:[a-zA-Z]{3}\s+\d?\d|\d?\d\s+[a-zA-Z]{3}\s+\d\d(?:\d\d)?)"
    rb"\s+\d\d?:\d\d?.*(?:\n|\Z)"
)


def from_line(content: bytes) -> tuple[bytes | None, bytes]:
    """The sender that a ``From `` line at the start names, None without one, and the message without it.

    The line is one that uucp_from_pattern matches as it is by default.
    """
    found = _FROM_LINE.match(content)
    return (None, content) if found is None else (found[1], content[found.end() :])


def split_at_blank(content: bytes, *, strict: bool = False) -> tuple[list[bytes], bytes, bool]:
    """Header lines (with newlines, continuations joined) and body, and whether a blank line is between them.

    All have LF line ends. A line that is no header line ends the header and begins the body. With ``strict``
    a bare LF in the body is a blank. Source: receive_msg() and read_message_data_smtp(), src/receive.c.
    """
    headers, last, position = header_lines(content)
    if last is None:
        return headers, b"", True
    body = _body(content[position:], strict=strict)
    if last in (b"\n", b"\n "):
        return headers, (b" " + body if last == b"\n " else body), True
    return headers, last + body, False


@dataclass(frozen=True, slots=True)
class Limited:
    """A message as it is read where its size is limited: what there is more of counts as body.

    ``read`` is how many octets are read until the limit is found to be passed; None: it is not.
    """

    headers: list[bytes]
    body: bytes
    blank: bool
    read: int | None


def read_limited(content: bytes, limit: int, *, strict: bool = False, whole: bool = False) -> Limited:
    """A message with a limit of so many octets; 0: there is none. Source: receive_msg(), src/receive.c.

    No header line is read once there are more octets than that; the last one is lost. With ``whole`` (SMTP)
    the rest of a message that is too large is read, too.
    """
    headers, body, blank = split_at_blank(content, strict=strict)
    if limit <= 0:
        return Limited(headers, body, blank, None)
    unended = 0 if content.endswith(b"\n") else 1
    size = sum(map(len, headers)) + blank
    total = size + max(0, len(body) - unended)
    read = 0
    for at, line in enumerate(headers):
        read += len(line)
        if read > limit:
            rest = headers[at + 1 :]
            body = b"".join(rest) + (b"\n" if blank else b"") + body
            over = (total if whole else read + 1) if rest or body else None
            return Limited(headers[:at], body, blank, over)
    over = (total if whole else max(limit, size) + 1) if size < total > limit else None
    return Limited(headers, body, blank, over)


def header_lines(content: bytes) -> tuple[list[bytes], bytes | None, int]:
    """The header lines, the line that ended them (None: the end of the input), and what is read so far."""
    headers: list[bytes] = []
    position, first_ended_crlf = 0, None
    while position < len(content):
        text, position, first_ended_crlf = _header_line(content, position, first_ended_crlf)
        if text in (b"\n", b"\n ") or not _is_header(text):
            return headers, text, position
        headers.append(_trimmed(text.replace(b"\0", b"?")))
    return headers, None, position


def _header_line(content: bytes, position: int, crlf: bool | None) -> tuple[bytes, int, bool | None]:
    """One line with its continuations, where the next begins, and whether the first line ended in CRLF."""
    text, begins = bytearray(), True
    while True:
        end = content.find(b"\n", position)
        line = content[position:] if end < 0 else content[position:end]
        position = len(content) if end < 0 else end + 1
        ended_crlf = end >= 0 and line.endswith(b"\r")
        line = line[:-1] if ended_crlf else line
        bare = end >= 0 and not ended_crlf and crlf is True
        if crlf is None and end >= 0:
            crlf = ended_crlf
        text += line.replace(b"\r", b"\n ") + b"\n"
        if begins and text == b"\n":
            return (b"\n " if bare else b"\n"), position, crlf
        begins = False
        if bare:
            text += b" "
        elif content[position : position + 1] in (b" ", b"\t"):
            text += content[position : position + 1]
            position += 1
        else:
            return bytes(text), position, crlf
        if end < 0:
            return bytes(text).rstrip(b" "), position, crlf


def _is_header(text: bytes) -> bool:
    name, colon, _ = text.partition(b":")
    name = name.rstrip(b" \t\n\v\f\r")
    return bool(colon) and not text[:1].isspace() and all(octet > 32 and octet != 127 for octet in name)


def _trimmed(text: bytes) -> bytes:
    """Without continuation lines that are empty at the end."""
    return text[: text.index(b"\n", len(text.rstrip(b" \t\n"))) + 1]


def _body(raw: bytes, *, strict: bool) -> bytes:
    if strict:
        raw = _BARE_LF.sub(b" ", raw)
    body = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return body if not body or body.endswith(b"\n") else body + b"\n"
