"""Words, strings and numbers of a Sieve filter (parse_white() to parse_stringlist(), src/sieve.c).

Sieve counts octets, so that a filter is octets here.
"""

from __future__ import annotations

import re
from dataclasses import field

from eximsim.quick_dataclass import dataclass

_WORD = re.compile(rb"[A-Za-z0-9_]")
_NUMBER = re.compile(rb"(\d+)([KMG]?)")
_HEX = re.compile(rb"[ \t\n]*([0-9A-Fa-f]{1,2}(?:[ \t\n]+[0-9A-Fa-f]{1,2})*)[ \t\n]*")
_UNICODE = re.compile(rb"[ \t\n]*([0-9A-Fa-f]+(?:[ \t\n]+[0-9A-Fa-f]+)*)[ \t\n]*")
_ENCODED = re.compile(rb"\$\{(hex|unicode):([^}]*)\}", re.I)
_UNITS = {b"": 1, b"K": 1024, b"M": 1024**2, b"G": 1024**3}
_LONG = 2**64 - 1


class SieveError(Exception):
    """The filter cannot be read, or obeyed; ``args[0]`` is in Exim's words."""


@dataclass(slots=True)
class SieveScanner:
    """A filter's text and how far it is read; ``required`` are the capabilities that it has asked for."""

    text: bytes
    position: int = 0
    line: int = 1
    required: set[str] = field(default_factory=set)

    @property
    def next(self) -> bytes:
        """The next octet; empty at the end."""
        return self.text[self.position : self.position + 1]

    def require(self, capability: str) -> None:
        """Raise ``SieveError`` if the filter has not asked for a capability."""
        if capability not in self.required:
            raise SieveError(f'missing previous require "{capability}";')

    def white(self) -> None:
        """Go past white space and comments."""
        while True:
            if self.next == b"#":
                self.hash_comment()
            elif self.text.startswith(b"/*", self.position):
                end = self.text.find(b"*/", self.position + 2)
                if end < 0:
                    self.position = len(self.text)
                    raise SieveError("missing end of comment")
                self.position = end + 2
            elif self.next in (b" ", b"\t", b"\n"):
                self.line += self.next == b"\n"
                self.position += 1
            else:
                return

    def hash_comment(self) -> None:
        """Go past a comment that ends with its line."""
        end = self.text.find(b"\n", self.position)
        if end < 0:
            self.position = len(self.text)
            raise SieveError("missing end of comment")
        self.position, self.line = end + 1, self.line + 1

    def identifier(self, word: str) -> bool:
        """Go past ``word``, in whatever case, if it comes next."""
        end = self.position + len(word)
        if self.text[self.position : end].lower() != word.encode():
            return False
        if _WORD.match(self.text, end):
            return False
        self.position = end
        return True

    def punctuation(self, char: bytes) -> bool:
        """Go past one octet if it comes next."""
        if self.next != char:
            return False
        self.position += 1
        return True

    def semicolon(self) -> None:
        """Go past the end of a command."""
        self.white()
        if not self.punctuation(b";"):
            raise SieveError("missing semicolon")

    def number(self) -> int:
        """A number with its unit."""
        found = _NUMBER.match(self.text, self.position)
        if found is None:
            raise SieveError("missing number")
        self.position = found.end()
        value = _LONG + 1 if len(found[1]) > len(str(_LONG)) else int(found[1]) * _UNITS[found[2]]
        if value > _LONG:
            raise SieveError("Numerical result out of range")
        return value

    def string(self, missing: str) -> bytes:
        """The string that comes next; ``missing`` is the error if there is none."""
        value = self.optional_string()
        if value is None:
            raise SieveError(missing)
        return value

    def optional_string(self) -> bytes | None:
        """A string in quotes, or one of several lines after ``text:``; None if neither comes next."""
        if self.next == b'"':
            value = self._quoted()
        elif self.text.startswith(b"text:", self.position):
            value = self._lines()
        else:
            return None
        return _ENCODED.sub(_decoded, value) if "encoded-character" in self.required else value

    def _quoted(self) -> bytes:
        parts = bytearray()
        self.position += 1
        while self.next:
            if self.punctuation(b'"'):
                return bytes(parts)
            if self.next == b"\\" and self.position + 1 < len(self.text):
                self.position += 1
            elif self.next == b"\n":
                parts += b"\r"
                self.line += 1
            parts += self.next
            self.position += 1
        raise SieveError("missing end of string")

    def _lines(self) -> bytes:
        self.position += len(b"text:")
        while self.next in (b" ", b"\t"):
            self.position += 1
        if self.next == b"#":
            self.hash_comment()
        elif self.punctuation(b"\n"):
            self.line += 1
        else:
            raise SieveError("syntax error")
        parts = bytearray()
        while self.next:
            if self.next != b"\n":
                parts += self.next
                self.position += 1
                continue
            parts += b"\r\n"
            self.position, self.line = self.position + 1, self.line + 1
            if self.text.startswith(b".\n", self.position):
                self.position, self.line = self.position + 2, self.line + 1
                return bytes(parts)
            if self.text.startswith(b"..", self.position):
                parts += b"."
                self.position += 2
        raise SieveError("missing end of multi line string")

    def strings(self, missing: str) -> list[bytes]:
        """One string, or several in brackets."""
        if not self.punctuation(b"["):
            return [self.string(missing)]
        try:
            return self._list()
        except SieveError:
            raise SieveError("missing string list") from None

    def _list(self) -> list[bytes]:
        found: list[bytes] = []
        while True:
            self.white()
            value = self.optional_string()
            if value is None:
                if found:
                    raise SieveError("missing string")
                break
            found.append(value)
            self.white()
            if not self.punctuation(b","):
                break
        if not self.punctuation(b"]"):
            raise SieveError("missing closing bracket")
        return found


def _decoded(match: re.Match[bytes]) -> bytes:
    """What an encoded character stands for; itself if it is not well-formed."""
    if match[1].lower() == b"hex":
        pairs = _HEX.fullmatch(match[2])
        return match[0] if pairs is None else bytes(int(pair, 16) for pair in pairs[1].split())
    numbers = _UNICODE.fullmatch(match[2])
    if numbers is None:
        return match[0]
    values = [int(number, 16) for number in numbers[1].split()]
    if any(value > 0x10FFFF or 0xD800 <= value <= 0xDFFF for value in values):
        raise SieveError("unicode character out of range")
    return "".join(map(chr, values)).encode()
