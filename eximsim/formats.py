"""JSON and TOML that nobody vouches for: what is wrong with them is one line, and they stay within bounds."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from typing import Any, NoReturn

from eximsim.errors import InputError
from eximsim.files import LARGEST

_DEEPEST = 64
"""Lists and tables in lists and tables."""
_MOST = 3_000_000
"""Values in a file. The largest recording of ours has 700,000."""
_LARGEST_TOML = 1_000_000

_GZIP = b"\x1f\x8b"
_MOST_MEMBERS = 10_000
_PACKED_AT_ONCE = 16_384
_ZEROS = re.compile(rb"\0*")
_TOML_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)")
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*"?', re.DOTALL)
_TOML_TEXT = re.compile(
    r""""{3}(?:[^"\\]++|\\.|"{1,2}(?!"))*(?:"{3,5}|\\?\Z) | '{3}.*?(?:'{3}|\Z)
      | "(?:[^"\\\n]++|\\.)*"? | '[^'\n]*+'? | \#[^\n]*+""",
    re.DOTALL | re.VERBOSE,
)
"""Strings and comments; those that do not end go as far as they could."""
_TOML_DEEP_KEY = re.compile(rf"(?<![\w-])[\w-]++(?:[ \t]*+\.[ \t]*+[\w-]++){{{_DEEPEST}}}")
_NESTS = (dict, list)
_BRACKETS = re.compile(r"[\[{]+|[\]}]+")


def parse_json(text: str, path: str | None, expected: str, line: int | None = None) -> Any:
    """The value of a JSON text; raises ``InputError``. ``line`` is where the text is, if it is one line."""
    _bounded(text, path, line)
    _shallow(text, path, line)
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise InputError(f"{error.msg}; expected {expected}", path, line or error.lineno) from None
    except ValueError:  # of int(), which takes 4,300 digits
        raise InputError(f"a number without end; expected {expected}", path, line) from None


def _no_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is no number", "", 0)


def _bounded(text: str, path: str | None, line: int | None) -> None:
    """Raise ``InputError`` for a text with more in it than is ever meant."""
    if text.count(",") + text.count("[") + text.count("{") > _MOST:
        raise InputError(f"more than {_MOST:,} values", path, line)


def _shallow(text: str, path: str | None, line: int | None) -> None:
    if text.count("[") + text.count("{") <= _DEEPEST:
        return
    depth = 0
    for brackets in _BRACKETS.findall(_STRING.sub("", text)):
        depth += len(brackets) if brackets[0] in "[{" else -len(brackets)
        if depth > _DEEPEST:
            raise InputError(f"nested more than {_DEEPEST} deep", path, line)


def parse_toml(text: str, path: str) -> dict[str, Any]:
    """The tables of a TOML text; raises ``InputError`` with the line."""
    import tomllib  # few runs read any

    if len(text) > _LARGEST_TOML:
        raise InputError(f"more than {_LARGEST_TOML:,} characters of TOML", path)
    if _TOML_DEEP_KEY.search(_TOML_TEXT.sub("text", text)):  # tomllib takes the square of their number
        raise InputError("tables or lists are nested too deeply", path)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        raise InputError(_TOML_PLACE.sub("", str(error)), path, line) from None
    except RecursionError:
        raise InputError("tables or lists are nested too deeply", path) from None
    except ValueError:
        raise InputError("a number without end", path) from None
    if _is_deep(tables):
        raise InputError("tables or lists are nested too deeply", path)
    return tables


def _is_deep(value: object) -> bool:
    level: list[object] = [value]
    for _ in range(_DEEPEST):
        tables = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, _NESTS)]
        level = [item for items in tables for item in items]
    return bool(level)


def unpacked(content: bytes, path: str) -> bytes:
    """What a file holds that may be compressed with gzip; raises ``InputError``."""
    if not content.startswith(_GZIP):
        return content
    parts: list[bytes] = []
    left, at, members = LARGEST, 0, 0
    try:
        while at < len(content):
            members += 1
            if members > _MOST_MEMBERS:
                raise InputError(f"has more than {_MOST_MEMBERS:,} parts; expected a gzip file", path)
            unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            while not unpacker.eof:
                packed = content[at : at + _PACKED_AT_ONCE]
                if not packed:
                    raise InputError("is cut off; expected a whole gzip file", path)
                parts.append(unpacker.decompress(packed, left + 1))
                left -= len(parts[-1])
                if left < 0:
                    raise InputError(f"unpacks to more than {LARGEST // (1024 * 1024)} MB", path)
                at += len(packed) - len(unpacker.unused_data)
            padding = _ZEROS.match(content, at)
            at = padding.end() if padding else at
    except zlib.error as error:
        raise InputError(f"{error}; expected a gzip file", path) from None
    return b"".join(parts)


def json_lines(content: bytes, path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of JSON lines, plain or gzip, with their lines; raises ``InputError``."""
    try:
        text = unpacked(content, path).decode()
    except UnicodeDecodeError as problem:
        raise InputError(f"expected JSON lines, plain or gzip: {problem}", path) from None
    if not text.strip():
        raise InputError("expected JSON lines, found an empty file", path)
    _bounded(text, path, None)
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        item = parse_json(line, path, "one JSON object a line", number)
        if not isinstance(item, dict):
            raise InputError("expected one JSON object a line", path, number)
        yield number, item
