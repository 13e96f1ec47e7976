"""Reading MIME parts: header lines, parameters, encodings (src/mime.c, src/base64.c).

Exim's reader takes liberties with RFC 2045, and they are kept: comments and blanks go, a semicolon ends a
quoted value if it is not the first character of it, and lines are cut where a buffer ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from eximsim.quick_dataclass import dataclass

LONGEST_HEADER, LONGEST_LINE = 8192, 32768
_HEX = frozenset("0123456789abcdefABCDEF")
_BASE64 = {char: value for value, char in enumerate(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
)}  # fmt: skip


@dataclass(slots=True)
class Stream:
    """Octets that are read from a position on."""

    content: bytes
    at: int = 0

    def char(self) -> bytes:
        """The next octet, empty at the end."""
        found = self.content[self.at : self.at + 1]
        self.at += len(found)
        return found

    def line(self, longest: int) -> bytes:
        """The next line, or as much of it as fits into a buffer of so many octets; empty at the end."""
        end = self.content.find(b"\n", self.at)
        end = len(self.content) if end < 0 else end + 1
        found = self.content[self.at : min(end, self.at + longest - 1)]
        self.at += len(found)
        return found


def is_boundary(line: bytes, boundary: bytes | None) -> bool:
    """Whether a line parts the message (if there is a boundary)."""
    return boundary is not None and line.startswith(b"--" + boundary)


# ---- header lines --------------------------------------------------------------------------------------


def read_header(stream: Stream) -> bytes | None:
    """The next header line, folded lines joined, with a semicolon at its end; None at the end of them.

    Source: mime_get_header().
    """
    found = bytearray()
    reader = _Header()
    while True:
        char = stream.char()
        if not char:
            return None
        if char == b"\r":
            continue
        done = char == b"\n"
        if done:
            if found:
                following = stream.char()
                if not following:
                    return None
                if following in (b"\t", b" "):
                    continue
                stream.at -= 1
            char = b";"
        if char < b" ":
            continue
        kept = reader.take(char, stream)
        if kept is None:
            return None
        found += kept
        if done or len(found) > LONGEST_HEADER - 1:
            break
    if found and found[-1:] != b";":
        found[-1:] = b";"
    return None if len(found) == 1 else bytes(found)


class _Header:
    """Where in a header line the reader is."""

    def __init__(self) -> None:
        self.in_value = 0
        """1 behind an equals sign, 2 within the value."""
        self.brackets = 0

    def take(self, char: bytes, stream: Stream) -> bytes | None:
        """What is kept of a character; None if the octets end within an escape."""
        if self.in_value:
            if char in (b"\t", b" ") and self.in_value == 1:
                return b""
            self.in_value = 2
            if char == b";":
                self.in_value = 0
            return char
        if char in (b" ", b"\t"):
            return b""
        if char == b"\\":
            char = stream.char()
            if not char:
                return None
        elif char == b"(":
            self.brackets += 1
            return b""
        elif char == b")" and self.brackets:
            self.brackets -= 1
            return b""
        elif char == b"=" and not self.brackets:
            self.in_value = 1
        return b"" if self.brackets else char


def parameter_value(text: str) -> tuple[str, str]:
    """The value of a parameter up to the semicolon, without its quotes, and what follows.

    Source: mime_param_val().
    """
    value, at = "", 0
    while at < len(text) and text[at] != ";":
        if text[at] == '"':
            end = text.find('"', at + 1)
            end = len(text) if end < 0 else end
            value += text[at + 1 : end]
            at = min(end + 1, len(text))
        else:
            value += text[at]
            at += 1
    return value, text[at:]


def after_semicolon(text: str) -> str:
    """What follows the next semicolon that is not quoted. Source: mime_next_semicolon()."""
    return parameter_value(text)[1][1:]


def rfc2231_to_2047(name: str, charset: str | None) -> str:
    """A name of RFC 2231 as an encoded word of RFC 2047."""
    out, at = [f"=?{charset or ''}?Q?"], 0
    while at < len(name):
        if name[at] == "%" and len(name) > at + 2 and name[at + 1] in _HEX and name[at + 2] in _HEX:
            out.append("=" + name[at + 1 : at + 3])
            at += 3
        else:
            out.append(name[at])
            at += 1
    return "".join(out) + "?="


# ---- encodings -----------------------------------------------------------------------------------------


def _lines(stream: Stream, boundary: bytes | None) -> Iterator[bytes]:
    while line := stream.line(LONGEST_LINE):
        if is_boundary(line, boundary):
            return
        yield line


def decode_asis(stream: Stream, boundary: bytes | None) -> tuple[bytes, bool]:
    """A part as it is; it is never broken."""
    return b"".join(_lines(stream, boundary)), False


def decode_qp(stream: Stream, boundary: bytes | None) -> tuple[bytes, bool]:
    """A quoted-printable part, and whether its encoding is broken."""
    out, broken = bytearray(), False
    for line in _lines(stream, boundary):
        at = 0
        while at < len(line):
            if line[at] != ord("="):
                out.append(line[at])
                at += 1
                continue
            digits = line[at + 1 : at + 3].decode("latin-1")
            if len(digits) == 2 and set(digits) <= _HEX:
                out.append(int(digits, 16))
                at += 3
            elif line[at + 1 :].lstrip(b"\t \r").startswith(b"\n"):
                break
            else:
                broken = True
                out.append(line[at])
                at += 1
    return bytes(out), broken


def decode_base64(stream: Stream, boundary: bytes | None) -> tuple[bytes, bool]:
    """A base64 part, and whether its encoding is broken. Source: mime_decode_base64()."""
    out, broken, state, last = bytearray(), False, 0, 0
    for line in _lines(stream, boundary):
        for char in line.split(b"\r", 1)[0].rstrip(b"\n"):
            if char == ord("="):
                state += 1
                continue
            value = _BASE64.get(char)
            if value is None:
                broken = True
                continue
            step = state & 3
            state += 1
            if step:
                out.append((last | value >> (6 - 2 * step)) & 0xFF)
            last = value << (2 + 2 * step) & 0xFF if step < 3 else 0
    if state & 3:
        out.append(last)
    return bytes(out), broken


Decoder = Callable[[Stream, "bytes | None"], tuple[bytes, bool]]
DECODERS: dict[str, Decoder] = {"base64": decode_base64, "quoted-printable": decode_qp}
"""By Content-Transfer-Encoding; any other part is taken as it is."""
