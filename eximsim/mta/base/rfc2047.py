"""Encoded words in header lines (RFC 2047; src/rfc2047.c, and parse_quote_2047() of src/parse.c)."""

from __future__ import annotations

import base64
import binascii
import codecs
import re

from eximsim.mta.base.string import from_octets, octets

_WORD = re.compile(r"=\?([^?]*)\?(.)\?(.*?)\?=", re.DOTALL)
_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")
_BAD_QP = re.compile(rb"=(?![0-9A-Fa-f]{2})|[ \t]")
_SPACE_BETWEEN = re.compile(r"[ \t\n\r\f\v]*")
_CHARSET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,39}")
_NO_CHARSETS = frozenset(
    {"idna", "mbcs", "oem", "palmos", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
)
"""What Python has codecs for, and iconv has not."""
_LONGEST = 75
_BREAK = 67
_QUOTED = frozenset(b'?=()<>@,;:\\".[]_')


def rfc2047_decode(
    text: str, charset: str | None, *, check_length: bool = True, nul: bytes = b"?"
) -> tuple[str, str | None]:
    """``text`` with its encoded words decoded and recoded to ``charset``, and an error message or None.

    Without a character set they are left in their own octets.
    A word in a character set that cannot be converted is left in its own octets, with the message set.
    ``check_length`` leaves words of more than 75 characters alone. ``nul`` takes the place of NUL.
    Source: rfc2047_decode(), src/rfc2047.c.
    """
    out: list[str] = []
    error: str | None = None
    position = 0
    start = 0
    while (match := _WORD.search(text, start)) is not None:
        data = None if check_length and len(match[0]) > _LONGEST else _decode_word(match[2], match[3])
        if data is None:
            start = match.start() + 2
            continue
        between = text[position : match.start()]
        if not (out and _SPACE_BETWEEN.fullmatch(between)):
            out.append(between)
        word, failure = _recode(data, match[1], charset)
        out.append(from_octets(word.replace(b"\0", nul)))
        error = failure or error
        position = start = match.end()
    out.append(text[position:])
    return from_octets(octets("".join(out))), error


def _decode_word(encoding: str, text: str) -> bytes | None:
    data = octets(text)
    if encoding in "Bb":
        try:
            return base64.b64decode(data, validate=True)
        except binascii.Error:
            return None
    if encoding in "Qq" and not _BAD_QP.search(data):
        return _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), data.replace(b"_", b" "))
    return None


def _recode(data: bytes, source: str, target: str | None) -> tuple[bytes, str | None]:
    if target is None or source.lower() == target.lower():
        return data, None
    name, _, manner = target.partition("//")
    ignoring = manner.upper() == "IGNORE"
    name, errors = (name, "ignore") if ignoring else (target, "strict")
    try:
        return data.decode(charset_codec(source), errors).encode(charset_codec(name), errors), None
    except LookupError:
        reason = "Invalid argument (maybe unsupported conversion)"
        return data, f'iconv_open("{target}", "{source}") failed: {reason}'
    except UnicodeError:
        return data, None


def charset_codec(charset: str) -> str:
    """What Python calls a character set; raises ``LookupError`` for what iconv does not know by that name."""
    if not _CHARSET.fullmatch(charset):
        raise LookupError
    name = codecs.lookup(charset).name
    if name in _NO_CHARSETS:
        raise LookupError
    return name


def parse_quote_2047(text: str, charset: str, *, first_longer: bool, fold: bool = False) -> str:
    """``text`` as encoded words if it has anything but printing ASCII that needs no quoting, else itself.

    Long texts become several words with a space between, each on a line of its own with ``fold``;
    ``first_longer``: the first may be longer than the others by what words begin with.
    Source: parse_quote_2047(), src/parse.c.
    """
    start = f"=?{charset}?Q?"
    words = [start]
    coded = first_of_two = False
    for char in octets(text):
        longest = _BREAK + (len(start) if first_longer and len(words) == 1 else 0)
        if len(words[-1]) > longest and not first_of_two:
            words.append(start)
        special = (char < 33 or char > 126 or char in _QUOTED) and char != 32
        words[-1] += f"={char:02X}" if special else "_" if char == 32 else chr(char)
        first_of_two = special and not first_of_two
        coded = coded or special
    return ("\n " if fold else " ").join(f"{word}?=" for word in words) if coded else text
