"""What the scripts of the test suite's client and server have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from eximsim.subjects.suite_programs.tls import report

_ESCAPE = re.compile(rb"\\(x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_NUMBER = re.compile(rb"\s*([0-9]+)")
_NONE: Mapping[bytes, bytes] = MappingProxyType({})


class Over(Exception):
    """The program ends, with this code and these last words."""

    def __init__(self, code: int, text: str = "") -> None:
        self.code, self.text = code, text
        super().__init__(code)


def show(line: bytes) -> None:
    """Print a line as it is."""
    report(line.decode("utf-8", "surrogateescape") + "\n")


def unescaped(text: bytes, named: Mapping[bytes, bytes] = _NONE) -> bytes:
    r"""A text with its escapes replaced: ``\xHH``, those that are ``named``, else the octet itself."""

    def octet(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return bytes.fromhex(code[1:].decode()) if len(code) == 3 else named.get(code, code)

    return _ESCAPE.sub(octet, text)


def leading_number(text: bytes) -> int:
    """The number that a text begins with; 0 if it does not begin with one."""
    found = _NUMBER.match(text)
    return int(found[1]) if found else 0
