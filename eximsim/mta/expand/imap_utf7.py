"""Names of IMAP folders in modified UTF-7: ``${imapfolder{name}{separator}{specials}}`` (src/imap_utf7.c)."""

from __future__ import annotations

import base64

from eximsim.mta.base.rfc2047 import charset_codec
from eximsim.mta.base.string import octets
from eximsim.mta.expand.expand_tree import Item
from eximsim.mta.expand.expand_variables import headers_charset
from eximsim.mta.expand.expander import Expander, ExpansionFailed


def imapfolder(expander: Expander, item: Item, skipping: bool) -> str:
    """The item; without separator a slash parts folders."""
    values = expander.subs(item, skipping=skipping)
    if len(values) > 1 and len(octets(values[1])) != 1:
        raise ExpansionFailed(
            f"IMAP folder separator must be one character, found {expander.told(values[1])}"
        )
    if skipping:
        return ""
    separator = values[1] if len(values) > 1 else "/"
    specials = values[2] if len(values) > 2 else ""
    return imap_utf7_encode(values[0], headers_charset(expander.process), separator, specials)


def imap_utf7_encode(text: str, charset: str, separator: str, specials: str) -> str:
    """``text`` in modified UTF-7 (RFC 3501, 5.1.3), its separators as single dots.

    ``specials`` are coded, too. Raises ``ExpansionFailed``. Source: imap_utf7_encode().
    """
    if all(_is_plain(char) and char not in f"./&{separator}{specials}" for char in text):
        return text
    plain, coded, made = text.removeprefix(separator), "", ""
    for char in _decoded(plain, charset):
        if not _is_plain(char) or (char in specials and char != separator):
            coded += char
            continue
        if char in "./" and char != separator:
            raise ExpansionFailed(f"imapfolder: illegal character '{char}'")
        made, coded, after_coded = made + _base64(coded), "", bool(coded)
        if char != separator:
            made += "&-" if char == "&" else char
        elif after_coded or not made.endswith("."):
            made += "."
    return (made + _base64(coded)).removesuffix(".")


def _is_plain(char: str) -> bool:
    return " " <= char <= "~"


def _base64(text: str) -> str:
    if not text:
        return ""
    code = base64.b64encode(text.encode("utf-16-be")).decode("ascii").rstrip("=")
    return f"&{code.replace('/', ',')}-"


def _decoded(text: str, charset: str) -> str:
    try:
        return octets(text).decode(charset_codec(charset))
    except LookupError:
        why = f'"{charset}") failed: Invalid argument (maybe unsupported conversion)'
        raise ExpansionFailed(f'imapfolder: iconv_open("UTF-16BE", {why}') from None
    except UnicodeDecodeError:
        why = "Invalid or incomplete multibyte or wide character"
        raise ExpansionFailed(f"imapfolder: iconv() failed to convert from {charset}: {why}") from None
